//! Everything together.

use super::{Conformance, Simulation, Summary, Verdict};

/// Everything one invocation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Tool and version that made it, such as `squall 0.1.0`.
    pub tool: String,
    /// What was asked for, such as `squall verify`.
    pub title: String,
    /// When it was made (RFC 3339, UTC); `None` in snapshots and wherever two runs must give equal bytes.
    pub generated: Option<String>,
    /// Simulated scenarios, if any ran.
    pub simulation: Option<Simulation>,
    /// Conformance of a target, one per target.
    pub conformance: Vec<Conformance>,
}

impl Report {
    /// A report with nothing in it yet.
    #[must_use]
    pub fn new(tool: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            tool: tool.into(),
            title: title.into(),
            generated: None,
            simulation: None,
            conformance: Vec::new(),
        }
    }

    /// Counts over everything: simulated runs and checks together.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let simulation = self
            .simulation
            .as_ref()
            .map(|simulation| simulation.summary);
        simulation
            .into_iter()
            .chain(self.conformance.iter().map(|target| target.summary))
            .sum()
    }

    /// Why it does not cover all that was asked for, if something was interrupted.
    #[must_use]
    pub fn interrupted(&self) -> Option<&str> {
        let sweep = self.simulation.iter().map(|s| &s.interrupted);
        let targets = self.conformance.iter().map(|c| &c.interrupted);
        sweep.chain(targets).find_map(Option::as_deref)
    }

    /// The worst of everything, by [`Summary::verdict`]; inconclusive at best if anything was interrupted.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.summary().verdict() {
            Verdict::Fail => Verdict::Fail,
            _ if self.interrupted().is_some() => Verdict::Inconclusive,
            verdict => verdict,
        }
    }
}
