//! Topic Aliases towards clients (5.0, section 3.3.2.3.4): the first topics that a client is sent on a connection get
//! one each, in their order, until it takes no more.

use super::{
    Broker, ConnId,
    ledger::{Charge, Ledger},
    owned,
};
use squall_protocol::{
    Packet, Property, Text,
    packet::{Connect, Publish},
};
use std::collections::BTreeMap;

/// What an alias takes beside its topic.
const ALIAS_BYTES: usize = 128;
/// A shorter topic is no longer than the property that stands for it.
const SHORTEST: usize = 4;

/// The Topic Aliases that a client knows. They do not outlive the connection [MQTT-3.3.2-7] (5.0).
#[derive(Debug)]
pub(super) struct OutgoingAliases {
    /// From 1, so none is 0 [MQTT-3.3.2-8] (5.0).
    maximum: u16,
    topics: BTreeMap<Text, (u16, Charge)>,
}

impl OutgoingAliases {
    /// Within the client's Topic Alias Maximum [MQTT-3.1.2-26], [MQTT-3.3.2-11]; without one there are none
    /// [MQTT-3.1.2-27] (5.0).
    pub(super) fn of(connect: &Connect, most: u16) -> Self {
        let maximum = connect.properties.topic_alias_maximum().unwrap_or(0);
        Self {
            maximum: maximum.min(most),
            topics: BTreeMap::new(),
        }
    }

    /// The alias that is free for a topic.
    fn free(&self, topic: &str) -> Option<u16> {
        let next = u16::try_from(self.topics.len() + 1).ok()?;
        (next <= self.maximum && topic.len() >= SHORTEST).then_some(next)
    }

    fn set(&mut self, topic: &Text, alias: u16, states: &Ledger) {
        let charge = states.charge(ALIAS_BYTES + topic.len());
        self.topics.insert(owned::text(topic), (alias, charge));
    }
}

impl Broker {
    /// Sends PUBLISH in as few bytes as the client's aliases allow; false when it is larger than the client takes.
    pub(super) fn send_publish(&mut self, conn: ConnId, publish: Publish) -> bool {
        let aliases = &self.conns.link(conn).outgoing;
        if let Some((alias, _)) = aliases.topics.get(&publish.topic) {
            let mut short = publish;
            short.properties.push(Property::TopicAlias(*alias));
            short.topic = Text::new();
            return self.send(conn, Packet::Publish(short));
        }
        let bytes = ALIAS_BYTES + publish.topic.len();
        let free = aliases.free(&publish.topic);
        let room = self.states.has_room(bytes, self.config.max_sessions_bytes);
        if let Some(alias) = free.filter(|_| room) {
            let mut named = publish.clone();
            named.properties.push(Property::TopicAlias(alias));
            // With the property it may be too large.
            if self.send(conn, Packet::Publish(named)) {
                let aliases = &mut self.conns.link_mut(conn).outgoing;
                aliases.set(&publish.topic, alias, &self.states);
                return true;
            }
        }
        self.send(conn, Packet::Publish(publish))
    }
}
