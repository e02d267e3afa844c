//! Dialing again by itself.

use super::Backoff;
use squall_protocol::Time;
use std::time::Duration;

/// When a client dials again.
#[derive(Debug, Default)]
pub(super) struct Redial {
    pub(super) backoff: Option<Backoff>,
    /// The wait after the last unwanted end.
    pub(super) wait: Option<Duration>,
    pub(super) at: Option<Time>,
}

impl Redial {
    pub(super) fn schedule(&mut self, now: Time) {
        let Some(Backoff { first, max }) = self.backoff else {
            return;
        };
        let wait = self
            .wait
            .map_or(first, |wait| wait.saturating_mul(2))
            .min(max);
        // Time passes between two attempts, whatever the caller asked for.
        let wait = wait.max(Duration::from_millis(1));
        self.wait = Some(wait);
        self.at = Some(now + wait);
    }
}
