//! Replay files: one run, written down so that it can be run again by anybody, later, and give the same trace.
//!
//! The file is YAML for people to read: what ran, what came of it, and the whole plan. The plan has no seeded steps
//! left, so the file keeps its meaning when the way workloads are drawn changes.

mod folder;
mod read;

pub use folder::{Folder, command, quoted};

use crate::{live::WORLD, run::Judged, world::World};
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict};
use squall_scenarios::{model::Scenario, write};
use std::fmt;

/// The version of the replay file format. It goes up with every change after which an older Squall would read a file
/// wrongly. A Squall reads this version and every older one since [`OLDEST`]; it refuses others, and says what to do.
pub const FORMAT: u32 = 1;
/// The oldest version that is read.
pub const OLDEST: u32 = 1;

/// Where a run was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a virtual world.
    In(World),
    /// With a broker that runs somewhere: its address, without a password, or the name of a target that is started.
    Live(String),
    /// With clients that somebody else wrote: the name of an adapter, or the command that starts it.
    Client(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::In(world) => world.as_str(),
            Self::Live(_) | Self::Client(_) => WORLD,
        })
    }
}

/// A run that can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The Squall that wrote it, such as `0.1.0`.
    pub squall: String,
    /// MQTT version of the run.
    pub version: Version,
    /// Seed of the run.
    pub seed: u64,
    /// Where it was played.
    pub place: Place,
    /// What was found.
    pub verdict: Verdict,
    /// Hash of the trace.
    pub trace_hash: String,
    /// What was played.
    pub plan: Scenario,
}

impl Replay {
    /// The replay of a run that was just judged.
    #[must_use]
    pub fn of(judged: &Judged, version: Version, world: World) -> Self {
        Self {
            squall: env!("CARGO_PKG_VERSION").into(),
            version,
            seed: judged.result.seed,
            place: Place::In(world),
            verdict: judged.result.verdict,
            trace_hash: judged.result.trace_hash.clone(),
            plan: judged.plan.clone(),
        }
    }

    /// Whether a run of this file was the recorded one again.
    #[must_use]
    pub fn compare(&self, result: &SimResult) -> Comparison {
        Comparison {
            same_trace: result.trace_hash == self.trace_hash,
            same_verdict: result.verdict == self.verdict,
        }
    }

    /// A name for the file: scenario, version and seed, such as `qos2-cut-before-pubrec.5.0.seed-17.replay.yaml`.
    #[must_use]
    pub fn file_name(&self) -> String {
        let name: String = self
            .plan
            .name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || c == '-' {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        format!("{name}.{}.seed-{}.replay.yaml", self.version, self.seed)
    }

    /// The text of the file.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        use std::fmt::Write as _;
        let string = |s: &str| serde_json::to_string(s).expect("a string has a JSON form");
        let mut text = String::from("# A run of Squall. Run it again with: squall replay FILE\n");
        let lines = [
            ("squall_replay", FORMAT.to_string()),
            ("squall", string(&self.squall)),
            ("name", string(&self.plan.name)),
            ("source", string(&self.plan.file)),
            ("version", string(self.version.as_str())),
            ("seed", self.seed.to_string()),
            ("world", self.place.to_string()),
            ("verdict", self.verdict.to_string()),
            ("trace_hash", string(&self.trace_hash)),
        ];
        let stranger = match &self.place {
            Place::In(_) => None,
            Place::Live(broker) => Some(("broker", string(broker))),
            Place::Client(client) => Some(("client", string(client))),
        };
        for (key, value) in lines.into_iter().chain(stranger) {
            writeln!(text, "{key}: {value}").expect("writing to a string");
        }
        text.push_str("plan: |\n");
        for line in write(&self.plan).lines() {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// A run of a replay file beside the one that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Everything happened as it did then, record for record.
    pub same_trace: bool,
    /// The verdict is what it was.
    pub same_verdict: bool,
}
