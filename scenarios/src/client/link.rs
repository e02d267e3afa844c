//! How the link of a client behaves.

use crate::{
    kind::{FLAG, LATENCY, Maybe, SHARE},
    record::{self, record},
    source::Source,
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

/// Where the file says how a link behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// How long segments take.
    pub latency: Said,
    /// How many transmissions are lost.
    pub loss: Said,
}

/// Where something is said, and whether it may come to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The place; line 0 when nothing is said.
    pub source: Source,
    /// It may come to nothing.
    pub optional: bool,
}

impl Weather {
    /// With what a change says that stands at this place.
    pub(crate) fn changed(self, change: &LinkChange, source: Source) -> Self {
        let optional = change.optional;
        let said = |now: Said, says: bool| match says {
            true => Said { source, optional },
            false => now,
        };
        Self {
            latency: said(self.latency, change.latency_ms.is_some()),
            loss: said(self.loss, change.loss_permille.is_some()),
        }
    }
}

record! {
    /// A change of a link; `None` leaves a value as it is.
    #[derive(Copy, Default)]
    pub struct LinkChange, "a link" {
        /// shortest and longest one-way time, in the model in milliseconds
        latency_ms: Option<(u32, u32)> = "latency", usual(None, Maybe(LATENCY));
        /// share of transmissions that are lost, in the model in thousandths
        loss_permille: Option<u16> = "loss", usual(None, Maybe(SHARE));
        /// `true`: it may come to nothing, which otherwise fails the run or the sweep
        optional: bool = "optional", usual(false, FLAG);
    }
}

impl LinkChange {
    /// In a few words, such as `latency 5ms..40ms, loss 1.0 %`.
    #[must_use]
    pub fn told(&self) -> String {
        let latency = self
            .latency_ms
            .map(|(min, max)| format!("latency {min}ms..{max}ms"));
        let loss = self
            .loss_permille
            .map(|l| format!("loss {}.{} %", l / 10, l % 10));
        [latency, loss]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Nothing but these times, in milliseconds.
    #[must_use]
    pub fn latency(range: (u32, u32)) -> Self {
        Self {
            latency_ms: Some(range),
            ..Self::default()
        }
    }

    /// Nothing but this share, in thousandths.
    #[must_use]
    pub fn loss(permille: u16) -> Self {
        Self {
            loss_permille: Some(permille),
            ..Self::default()
        }
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

    /// As it is written, with what may come to nothing of it.
    pub(crate) fn written(self, weather: Weather) -> String {
        let whole = LinkChange {
            latency_ms: Some((self.latency_min_ms, self.latency_max_ms)),
            loss_permille: Some(self.loss_permille),
            optional: weather.latency.optional || weather.loss.optional,
        };
        record::written(&whole, &LinkChange::default(), &[]).to_string()
    }
}
