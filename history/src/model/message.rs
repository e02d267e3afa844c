//! Application messages, and everything that carried them.

use super::index::{ClientIx, Mark, MessageIx};
use crate::record::Message;
use bytes::Bytes;
use squall_protocol::{Properties, QoS, ReasonCode, Role, Text, Time};
use std::collections::BTreeMap;

/// Application messages by what identifies them: whoever counts messages gives each a topic and payload of its own.
#[derive(Debug, Default)]
pub struct Messages<'a> {
    all: Vec<Seen<'a>>,
    by_content: BTreeMap<(&'a str, &'a [u8]), MessageIx>,
}

/// Everything that carried one application message: indices into the lists of the model, in order.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Topic Name.
    pub topic: &'a Text,
    /// Payload.
    pub payload: &'a Bytes,
    /// Into `published`: each time a client was given it.
    pub published: Vec<usize>,
    /// Into `packets`.
    pub packets: Vec<usize>,
    /// Into `delivered`.
    pub delivered: Vec<usize>,
    /// Into `connections`: those whose will it is.
    pub wills: Vec<usize>,
}

impl<'a> Messages<'a> {
    /// The number of a message; a new one when it was not seen before.
    pub(super) fn number(&mut self, topic: &'a Text, payload: &'a Bytes) -> MessageIx {
        let next = self.all.len();
        let n = *self.by_content.entry((topic, payload)).or_insert(next);
        if n == next {
            self.all.push(Seen {
                topic,
                payload,
                published: Vec::new(),
                packets: Vec::new(),
                delivered: Vec::new(),
                wills: Vec::new(),
            });
        }
        n
    }

    /// A message by its content, if it was ever seen.
    #[must_use]
    pub fn find(&self, topic: &str, payload: &[u8]) -> Option<MessageIx> {
        self.by_content.get(&(topic, payload)).copied()
    }

    /// Messages of one topic, by payload.
    pub fn on_topic<'s>(&'s self, topic: &'s str) -> impl Iterator<Item = MessageIx> + use<'s, 'a> {
        self.by_content
            .range((topic, &[][..])..)
            .take_while(move |((t, _), _)| *t == topic)
            .map(|(_, n)| *n)
    }

    /// A message by its number.
    #[must_use]
    pub fn get(&self, n: MessageIx) -> &Seen<'a> {
        &self.all[n]
    }

    pub(super) fn get_mut(&mut self, n: MessageIx) -> &mut Seen<'a> {
        &mut self.all[n]
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// A message that was handed to a client for publishing.
#[derive(Clone, Debug)]
pub struct Published<'a> {
    /// The client.
    pub by: ClientIx,
    /// The message.
    pub what: MessageIx,
    /// As it was handed over.
    pub message: Message<'a>,
    /// When.
    pub mark: Mark,
    /// What came of it.
    pub outcome: Outcome,
    /// First PUBLISH of it, where connections are looked at.
    pub arrived: Option<usize>,
}

/// What came of a message that was given to a client for publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer yet.
    Open,
    /// The server took responsibility for it: the record that says so.
    Acknowledged(usize),
    /// The server refused it.
    Refused(usize, ReasonCode),
    /// The client gave it up without an answer: nobody knows whether the server has it.
    Unknown,
}

impl Published<'_> {
    /// The server has taken responsibility for it.
    #[must_use]
    pub const fn completed(&self) -> bool {
        matches!(self.outcome, Outcome::Acknowledged(_))
    }
}

/// A message that was handed to an application.
#[derive(Clone, Debug)]
pub struct Delivered<'a> {
    /// The client.
    pub to: ClientIx,
    /// The message.
    pub what: MessageIx,
    /// As it was handed over.
    pub message: Message<'a>,
    /// When.
    pub mark: Mark,
}

/// A PUBLISH, where connections are looked at.
#[derive(Clone, Debug)]
pub struct Carried<'a> {
    /// The client of the connection.
    pub client: ClientIx,
    /// The connection, into `connections`.
    pub connection: usize,
    /// Who sent it.
    pub from: Role,
    /// The message.
    pub what: MessageIx,
    /// DUP.
    pub dup: bool,
    /// QoS.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// From a client: the first of its QoS 2 flow, or not QoS 2. From the server: DUP is 0.
    pub fresh: bool,
    /// Its properties; empty in 3.1.1.
    pub properties: &'a Properties,
    /// The record.
    pub ix: usize,
    /// Its time.
    pub at: Time,
}

impl Carried<'_> {
    /// Message Expiry Interval, in seconds.
    #[must_use]
    pub fn expiry(&self) -> Option<u32> {
        self.properties.message_expiry_interval()
    }
}

/// What is certain of the server's end of a PUBLISH, where only the clients' ends are seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// From a client: when the server was known to have taken it over.
    pub taken: Option<Mark>,
    /// From the server: it certainly sent this later than then.
    pub after: Option<Mark>,
}
