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
    step::{
        Entry, Fault, Network, Settle, Step, StepKind, Wait, Workload,
        fault::{CutBy, CutPoint, Way},
    },
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
    pub statements: Vec<String>,
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
