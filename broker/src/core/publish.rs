//! Messages from clients: what a PUBLISH may say, the receiver's half of QoS 1 and 2, and retained messages.

use super::{Broker, ConnId, ProtocolError, Timer, deliver::Routed, message::Message, owned};
use squall_protocol::{
    Packet, PacketId, QoS, ReasonCode, Text, Time, Version,
    flow::receiver::Action,
    packet::{Ack, Publish},
};
use std::sync::Arc;

/// What a Topic Alias takes beside its topic.
const ALIAS_BYTES: usize = 128;

impl Broker {
    pub(super) fn handle_publish(
        &mut self,
        now: Time,
        conn: ConnId,
        publish: Publish,
    ) -> Result<(), ProtocolError> {
        // [X-5.0-limit-1]; 3.1.1 has no way to say what is not offered, and closes too.
        if publish.qos > self.config.maximum_qos {
            return Err(ProtocolError::QosNotSupported);
        }
        // [X-5.0-limit-2]
        if publish.retain && !self.config.retain_available {
            return Err(ProtocolError::RetainNotSupported);
        }
        let topic = self.resolve_topic(conn, &publish)?;
        self.check_quota(conn, &publish)?;
        let Some(publisher) = self.client_id_of(conn) else {
            return Ok(());
        };
        match publish.packet_id {
            Some(id) => {
                return self.publish_acknowledged(now, conn, id, publish, topic, publisher);
            }
            None => {
                self.take_over(now, publish, topic, publisher);
            }
        }
        Ok(())
    }

    /// A QoS 1 or 2 message.
    fn publish_acknowledged(
        &mut self,
        now: Time,
        conn: ConnId,
        id: PacketId,
        publish: Publish,
        topic: Text,
        publisher: Text,
    ) -> Result<(), ProtocolError> {
        let (Some(session), Some(version)) = (self.session_of(conn), self.version_of(conn)) else {
            return Ok(());
        };
        let Some(session) = self.sessions.get_mut(&session) else {
            return Ok(());
        };
        let (qos, dup) = (publish.qos, publish.dup);
        // [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-10] (5.0)
        let action = session.inbound.handle_publish(version, id, qos, dup);
        session.weigh_exchanges();
        let (reason, routed) = match action.delivers() {
            true => self.take_over(now, publish, topic, publisher),
            false => (ReasonCode::SUCCESS, Routed::Taken),
        };
        if routed == Routed::Refused && version == Version::V3_1_1 {
            // There is no way to refuse it, and to acknowledge it would be a lie [MQTT-4.8.0-2] (3.1.1).
            if qos == QoS::ExactlyOnce {
                self.refuse_qos2(conn, id);
            }
            return Err(ProtocolError::QuotaExceeded);
        }
        let reason = self.in_version(conn, reason);
        let ack = Ack::with_reason(id, reason);
        if action == Action::DeliverThenPubAck {
            // [MQTT-4.3.2-2] (3.1.1), [MQTT-4.3.2-4] (5.0)
            self.answer(now, conn, Packet::PubAck(ack));
            return Ok(());
        }
        if reason.is_error() {
            self.refuse_qos2(conn, id);
        }
        // [MQTT-4.3.3-8] (5.0)
        self.answer(now, conn, Packet::PubRec(ack));
        Ok(())
    }

    pub(super) fn handle_pubrel(
        &mut self,
        now: Time,
        conn: ConnId,
        ack: &Ack,
    ) -> Result<(), ProtocolError> {
        let reason = match self.release_qos2(conn, ack.packet_id) {
            // [MQTT-3.7.2-1] (5.0)
            Some(Action::SendPubCompNotFound) => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        // PUBCOMP gives the message's place in our Receive Maximum back [X-5.0-flow-5].
        let link = self.conns.get_mut(&conn).and_then(|c| c.link.as_mut());
        link.into_iter()
            .for_each(|link| link.unfinished.complete(ack.packet_id));
        // [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-11] (5.0)
        let ack = Ack::with_reason(ack.packet_id, reason);
        self.answer(now, conn, Packet::PubComp(ack));
        Ok(())
    }

    /// Ends a flow from the client as a PUBREL does.
    fn release_qos2(&mut self, conn: ConnId, id: PacketId) -> Option<Action> {
        let version = self.version_of(conn)?;
        let session = self.sessions.get_mut(&self.session_of(conn)?)?;
        let action = session.inbound.handle_pubrel(version, id);
        session.weigh_exchanges();
        Some(action)
    }

    /// Ends a flow with an error PUBREC [MQTT-4.3.3-9], which gives its place in our Receive Maximum back
    /// [X-5.0-flow-5] (5.0).
    fn refuse_qos2(&mut self, conn: ConnId, id: PacketId) {
        let link = self.conns.get_mut(&conn).and_then(|c| c.link.as_mut());
        let Some(link) = link else { return };
        link.unfinished.complete(id);
        if let Some(session) = self.sessions.get_mut(&link.session) {
            let refused = session.inbound.refuse(id);
            session.weigh_exchanges();
            debug_assert_eq!(refused, Action::SendPubRecError, "it has just come");
        }
    }

    /// The topic of a PUBLISH, through its Topic Alias if it has one (5.0, section 3.3.2.3.4).
    fn resolve_topic(&mut self, conn: ConnId, publish: &Publish) -> Result<Text, ProtocolError> {
        let link = self.conns.get_mut(&conn).and_then(|c| c.link.as_mut());
        let (Some(alias), Some(link)) = (publish.properties.topic_alias(), link) else {
            return Ok(publish.topic.clone());
        };
        // [X-5.0-alias-3]
        if alias > self.config.topic_alias_maximum {
            return Err(ProtocolError::TopicAliasTooLarge);
        }
        // [X-5.0-alias-2]
        if publish.topic.is_empty() {
            let topic = link.aliases.get(&alias).map(|(topic, _)| topic.clone());
            // [X-5.0-alias-4]
            return topic.ok_or(ProtocolError::TopicAliasUnknown);
        }
        let bytes = ALIAS_BYTES + publish.topic.len();
        link.aliases.remove(&alias);
        if !(self.states).has_room(bytes, self.config.max_sessions_bytes) {
            return Err(ProtocolError::QuotaExceeded);
        }
        let topic = owned::text(&publish.topic);
        link.aliases
            .insert(alias, (topic, self.states.charge(bytes)));
        Ok(publish.topic.clone())
    }

    /// Our Receive Maximum: QoS 1 is acknowledged at once, so what is unacknowledged is QoS 2 [X-5.0-flow-3].
    fn check_quota(&mut self, conn: ConnId, publish: &Publish) -> Result<(), ProtocolError> {
        let link = self.conns.get_mut(&conn).and_then(|c| c.link.as_mut());
        let (Some(id), Some(link)) = (publish.packet_id, link) else {
            return Ok(());
        };
        let admitted = link.unfinished.admit(id, publish.qos);
        admitted.map_err(|_| ProtocolError::ReceiveMaximumExceeded)
    }

    /// Takes responsibility for a message from a client, or refuses to; says which in a reason code of 5.0, and how it
    /// came to it.
    fn take_over(
        &mut self,
        now: Time,
        publish: Publish,
        topic: Text,
        publisher: Text,
    ) -> (ReasonCode, Routed) {
        if topic.starts_with('$') && !self.config.dollar_topics {
            // It is acknowledged as usual where there is no reason code [MQTT-3.3.5-2] (3.1.1).
            return (ReasonCode::TOPIC_NAME_INVALID, Routed::Nowhere);
        }
        let message = Message::published(now, publish, topic, publisher, &self.messages);
        let routed = self.accept(now, message);
        let reason = match routed {
            Routed::Taken => ReasonCode::SUCCESS,
            // [X-5.0-ack-4]
            Routed::Nowhere => ReasonCode::NO_MATCHING_SUBSCRIBERS,
            Routed::QueuesFull | Routed::Refused => ReasonCode::QUOTA_EXCEEDED,
        };
        (reason, routed)
    }

    /// Keeps a message if it is to be retained, and hands it to every subscriber [MQTT-4.5.0-1], if the broker has room
    /// for it at all.
    pub(super) fn accept(&mut self, now: Time, message: Message) -> Routed {
        let message = Arc::new(message);
        if !self.has_room_for(&message) {
            self.counters.refused_full += 1;
            return Routed::Refused;
        }
        // [MQTT-3.3.1-12] (3.1.1), [MQTT-3.3.1-8] (5.0)
        if message.retain {
            self.retain(&message);
        }
        self.route(now, &message)
    }

    /// Whether a message, which counts already like its exchange, stays within what is kept of all messages. QoS 0 and
    /// what clears a retained message are kept by nobody and always do.
    fn has_room_for(&self, message: &Message) -> bool {
        let retained = message.retain && !message.payload.is_empty();
        let kept = match message.qos {
            QoS::AtMostOnce => retained,
            QoS::AtLeastOnce => retained || !message.retain,
            QoS::ExactlyOnce => true,
        };
        (!kept || self.messages.has_room(0, self.config.max_message_bytes))
            && (!retained || (self.retained).has_room(message, self.config.max_retained_bytes))
    }

    fn retain(&mut self, message: &Arc<Message>) {
        let before = if !message.payload.is_empty() {
            // [MQTT-3.3.1-5]
            self.retained.set(Arc::clone(message))
        } else {
            // [MQTT-3.3.1-10], [MQTT-3.3.1-11] (3.1.1), [MQTT-3.3.1-6], [MQTT-3.3.1-7] (5.0)
            self.retained.remove(&message.topic)
        };
        let timer = || Timer::Retained(message.topic.clone());
        if let Some(at) = before.and_then(|before| before.discard_at()) {
            self.deadlines.clear(at, timer());
        }
        if let (Some(at), false) = (message.discard_at(), message.payload.is_empty()) {
            self.deadlines.set(at, timer());
        }
    }

    /// A reason code, or what 3.1.1 says instead: nothing.
    fn in_version(&self, conn: ConnId, reason: ReasonCode) -> ReasonCode {
        match self.version_of(conn) {
            Some(Version::V5_0) => reason,
            _ => ReasonCode::SUCCESS,
        }
    }

    fn client_id_of(&self, conn: ConnId) -> Option<Text> {
        let session = self.sessions.get(&self.session_of(conn)?)?;
        Some(session.client_id.clone())
    }
}
