//! A scenario after reading: names resolved, defaults filled in, impossible things refused.
//!
//! This is what the director, the worlds and the oracles see. It knows nothing of YAML. Durations are virtual time
//! in whole milliseconds.

use squall_protocol::Version;
use std::time::Duration;

pub use crate::{
    action::{Action, ConnectExpect, MessagePattern, MessageSpec},
    broker::BrokerSpec,
    client::{
        ClientSpec, ConnectSpec, LinkChange, LinkSpec, ReconnectSpec, Said, Weather, WillSpec,
    },
    expect::{ExpectKind, Expectation, Receivers, Times},
    source::{ClientIx, Source},
    statements::Statement,
    step::{
        Entry, Fault, Life, Network, Settle, Step, StepKind, Wait, Workload,
        fault::{CutBy, CutPoint, Trouble, Way},
        life::{Crash, Unsynced},
    },
    store::StoreSpec,
};

/// One story about an MQTT system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Short name: the file's path below the scenario folder without its ending, such as `qos2/cut-after-pubrec`.
    pub name: String,
    /// The file as it was named when it was read; for messages.
    pub file: String,
    /// What the story tells, in one sentence.
    pub title: String,
    /// Statements of the standard it is about, such as `MQTT-4.3.3-1`.
    pub statements: Vec<Statement>,
    /// Versions it runs with, at least one.
    pub versions: Vec<Version>,
    /// How many seeds (0, 1, …) a test run tries; at least 1.
    pub seeds: u32,
    /// Virtual time after which the run has failed.
    pub limit: Duration,
    /// The reference broker's settings.
    pub broker: BrokerSpec,
    /// The clients, in the order of the file; at least one.
    pub clients: Vec<ClientSpec>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What must be true of the whole history, beyond the oracles that always listen.
    pub expect: Vec<Expectation>,
}

impl Scenario {
    /// The version that a client speaks in a run with `version`: its own, or that of the run.
    ///
    /// # Panics
    ///
    /// When there is no such client.
    #[must_use]
    pub fn speaks(&self, client: ClientIx, version: Version) -> Version {
        self.clients[client].version.unwrap_or(version)
    }

    /// Whether the broker may go down in it, or come back: by a step, or as its disk has a trouble.
    #[must_use]
    pub fn crashes(&self) -> bool {
        let mut steps = self.steps.iter().flat_map(Step::all);
        steps.any(|step| {
            matches!(
                step.kind,
                StepKind::Life(_) | StepKind::Fault(Fault::Disk(_))
            )
        })
    }

    /// The longest that the disk of the broker's store takes in it to make durable what was written; `None` without one.
    #[must_use]
    pub fn longest_sync(&self) -> Option<Duration> {
        let usual = self.broker.store.as_ref()?.sync.1;
        let steps = self.steps.iter().flat_map(Step::all);
        let slow = steps.filter_map(|step| match &step.kind {
            StepKind::Fault(Fault::Disk(disk)) if disk.trouble == Trouble::Slow => {
                Some(disk.sync.1)
            }
            _ => None,
        });
        Some(slow.fold(usual, Duration::max))
    }

    /// Every version that somebody speaks in a run with `version`, that one first.
    #[must_use]
    pub fn spoken(&self, version: Version) -> Vec<Version> {
        let mut all = vec![version];
        for own in self.clients.iter().filter_map(|c| c.version) {
            if !all.contains(&own) {
                all.push(own);
            }
        }
        all
    }
}
