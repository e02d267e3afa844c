//! How a client for people is set up.

use super::references::References;
use crate::core::{Acknowledgement, Authentication, Backoff, ConnectOptions, QueueLimit};
use bytes::Bytes;
use squall_protocol::{Text, Version, packet::Will};
use std::{num::NonZeroU16, time::Duration};

/// How a client connects, comes back, and what it bounds. [`Self::new`] has the defaults; each method changes one.
///
/// ```
/// use squall_client::Settings;
/// use squall_protocol::Version;
/// use std::time::Duration;
///
/// let settings = Settings::new(Version::V5_0, "thermostat-7")
///     .keep_alive(30)
///     .credentials("thermostat", "secret")
///     .session(Duration::from_secs(3600));
/// assert_eq!(settings.connect.session_expiry, Some(3600));
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// What CONNECT says, and everything else that the core of the client is told. All of it may be changed, except that
    /// acknowledgement is always by hand here: [`Self::manual_acknowledgement`] says whose.
    pub connect: ConnectOptions,
    pub(super) backoff: Option<Backoff>,
    pub(super) outgoing: QueueLimit,
    pub(super) incoming: QueueLimit,
    pub(super) manual: bool,
    pub(super) references: Option<References>,
}

impl Settings {
    /// The defaults:
    ///
    /// * Keep Alive 60 s, a clean start, a session that outlives a lost connection by 5 minutes (5.0);
    /// * it dials again after 1 s, up to 60 s, with jitter that is drawn from the Client Identifier, where
    ///   [`crate::Again`] says so, resumes its session, and makes its subscriptions again where that is gone; waits begin
    ///   anew after a connection that lasted two minutes;
    /// * at most 20 QoS 1 and 2 messages are in flight in 3.1.1, and as many as the server's Receive Maximum in 5.0;
    /// * 1,000 messages and 16 MiB may wait in each direction;
    /// * up to 16 Topic Aliases, where the server allows them (5.0).
    ///
    /// # Panics
    /// When `client_id` is a `&str` or `String` with U+0000; check input with [`Text::from_bytes`].
    #[must_use]
    pub fn new(version: Version, client_id: impl Into<Text>) -> Self {
        let five = version == Version::V5_0;
        let limit = QueueLimit {
            messages: 1_000,
            bytes: 16 << 20,
        };
        let plain = ConnectOptions::new(version, client_id);
        let seed = seed_of(&plain.client_id);
        let connect = ConnectOptions {
            keep_alive: 60,
            session_expiry: five.then_some(300),
            receive_maximum: five.then_some(1_000),
            acknowledgement: Acknowledgement::ByHand,
            window: NonZeroU16::new(20).filter(|_| !five),
            topic_aliases: 16,
            request_response_information: true,
            resubscribe: true,
            resume: true,
            ..plain
        };
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        Self {
            connect,
            backoff: Some(backoff.jittered(seed).settled(Duration::from_secs(120))),
            outgoing: limit,
            incoming: limit,
            manual: false,
            references: None,
        }
    }

    /// Keep Alive in seconds; 0 turns it off.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.connect.keep_alive = seconds;
        self
    }

    /// User Name and Password.
    ///
    /// # Panics
    /// When `user_name` is a `&str` or `String` with U+0000.
    #[must_use]
    pub fn credentials(mut self, user_name: impl Into<Text>, password: impl Into<Bytes>) -> Self {
        self.connect.user_name = Some(user_name.into());
        self.connect.password = Some(password.into());
        self
    }

    /// The will message.
    #[must_use]
    pub fn will(mut self, will: Will) -> Self {
        self.connect.will = Some(will);
        self
    }

    /// Asks for the session that the server may have kept, and has it kept for so long after each connection, in whole
    /// seconds up to 2^32 - 2; what is longer never ends. In 3.1.1 it is kept as long as the server likes.
    ///
    /// That may be a session that an earlier process began. It holds subscriptions that this process has not made, and
    /// messages for them that are delivered before anything is subscribed here: [`crate::Happening::Unclaimed`] is where
    /// they come, to an [`crate::Events`] that was there before the driver ran. What the earlier process had published
    /// and not seen acknowledged is not known here, and nor are its packet identifiers: where it may have died in the
    /// middle of a QoS 2 message, begin anew instead, or the server may take the first one with that identifier for the
    /// old one.
    #[must_use]
    pub fn session(mut self, expiry: Duration) -> Self {
        let five = self.connect.version == Version::V5_0;
        let seconds = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX);
        self.connect.clean_start = false;
        self.connect.session_expiry = five.then_some(seconds);
        self
    }

    /// When it dials again after an end that [`crate::Again`] does not call final.
    #[must_use]
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// The first connection is the only one.
    #[must_use]
    pub fn without_reconnect(mut self) -> Self {
        self.backoff = None;
        self
    }

    /// QoS 1 and 2 messages that may be in flight to the server, in both versions. In 5.0 never more than its Receive
    /// Maximum. A server of 3.1.1 cannot say what it can take: Mosquitto with its defaults holds 20 in flight and
    /// 1,000 more for each client, and drops the rest.
    #[must_use]
    pub fn window(mut self, messages: NonZeroU16) -> Self {
        self.connect.window = Some(messages);
        self
    }

    /// How much may wait here, unsent or unacknowledged: whoever publishes more waits.
    #[must_use]
    pub fn outgoing(mut self, limit: QueueLimit) -> Self {
        self.outgoing = limit;
        self
    }

    /// How much that came in may wait to be taken, over all streams: then nothing more is read from the connection. In
    /// 5.0 the Receive Maximum is set to as many messages, so that QoS 1 and 2 never come to that.
    #[must_use]
    pub fn incoming(mut self, limit: QueueLimit) -> Self {
        self.incoming = limit;
        if self.connect.version == Version::V5_0 {
            let most = u16::try_from(limit.messages).unwrap_or(u16::MAX);
            self.connect.receive_maximum = Some(most.max(1));
        }
        self
    }

    /// A message is acknowledged when [`crate::Delivery::acknowledge`] says so. Else it is when it is given out.
    #[must_use]
    pub fn manual_acknowledgement(mut self) -> Self {
        self.manual = true;
        self
    }

    /// Enhanced authentication (5.0).
    #[must_use]
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.connect.authentication = Some(authentication);
        self
    }

    /// Goes where a server refers it to (5.0): whoever dials has to look there.
    #[must_use]
    pub fn follow(mut self, references: &References) -> Self {
        self.connect.follow_references = true;
        self.references = Some(references.clone());
        self
    }
}

/// A number that is another one for another name: FNV-1a.
fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
