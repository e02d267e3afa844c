//! What the broker offers and how much it keeps. Plain data: it does not know how a limit is enforced.

use crate::security::Security;
use squall_protocol::{Decoder, QoS, ReasonCode};
use std::time::Duration;

/// Settings of a [`crate::Broker`]. Every one is enforced on the wire, and announced in CONNACK where MQTT 5.0 has a
/// property for it. The default offers everything.
///
/// Limits in bytes count what is kept, as the broker itself reckons it: the strings and payloads, and for each thing a
/// fixed number of bytes for keeping it (a message 256, its place in a session's queue 256, a session 1,024, a
/// subscription 256 and 256 for each level of its filter, a packet to be sent 128). They depend on the packets alone,
/// never on the allocator or on timing, and the memory that is really taken is near to or below them. A limit of 0 lets
/// nothing be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// QoS 1 and 2 messages one client may have unacknowledged (Receive Maximum, 5.0). From 1; 0 counts as 1.
    pub receive_maximum: u16,
    /// Largest packet taken from a client, in bytes with its fixed header (Maximum Packet Size, 5.0). A larger one
    /// ends the connection in both versions. 0 counts as 1.
    pub maximum_packet_size: u32,
    /// Largest Topic Alias a client may use (5.0); 0 offers none.
    pub topic_alias_maximum: u16,
    /// Largest Topic Alias that clients are sent, within their Topic Alias Maximum (5.0): so many of the first topics of
    /// each connection get one, as far as [`Self::max_sessions_bytes`] goes. 0, as by default, sends none.
    pub topic_aliases_to_clients: u16,
    /// Highest QoS that is taken and granted. Subscriptions to more are granted this much; a PUBLISH or will with
    /// more is refused.
    pub maximum_qos: QoS,
    /// Whether retained messages are kept. If not, a PUBLISH or will with RETAIN 1 is refused.
    pub retain_available: bool,
    /// Whether topic filters may hold wildcards.
    pub wildcard_subscriptions: bool,
    /// Whether shared subscriptions are offered (5.0).
    pub shared_subscriptions: bool,
    /// Whether Subscription Identifiers are offered (5.0).
    pub subscription_identifiers: bool,
    /// Whether a client may connect with an empty Client Identifier and is given one.
    pub empty_client_id: bool,
    /// Whether clients may publish to topics that begin with `$`. If not, such a message is acknowledged with Topic
    /// Name invalid (5.0) or as usual (3.1.1) and goes nowhere; a will with such a topic is refused.
    pub dollar_topics: bool,
    /// Messages kept for one session that cannot be sent now: its client is away, its Receive Maximum is reached, or
    /// its transport takes no more. When the queue is full, one is dropped for this session and counted
    /// ([`crate::Counters::dropped_queue_full`]); which one, says [`Self::when_queue_full`]. 100,000.
    pub max_queued: usize,
    /// Which message is dropped for a session whose queue is full. The newest.
    pub when_queue_full: WhenFull,
    /// Bytes of QoS 1 and 2 messages kept for one session: those that wait, and those that its client has not
    /// acknowledged. A message is charged in full to each session that keeps it. Beyond it the same happens as with
    /// [`Self::max_queued`], so one message larger than this is never delivered with QoS 1 or 2. 128 MiB.
    pub max_queued_bytes: usize,
    /// Bytes of retained messages in all. A message that does not fit is refused whole, nobody gets it and the one
    /// before stays: with QoS 1 and 2 by Quota exceeded in PUBACK or PUBREC (5.0) or by closing the publisher's
    /// connection (3.1.1, [MQTT-4.8.0-2]); with QoS 0, and when it is a will, it is dropped and counted. 128 MiB.
    pub max_retained_bytes: usize,
    /// Retained messages in all. One more is refused as by [`Self::max_retained_bytes`]; one that takes the place of
    /// another is not one more. 1,000,000.
    pub max_retained: usize,
    /// Bytes of all messages, those of sessions, retained ones and wills, and of unfinished QoS 1 and 2 exchanges. A
    /// message is charged once, however many sessions keep it, and its place in each of them. Beyond it a QoS 1 or 2
    /// message is refused as by [`Self::max_retained_bytes`], and so is a CONNECT with a will (Quota exceeded in 5.0,
    /// 0x03 in 3.1.1); QoS 0 goes through, as it is not kept. 256 MiB.
    pub max_message_bytes: usize,
    /// Sessions, with a client or without. A CONNECT that needs one more is refused: Quota exceeded (5.0), 0x03
    /// (3.1.1). Sessions that never expire are kept, so [`Self::session_expiry_maximum`] belongs beside it. 50,000.
    pub max_sessions: usize,
    /// Bytes of one session's Client Identifier and subscriptions. A topic filter beyond it gets Quota exceeded
    /// (5.0) or 0x80 (3.1.1) in SUBACK. 32 MiB.
    pub max_session_bytes: usize,
    /// Subscriptions of one session. A topic filter beyond it is refused as by [`Self::max_session_bytes`]. 50,000.
    pub max_subscriptions: usize,
    /// The same of all sessions, and the topics behind Topic Aliases. Beyond it a topic filter is refused as by
    /// [`Self::max_session_bytes`], a CONNECT as by [`Self::max_sessions`], and who sets a Topic Alias is
    /// disconnected with Quota exceeded. 128 MiB.
    pub max_sessions_bytes: usize,
    /// Connections. On one more a CONNECT is refused: Server busy (0x89, 5.0), 0x03 (3.1.1). A quarter more, and
    /// 16 at least, are heard that far, further ones are closed at once. 16,384.
    pub max_connections: usize,
    /// Bytes of unfinished packets of all connections; counts as at least [`Self::maximum_packet_size`], which bounds
    /// those of one connection. Beyond it the connection that has most of them is dropped, in 5.0 with Quota exceeded
    /// in DISCONNECT. Room is made as bytes arrive, up to twice as much as there are. 64 MiB.
    pub max_unfinished_bytes: usize,
    /// Bytes waiting in the driver for one client. While they are that many, QoS 1 and 2 messages wait in the queue of
    /// its session, as they do when its Receive Maximum is reached, and new QoS 0 messages are dropped for it and
    /// counted ([`crate::Counters::dropped_line_full`]). Retained messages that a subscription found wait at any QoS,
    /// and while they do, QoS 0 messages on topics that the subscription matches are dropped. A message is sent whole
    /// when there is room for its first byte, and answers always are, so more can be waiting: one packet, and what
    /// [`Self::max_unread_answers`] says. Publishers are slowed down when half of it is waiting for somebody who gets
    /// what they publish: they are not read for 20 ms at most each time. `usize::MAX` sets no limit. 1 MiB.
    pub max_outgoing_bytes: usize,
    /// Bytes of answers (all packets but PUBLISH) waiting in the driver for one client. While they are more, the
    /// client is not read. With the default, a client may send as many QoS 1 messages as there are packet identifiers
    /// before it takes the first acknowledgement. 10 MiB.
    pub max_unread_answers: usize,
    /// Bytes waiting in the driver for all clients. Beyond it the connection for which most are waiting is dropped,
    /// counted ([`crate::Counters::closed_slow`]) and told of ([`crate::Server::notices`]). 256 MiB.
    pub max_outgoing_bytes_in_all: usize,
    /// How long a connection may be open before its CONNECT is complete; zero waits for ever.
    pub connect_timeout: Duration,
    /// The longest Keep Alive in seconds (Server Keep Alive, 5.0): a client that asks for more, or for none, is told
    /// this one. 3.1.1 has no way to say it, so there the client's own value stands. `None` sets no limit.
    pub server_keep_alive: Option<u16>,
    /// The longest Session Expiry Interval in seconds (5.0); a client that asks for more is told this one. `None`
    /// sets no limit.
    pub session_expiry_maximum: Option<u32>,
    /// How long the session of a 3.1.1 client with Clean Session 0 is kept while it is away, in seconds. `None`
    /// keeps it for ever.
    pub session_expiry_3_1_1: Option<u32>,
    /// Response Information, for clients that ask for it (5.0): a topic below which their responses go, for instance.
    /// `%c` stands for the Client Identifier, `%u` for the user and `%%` for a percent sign; where a value does not fit
    /// into one level of a topic, or the text has another `%`, the client is told nothing. `None` tells nobody.
    pub response_information: Option<String>,
    /// Where clients are sent that connect: none is accepted. In 5.0 CONNACK says where to, in 3.1.1 it is 0x03.
    pub redirect: Option<Redirect>,
    /// Where clients are sent when the broker is stopped, in DISCONNECT (5.0).
    pub redirect_at_shutdown: Option<Redirect>,
    /// Who may come in and what they may do. Nothing is said.
    pub security: Security,
}

/// Another server, in the words of 5.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Its Server Reference, such as `broker-2.example:1883`.
    pub to: String,
    /// Whether clients are to go there from now on (Server moved, 0x9D) or for now (Use another server, 0x9C).
    pub for_good: bool,
}

impl Redirect {
    /// What CONNACK or DISCONNECT says.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self.for_good {
            true => ReasonCode::SERVER_MOVED,
            false => ReasonCode::USE_ANOTHER_SERVER,
        }
    }
}

/// Which message goes when there is no room for one more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The one that comes: what waits is kept. When nobody took it, its publisher is told so with Quota exceeded
    /// (0x97) in PUBACK or PUBREC (5.0); 3.1.1 has no way to say it.
    #[default]
    DropNewest,
    /// Those that have waited longest, until the new one has room. What was sent and is not acknowledged never goes,
    /// so a new message is dropped, as by [`Self::DropNewest`], when that alone leaves no room.
    DropOldest,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            maximum_packet_size: Decoder::LARGEST_PACKET,
            topic_alias_maximum: 16,
            topic_aliases_to_clients: 0,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscriptions: true,
            shared_subscriptions: true,
            subscription_identifiers: true,
            empty_client_id: true,
            dollar_topics: true,
            max_queued: 100_000,
            when_queue_full: WhenFull::DropNewest,
            max_queued_bytes: 128 << 20,
            max_retained_bytes: 128 << 20,
            max_retained: 1_000_000,
            max_message_bytes: 256 << 20,
            max_sessions: 50_000,
            max_session_bytes: 32 << 20,
            max_subscriptions: 50_000,
            max_sessions_bytes: 128 << 20,
            max_connections: 16_384,
            max_unfinished_bytes: 64 << 20,
            max_outgoing_bytes: 1 << 20,
            max_unread_answers: 10 << 20,
            max_outgoing_bytes_in_all: 256 << 20,
            connect_timeout: Duration::from_secs(30),
            server_keep_alive: None,
            session_expiry_maximum: None,
            session_expiry_3_1_1: None,
            response_information: None,
            redirect: None,
            redirect_at_shutdown: None,
            security: Security::default(),
        }
    }
}
