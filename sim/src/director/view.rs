//! What the director knows of a client: only what the client itself noticed.

use super::{inbox::Inbox, watch::Interest, wire::Wire};
use squall_client::{EndCause, Event, Ticket};
use squall_protocol::{ReasonCode, packet::ConnAck};
use squall_scenarios::model::ClientIx;
use std::collections::BTreeMap;

/// The director's picture of one client.
pub(super) struct ClientView {
    /// Whether it dials again by itself.
    pub(super) reconnects: bool,
    pub(super) online: bool,
    /// Accepted CONNACKs so far, and the last one.
    pub(super) accepted: u32,
    pub(super) last_ack: Option<ConnAck>,
    /// Refusing CONNACKs so far.
    pub(super) refused: u32,
    /// Connections and attempts that ended otherwise than by the story's own will.
    pub(super) lost: u32,
    pub(super) last_loss: Option<EndCause>,
    /// Connections that ended in any way.
    pub(super) ended: u32,
    pub(super) outcomes: BTreeMap<Ticket, Outcome>,
    pub(super) inbox: Inbox,
    /// It is scripted, so that packets are waited for.
    scripted: bool,
    pub(super) wire: Wire,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Acknowledged(ReasonCode),
    Granted(Vec<ReasonCode>),
    Abandoned(String),
}

impl ClientView {
    pub(super) fn new(reconnects: bool, scripted: bool) -> Self {
        Self {
            reconnects,
            online: false,
            accepted: 0,
            last_ack: None,
            refused: 0,
            lost: 0,
            last_loss: None,
            ended: 0,
            outcomes: BTreeMap::new(),
            inbox: Inbox::default(),
            scripted,
            wire: Wire::default(),
        }
    }

    /// Takes in an event of client `me`. Gives what it is that happened; nothing when it can't matter to any step.
    pub(super) fn observe(&mut self, me: ClientIx, event: &Event) -> Option<Interest> {
        match event {
            Event::Received(frame) if self.scripted => {
                self.wire.came(&frame.packet);
                Some(Interest::Packet(me))
            }
            Event::Received(_) | Event::Sent(_) | Event::SentRaw { .. } | Event::Violation(_) => {
                None
            }
            Event::Connected { ack, .. } => {
                self.online = true;
                self.accepted += 1;
                self.last_ack = Some(ack.clone());
                Some(Interest::Connection(me))
            }
            Event::Refused { ack } => {
                self.refused += 1;
                self.last_ack = Some(ack.clone());
                Some(Interest::Connection(me))
            }
            Event::Ended { cause } => {
                self.online = false;
                let wanted = matches!(cause, EndCause::Requested | EndCause::Dropped);
                self.wire.open = false;
                self.wire.ending = wanted;
                self.wire.left = self.scripted && !wanted;
                self.ended += 1;
                if !matches!(
                    cause,
                    EndCause::Requested | EndCause::Dropped | EndCause::Refused(_)
                ) {
                    self.lost += 1;
                    self.last_loss = Some(cause.clone());
                }
                Some(Interest::End(me))
            }
            Event::Delivered { message, dup, .. } => {
                self.inbox.push(message.clone(), *dup);
                Some(Interest::Message(me))
            }
            Event::Acknowledged { ticket, reason } => {
                self.outcome(*ticket, Outcome::Acknowledged(*reason))
            }
            Event::Subscribed { ticket, reasons } | Event::Unsubscribed { ticket, reasons } => {
                self.outcome(*ticket, Outcome::Granted(reasons.clone()))
            }
            Event::Abandoned { ticket, why } => {
                self.outcome(*ticket, Outcome::Abandoned(why.to_string()))
            }
        }
    }

    fn outcome(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Interest> {
        self.outcomes.insert(ticket, outcome);
        Some(Interest::Ticket(ticket))
    }
}
