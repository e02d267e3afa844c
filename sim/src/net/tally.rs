//! What became of the transmissions on a link, counted: a fault that never bites proves nothing.

use super::flow::Fate;
use std::collections::BTreeMap;

/// What became of the transmissions on one link. Both worlds count the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that came through.
    pub passed: u64,
    /// Of these, those that took longer than the link's shortest time.
    pub slower: u64,
    /// Those that were lost by chance.
    pub lost: u64,
    /// Those that a partition stopped on the way to the broker.
    pub stopped_up: u64,
    /// And on the way from it.
    pub stopped_down: u64,
}

impl Tally {
    fn fields(&mut self) -> [&mut u64; 5] {
        let Self {
            passed,
            slower,
            lost,
            stopped_up,
            stopped_down,
        } = self;
        [passed, slower, lost, stopped_up, stopped_down]
    }

    /// How much more this is than an earlier tally of the same link.
    #[must_use]
    pub fn since(mut self, mut earlier: Self) -> Self {
        for (now, before) in self.fields().into_iter().zip(earlier.fields()) {
            *now = now.saturating_sub(*before);
        }
        self
    }

    pub(super) fn add(&mut self, mut more: Self) {
        for (now, more) in self.fields().into_iter().zip(more.fields()) {
            *now += *more;
        }
    }

    /// One transmission upwards.
    pub(super) fn up(fate: &Fate) -> Self {
        Self {
            stopped_up: u64::from(matches!(fate, Fate::Stopped)),
            ..Self::one(fate)
        }
    }

    /// One transmission downwards.
    pub(super) fn down(fate: &Fate) -> Self {
        Self {
            stopped_down: u64::from(matches!(fate, Fate::Stopped)),
            ..Self::one(fate)
        }
    }

    fn one(fate: &Fate) -> Self {
        Self {
            passed: u64::from(matches!(fate, Fate::Through { .. })),
            slower: u64::from(matches!(fate, Fate::Through { slower: true, .. })),
            lost: u64::from(matches!(fate, Fate::Lost)),
            ..Self::default()
        }
    }
}

/// The tallies of all links.
///
/// In one world what is sent is transmitted at once, in the other at the end of the millisecond, and not at all when
/// the connection has fallen silent by then. So that both count the same, the first transmissions of a connection that
/// falls silent in the same millisecond are taken back.
#[derive(Debug)]
pub(super) struct Tallies {
    of: Vec<Tally>,
    /// What was counted for first transmissions in the millisecond `at`, by connection.
    fresh: BTreeMap<usize, Tally>,
    at: u64,
}

impl Tallies {
    pub(super) fn new(links: usize) -> Self {
        Self {
            of: vec![Tally::default(); links],
            fresh: BTreeMap::new(),
            at: 0,
        }
    }

    pub(super) fn all(&self) -> &[Tally] {
        &self.of
    }

    pub(super) fn count(&mut self, link: usize, tally: Tally) {
        self.of[link].add(tally);
    }

    /// As [`Self::count`], for the first transmission of something that was sent at `now`.
    pub(super) fn count_fresh(&mut self, now: u64, link: usize, conn: usize, tally: Tally) {
        if std::mem::replace(&mut self.at, now) != now {
            self.fresh.clear();
        }
        self.count(link, tally);
        self.fresh.entry(conn).or_default().add(tally);
    }

    /// A connection falls silent at `now`.
    pub(super) fn take_back(&mut self, now: u64, link: usize, conn: usize) {
        if let Some(fresh) = self.fresh.remove(&conn)
            && self.at == now
        {
            self.of[link] = self.of[link].since(fresh);
        }
    }
}
