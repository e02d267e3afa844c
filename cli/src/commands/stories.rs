//! Stories that are told in real time, whoever is the stranger.

use squall_protocol::Version;
use squall_reports::SimResult;
use squall_scenarios::model::Scenario;
use std::time::Duration;

/// What is told.
pub(super) struct Stories {
    pub(super) scenarios: Vec<Scenario>,
    pub(super) versions: Vec<Version>,
    pub(super) seeds: (u64, u64),
    pub(super) jobs: usize,
    pub(super) patience: Duration,
}

/// What is done with each result before it is written: the name of its scenario, its version, and itself.
pub(super) type Note<'n> = dyn FnMut(&str, Version, &mut SimResult) + 'n;
