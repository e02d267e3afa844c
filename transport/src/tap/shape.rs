//! When bytes of one direction pass, and in which pieces.

use bytes::{Buf, Bytes, BytesMut};
use std::{collections::VecDeque, time::Duration};

/// How a direction treats the bytes that pass it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Each byte takes this long, in whole milliseconds.
    pub latency: Duration,
    /// Bytes wait so long for others, in whole milliseconds from the first one that waits, and then pass together.
    pub coalesce: Duration,
    /// Pieces end where the number of bytes since the beginning is a multiple of this; 0 for pieces of any size.
    pub fragment: usize,
}

/// Keeps bytes until they may pass. Times are milliseconds since any start and never go back.
///
/// Bytes go in with [`Self::push`]; [`Self::pop`] gives the next piece that may pass, and [`Self::deadline`] says when
/// there is more.
#[derive(Debug, Default)]
pub struct Shaper {
    shape: Shape,
    /// What waits, and when each may pass; in order.
    waiting: VecDeque<(u64, Bytes)>,
    held: usize,
    /// Bytes that have passed.
    passed: u64,
    /// Until when bytes that come are put together.
    gathering: u64,
    stalled: Option<u64>,
}

impl Shaper {
    /// From now on bytes that come are treated so; those that wait keep their times. Nothing at all passes before
    /// `stalled`, where [`u64::MAX`] is for ever.
    pub fn adjust(&mut self, shape: Shape, stalled: Option<u64>) {
        self.shape = shape;
        self.stalled = stalled;
    }

    /// When what comes at `now` may pass.
    #[must_use]
    pub fn due(&self, now: u64) -> u64 {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let gathered = match now < self.gathering {
            true => self.gathering,
            false => now.saturating_add(ms(self.shape.coalesce)),
        };
        let due = gathered.saturating_add(ms(self.shape.latency));
        // None overtakes those before it.
        self.waiting.back().map_or(due, |(last, _)| due.max(*last))
    }

    /// Bytes come at `now`.
    pub fn push(&mut self, now: u64, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let due = self.due(now);
        if now >= self.gathering {
            let ms = u64::try_from(self.shape.coalesce.as_millis()).unwrap_or(u64::MAX);
            self.gathering = now.saturating_add(ms);
        }
        self.held += bytes.len();
        self.waiting.push_back((due, bytes));
    }

    /// The next piece that may pass at `now`, of at most `most` bytes; empty when there is none. It stays until
    /// [`Self::advance`].
    #[must_use]
    pub fn peek(&self, now: u64, most: usize) -> Bytes {
        let mut most = most;
        if let Ok(size @ 1..) = u64::try_from(self.shape.fragment) {
            let left = size - self.passed % size;
            most = most.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let mut due = self.waiting.iter().filter(|(at, _)| *at <= now);
        let Some((_, first)) = due.next().filter(|_| !self.is_stalled(now)) else {
            return Bytes::new();
        };
        // Most often it is all there is.
        if first.len() >= most || self.waiting.len() == 1 {
            return first.slice(..first.len().min(most));
        }
        let mut piece = BytesMut::from(&first[..]);
        for (_, bytes) in due {
            let more = bytes.len().min(most - piece.len());
            piece.extend_from_slice(&bytes[..more]);
            if piece.len() == most {
                break;
            }
        }
        piece.freeze()
    }

    /// So many of the bytes that wait have passed.
    pub fn advance(&mut self, count: usize) {
        let mut left = count.min(self.held);
        self.held -= left;
        self.passed += left as u64;
        while left > 0
            && let Some((_, bytes)) = self.waiting.front_mut()
        {
            let more = left.min(bytes.len());
            bytes.advance(more);
            left -= more;
            if bytes.is_empty() {
                self.waiting.pop_front();
            }
        }
    }

    /// As [`Self::peek`], and it passes.
    pub fn pop(&mut self, now: u64, most: usize) -> Bytes {
        let piece = self.peek(now, most);
        self.advance(piece.len());
        piece
    }

    /// Everything that waits, whenever it may pass.
    #[must_use]
    pub fn all(&self) -> Vec<u8> {
        let waiting = self.waiting.iter();
        waiting
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect()
    }

    pub(super) fn is_stalled(&self, now: u64) -> bool {
        self.stalled.is_some_and(|until| now < until)
    }

    /// When a piece may pass; `None` while nothing waits, or a stall has no end.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let (due, _) = self.waiting.front()?;
        let due = self.stalled.map_or(*due, |until| until.max(*due));
        (due < u64::MAX).then_some(due)
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Whether bytes pass as they come, at once: nothing waits, and nothing has to be done with them.
    #[must_use]
    pub fn is_open(&self, now: u64) -> bool {
        self.held == 0 && self.shape == Shape::default() && !self.is_stalled(now)
    }
}
