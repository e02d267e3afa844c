//! The state of a session: what outlives a connection [X-3.1.1-session-2], [X-5.0-session-4].
//!
//! Pure data with its own invariants; sending and timing are the business of the modules beside it.

use super::{ConnId, message::Delivery};
use squall_protocol::{
    PacketId, QoS, Text, Time,
    flow::{Inbound, Outbound},
    packet::Will,
    topic::TopicFilter,
};
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

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

/// A PUBLISH that a resumed session still has to be sent again.
#[derive(Clone, Debug)]
pub(super) struct Unsent {
    pub(super) id: PacketId,
    pub(super) delivery: Delivery,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) client_id: Text,
    /// The connection it is used on, if any.
    pub(super) conn: Option<ConnId>,
    pub(super) expiry: Expiry,
    /// When it ends, while nobody is connected and it does not live for ever.
    pub(super) ends_at: Option<Time>,
    /// The will of the current connection, or one that waits for its delay.
    pub(super) will: Option<Will>,
    /// When the waiting will is due.
    pub(super) will_at: Option<Time>,
    /// Its topic filters; the options are in the subscription tree.
    pub(super) filters: BTreeSet<TopicFilter>,
    /// Messages to the client that are not finished.
    pub(super) outbound: Outbound<Delivery>,
    /// What has to be sent again and did not fit into the client's Receive Maximum yet. All of it is in flight.
    pub(super) resend: VecDeque<Unsent>,
    /// Every packet identifier in `resend`, so that acknowledgements of others need no search.
    pub(super) to_resend: BTreeSet<PacketId>,
    /// Messages that were never sent.
    pub(super) queue: VecDeque<Delivery>,
    /// QoS 2 messages from the client between PUBREC and PUBREL.
    pub(super) inbound: Inbound,
    /// Receive Maximum of the client on its current connection.
    window: u16,
}

impl Session {
    pub(super) fn new(client_id: Text) -> Self {
        Self {
            client_id,
            conn: None,
            expiry: Expiry::AtOnce,
            ends_at: None,
            will: None,
            will_at: None,
            filters: BTreeSet::new(),
            outbound: Outbound::new(u16::MAX),
            resend: VecDeque::new(),
            to_resend: BTreeSet::new(),
            queue: VecDeque::new(),
            inbound: Inbound::new(),
            window: u16::MAX,
        }
    }

    /// The client's Receive Maximum holds for one connection [X-5.0-flow-2].
    pub(super) fn set_window(&mut self, receive_maximum: u16) {
        self.window = receive_maximum;
        self.outbound.set_receive_maximum(receive_maximum);
    }

    /// Whether a message may be sent ahead of nothing: all that came before it is on its way.
    pub(super) fn is_clear(&self, qos: QoS) -> bool {
        qos == QoS::AtMostOnce
            || self.resend.is_empty() && self.queue.is_empty() && self.outbound.has_room()
    }

    /// The next message to send again, as far as the client's Receive Maximum goes [MQTT-3.3.4-9] (5.0).
    pub(super) fn next_resend(&mut self) -> Option<Unsent> {
        let sent = self.outbound.len() - self.resend.len();
        if sent >= usize::from(self.window) {
            return None;
        }
        let next = self.resend.pop_front()?;
        self.to_resend.remove(&next.id);
        Some(next)
    }

    /// An acknowledgement for a message that was not yet sent again makes that needless.
    pub(super) fn forget_resend(&mut self, id: PacketId) {
        if self.to_resend.remove(&id) {
            self.resend.retain(|unsent| unsent.id != id);
        }
    }
}
