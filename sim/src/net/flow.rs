//! One direction of one connection: transmissions, retransmissions and arrival in order.

use squall_scenarios::{model::LinkSpec, random::Stream};
use std::collections::{BTreeSet, VecDeque};

/// Direction of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From client to broker.
    Up,
    /// From broker to client.
    Down,
}

impl Way {
    /// The opposite one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// What a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The opening of a connection. Charged a whole round trip, because its answer travels for free.
    Syn,
    /// Bytes.
    Data,
    /// The end of this direction; nothing comes after it.
    End,
    /// The answer to something that came on a connection of which this end knows nothing: both directions are over.
    Reset,
}

impl Kind {
    /// Whether nothing comes after it.
    pub(super) const fn ends(self) -> bool {
        matches!(self, Self::End | Self::Reset)
    }
}

/// Retransmission as TCP does it, in milliseconds of virtual time.
pub(super) struct Schedule {
    pub(super) first_rto: u64,
    pub(super) max_rto: u64,
    pub(super) tries: u32,
}

impl Schedule {
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Syn => Self {
                first_rto: 1_000,
                max_rto: 60_000,
                tries: 6,
            },
            Kind::Data | Kind::End | Kind::Reset => Self {
                first_rto: 200,
                max_rto: 60_000,
                tries: 15,
            },
        }
    }
}

#[derive(Debug)]
enum State {
    /// Not through yet; the next transmission is at `at`.
    Trying { at: u64, rto: u64, tries: u32 },
    /// Through: arrives at this time, or when everything before it has arrived. With what holds for the next
    /// transmission, where nobody is there who takes it.
    Arriving { at: u64, rto: u64, tries: u32 },
}

impl State {
    /// After a transmission at `at` that came to nothing: the next one. `None` when it was the last.
    fn missed(at: u64, rto: u64, tries: u32, schedule: &Schedule) -> Option<Self> {
        (tries + 1 < schedule.tries).then(|| Self::Trying {
            at: at + rto,
            rto: (rto * 2).min(schedule.max_rto),
            tries: tries + 1,
        })
    }
}

#[derive(Debug)]
pub(super) struct Segment<P> {
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) payload: P,
    state: State,
}

/// One direction of one connection.
#[derive(Debug)]
pub(super) struct Flow<P> {
    pub(super) random: Stream,
    queue: VecDeque<Segment<P>>,
    /// Segments that have left the queue: the place of the first one in it.
    gone: usize,
    /// Segments that are not through: time of the next transmission, and place.
    trying: BTreeSet<(u64, usize)>,
    /// Nothing passes any more and nobody is told.
    pub(super) dead: bool,
    /// The end was sent.
    pub(super) ended: bool,
}

/// How a transmission fares, decided by the network at the time it happens.
pub(super) enum Fate {
    /// It takes this many milliseconds.
    Through {
        latency: u64,
        /// That is more than the shortest time of the link.
        slower: bool,
    },
    /// It is lost by chance.
    Lost,
    /// A partition stops it.
    Stopped,
}

impl<P> Flow<P> {
    pub(super) fn new(random: Stream) -> Self {
        Self {
            random,
            queue: VecDeque::new(),
            gone: 0,
            trying: BTreeSet::new(),
            dead: false,
            ended: false,
        }
    }

    /// One-way fate of a transmission over `link`, blocked or not.
    pub(super) fn fate(&mut self, link: &LinkSpec, blocked: bool) -> Fate {
        // The first draw of a flow's transmission is the same whether the way is blocked or not.
        let lost = self.random.chance(link.loss_permille);
        if blocked {
            return Fate::Stopped;
        }
        if lost {
            return Fate::Lost;
        }
        let (min, max) = (link.latency_min_ms, link.latency_max_ms);
        let latency = self.random.between(min, max);
        Fate::Through {
            latency: latency.into(),
            slower: latency > min,
        }
    }

    pub(super) fn push(&mut self, now: u64, seq: u64, kind: Kind, payload: P) {
        let state = State::Trying {
            at: now,
            rto: Schedule::of(kind).first_rto,
            tries: 0,
        };
        self.trying.insert((now, self.gone + self.queue.len()));
        self.queue.push_back(Segment {
            seq,
            kind,
            payload,
            state,
        });
    }

    /// Makes every transmission that is due by `now`, in order of sending. `fate` decides each. Returns false when a
    /// segment has used all its tries: the flow is dead then.
    pub(super) fn transmit(
        &mut self,
        now: u64,
        mut fate: impl FnMut(&mut Self, Kind) -> Fate,
    ) -> bool {
        let due = self.trying.range(..=(now, usize::MAX));
        let mut due: Vec<(u64, usize)> = due.copied().collect();
        // In order of sending, whichever is due first: each transmission draws from the flow's randomness.
        due.sort_unstable_by_key(|(_, place)| *place);
        for (at, place) in due {
            let i = place - self.gone;
            let kind = self.queue[i].kind;
            let State::Trying { rto, tries, .. } = self.queue[i].state else {
                continue;
            };
            let schedule = Schedule::of(kind);
            self.trying.remove(&(at, place));
            self.queue[i].state = match fate(self, kind) {
                Fate::Through { latency, .. } => State::Arriving {
                    at: at + latency,
                    rto,
                    tries,
                },
                _ => match State::missed(at, rto, tries, &schedule) {
                    Some(next) => self.try_again(place, next),
                    None => return false,
                },
            };
        }
        true
    }

    /// Notes the next transmission of a segment.
    fn try_again(&mut self, place: usize, next: State) -> State {
        if let State::Trying { at, .. } = next {
            self.trying.insert((at, place));
        }
        next
    }

    /// Nobody takes what arrives by `now`: the first segment is sent again in its time, and what comes after it waits.
    /// Returns false when it has used all its tries.
    pub(super) fn miss(&mut self, now: u64) -> bool {
        let Some(first) = self.queue.front() else {
            return true;
        };
        let State::Arriving { at, rto, tries } = first.state else {
            return true;
        };
        if at > now {
            return true;
        }
        match State::missed(now, rto, tries, &Schedule::of(first.kind)) {
            Some(next) => {
                let next = self.try_again(self.gone, next);
                self.queue[0].state = next;
                true
            }
            None => false,
        }
    }

    /// Its sender is no more: what is through arrives, and nothing is sent again.
    pub(super) fn orphan(&mut self) {
        let through = |s: &Segment<P>| matches!(s.state, State::Arriving { .. });
        let through = self.queue.iter().take_while(|s| through(s)).count();
        // With an end that was lost, its flow has none.
        self.ended &= !self.queue.drain(through..).any(|lost| lost.kind.ends());
        self.trying.clear();
    }

    /// The first segment, if it has arrived by `now`.
    pub(super) fn pop_arrived(&mut self, now: u64) -> Option<Segment<P>> {
        match self.queue.front()?.state {
            State::Arriving { at, .. } if at <= now => {
                self.gone += 1;
                self.queue.pop_front()
            }
            _ => None,
        }
    }

    /// When something happens next: a transmission, or the arrival of the first segment.
    pub(super) fn next_at(&self) -> Option<u64> {
        let first = match self.queue.front()?.state {
            State::Arriving { at, .. } | State::Trying { at, .. } => at,
        };
        let trying = self.trying.first().map_or(first, |(at, _)| *at);
        Some(first.min(trying))
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What waits for a retransmission is sent again at `now`.
    pub(super) fn nudge(&mut self, now: u64) {
        let waiting = std::mem::take(&mut self.trying);
        for (_, place) in waiting {
            if let State::Trying { at, .. } = &mut self.queue[place - self.gone].state {
                *at = now;
                self.trying.insert((now, place));
            }
        }
    }

    /// From now on nothing passes.
    pub(super) fn kill(&mut self) {
        self.dead = true;
        self.gone += self.queue.len();
        self.queue.clear();
        self.trying.clear();
    }
}
