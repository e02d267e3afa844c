//! What outlives a connection: unfinished QoS 1 and 2 flows of both directions (section 4.1).
//!
//! It does not know connections, time or packets on the wire.

use super::{
    message::{Message, Ticket},
    taking::Taking,
};
use squall_protocol::{
    PacketId, ReasonCode, Text,
    flow::{Inbound, Outbound, sender::Action},
};
use std::collections::BTreeMap;

/// The client's side of a session [X-3.1.1-session-3], [X-5.0-session-5].
#[derive(Debug)]
pub(super) struct Session {
    /// The Client Identifier under which it is kept [MQTT-3.1.3-2].
    pub(super) owner: Text,
    /// Whether a server may have this session: a CONNECT for it was sent and not refused.
    pub(super) begun: bool,
    pub(super) unfinished: Unfinished,
    pub(super) inbound: Inbound,
    /// What was received and waits to be acknowledged by hand.
    pub(super) taking: Taking,
}

/// What was sent and is not finished.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) outbound: Outbound<Message>,
    /// The publish of each outbound flow, and the reason code of its PUBREC once the server has taken it over.
    tickets: BTreeMap<PacketId, (Ticket, Option<ReasonCode>)>,
}

impl Default for Unfinished {
    fn default() -> Self {
        Self {
            outbound: Outbound::new(u16::MAX),
            tickets: BTreeMap::new(),
        }
    }
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            owner: Text::new(),
            begun: false,
            unfinished: Unfinished::default(),
            inbound: Inbound::new(),
            taking: Taking::default(),
        }
    }

    /// The flows of messages that were sent.
    pub(super) const fn outbound(&self) -> &Outbound<Message> {
        &self.unfinished.outbound
    }

    /// [`Self::outbound`], to be changed.
    pub(super) const fn outbound_mut(&mut self) -> &mut Outbound<Message> {
        &mut self.unfinished.outbound
    }

    /// Opens a flow; `None` when there is no room for it.
    pub(super) fn begin(&mut self, ticket: Ticket, message: Message) -> Option<PacketId> {
        let id = self.unfinished.outbound.begin(message.qos, message)?;
        self.unfinished.tickets.insert(id, (ticket, None));
        Some(id)
    }

    /// The server has taken a QoS 2 message over.
    pub(super) fn taken_over(&mut self, id: PacketId, reason: ReasonCode) {
        if let Some((_, taken)) = self.unfinished.tickets.get_mut(&id) {
            taken.get_or_insert(reason);
        }
    }

    /// The publish whose flow has just ended, with `reason`, and the reason code that counts for it. A message that
    /// was taken over stays so: PUBCOMP can only add that its identifier was not known, which is no error while a
    /// session recovers (5.0, section 3.7.2.1).
    pub(super) fn finish(
        &mut self,
        id: PacketId,
        reason: ReasonCode,
    ) -> Option<(Ticket, ReasonCode)> {
        let (ticket, taken) = self.unfinished.tickets.remove(&id)?;
        Some((ticket, taken.unwrap_or(reason)))
    }

    /// Ends a flow whose message was never sent and cannot be.
    pub(super) fn give_up(&mut self, id: PacketId) -> Option<Ticket> {
        match self.unfinished.outbound.give_up(id).action {
            Action::Finish => self
                .unfinished
                .tickets
                .remove(&id)
                .map(|(ticket, _)| ticket),
            _ => None,
        }
    }

    /// Ends a flow whose message was sent and cannot be sent again. Its packet identifier stays in use.
    pub(super) fn abandon(&mut self, id: PacketId) -> Option<Ticket> {
        match self.unfinished.outbound.abandon(id).action {
            Action::Drop => self
                .unfinished
                .tickets
                .remove(&id)
                .map(|(ticket, _)| ticket),
            _ => None,
        }
    }

    /// Forgets everything, once the session is over and no sooner [MQTT-4.1.0-1], [MQTT-4.1.0-2] (3.1.1), [MQTT-4.1.0-1] (5.0);
    /// gives the publishes whose flows were open, in the order of first sending.
    pub(super) fn discard(&mut self) -> Vec<Ticket> {
        let ids = self.unfinished.outbound.in_flight();
        let tickets = ids
            .filter_map(|id| Some(self.unfinished.tickets.get(&id)?.0))
            .collect();
        self.unfinished.tickets.clear();
        self.unfinished.outbound.clear();
        self.inbound = Inbound::new();
        self.taking.forget();
        self.begun = false;
        tickets
    }
}
