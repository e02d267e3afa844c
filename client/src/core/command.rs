//! What a caller can ask of a client, as data. It does not know what a client makes of it.

use super::{
    authentication::Authentication,
    message::{Message, Receipt, Ticket},
    shared::SharedSession,
};
use crate::answers::Answers;
use bytes::Bytes;
use squall_protocol::{
    Properties, ReasonCode, Text, Version,
    packet::{Subscription, Will},
    topic::TopicFilter,
};
use std::{num::NonZeroU16, time::Duration};

/// How to connect. What only 5.0 knows is left out in 3.1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The version to speak.
    pub version: Version,
    /// Client Identifier. Where it is empty, the one the server assigned on an earlier connection is used (5.0).
    pub client_id: Text,
    /// Clean Session (3.1.1) or Clean Start (5.0). A client that dials again by itself uses it again.
    pub clean_start: bool,
    /// The session that clients with this Client Identifier have in turn: CONNECT moves it to this client, with all that
    /// is unfinished. Session Present 1 is then no error although this client has not begun it.
    pub shared: Option<SharedSession>,
    /// Session Expiry Interval in seconds (5.0); `None` is 0, and 0xFFFFFFFF never expires.
    pub session_expiry: Option<u32>,
    /// Keep Alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// The will message.
    pub will: Option<Will>,
    /// User Name.
    pub user_name: Option<Text>,
    /// Password; in 3.1.1 only together with a user name.
    pub password: Option<Bytes>,
    /// Receive Maximum (5.0), from 1: QoS 1 and 2 messages the server may have unacknowledged; `None` is 65,535.
    pub receive_maximum: Option<u16>,
    /// Largest packet taken from the server, in bytes with its fixed header, from 1. Announced in 5.0; enforced in
    /// both versions.
    pub maximum_packet_size: Option<u32>,
    /// Largest Topic Alias the server may use (5.0); `None` is 0, no aliases.
    pub topic_alias_maximum: Option<u16>,
    /// User Properties of CONNECT (5.0), in order.
    pub user_properties: Vec<(Text, Text)>,
    /// From dialing to CONNACK; zero waits for ever.
    pub connect_timeout: Duration,
    /// How long a PINGREQ may stay unanswered; zero waits for ever. It does not run while nothing is read.
    pub ping_timeout: Duration,
    /// QoS 1 and 2 messages that may be in flight to the server at a time, in both versions; `None` is as many as the
    /// server's Receive Maximum (5.0) and packet identifiers allow. The server's Receive Maximum holds in any case.
    pub window: Option<NonZeroU16>,
    /// When PUBACK and PUBREC are sent.
    pub acknowledgement: Acknowledgement,
    /// Topic Aliases that the client sets towards the server by itself, at most (5.0); 0 is none, and never more than the
    /// server's Topic Alias Maximum.
    pub topic_aliases: u16,
    /// Whether the server is asked for Response Information (5.0).
    pub request_response_information: bool,
    /// Enhanced authentication (5.0).
    pub authentication: Option<Authentication>,
    /// Whether what was subscribed is subscribed again where a server has no session any more (Session Present 0). The
    /// outcome has the ticket of the first time.
    pub resubscribe: bool,
    /// Whether a client that dials again by itself asks for the session that a clean start has begun (5.0). Without it
    /// each connection starts clean where the first one did.
    pub resume: bool,
    /// Whether a client with a backoff dials again when the server names another one (0x9C, 0x9D; 5.0). Whoever dials
    /// has to find the other one: the Server Reference is in the packet.
    pub follow_references: bool,
}

/// When PUBACK and PUBREC are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Right after [`crate::Event::Delivered`].
    #[default]
    AtOnce,
    /// When [`crate::Client::acknowledge`] says so, in the order in which the messages came [MQTT-4.6.0-2],
    /// [MQTT-4.6.0-3].
    ByHand,
}

impl ConnectOptions {
    /// A clean start without keep alive, will or limits: 30 s to connect, 10 s for the answer to a PINGREQ.
    ///
    /// # Panics
    /// When `client_id` is a `&str` or `String` with U+0000; check input with [`Text::from_bytes`].
    #[must_use]
    pub fn new(version: Version, client_id: impl Into<Text>) -> Self {
        Self {
            version,
            client_id: client_id.into(),
            clean_start: true,
            shared: None,
            session_expiry: None,
            keep_alive: 0,
            will: None,
            user_name: None,
            password: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: None,
            user_properties: Vec::new(),
            connect_timeout: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(10),
            window: None,
            acknowledgement: Acknowledgement::AtOnce,
            topic_aliases: 0,
            request_response_information: false,
            authentication: None,
            resubscribe: false,
            resume: false,
            follow_references: false,
        }
    }
}

/// How long to wait before dialing again: `first`, then twice as long each time up to `max`, and `first` again once
/// a connection was accepted and has [settled](Self::settled). At least a millisecond. [`crate::Again`] says which ends
/// are followed by a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
    /// With a seed, each wait is drawn between half of what it would be and the whole, in milliseconds: clients that
    /// lost a server at one instant do not come back at one instant. The draws are SplitMix64's, so the same seed gives
    /// the same waits.
    pub jitter: Option<u64>,
    /// How long a connection has to last after CONNACK before the waits begin at `first` again. Zero: CONNACK is enough.
    /// Two clients with one Client Identifier at a server that does not tell them of a takeover (3.1.1 has no words for it)
    /// take the session from each other after each wait: only where this is longer than `max` do they come to do so
    /// seldom.
    pub settled: Duration,
}

impl Backoff {
    /// Without jitter; CONNACK is enough for the waits to begin at `first` again.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            jitter: None,
            settled: Duration::ZERO,
        }
    }

    /// With jitter, drawn from this seed.
    #[must_use]
    pub const fn jittered(self, seed: u64) -> Self {
        Self {
            jitter: Some(seed),
            ..self
        }
    }

    /// With waits that begin at `first` again only after a connection that lasted this long.
    #[must_use]
    pub const fn settled(self, settled: Duration) -> Self {
        Self { settled, ..self }
    }
}

/// How much may wait to be sent: messages, and the bytes of their topics and payloads and of what else is of no fixed
/// length in them. What would be too much is abandoned at once ([`crate::Abandonment::QueueFull`]); a message that is
/// larger than `bytes` by itself may wait alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimit {
    /// Messages.
    pub messages: usize,
    /// Bytes.
    pub bytes: usize,
}

impl QueueLimit {
    /// No limit.
    pub const NONE: Self = Self {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
}

/// A call to a [`crate::Client`], as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// [`crate::Client::connect`].
    Connect(Box<ConnectOptions>),
    /// [`crate::Client::publish`].
    Publish(Ticket, Message),
    /// [`crate::Client::subscribe`].
    Subscribe {
        /// Names the outcome.
        ticket: Ticket,
        /// At least one.
        subscriptions: Vec<Subscription>,
        /// Properties (5.0).
        properties: Properties,
    },
    /// [`crate::Client::unsubscribe`].
    Unsubscribe {
        /// Names the outcome.
        ticket: Ticket,
        /// At least one.
        filters: Vec<TopicFilter>,
        /// Properties (5.0).
        properties: Properties,
    },
    /// [`crate::Client::disconnect`].
    Disconnect {
        /// Disconnect Reason Code (5.0).
        reason: ReasonCode,
        /// Properties (5.0).
        properties: Properties,
    },
    /// [`crate::Client::drop_connection`].
    Drop,
    /// [`crate::Client::set_backoff`].
    Backoff(Option<Backoff>),
    /// [`crate::Client::set_queue_limit`].
    QueueLimit(QueueLimit),
    /// [`crate::Client::acknowledge`].
    Acknowledge(Receipt, ReasonCode),
    /// [`crate::Client::reauthenticate`].
    Reauthenticate(Ticket),
    /// What a [`crate::Scripted`] client is told; a [`crate::Client`] decides itself what it sends.
    Script(Script),
    /// Like [`Self::Drop`]; a driver then ends.
    Stop,
}

/// What only a [`crate::Scripted`] client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Opens a connection of this version and says nothing on it.
    Dial(Version),
    /// Sends these bytes at once, whatever they are; with a number, only so many of them.
    Send(Bytes, Option<usize>),
    /// Sends what [`Self::Send`] has left of its bytes.
    SendRest,
    /// Answers like this from now on.
    Answer(Answers),
    /// Reads what arrives, or leaves it.
    Read(bool),
}
