//! What clients send: every packet but CONNECT finds its way from here, and PUBLISH is taken over.

use super::{
    core::Double,
    state::{ConnectionId, Message},
};
use crate::{Decoy, Switch};
use squall_protocol::{
    Packet, PropertyId, QoS, ReasonCode, Version,
    packet::{Auth, Publish},
};

impl Double {
    /// Handles one packet.
    pub(super) fn handle(&mut self, id: ConnectionId, packet: Packet) {
        if let Packet::Connect(connect) = &packet {
            return self.on_connect(id, connect);
        }
        let (ways, now) = (self.ways, self.now);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.refused {
            if let Packet::Publish(publish) = packet {
                let message = self.message("", publish);
                self.route(message);
            }
            return;
        }
        let session = connection.session.as_ref();
        if session.is_none_or(|key| !self.sessions.contains_key(key)) {
            // Only a fault leaves a connection without its session.
            return self.hang_up(id);
        }
        let is_ping = packet == Packet::PingReq;
        if is_ping || !ways.wrong(Switch::KeepAliveOnlyByPing) {
            connection.heard = now;
        }
        if ways.wrong(Switch::QuotaZeroHoldsAll) && self.quota_used_up(id) {
            let held = matches!(packet, Packet::Subscribe(_) | Packet::Unsubscribe(_));
            if held || is_ping {
                return;
            }
        }
        match packet {
            Packet::Publish(publish) => self.on_publish(id, publish),
            Packet::PubAck(ack) => self.on_puback(id, &ack),
            Packet::PubRec(ack) => self.on_pubrec(id, &ack),
            Packet::PubRel(ack) => self.on_pubrel(id, &ack),
            Packet::PubComp(ack) => self.on_pubcomp(id, &ack),
            Packet::Subscribe(subscribe) => self.on_subscribe(id, &subscribe),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(id, &unsubscribe),
            Packet::PingReq => self.on_ping(id),
            Packet::Disconnect(disconnect) => self.on_disconnect(id, &disconnect),
            Packet::Auth(_) => self.on_auth(id),
            // A client never sends these, and the decoder says so.
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => {}
        }
    }

    /// [MQTT-3.12.4-1]
    fn on_ping(&mut self, id: ConnectionId) {
        let now = self.now;
        let connection = self.connections.get_mut(&id).expect("it sent the packet");
        let recent = connection.pinged.is_some_and(|t| now < t + 1_000);
        connection.pinged = Some(now);
        if recent && self.wrong(Switch::PingsAnsweredTogether) || self.wrong(Switch::PingUnanswered)
        {
            return;
        }
        self.send(id, Packet::PingResp);
    }

    /// [X-5.0-auth-2]: nobody agreed on a method.
    fn on_auth(&mut self, id: ConnectionId) {
        if self.wrong(Switch::AuthAnswered) || self.wrong(Switch::AuthIllegalCode) {
            let mut auth = Auth::with_reason(ReasonCode::SUCCESS);
            if self.wrong(Switch::AuthIllegalCode) {
                auth.reason = ReasonCode::UNSPECIFIED_ERROR;
            }
            return self.send(id, Packet::Auth(auth));
        }
        let why = "AUTH without an Authentication Method in CONNECT";
        self.disconnect(id, ReasonCode::PROTOCOL_ERROR, why);
    }

    /// What may not be published here by a client of 5.0.
    fn beyond_limits(
        &self,
        id: ConnectionId,
        publish: &Publish,
    ) -> Option<(ReasonCode, &'static str)> {
        if self.version(id) == Version::V3_1_1 {
            return None;
        }
        let connection = &self.connections[&id];
        // [X-5.0-limit-1]
        if publish.qos > self.maximum_qos(Version::V5_0) && !self.wrong(Switch::MaximumQosNotHeld) {
            return Some((ReasonCode::QOS_NOT_SUPPORTED, "the QoS is not offered"));
        }
        // [X-5.0-limit-2]
        if publish.retain && !self.has_retained() && !self.wrong(Switch::RetainUnavailableTolerated)
        {
            return Some((ReasonCode::RETAIN_NOT_SUPPORTED, "nothing is retained here"));
        }
        // [X-5.0-flow-3]
        let number = publish.packet_id.map_or(0, |id| id.get());
        let is_new = publish.qos > QoS::AtMostOnce && !connection.receiving.contains(&number);
        if is_new
            && connection.receiving.len() >= usize::from(self.own_receive_maximum())
            && !self.wrong(Switch::OwnReceiveMaximumNotHeld)
        {
            return Some((ReasonCode::RECEIVE_MAXIMUM_EXCEEDED, "too many in flight"));
        }
        // [X-5.0-alias-3]
        let alias = publish.properties.topic_alias()?;
        let maximum = self.own_alias_maximum();
        if alias > maximum && !self.wrong(Switch::AliasTooLargeTolerated)
            || alias == maximum && self.wrong(Switch::AliasMaximumRefused)
        {
            return Some((
                ReasonCode::TOPIC_ALIAS_INVALID,
                "the Topic Alias is too large",
            ));
        }
        // [X-5.0-alias-4]
        if publish.topic.is_empty()
            && !connection.aliases_in.contains_key(&alias)
            && !self.wrong(Switch::AliasUnknownTolerated)
        {
            return Some((ReasonCode::PROTOCOL_ERROR, "the Topic Alias is not known"));
        }
        None
    }

    /// Puts the topic in the place of its alias [X-5.0-alias-2]; `false` when there is none.
    fn resolve_alias(&mut self, id: ConnectionId, publish: &mut Publish) -> bool {
        let Some(alias) = publish.properties.topic_alias() else {
            return true;
        };
        let keeps = self.wrong(Switch::AliasNotRemapped);
        let connection = self.connections.get_mut(&id).expect("it sent the packet");
        if publish.topic.is_empty() {
            match connection.aliases_in.get(&alias) {
                Some(topic) => publish.topic = topic.clone(),
                None => return false,
            }
        } else if !(keeps && connection.aliases_in.contains_key(&alias)) {
            connection.aliases_in.insert(alias, publish.topic.clone());
        }
        true
    }

    /// A message as it is forwarded.
    fn message(&mut self, publisher: &str, publish: Publish) -> Message {
        let number = self.number();
        let dropped = [
            PropertyId::MESSAGE_EXPIRY_INTERVAL,
            PropertyId::TOPIC_ALIAS,
            PropertyId::SUBSCRIPTION_IDENTIFIER,
        ];
        let properties = publish.properties.iter();
        let properties = properties.filter(|p| !dropped.contains(&p.id())).cloned();
        Message {
            publisher: publisher.to_owned(),
            topic: publish.topic.clone(),
            payload: publish.payload.clone(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            properties: properties.collect(),
            expiry: publish.properties.message_expiry_interval(),
            received: self.now,
            number,
            alias: publish.properties.topic_alias(),
        }
    }

    fn on_publish(&mut self, id: ConnectionId, mut publish: Publish) {
        let Some(key) = self.session_of(id) else {
            return;
        };
        if let Some((reason, why)) = self.beyond_limits(id, &publish) {
            return self.disconnect(id, reason, why);
        }
        if !self.resolve_alias(id, &mut publish) {
            return;
        }
        if self.version(id) == Version::V5_0 && self.wrong(Switch::RetainUnavailableTolerated) {
            publish.retain = false;
        }
        let number = publish.packet_id.map_or(0, |id| id.get());
        let qos = publish.qos;
        let (dup, message) = (publish.dup, self.message(&key, publish));
        if is_servers_own(&message.topic) && !self.wrong(Switch::SystemTopicsOpen) {
            return self.refuse_message(id, number, message);
        }
        let closed = message.topic.starts_with('$') && self.odd(Decoy::DollarClosed);
        match qos {
            QoS::AtMostOnce => {
                if !closed {
                    self.route(message);
                }
            }
            QoS::AtLeastOnce => {
                let session = self.sessions.get_mut(&key).expect("a connection has one");
                let is_new = session.seen.insert(number);
                // [MQTT-4.3.2-2] (3.1.1), [MQTT-4.3.2-5] (5.0)
                let dropped = !is_new && dup && self.wrong(Switch::Qos1DupDropped);
                let taken = message.number;
                let reached = if dropped || closed {
                    1
                } else {
                    self.route(message)
                };
                self.acknowledge_qos1(id, number, reached, taken);
            }
            QoS::ExactlyOnce => self.take_over_qos2(id, &key, number, message, closed),
        }
    }

    /// `$SYS/` belongs to the server: clients may not publish there. 5.0 is told so; 3.1.1 is acknowledged as usual
    /// [MQTT-3.3.5-2].
    fn refuse_message(&mut self, id: ConnectionId, number: u16, message: Message) {
        let qos = message.qos;
        let reason = match self.version(id) {
            Version::V5_0 => ReasonCode::NOT_AUTHORIZED,
            Version::V3_1_1 if self.wrong(Switch::UnauthorisedNotAcked) => return,
            Version::V3_1_1 => ReasonCode::SUCCESS,
        };
        if self.wrong(Switch::RefusedMessageDelivered) && reason.is_error() {
            self.route(message);
        }
        let key = self.session_of(id).expect("it sent a PUBLISH");
        let session = self.sessions.get_mut(&key).expect("a connection has one");
        let why = if reason.is_error() {
            "$SYS belongs to the server"
        } else {
            ""
        };
        let Some(ack) = Self::ack(number, reason, why) else {
            return;
        };
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.send(id, Packet::PubAck(ack)),
            QoS::ExactlyOnce => {
                // [MQTT-4.3.3-9] (5.0): an identifier that was refused is free again.
                if !reason.is_error() || self.ways.wrong(Switch::RefusedQos2IdKept) {
                    session.inbound.insert(number, None);
                }
                self.send(id, Packet::PubRec(ack));
            }
        }
        if reason.is_error() && qos > QoS::AtMostOnce && self.wrong(Switch::RefusalClosesConnection)
        {
            self.disconnect(id, ReasonCode::NOT_AUTHORIZED, why);
        }
    }
}

/// Topics that the server keeps to itself.
fn is_servers_own(topic: &str) -> bool {
    topic.starts_with("$SYS/")
}
