//! The state of a session: what outlives a connection [X-3.1.1-session-2], [X-5.0-session-4].
//!
//! Pure data with its own invariants; sending and timing are the business of the modules beside it.

use super::{
    ConnId,
    journal::Journal,
    ledger::{Charge, Ledger},
    message::{Delivery, KeptWill, Message},
    queue::Queue,
};
use squall_protocol::{
    PacketId, Text, Time,
    flow::{Inbound, Outbound},
    topic::TopicFilter,
};
use std::{collections::BTreeSet, time::Duration};

/// A session, for as long as it lives. Increasing in the order of creation, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionId(pub(super) u64);

/// How long a session is kept after its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// It ends with its connection.
    AtOnce,
    /// It is kept this long.
    After(Duration),
    /// It is kept until somebody asks for a clean start.
    Never,
}

impl Expiry {
    /// From a Session Expiry Interval: 0 ends at once [X-5.0-session-1], 0xFFFFFFFF never [X-5.0-session-2].
    pub(super) const fn from_secs(secs: u32) -> Self {
        match secs {
            0 => Self::AtOnce,
            u32::MAX => Self::Never,
            secs => Self::After(Duration::from_secs(secs as u64)),
        }
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) client_id: Text,
    /// The user it belongs to; `None` for anonymous ones.
    pub(super) user: Option<Text>,
    /// The connection it is used on, if any.
    pub(super) conn: Option<ConnId>,
    pub(super) expiry: Expiry,
    /// When it ends, while nobody is connected and it does not live for ever.
    pub(super) ends_at: Option<Time>,
    /// The will of the current connection, or one that waits for its delay.
    pub(super) will: Option<KeptWill>,
    /// When the waiting will is due.
    pub(super) will_at: Option<Time>,
    /// Its topic filters; the options are in the subscription tree.
    pub(super) filters: BTreeSet<TopicFilter>,
    /// Messages to the client that are not finished.
    pub(super) outbound: Outbound<Delivery>,
    /// Of these, messages that were begun and never reached a transport.
    pub(super) unsent: BTreeSet<PacketId>,
    /// What was never sent.
    pub(super) queue: Queue,
    /// QoS 2 messages from the client between PUBREC and PUBREL.
    pub(super) inbound: Inbound,
    /// Bytes of the messages it keeps.
    pub(super) kept: Ledger,
    /// Bytes of its Client Identifier and subscriptions, among those of all sessions.
    pub(super) state: Charge,
    /// Bytes of its unfinished exchanges, among those of all messages.
    exchanges: Charge,
    /// Where its changes are written down.
    pub(super) notes: Notes,
}

/// What is written down of a session.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) journal: Journal,
    /// The number of its rows.
    pub(super) id: SessionId,
    /// Whether it outlives its connection, and with it the broker.
    pub(super) kept: bool,
    /// Whether there is a row of how long it lives.
    pub(super) listed: bool,
    /// Whether there is a row of its will.
    pub(super) will: bool,
}

/// What a session takes beside what it keeps.
const SESSION_BYTES: usize = 1024;
/// What a packet identifier in use takes.
const EXCHANGE_BYTES: usize = 64;
/// What a subscription takes, and each level of its topic filter.
const SUBSCRIPTION_BYTES: usize = 256;
const LEVEL_BYTES: usize = 256;

/// Bytes of a session without subscriptions.
pub(super) fn session_bytes(client_id: &str) -> usize {
    SESSION_BYTES + 2 * client_id.len()
}

/// Bytes of a subscription.
pub(super) fn subscription_bytes(filter: &TopicFilter) -> usize {
    let filter = filter.as_str();
    let levels = 1 + filter.bytes().filter(|b| *b == b'/').count();
    SUBSCRIPTION_BYTES + 2 * filter.len() + LEVEL_BYTES * levels
}

impl Session {
    /// `sessions` and `messages` are charged with what it keeps. Its number is given by whoever takes it in.
    pub(super) fn new(
        client_id: Text,
        sessions: &Ledger,
        messages: &Ledger,
        journal: &Journal,
    ) -> Self {
        Self {
            notes: Notes {
                journal: journal.clone(),
                id: SessionId(0),
                kept: false,
                listed: false,
                will: false,
            },
            kept: Ledger::default(),
            state: sessions.charge(session_bytes(&client_id)),
            exchanges: messages.charge(0),
            client_id,
            user: None,
            conn: None,
            expiry: Expiry::AtOnce,
            ends_at: None,
            will: None,
            will_at: None,
            filters: BTreeSet::new(),
            outbound: Outbound::new(u16::MAX),
            unsent: BTreeSet::new(),
            queue: Queue::default(),
            inbound: Inbound::new(),
        }
    }

    /// Whether a message comes from its client.
    pub(super) fn published(&self, message: &Message) -> bool {
        self.client_id == message.publisher
    }

    /// To be called when packet identifiers came into use or became free.
    pub(super) fn weigh_exchanges(&mut self) {
        let in_use = self.inbound.len() + self.outbound.len();
        self.exchanges.set(EXCHANGE_BYTES * in_use);
    }

    /// Whether a QoS 1 or 2 message may be sent ahead of nothing: all that came before it is on its way.
    pub(super) fn is_clear(&self) -> bool {
        self.queue.is_empty() && self.outbound.has_room()
    }
}
