//! What the director knows of a client: only what the client itself noticed.

use squall_client::{EndCause, Event, Message, Ticket};
use squall_protocol::{ReasonCode, packet::ConnAck};
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
    pub(super) inbox: Vec<Arrival>,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Acknowledged(ReasonCode),
    Granted(Vec<ReasonCode>),
    Abandoned(String),
}

/// A delivered message, and whether a `receive` step has had it.
pub(super) struct Arrival {
    pub(super) message: Message,
    pub(super) dup: bool,
    pub(super) taken: bool,
}

impl ClientView {
    pub(super) fn new(reconnects: bool) -> Self {
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
            inbox: Vec::new(),
        }
    }

    /// Takes in an event; false when it can't matter to any step.
    pub(super) fn observe(&mut self, event: &Event) -> bool {
        match event {
            Event::Received(_) | Event::Sent(_) | Event::Violation(_) => return false,
            Event::Connected { ack, .. } => {
                self.online = true;
                self.accepted += 1;
                self.last_ack = Some(ack.clone());
            }
            Event::Refused { ack } => {
                self.refused += 1;
                self.last_ack = Some(ack.clone());
            }
            Event::Ended { cause } => {
                self.online = false;
                self.ended += 1;
                if !matches!(
                    cause,
                    EndCause::Requested | EndCause::Dropped | EndCause::Refused
                ) {
                    self.lost += 1;
                    self.last_loss = Some(cause.clone());
                }
            }
            Event::Delivered { message, dup, .. } => {
                self.inbox.push(Arrival {
                    message: message.clone(),
                    dup: *dup,
                    taken: false,
                });
            }
            Event::Acknowledged { ticket, reason } => {
                self.outcomes
                    .insert(*ticket, Outcome::Acknowledged(*reason));
            }
            Event::Subscribed { ticket, reasons } | Event::Unsubscribed { ticket, reasons } => {
                self.outcomes
                    .insert(*ticket, Outcome::Granted(reasons.clone()));
            }
            Event::Abandoned { ticket, why } => {
                self.outcomes
                    .insert(*ticket, Outcome::Abandoned(why.to_string()));
            }
        }
        true
    }
}
