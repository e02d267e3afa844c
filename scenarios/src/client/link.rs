//! How the link of a client behaves.

use crate::{
    kind::{LATENCY, Maybe, SHARE},
    record::{self, record},
};

/// How a link behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// Shortest one-way time in milliseconds, at least 1.
    pub latency_min_ms: u32,
    /// Longest one-way time in milliseconds; not less than the shortest.
    pub latency_max_ms: u32,
    /// Share of transmissions that are lost, in thousandths: 0 to 1000.
    pub loss_permille: u16,
}

record! {
    /// A change of a link; `None` leaves a value as it is.
    #[derive(Copy, Default)]
    pub struct LinkChange, "a link" {
        /// shortest and longest one-way time, in the model in milliseconds
        latency_ms: Option<(u32, u32)> = "latency", usual(None, Maybe(LATENCY));
        /// share of transmissions that are lost, in the model in thousandths
        loss_permille: Option<u16> = "loss", usual(None, Maybe(SHARE));
    }
}

impl LinkSpec {
    /// With what the change says.
    pub(crate) fn changed(self, change: &LinkChange) -> Self {
        let now = (self.latency_min_ms, self.latency_max_ms);
        let (latency_min_ms, latency_max_ms) = change.latency_ms.unwrap_or(now);
        Self {
            latency_min_ms,
            latency_max_ms,
            loss_permille: change.loss_permille.unwrap_or(self.loss_permille),
        }
    }

    /// The change that makes any link this one.
    pub(crate) const fn whole(self) -> LinkChange {
        LinkChange {
            latency_ms: Some((self.latency_min_ms, self.latency_max_ms)),
            loss_permille: Some(self.loss_permille),
        }
    }

    /// As it is written.
    pub(crate) fn written(self) -> String {
        record::written(&self.whole(), &LinkChange::default(), &[]).to_string()
    }
}
