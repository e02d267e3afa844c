//! Clients that are wrong or odd: a client of ours, with somebody on its wire who gives it a [`Habit`].
//!
//! Whoever looks at the socket sees one client that has the habit.

mod down;
mod relay;
mod table;
mod up;

pub use relay::relay;
pub use table::Habit;

use bytes::Bytes;
use squall_protocol::{Packet, PacketId, Version, encode, packet::Publish};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a client with a habit remembers, over all its connections.
#[derive(Clone, Debug)]
pub struct Memory {
    habit: Habit,
    /// How often a packet came that the habit is about.
    count: u32,
    /// Held back for the next of its kind.
    held: Option<Packet>,
    /// Sent again in another order when all are there.
    again: Vec<Packet>,
    /// The newest QoS 1 or 2 message that has no acknowledgement.
    open: Option<Publish>,
    /// Packet identifiers that were changed, back to what they were.
    ids: BTreeMap<u16, PacketId>,
    /// QoS 1 and 2 messages that came, and of QoS 2 were not released.
    coming: BTreeSet<PacketId>,
    /// SUBSCRIBE and UNSUBSCRIBE under way, and the identifiers they had.
    requests: Vec<PacketId>,
}

/// What goes out: at once, or after a time, in order with what else goes late.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Out {
    after: Duration,
    bytes: Bytes,
}

impl Memory {
    /// Nothing is remembered yet.
    #[must_use]
    pub const fn new(habit: Habit) -> Self {
        Self {
            habit,
            count: 0,
            held: None,
            again: Vec::new(),
            open: None,
            ids: BTreeMap::new(),
            coming: BTreeSet::new(),
            requests: Vec::new(),
        }
    }

    /// A connection begins.
    pub(crate) fn begin(&mut self) {
        self.held = None;
        self.again.clear();
        self.requests.clear();
        if self.habit == Habit::ResentNever {
            self.ids.clear();
        }
    }

    /// Counts; true every `n`th time.
    const fn every(&mut self, n: u32) -> bool {
        self.count += 1;
        self.count.is_multiple_of(n)
    }
}

/// A packet's bytes; none if it became longer than MQTT can say.
fn written(packet: &Packet, version: Version) -> Bytes {
    encode(packet, version).unwrap_or_default()
}
