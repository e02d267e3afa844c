//! What the client does with a packet of the server.
//!
//! Packets are well-formed here; what is judged is whether they may come now. It does not know how bytes arrive.

use super::{
    Client, EndCause, Event, ProtocolError, Stage,
    connection::{Connection, RequestKind},
    message::Receipt,
    send::message_of,
};
use squall_protocol::{
    Frame, Packet, PacketId, ReasonCode, Time, Version,
    flow::{receiver, sender},
    packet::{Ack, ConnAck, Publish},
};
use std::num::NonZeroU16;

impl Client {
    pub(super) fn handle_frame(&mut self, now: Time, frame: Frame) {
        let packet = frame.packet.clone();
        self.events.push_back(Event::Received(frame));
        if let Err(error) = self.handle_packet(now, packet) {
            self.fail(now, error.reason(), EndCause::ProtocolError(error));
        }
    }

    fn handle_packet(&mut self, now: Time, packet: Packet) -> Result<(), ProtocolError> {
        let connection = self.stage.open_mut();
        match packet {
            Packet::ConnAck(_) if connection.accepted => Err(ProtocolError::SecondConnAck),
            Packet::ConnAck(ack) => self.handle_connack(now, ack),
            Packet::Auth(auth) => self.handle_auth(now, &auth),
            Packet::Disconnect(_) if !connection.accepted => {
                Err(ProtocolError::DisconnectBeforeConnAck)
            }
            _ if !connection.accepted => Err(ProtocolError::ConnAckExpected),
            Packet::Publish(publish) => self.handle_publish(now, publish),
            Packet::PubAck(ack) => self.handle_puback(now, &ack),
            Packet::PubRec(ack) => self.handle_pubrec(now, &ack),
            Packet::PubRel(ack) => {
                self.handle_pubrel(now, ack.packet_id);
                Ok(())
            }
            Packet::PubComp(ack) => self.handle_pubcomp(now, &ack),
            Packet::SubAck(ack) => {
                self.handle_answer(now, RequestKind::Subscribe, ack.packet_id, ack.reasons)
            }
            Packet::UnsubAck(ack) => {
                self.handle_answer(now, RequestKind::Unsubscribe, ack.packet_id, ack.reasons)
            }
            Packet::PingResp => {
                connection.timers.answered();
                Ok(())
            }
            Packet::Disconnect(disconnect) => {
                // [X-5.0-disconnect-5]
                self.end(now, EndCause::ServerDisconnect(disconnect.reason), true);
                Ok(())
            }
            // The decoder knows that a server never sends these.
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq => Ok(()),
        }
    }

    fn handle_connack(&mut self, now: Time, ack: ConnAck) -> Result<(), ProtocolError> {
        let connection = self.stage.open();
        // The server did not begin a session for this CONNECT, unless it is found that it did.
        let had_session = connection.had_session;
        let begun = std::mem::replace(&mut self.session.begun, had_session);
        if ack.reason != ReasonCode::SUCCESS {
            let cause = EndCause::Refused(ack.reason);
            self.events.push_back(Event::Refused { ack });
            self.end(now, cause, true);
            return Ok(());
        }
        check_acceptance(connection, &ack)?;
        if !self.conclude(now, &ack)? {
            return Ok(());
        }
        self.session.begun = begun;
        let (Stage::Open(connection), Some(options)) = (&mut self.stage, &self.options) else {
            return Ok(());
        };
        connection.accept(options, &ack);
        connection.timers.set_deaf(now, self.deaf);
        self.redial.accepted(now);
        // [MQTT-3.3.4-7] (5.0); what the caller sets in both versions may be less.
        let window = options.window.map_or(u16::MAX, NonZeroU16::get);
        let most = connection.offer.receive_maximum.min(window);
        self.session.outbound_mut().set_receive_maximum(most);
        let resubscribes = options.resubscribe;
        if let Some(id) = ack.properties.assigned_client_identifier() {
            self.session.owner = id.clone();
            self.assigned_id = Some(id);
        }
        let session_present = ack.session_present;
        self.events.push_back(Event::Connected {
            session_present,
            ack,
        });
        if session_present {
            // Unacknowledged PUBLISH and PUBREL packets are sent again now and at no other time [MQTT-4.4.0-1].
            self.session.outbound_mut().resume();
        } else {
            // [MQTT-3.2.2-5] (5.0); what was never sent is not part of the session.
            let lost = self.session.discard();
            self.session.begun = true;
            self.abandon_all(lost, &super::Abandonment::SessionEnded);
            if resubscribes {
                self.renew(now);
            }
        }
        self.pump(now);
        Ok(())
    }

    fn handle_publish(&mut self, now: Time, mut publish: Publish) -> Result<(), ProtocolError> {
        let connection = self.stage.open_mut();
        connection.admit(&mut publish)?;
        let Some(id) = publish.packet_id else {
            self.deliver(&publish, None);
            return Ok(());
        };
        let version = connection.version;
        if connection.by_hand {
            self.hold(now, &publish, id);
            return Ok(());
        }
        // [MQTT-3.3.4-1]
        let action = self
            .session
            .inbound
            .handle_publish(version, id, publish.qos, publish.dup);
        // It is acknowledged, whatever the application makes of it [MQTT-4.5.0-2].
        if action.delivers() {
            self.deliver(&publish, None);
        }
        let ack = Ack::success(id);
        self.answer(
            now,
            match action {
                // [MQTT-4.3.2-2] (3.1.1), [MQTT-4.3.2-4] (5.0)
                receiver::Action::DeliverThenPubAck => Packet::PubAck(ack),
                // [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-8], [MQTT-4.3.3-10] (5.0)
                _ => Packet::PubRec(ack),
            },
        );
        Ok(())
    }

    pub(super) fn deliver(&mut self, publish: &Publish, receipt: Option<Receipt>) {
        self.events.push_back(Event::Delivered {
            message: message_of(publish),
            dup: publish.dup,
            packet_id: publish.packet_id,
            receipt,
        });
    }

    /// [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-11] (5.0); an unknown identifier is named so where there is a way.
    fn handle_pubrel(&mut self, now: Time, id: PacketId) {
        let connection = self.stage.open_mut();
        connection.release(id);
        let ack = match self.session.inbound.handle_pubrel(connection.version, id) {
            receiver::Action::SendPubCompNotFound => not_found(id),
            _ => Ack::success(id),
        };
        self.answer(now, Packet::PubComp(ack));
    }

    /// A PUBACK for a message that is not in flight is ignored: it can do no harm.
    fn handle_puback(&mut self, now: Time, ack: &Ack) -> Result<(), ProtocolError> {
        let connection = self.stage.open();
        let outbound = self.session.outbound_mut();
        let action = outbound
            .handle_puback(connection.version, ack.packet_id)
            .action;
        self.finish_if_over(now, ack, action)
    }

    fn handle_pubrec(&mut self, now: Time, ack: &Ack) -> Result<(), ProtocolError> {
        if self.has_moved() {
            // Whoever has the session sends the PUBLISH again and is answered.
            return Ok(());
        }
        let connection = self.stage.open();
        let (id, version) = (ack.packet_id, connection.version);
        let outbound = self.session.outbound_mut();
        let action = outbound.handle_pubrec(version, id, ack.reason).action;
        let answer = match action {
            sender::Action::SendPubRel => Ack::success(id),
            sender::Action::SendPubRelNotFound => not_found(id),
            // The exchange ends here and nothing is sent again [MQTT-4.4.0-2] (5.0).
            _ => return self.finish_if_over(now, ack, action),
        };
        self.session.taken_over(id, ack.reason);
        // From here on the PUBLISH is not sent again [MQTT-4.3.3-6] (5.0).
        // [MQTT-4.3.3-1] (3.1.1), [MQTT-4.3.3-4] (5.0), in the order of the PUBRECs [MQTT-4.6.0-4]
        self.answer(now, Packet::PubRel(answer));
        Ok(())
    }

    /// A PUBCOMP for a message that is not in flight is ignored: a repeated PUBREC led to two of them.
    fn handle_pubcomp(&mut self, now: Time, ack: &Ack) -> Result<(), ProtocolError> {
        let connection = self.stage.open();
        let outbound = self.session.outbound_mut();
        let action = outbound
            .handle_pubcomp(connection.version, ack.packet_id)
            .action;
        self.finish_if_over(now, ack, action)
    }

    fn finish_if_over(
        &mut self,
        now: Time,
        ack: &Ack,
        action: sender::Action,
    ) -> Result<(), ProtocolError> {
        match action {
            sender::Action::Close => return Err(ProtocolError::WrongAcknowledgement),
            sender::Action::Finish => self.finish_flow(now, ack),
            _ => {}
        }
        Ok(())
    }

    /// A flow came to its end: there may be room for the next message.
    fn finish_flow(&mut self, now: Time, ack: &Ack) {
        if let Some((ticket, reason)) = self.session.finish(ack.packet_id, ack.reason) {
            self.events
                .push_back(Event::Acknowledged { ticket, reason });
        }
        self.pump(now);
    }

    fn handle_answer(
        &mut self,
        now: Time,
        kind: RequestKind,
        id: PacketId,
        reasons: Vec<ReasonCode>,
    ) -> Result<(), ProtocolError> {
        let connection = self.stage.open_mut();
        // [MQTT-2.3.1-7] (3.1.1), [MQTT-2.2.1-6] (5.0)
        let request = connection
            .requests
            .get(&id)
            .copied()
            .filter(|request| request.kind == kind);
        let request = request.ok_or(ProtocolError::AnswerWithoutRequest)?;
        let one_each = reasons.len() == request.filters;
        match (kind, connection.version) {
            // [MQTT-3.8.4-5] (3.1.1), [MQTT-3.8.4-6] (5.0)
            (RequestKind::Subscribe, _) if !one_each => return Err(ProtocolError::SubAckCount),
            // [MQTT-3.11.3-2] (5.0); a 3.1.1 UNSUBACK has no codes.
            (RequestKind::Unsubscribe, Version::V5_0) if !one_each => {
                return Err(ProtocolError::UnsubAckCount);
            }
            _ => {}
        }
        connection.requests.remove(&id);
        self.session
            .outbound_mut()
            .handle_answer(connection.version, id);
        let ticket = request.ticket;
        if kind == RequestKind::Subscribe {
            self.renewal.answered(ticket, &reasons);
        }
        self.events.push_back(match kind {
            RequestKind::Subscribe => Event::Subscribed { ticket, reasons },
            RequestKind::Unsubscribe => Event::Unsubscribed { ticket, reasons },
        });
        self.pump(now);
        Ok(())
    }
}

/// Whether an accepting CONNACK may say what it says.
fn check_acceptance(connection: &Connection, ack: &ConnAck) -> Result<(), ProtocolError> {
    match (
        ack.session_present,
        connection.clean_start,
        connection.had_session,
    ) {
        (true, true, _) => Err(ProtocolError::SessionPresentAfterCleanStart),
        // [MQTT-3.2.2-4] (5.0), [X-3.1.1-connack-5]
        (true, false, false) => Err(ProtocolError::SessionPresentWithoutSession),
        _ => Ok(()),
    }
}

/// Only 5.0 asks for it.
fn not_found(id: PacketId) -> Ack {
    Ack::with_reason(id, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND)
}
