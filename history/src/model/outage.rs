//! The server goes down and comes back: what it may have forgotten, and what it may not.

use super::{Connection, Kept, Mark, Model};
use squall_protocol::Time;
use std::time::Duration;

/// A time in which there was no server. All its connections were over with that.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// When it went down.
    pub down: Mark,
    /// When it was back, if it came back.
    pub up: Option<Mark>,
    /// What it keeps.
    pub keeps: Keeps,
}

/// What a server keeps over a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: no session, no message.
    Nothing,
    /// Whatever it has acknowledged, and everything that happened longer than this before the crash. What is newer, and
    /// was promised to nobody, may be lost.
    All(Duration),
}

impl Outage {
    /// Whether the server may have forgotten what happened then without having promised it to anybody.
    fn shakes(&self, mark: Mark) -> bool {
        mark <= self.down
            && match self.keeps {
                Keeps::Nothing => true,
                Keeps::All(within) => self.down.at.since(mark.at) <= within,
            }
    }

    /// How long it lasted between two times.
    fn between(&self, from: Time, to: Time) -> Duration {
        let until = self.up.map_or(to, |up| up.at.min(to));
        until.since(self.down.at.max(from))
    }
}

impl Connection<'_> {
    /// Whether the server may know nothing of what its client's DISCONNECT said.
    pub(super) fn forgets_farewell(&self, model: &Model<'_>) -> bool {
        let closed = self.closed.map(|(mark, _)| mark);
        self.farewell.is_some() && closed.is_some_and(|closed| model.is_shaky(closed))
    }
}

impl Model<'_> {
    /// Whether the server may have forgotten what happened then without having promised it to anybody.
    #[must_use]
    pub fn is_shaky(&self, mark: Mark) -> bool {
        self.outages.iter().any(|outage| outage.shakes(mark))
    }

    /// Whether the server has lost everything between two records.
    #[must_use]
    pub fn is_lost(&self, from: usize, to: usize) -> bool {
        let forgets = |o: &&Outage| o.keeps == Keeps::Nothing;
        let mut outages = self.outages.iter().filter(forgets);
        outages.any(|outage| from < outage.down.ix && outage.down.ix < to)
    }

    /// How long there was no server between two times.
    #[must_use]
    pub fn time_down(&self, from: Time, to: Time) -> Duration {
        let outages = self.outages.iter();
        outages.map(|outage| outage.between(from, to)).sum()
    }

    /// Whether the server went down with a CONNECT of the session that it had not answered, after `since`: what it made of
    /// that one, nobody knows.
    pub(super) fn went_down_unasked(&self, n: usize, since: Option<Mark>) -> bool {
        let session = self.session(self.connections[n].client);
        let unanswered = |c: &&Connection<'_>| {
            let asked = c.connect.map(|(mark, _)| mark);
            self.session(c.client) == session
                && c.answered.is_none()
                && asked.is_some_and(|asked| since.is_none_or(|since| since < asked))
                && c.crashed
        };
        self.connections[..n].iter().any(|c| unanswered(&c))
    }

    /// Whether the session of a connection that is over, and lasts so long without one, is still there, where the server
    /// may have gone down since. The time may count from any moment at which it can have learnt of the end.
    pub(super) fn lasts(&self, previous: &Connection<'_>, asked: Mark, seconds: u32) -> Kept {
        let lasting = Duration::from_secs(seconds.into());
        let closed = previous.closed.map(|(mark, _)| mark.min(asked));
        let first = closed.unwrap_or(asked);
        let mut last = first;
        for outage in &self.outages {
            let known = closed.is_none_or(|closed| closed <= outage.down);
            if known && outage.down <= asked && outage.shakes(last) {
                last = outage.up.unwrap_or(asked).min(asked);
            }
        }
        if last > first && previous.farewell.is_some() {
            // It may have said for how long, and that may be forgotten.
            return Kept::Either;
        }
        match (asked.at < first.at + lasting, asked.at > last.at + lasting) {
            (true, _) => Kept::Yes,
            (_, true) => Kept::No,
            _ => Kept::Either,
        }
    }
}
