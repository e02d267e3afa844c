//! Messages from clients: what a PUBLISH may say, the receiver's half of QoS 1 and 2, and retained messages.

use super::{
    Broker, Client, CloseCause, ProtocolError, Timer, deliver::Routed, message::Message, owned,
    saved,
};
use crate::store::Key;
use squall_protocol::{
    Packet, PacketId, QoS, ReasonCode, Text, Time, Version,
    flow::receiver::Action,
    packet::{Ack, Publish},
    topic::{TopicAliasError, TopicNamed},
};
use std::sync::Arc;

/// What a Topic Alias takes beside its topic.
const ALIAS_BYTES: usize = 128;

impl Broker {
    pub(super) fn handle_publish(
        &mut self,
        now: Time,
        client: Client,
        publish: Publish,
    ) -> Result<(), CloseCause> {
        // [X-5.0-limit-1]; 3.1.1 has no way to say what is not offered, and closes too.
        if publish.qos > self.config.maximum_qos {
            return Err(ProtocolError::QosNotSupported.into());
        }
        // [X-5.0-limit-2]
        if publish.retain && !self.config.retain_available {
            return Err(ProtocolError::RetainNotSupported.into());
        }
        let topic = self.resolve_topic(client, &publish)?;
        let publisher = self.sessions[client.session].client_id.clone();
        let Some(id) = publish.packet_id else {
            self.take_over(now, publish, topic, publisher);
            return Ok(());
        };
        // Our Receive Maximum: QoS 1 is acknowledged at once, so what is unacknowledged is QoS 2 [X-5.0-flow-3].
        let admitted = (self.conns.link_mut(client.conn).unfinished).admit(id, publish.qos);
        admitted.map_err(|_| ProtocolError::ReceiveMaximumExceeded)?;
        self.publish_acknowledged(now, client, id, publish, topic, publisher)
    }

    /// A QoS 1 or 2 message.
    fn publish_acknowledged(
        &mut self,
        now: Time,
        client: Client,
        id: PacketId,
        publish: Publish,
        topic: Text,
        publisher: Text,
    ) -> Result<(), CloseCause> {
        let (version, qos, dup) = (client.version, publish.qos, publish.dup);
        // [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-10] (5.0)
        let action = self.sessions[client.session].received(version, id, qos, dup);
        let (reason, routed) = match action.delivers() {
            true => self.take_over(now, publish, topic, publisher),
            false => (ReasonCode::SUCCESS, Routed::Taken),
        };
        let refused = match version {
            Version::V3_1_1 => routed == Routed::Refused,
            Version::V5_0 => reason.is_error(),
        };
        if refused && qos == QoS::ExactlyOnce {
            self.refuse_qos2(client, id);
        }
        let ack = match version {
            // There is no way to refuse it, and to acknowledge it would be a lie [MQTT-4.8.0-2] (3.1.1).
            Version::V3_1_1 if refused => return Err(ProtocolError::QuotaExceeded.into()),
            Version::V3_1_1 => Ack::success(id),
            Version::V5_0 => Ack::with_reason(id, reason),
        };
        let answer = match action {
            // [MQTT-4.3.2-2] (3.1.1), [MQTT-4.3.2-4] (5.0)
            Action::DeliverThenPubAck => Packet::PubAck(ack),
            // [MQTT-4.3.3-8] (5.0)
            _ => Packet::PubRec(ack),
        };
        self.answer(client, answer)
    }

    /// PUBREL ends a QoS 2 flow.
    pub(super) fn handle_pubrel(&mut self, client: Client, ack: &Ack) -> Result<(), CloseCause> {
        let id = ack.packet_id;
        let reason = match self.sessions[client.session].released(client.version, id) {
            // [MQTT-3.7.2-1] (5.0)
            Action::SendPubCompNotFound => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            _ => ReasonCode::SUCCESS,
        };
        // PUBCOMP gives the message's place in our Receive Maximum back [X-5.0-flow-5].
        self.conns.link_mut(client.conn).unfinished.complete(id);
        // [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-11] (5.0)
        self.answer(client, Packet::PubComp(Ack::with_reason(id, reason)))
    }

    /// Ends a flow with an error PUBREC [MQTT-4.3.3-9], which gives its place in our Receive Maximum back
    /// [X-5.0-flow-5] (5.0).
    fn refuse_qos2(&mut self, client: Client, id: PacketId) {
        self.conns.link_mut(client.conn).unfinished.complete(id);
        let refused = self.sessions[client.session].refused(id);
        debug_assert_eq!(refused, Action::SendPubRecError, "it has just come");
    }

    /// The topic of a PUBLISH, through its Topic Alias if it has one (5.0, section 3.3.2.3.4).
    fn resolve_topic(&mut self, client: Client, publish: &Publish) -> Result<Text, ProtocolError> {
        let aliases = &mut self.conns.link_mut(client.conn).aliases;
        let named = aliases.look_up(publish).map_err(|error| match error {
            // [X-5.0-alias-3]
            TopicAliasError::NotAllowed | TopicAliasError::TooLarge => {
                ProtocolError::TopicAliasTooLarge
            }
            TopicAliasError::Unknown => ProtocolError::TopicAliasUnknown,
        })?;
        let alias = match named {
            TopicNamed::Plainly => return Ok(publish.topic.clone()),
            TopicNamed::ByAlias(topic) => return Ok(topic),
            TopicNamed::AndAliased(alias) => alias,
        };
        let bytes = ALIAS_BYTES + publish.topic.len();
        // What the older topic took is free first.
        aliases.forget(alias);
        if !(self.states).has_room(bytes, self.config.max_sessions_bytes) {
            return Err(ProtocolError::QuotaExceeded);
        }
        let topic = owned::text(&publish.topic);
        aliases.set(alias, topic, self.states.charge(bytes));
        Ok(publish.topic.clone())
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
            // [X-3.1.1-topic-3], [X-5.0-topic-3]. It is acknowledged as usual where there is no reason code [MQTT-3.3.5-2] (3.1.1).
            return (ReasonCode::TOPIC_NAME_INVALID, Routed::Nowhere);
        }
        if !self.may_publish(&publisher, &topic) {
            // [MQTT-3.3.5-2] (3.1.1)
            self.counters.denied += 1;
            return (ReasonCode::NOT_AUTHORIZED, Routed::Nowhere);
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
            && (!retained || self.has_retained_room(message))
    }

    fn has_retained_room(&self, message: &Message) -> bool {
        let (bytes, most) = (self.config.max_retained_bytes, self.config.max_retained);
        self.retained.has_room(message, bytes, most)
    }

    fn retain(&mut self, message: &Arc<Message>) {
        let before = if !message.payload.is_empty() {
            // [MQTT-3.3.1-5], whatever its QoS [MQTT-3.3.1-7] (3.1.1), [X-5.0-retain-2]; it stays until it is displaced or
            // cleared [X-3.1.1-retain-1]
            self.record_retained(message);
            self.retained.set(Arc::clone(message))
        } else {
            // [MQTT-3.3.1-10], [MQTT-3.3.1-11] (3.1.1), [MQTT-3.3.1-6], [MQTT-3.3.1-7] (5.0)
            self.forget_retained(&message.topic)
        };
        let timer = || Timer::Retained(message.topic.clone());
        if let Some(at) = before.and_then(|before| before.discard_at()) {
            self.deadlines.clear(at, timer());
        }
        if let (Some(at), false) = (message.discard_at(), message.payload.is_empty()) {
            self.deadlines.set(at, timer());
        }
    }

    /// The message is about to be retained.
    fn record_retained(&self, message: &Message) {
        if let Some(row) = message.recorded(&self.journal) {
            let key = Key::Retained(message.topic.to_string());
            let value = saved::retained(row, self.retained.number());
            self.journal.set(key, value);
        }
    }

    /// A topic has no retained message any more; the one that it had.
    pub(super) fn forget_retained(&mut self, topic: &str) -> Option<Arc<Message>> {
        let before = self.retained.remove(topic)?;
        if self.journal.is_on() {
            self.journal.remove(Key::Retained(topic.to_owned()));
        }
        Some(before)
    }
}
