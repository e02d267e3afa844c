//! A point in time as the cores see it: passed in, never read.

use std::{fmt, ops, time::Duration};

/// Milliseconds since the start of a run: virtual time in a simulation, wall time on a real socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than any time a run reaches.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `ms` milliseconds after the start.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl ops::Add<Duration> for Time {
    type Output = Self;

    /// Saturates at [`Time::MAX`]; parts of a millisecond are cut off.
    fn add(self, rhs: Duration) -> Self {
        let ms = u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(ms))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_seconds_with_three_digits() {
        assert_eq!(Time::from_millis(61_005).to_string(), "61.005s");
    }

    #[test]
    fn addition_saturates() {
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
    }

    #[test]
    fn since_is_zero_for_a_later_start() {
        assert_eq!(Time::ZERO.since(Time::from_millis(5)), Duration::ZERO);
    }
}
