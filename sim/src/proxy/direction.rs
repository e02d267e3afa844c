//! One direction of a connection: what was sent, until it is handed over.

use super::{faults::Shaped, stream::Stream};
use bytes::Bytes;
use squall_protocol::Role;
use squall_transport::tap::Shaper;

/// One direction.
pub(super) struct Direction {
    pub(super) from: Role,
    pub(super) stream: Stream,
    pub(super) shaped: Shaped,
    pub(super) shaper: Shaper,
    /// The fault that holds everything up, and until when.
    pub(super) stall: Option<(usize, u64)>,
    /// Nothing more comes: by a reset, or in order.
    pub(super) ends: Option<bool>,
    /// It was said that it is no MQTT.
    pub(super) alien: bool,
}

impl Direction {
    pub(super) fn new(from: Role, whole: bool) -> Self {
        Self {
            from,
            stream: Stream::new(from, whole),
            shaped: Shaped::default(),
            shaper: Shaper::default(),
            stall: None,
            ends: None,
            alien: false,
        }
    }

    /// Takes over how it is to be treated.
    pub(super) fn adjust(&mut self) {
        let stalled = self.stall.map(|(_, until)| until);
        self.shaper.adjust(self.shaped.shape, stalled);
    }

    /// Whether everything is held up.
    pub(super) fn is_stalled(&self, now: u64) -> bool {
        self.stall.is_some_and(|(_, until)| now < until)
    }

    /// Bytes come; gives the faults that have struck by that.
    pub(super) fn push(&mut self, now: u64, bytes: Bytes) -> Vec<usize> {
        let together = self.shaped.coalesce.filter(|_| self.shaper.held() > 0);
        let stalled = self.stall.filter(|(_, until)| now < *until);
        self.shaper.push(now, bytes);
        let stalled = stalled.map(|(fault, _)| fault);
        together.into_iter().chain(stalled).collect()
    }

    /// When something has to be handed over. What waits for nothing but a stall's end has no deadline of its own where
    /// nothing is held.
    pub(super) fn deadline(&self) -> Option<u64> {
        let held = self.shaper.deadline();
        match (self.ends, self.stall) {
            (Some(_), Some((_, until))) => Some(held.map_or(until, |held| held.min(until))),
            (Some(_), None) => held.or(Some(0)),
            (None, _) => held,
        }
    }
}
