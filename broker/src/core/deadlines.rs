//! Everything that has to happen later, by time. Knows when, not what.

use super::{ConnId, session::SessionId};
use squall_protocol::{Text, Time};
use std::collections::BTreeSet;

/// What a deadline is for. The order decides between deadlines of one instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// CONNECT has to be complete.
    Connect(ConnId),
    /// The client has to be heard.
    KeepAlive(ConnId),
    /// The will of a session is due.
    Will(SessionId),
    /// A session ends.
    SessionEnd(SessionId),
    /// The retained message of a topic expires.
    Retained(Text),
}

/// Deadlines in order. Setting, clearing and looking are logarithmic at most.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(Time, Timer)>);

impl Deadlines {
    pub(super) fn set(&mut self, at: Time, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(super) fn clear(&mut self, at: Time, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the first deadline that is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
