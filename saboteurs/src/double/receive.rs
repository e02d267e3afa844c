//! The server as receiver: how QoS 1 and 2 messages are acknowledged.

use super::{
    core::{Double, WaitingAck},
    state::{ConnectionId, Message},
};
use crate::{Decoy, Switch};
use squall_protocol::{Packet, ReasonCode, packet::Ack};

impl Double {
    pub(super) fn take_over_qos2(
        &mut self,
        id: ConnectionId,
        key: &str,
        number: u16,
        message: Message,
        closed: bool,
    ) {
        let (ways, now) = (self.ways, self.now);
        let session = self.sessions.get_mut(key).expect("a connection has one");
        let mixed =
            ways.wrong(Switch::IdSpacesMixed) && session.in_flight.iter().any(|f| f.id == number);
        let known = session.inbound.contains_key(&number)
            && (message.dup || !ways.wrong(Switch::Qos2NewWithoutDup));
        if known || mixed {
            // [MQTT-4.3.3-10] (5.0): PUBREC again and nothing else
            session.repeated.insert(number);
            if ways.wrong(Switch::RetainedOfRepeatedQos2) {
                self.store_retained(&message);
            }
            if !ways.wrong(Switch::PubRecMissing) {
                self.send_pubrec(id, number, ReasonCode::SUCCESS);
            }
            return;
        }
        // Method B of 3.1.1 passes the message on at once, method A at PUBREL.
        let at_pubrel = ways.odd(Decoy::Qos2AtPubRel);
        let keeps = at_pubrel || ways.wrong(Switch::Qos2DeliveredTwice);
        let kept = (keeps && !closed).then(|| message.clone());
        if !ways.wrong(Switch::FreeQos2IdEarly) {
            session.inbound.insert(number, kept);
        }
        if let Some(expiry) = message.expiry {
            let end = now + u64::from(expiry) * 1_000;
            session.inbound_expiry.insert(number, end);
        }
        let connection = self.connections.get_mut(&id).expect("it sent the packet");
        connection.receiving.insert(number);
        let reached = if at_pubrel || closed {
            1
        } else {
            self.route(message)
        };
        if reached == 0 && self.wrong(Switch::Qos2AnsweredByPubAck) {
            return self.send_puback(id, number, ReasonCode::SUCCESS);
        }
        let reason = match self.no_match(reached) {
            reason if reason.0 != 0 && self.wrong(Switch::PubRecIllegalCode) => ReasonCode(0x11),
            reason => reason,
        };
        self.send_pubrec(id, number, reason);
    }

    pub(super) fn send_pubrec(&mut self, id: ConnectionId, number: u16, reason: ReasonCode) {
        let number = if self.wrong(Switch::PubRecWrongId) {
            (number & 0xFF).max(1)
        } else {
            number
        };
        if let Some(ack) = Self::ack(number, reason, "") {
            self.send(id, Packet::PubRec(ack));
        }
    }

    pub(super) fn on_pubrel(&mut self, id: ConnectionId, ack: &Ack) {
        let (ways, now) = (self.ways, self.now);
        let Some(key) = self.session_of(id) else {
            return;
        };
        let number = ack.packet_id.get();
        let session = self.sessions.get_mut(&key).expect("a connection has one");
        let held = if ways.wrong(Switch::Qos2IdKept) {
            session.inbound.get(&number).cloned()
        } else {
            // [MQTT-4.3.3-12] (5.0)
            session.inbound.remove(&number)
        };
        let repeated = session.repeated.remove(&number);
        let expiry = session.inbound_expiry.remove(&number);
        let connection = self.connections.get_mut(&id).expect("it sent the packet");
        connection.receiving.remove(&number);
        let known = held.is_some() || ways.wrong(Switch::FreeQos2IdEarly);
        if let Some(Some(message)) = held
            && (ways.odd(Decoy::Qos2AtPubRel) || repeated && ways.wrong(Switch::Qos2DeliveredTwice))
        {
            self.route(message);
        }
        // [MQTT-4.3.3-13] (5.0)
        let expired = expiry.is_some_and(|end| end < now);
        if expired && ways.wrong(Switch::ExpiryStopsPubComp)
            || !known && ways.wrong(Switch::PubRelUnanswered)
        {
            return;
        }
        let (reason, why) = match known {
            true => (ReasonCode::SUCCESS, ""),
            false if ways.wrong(Switch::PubCompIllegalCode) => (ReasonCode(0x10), ""),
            false => (ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, "no such message"),
        };
        let number = if ways.wrong(Switch::PubCompWrongId) && number > 255 {
            number.swap_bytes().max(1)
        } else {
            number
        };
        // [MQTT-4.3.3-11] (5.0)
        if let Some(ack) = Self::ack(number, reason, why) {
            self.send(id, Packet::PubComp(ack));
        }
    }

    pub(super) fn acknowledge_qos1(
        &mut self,
        id: ConnectionId,
        number: u16,
        reached: usize,
        taken: u64,
    ) {
        if reached == 0 && self.wrong(Switch::Qos1NotAcked) {
            return;
        }
        let reason = match self.no_match(reached) {
            reason if reason.0 != 0 && self.wrong(Switch::PubAckIllegalCode) => ReasonCode(0x11),
            reason => reason,
        };
        if self.odd(Decoy::AckAfterSubscribers) {
            let until = self.now + 1_000;
            return self.waiting_acks.push(WaitingAck {
                to: id,
                id: number,
                reason,
                number: taken,
                until,
            });
        }
        self.send_puback(id, number, reason);
    }

    pub(super) fn send_puback(&mut self, id: ConnectionId, number: u16, reason: ReasonCode) {
        let number = if self.wrong(Switch::PubAckWrongId) {
            (number & 0xFF).max(1)
        } else {
            number
        };
        if let Some(mut ack) = Self::ack(number, reason, "") {
            if self.wrong(Switch::ExpiryInPubAck) {
                let property = squall_protocol::Property::MessageExpiryInterval(60);
                ack.properties.push(property);
            }
            self.send(id, Packet::PubAck(ack));
        }
    }

    /// Sends acknowledgements that have waited for subscribers long enough.
    pub(super) fn settle(&mut self) {
        let now = self.now;
        let mut ready = Vec::new();
        let sessions = &self.sessions;
        self.waiting_acks.retain(|ack| {
            let connected = sessions.values().filter(|s| s.connection.is_some());
            let waits = connected.into_iter().any(|s| {
                let queued = s.queue.iter();
                let in_flight = s.in_flight.iter().map(|f| &f.delivery);
                queued
                    .chain(in_flight)
                    .any(|d| d.message.number == ack.number)
            });
            let stays = waits && ack.until > now;
            if !stays {
                ready.push((ack.to, ack.id, ack.reason));
            }
            stays
        });
        for (to, id, reason) in ready {
            self.send_puback(to, id, reason);
        }
    }

    /// 0x10 when nobody subscribed [X-5.0-ack-4].
    pub(super) fn no_match(&self, reached: usize) -> ReasonCode {
        if reached == 0 && !self.odd(Decoy::NoMatchNotTold) {
            ReasonCode::NO_MATCHING_SUBSCRIBERS
        } else {
            ReasonCode::SUCCESS
        }
    }
}
