//! What came in and was not taken: a line for each stream, and one bound for all of them.
//!
//! It does not know where a message belongs.

use crate::core::QueueLimit;
use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
};

/// The lines of all streams. `T` is what stands in them.
#[derive(Debug)]
pub(super) struct Inboxes<T> {
    limit: QueueLimit,
    messages: usize,
    bytes: usize,
    lines: BTreeMap<u64, Line<T>>,
    next: u64,
    /// Who reads, when all is full.
    reader: Option<Waker>,
    closed: bool,
}

#[derive(Debug)]
struct Line<T> {
    items: VecDeque<(usize, T)>,
    taker: Option<Waker>,
    ended: bool,
}

impl<T> Inboxes<T> {
    pub(super) const fn new(limit: QueueLimit) -> Self {
        Self {
            limit,
            messages: 0,
            bytes: 0,
            lines: BTreeMap::new(),
            next: 0,
            reader: None,
            closed: false,
        }
    }

    /// A new line; its number.
    pub(super) fn open(&mut self) -> u64 {
        self.next += 1;
        let line = Line {
            items: VecDeque::new(),
            taker: None,
            ended: self.closed,
        };
        self.lines.insert(self.next, line);
        self.next
    }

    /// Puts something into a line, whatever its bound: it was read already.
    pub(super) fn push(&mut self, line: u64, weight: usize, item: T) {
        let Some(line) = self.lines.get_mut(&line) else {
            return;
        };
        self.messages += 1;
        self.bytes += weight;
        line.items.push_back((weight, item));
        if let Some(taker) = line.taker.take() {
            taker.wake();
        }
    }

    /// The same; but where there is no room, it takes the place of the last one of its line that is of its kind, so that
    /// what happens again and again has a bound although nothing is read for it.
    pub(super) fn push_or_replace(&mut self, line: u64, item: T, alike: impl Fn(&T) -> bool) {
        let full = !self.has_room();
        let last = self.lines.get_mut(&line).and_then(|l| l.items.back_mut());
        match last {
            Some((0, last)) if full && alike(last) => *last = item,
            _ => self.push(line, 0, item),
        }
    }

    /// The next of a line; `None` when it has ended.
    pub(super) fn poll_take(&mut self, line: u64, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(line) = self.lines.get_mut(&line) else {
            return Poll::Ready(None);
        };
        match line.items.pop_front() {
            Some((weight, item)) => {
                self.let_go(1, weight);
                Poll::Ready(Some(item))
            }
            None if line.ended => Poll::Ready(None),
            None => {
                line.taker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nothing more comes into a line; what is in it may still be taken.
    pub(super) fn end(&mut self, line: u64) {
        if let Some(line) = self.lines.get_mut(&line) {
            line.ended = true;
            if let Some(taker) = line.taker.take() {
                taker.wake();
            }
        }
    }

    /// Nobody takes from a line any more: what is in it.
    pub(super) fn remove(&mut self, line: u64) -> Vec<T> {
        let Some(line) = self.lines.remove(&line) else {
            return Vec::new();
        };
        let weight = line.items.iter().map(|(weight, _)| weight).sum();
        self.let_go(line.items.len(), weight);
        line.items.into_iter().map(|(_, item)| item).collect()
    }

    /// Ready while more may be read. One that is larger than all the room goes through alone.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends every line.
    pub(super) fn close(&mut self) {
        self.closed = true;
        let lines: Vec<u64> = self.lines.keys().copied().collect();
        lines.into_iter().for_each(|line| self.end(line));
    }

    const fn has_room(&self) -> bool {
        self.messages <= self.limit.messages && self.bytes <= self.limit.bytes
    }

    fn let_go(&mut self, messages: usize, bytes: usize) {
        self.messages -= messages;
        self.bytes -= bytes;
        if self.has_room()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_have_one_bound_and_each_its_order() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut inboxes = Inboxes::new(QueueLimit {
            messages: 2,
            bytes: 10,
        });
        let (a, b) = (inboxes.open(), inboxes.open());
        for (line, item) in [(a, 1), (b, 2), (a, 3)] {
            assert!(inboxes.poll_room(&mut cx).is_ready());
            inboxes.push(line, 1, item);
        }
        assert!(inboxes.poll_room(&mut cx).is_pending());
        assert_eq!(inboxes.poll_take(a, &mut cx), Poll::Ready(Some(1)));
        assert!(inboxes.poll_room(&mut cx).is_ready());
        inboxes.push(b, 20, 4);
        assert!(inboxes.poll_room(&mut cx).is_pending());
        assert_eq!(inboxes.remove(b), [2, 4]);
        assert!(inboxes.poll_room(&mut cx).is_ready());
        inboxes.close();
        // One of its kind is replaced where there is no room, and there alone.
        inboxes.push_or_replace(a, 3, |last| *last == 3);
        assert_eq!(inboxes.poll_take(a, &mut cx), Poll::Ready(Some(3)));
        inboxes.push(a, 20, 0);
        inboxes.push_or_replace(a, 5, |last| *last == 5);
        inboxes.push_or_replace(a, 5, |last| *last == 5);
        assert_eq!(inboxes.remove(a), [3, 0, 5]);
        assert_eq!(inboxes.poll_take(a, &mut cx), Poll::Ready(None));
        let a = inboxes.open();
        assert_eq!(inboxes.poll_take(a, &mut cx), Poll::Ready(None));
        assert_eq!(inboxes.poll_take(b, &mut cx), Poll::Ready(None));
    }
}
