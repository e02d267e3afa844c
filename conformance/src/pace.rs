//! How fast a target is, and how long a check therefore waits.
//!
//! No statement of the standard says how soon an answer has to come, so a time limit is never a rule of ours: it is what
//! this target was measured to need, many times over. Before the checks, a few round trips (CONNECT and CONNACK, then
//! PINGREQ and PINGRESP) are timed one after the other; the longest counts. Every wait of a check is one of these:
//!
//! | wait | is | for |
//! | --- | --- | --- |
//! | answer | the option `wait` (3 s), at least 10 round trips, at most 30 s | what has to come: after this it is lost, until then only late |
//! | quiet | 500 ms (never more than the option `wait`), at least 8 round trips, at most 10 s | what must not come: it was silent for so long |
//! | grace | 400 ms (at most half of the option `wait`), at least 2 round trips, at most 2 s | a server that closes, before it is asked whether it carries on |
//! | patience | 15 of the option `wait` (45 s) | what a server may send by a timer of its own: the repetition of a message in a resumed session |
//! | check | the option `timeout` (12 s) and 200 round trips, at most 2 minutes more | a whole check |

use std::time::Duration;

/// Waits derived from what was measured at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    round_trip: Duration,
    wait: Duration,
}

impl Pace {
    /// `wait` is the least time for an answer; `round_trip` the longest that was measured.
    pub(crate) const fn new(wait: Duration, round_trip: Duration) -> Self {
        Self { round_trip, wait }
    }

    /// How long to wait for one thing that has to come.
    pub(crate) fn answer(self) -> Duration {
        self.at_least(10, self.wait, Duration::from_secs(30))
    }

    /// How long a silence has to last before it counts as one.
    pub(crate) fn quiet(self) -> Duration {
        let floor = Duration::from_millis(500).min(self.wait);
        self.at_least(8, floor, Duration::from_secs(10))
    }

    /// How long a server that closes is given to do so before it is asked whether it carries on.
    pub(crate) fn grace(self) -> Duration {
        let floor = Duration::from_millis(400).min(self.wait / 2);
        self.at_least(2, floor, Duration::from_secs(2))
    }

    /// How long to wait, after that, for what a server may send by a timer of its own. Timers of 10 to 30 s are in use.
    pub(crate) fn patience(self) -> Duration {
        15 * self.wait
    }

    /// The longest time for a whole check, where it is `limit` at a target next door.
    pub(crate) fn check(self, limit: Duration) -> Duration {
        limit + (200 * self.round_trip).min(Duration::from_secs(120))
    }

    fn at_least(self, round_trips: u32, floor: Duration, most: Duration) -> Duration {
        floor.max((round_trips * self.round_trip).min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_the_round_trip_between_their_bounds() {
        let ms = Duration::from_millis;
        let of = |round_trip| Pace::new(ms(3000), ms(round_trip));
        assert_eq!(
            (of(1).answer(), of(1).quiet(), of(1).grace()),
            (ms(3000), ms(500), ms(400))
        );
        assert_eq!(
            (of(600).answer(), of(600).quiet(), of(600).grace()),
            (ms(6000), ms(4800), ms(1200))
        );
        assert_eq!(
            (of(60_000).answer(), of(60_000).quiet()),
            (ms(30_000), ms(10_000))
        );
        assert_eq!(of(300).check(ms(12_000)), ms(72_000));
        let brief = Pace::new(ms(150), Duration::ZERO);
        assert_eq!(
            (brief.answer(), brief.quiet(), brief.grace()),
            (ms(150), ms(150), ms(75))
        );
    }
}
