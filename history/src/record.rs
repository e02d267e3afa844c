//! What was seen.

use bytes::Bytes;
use squall_protocol::{Packet, Properties, QoS, ReasonCode, Role, Text, Time, Violation};

/// One thing that was seen, in the order in which it happened there.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Number of the record in its world's own numbering: what a [`crate::Finding`] points at. Numbers rise.
    pub ix: usize,
    /// When, by the clock of the world; records are in order. [`Time::ZERO`] throughout where nobody looked at a clock:
    /// then no rule that counts time may be asked.
    pub at: Time,
    /// Where it was seen.
    pub end: End,
    /// What.
    pub seen: Seen<'a>,
}

/// The end of a connection at which something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Whose end.
    pub side: Role,
    /// The client of the connection, in the numbering of the world.
    pub client: usize,
    /// Its session: clients with the same Client Identifier are one to the server.
    pub session: usize,
    /// The connection; of a session's connections the newer one has the larger number.
    pub conn: u64,
}

/// What can be seen at an end.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// The connection begins.
    Opened,
    /// This side sent a packet.
    Sent(&'a Packet),
    /// A packet arrived at this side.
    Received(&'a Packet),
    /// What arrived at this side is no packet that the other side may send.
    Broken(&'a Violation),
    /// This side sent bytes of which nothing is known, or something was not recorded. Nothing more is concluded about
    /// the session.
    Unknown,
    /// Something arrived at this side that nobody looked at. Nothing more is concluded about the session; what others are
    /// sent is judged on.
    Missed,
    /// The network fell silent: both sides may believe in the connection, and nothing passes any more.
    Silenced,
    /// The connection is over at this side.
    Closed(Ended),
    /// What the application at this side did, or was told.
    Application(Application<'a>),
}

/// Who ended a connection, as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This side.
    Here,
    /// The other side, or the network.
    There,
}

/// What an application does with a client, and what the client tells it.
#[derive(Clone, Copy, Debug)]
pub enum Application<'a> {
    /// It was told that its client is connected.
    Connected,
    /// It gave a message to its client for publishing.
    Published {
        /// What later records call it.
        ticket: u64,
        /// The message.
        message: Message<'a>,
    },
    /// The server answered for the message.
    Acknowledged {
        /// Which one.
        ticket: u64,
        /// Reason code of PUBACK, PUBREC or PUBCOMP; Success in 3.1.1 and with QoS 0.
        reason: ReasonCode,
    },
    /// The client gave the message up without an answer.
    Abandoned {
        /// Which one.
        ticket: u64,
    },
    /// A message was handed to it.
    Delivered(Message<'a>),
}

/// An application message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Topic Name, never an alias.
    pub topic: &'a Text,
    /// Payload.
    pub payload: &'a Bytes,
    /// QoS at which it was published, or delivered.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// Properties of PUBLISH; empty in 3.1.1.
    pub properties: &'a Properties,
}
