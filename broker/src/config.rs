//! What the broker offers and how much it keeps. Plain data: it does not know how a limit is enforced.

use squall_protocol::{Decoder, QoS};
use std::time::Duration;

/// Settings of a [`crate::Broker`]. Every one is enforced on the wire, and announced in CONNACK where MQTT 5.0 has a
/// property for it. The default offers everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// QoS 1 and 2 messages one client may have unacknowledged (Receive Maximum, 5.0). From 1; 0 counts as 1.
    pub receive_maximum: u16,
    /// Largest packet taken from a client, in bytes with its fixed header (Maximum Packet Size, 5.0). A larger one
    /// ends the connection in both versions. 0 counts as 1.
    pub maximum_packet_size: u32,
    /// Largest Topic Alias a client may use (5.0); 0 offers none.
    pub topic_alias_maximum: u16,
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
    /// Messages kept for one session that cannot be sent now: its client is away, or its Receive Maximum is
    /// reached. When the queue is full a new message is dropped and counted.
    pub max_queued: usize,
    /// Bytes waiting in the driver for one client that does not read. Beyond it the connection is dropped.
    pub max_outgoing_bytes: usize,
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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            maximum_packet_size: Decoder::LARGEST_PACKET,
            topic_alias_maximum: 16,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscriptions: true,
            shared_subscriptions: true,
            subscription_identifiers: true,
            empty_client_id: true,
            dollar_topics: true,
            max_queued: 100_000,
            max_outgoing_bytes: 64 << 20,
            connect_timeout: Duration::from_secs(30),
            server_keep_alive: None,
            session_expiry_maximum: None,
            session_expiry_3_1_1: None,
        }
    }
}
