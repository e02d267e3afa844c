//! Dialing again by itself: when.

use super::{again::Again, command::Backoff};
use squall_protocol::Time;
use std::time::Duration;

/// When a client dials again.
#[derive(Debug, Default)]
pub(super) struct Redial {
    backoff: Option<Backoff>,
    /// The wait after the last unwanted end, before anything was drawn.
    wait: Option<Duration>,
    /// When it dials.
    pub(super) at: Option<Time>,
    /// When the connection there is was accepted.
    accepted: Option<Time>,
    /// When it last dialed without a wait.
    hurried: Option<Time>,
    draws: Draws,
}

impl Redial {
    /// With another backoff the waits begin anew; with none, a dial that is due is not made.
    pub(super) fn set(&mut self, backoff: Option<Backoff>) {
        let seed = backoff.and_then(|backoff| backoff.jitter);
        *self = Self {
            backoff,
            at: self.at.filter(|_| backoff.is_some()),
            accepted: self.accepted,
            draws: Draws(seed.unwrap_or(0)),
            ..Self::default()
        };
    }

    /// The waits begin anew: somebody dials by hand.
    pub(super) fn begin(&mut self) {
        self.wait = None;
        self.hurried = None;
    }

    /// CONNACK accepted the connection.
    pub(super) fn accepted(&mut self, now: Time) {
        self.accepted = Some(now);
    }

    /// A connection or an attempt has ended.
    pub(super) fn ended(&mut self, now: Time, again: Again, follow: bool) {
        let accepted = self.accepted.take();
        let Some(backoff) = self.backoff else {
            return;
        };
        if accepted.is_some_and(|at| now.since(at) >= backoff.settled) {
            self.wait = None;
        }
        let hurried = self.hurried;
        let may_hurry = hurried.is_none_or(|at| now.since(at) >= backoff.max);
        let wait = match again {
            Again::Never => return,
            Again::Elsewhere if !follow => return,
            Again::AtOnce | Again::Elsewhere if may_hurry => {
                self.hurried = Some(now);
                Duration::ZERO
            }
            Again::Later | Again::AtOnce | Again::Elsewhere => self.next_wait(backoff),
        };
        // Time passes between two attempts, whatever the caller asked for.
        self.at = Some(now + wait.max(Duration::from_millis(1)));
    }

    fn next_wait(
        &mut self,
        Backoff {
            first, max, jitter, ..
        }: Backoff,
    ) -> Duration {
        let wait = self
            .wait
            .map_or(first, |wait| wait.saturating_mul(2))
            .min(max);
        // What is nothing, or less than a millisecond, has to grow, too.
        let wait = wait.max(Duration::from_millis(1));
        self.wait = Some(wait);
        match jitter {
            Some(_) => self.draws.between(wait / 2, wait),
            None => wait,
        }
    }
}

/// A SplitMix64 generator: the state goes up by the golden ratio of 2^64, and is stirred into a number.
#[derive(Debug, Default)]
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Whole milliseconds, both ends included.
    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let (least, most) = (ms(least), ms(most));
        let width = u128::from(most.saturating_sub(least)) + 1;
        // The upper half of a product: no division, and hardly a bias.
        let drawn = (u128::from(self.next()) * width) >> 64;
        Duration::from_millis(least + drawn as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draws_are_those_of_the_published_generator() {
        // The first numbers of SplitMix64 with the seed 1234567, as its reference implementation gives them.
        let mut draws = Draws(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| draws.next()).collect();
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_wait_is_drawn_between_its_half_and_the_whole() {
        let mut draws = Draws(7);
        let waits: Vec<u64> = (0..10_000)
            .map(|_| draws.between(Duration::from_millis(50), Duration::from_millis(100)))
            .map(|wait| wait.as_millis() as u64)
            .collect();
        assert_eq!(waits.iter().min(), Some(&50));
        assert_eq!(waits.iter().max(), Some(&100));
        let same = draws.between(Duration::from_millis(3), Duration::from_millis(3));
        assert_eq!(same, Duration::from_millis(3));
    }
}
