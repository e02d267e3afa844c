//! The connection of a client as its socket shows it.

use crate::record::{Application, Record, Seen};
use squall_protocol::{
    Packet, Text, Time,
    packet::{ConnAck, Connect, Publish},
};
use std::collections::{BTreeMap, BTreeSet};

/// A message by what identifies it.
pub(super) type Content<'a> = (&'a str, &'a [u8]);

/// The newest connection of a client.
#[derive(Debug, Default)]
pub(super) struct Wire<'a> {
    /// Its number.
    pub(super) conn: u64,
    pub(super) connect: Option<&'a Connect>,
    /// The CONNACK that let it in: its record, when, and itself.
    pub(super) accepted: Option<(usize, Time, &'a ConnAck)>,
    /// It is over, or nothing passes any more.
    pub(super) over: bool,
    /// The application was told that it is connected.
    told: bool,
    /// The client has surely read the CONNACK.
    knows: bool,
    /// Messages that the application has ever given to the client, and those of them that it first gave after it was told
    /// that it is connected.
    given: BTreeSet<Content<'a>>,
    given_here: BTreeSet<Content<'a>>,
    /// Topics of aliases, of the client's and of the server's.
    up: BTreeMap<u16, &'a Text>,
    down: BTreeMap<u16, &'a Text>,
}

impl<'a> Wire<'a> {
    /// Whether the client has surely read the CONNACK: its application was told that it is connected, gave it a message
    /// after that, and that message was sent.
    pub(super) const fn knows(&self) -> bool {
        self.knows
    }

    /// The topic of a message that the client sent, where it is known.
    pub(super) fn sent_topic(&self, publish: &'a Publish) -> Option<&'a Text> {
        topic(&self.up, publish)
    }

    /// The topic of a message that was sent to the client.
    pub(super) fn received_topic(&self, publish: &'a Publish) -> Option<&'a Text> {
        topic(&self.down, publish)
    }

    pub(super) fn see(&mut self, record: &Record<'a>) {
        match record.seen {
            Seen::Opened => {
                *self = Self {
                    conn: record.end.conn,
                    given: std::mem::take(&mut self.given),
                    ..Self::default()
                };
            }
            Seen::Closed(_) | Seen::Silenced => self.over = true,
            Seen::Sent(packet) => self.sent(packet),
            Seen::Received(packet) => self.received(record, packet),
            Seen::Application(Application::Connected) => self.told = true,
            Seen::Application(Application::Published { message, .. }) => {
                let content: Content<'a> = (message.topic, message.payload);
                if self.given.insert(content) && self.told && !self.over {
                    self.given_here.insert(content);
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, packet: &'a Packet) {
        match packet {
            Packet::Connect(connect) => self.connect = Some(connect),
            Packet::Publish(publish) => {
                note(&mut self.up, publish);
                if let Some(topic) = self.sent_topic(publish) {
                    let content: Content<'a> = (topic, &publish.payload);
                    self.knows |= self.given_here.contains(&content);
                }
            }
            _ => {}
        }
    }

    fn received(&mut self, record: &Record<'a>, packet: &'a Packet) {
        match packet {
            Packet::ConnAck(ack) if !ack.reason.is_error() => {
                self.accepted = Some((record.ix, record.at, ack));
            }
            Packet::Publish(publish) => note(&mut self.down, publish),
            _ => {}
        }
    }
}

fn note<'a>(aliases: &mut BTreeMap<u16, &'a Text>, publish: &'a Publish) {
    if let (Some(alias), false) = (publish.properties.topic_alias(), publish.topic.is_empty()) {
        aliases.insert(alias, &publish.topic);
    }
}

fn topic<'a>(aliases: &BTreeMap<u16, &'a Text>, publish: &'a Publish) -> Option<&'a Text> {
    if !publish.topic.is_empty() {
        return Some(&publish.topic);
    }
    aliases.get(&publish.properties.topic_alias()?).copied()
}
