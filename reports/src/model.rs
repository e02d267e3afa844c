//! The result model: plain data, serialisable, without behaviour beyond counting.

use serde::{Deserialize, Serialize};
use std::{fmt, iter::Sum};

/// What was found about one check or one simulated run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// What the standard asks for was seen.
    Pass,
    /// A MUST or MUST NOT was broken, or a scenario's guarantee was not kept.
    Fail,
    /// A SHOULD was not followed, or the standard leaves room for doubt.
    Warn,
    /// The target does not offer the feature.
    #[serde(rename = "n/a")]
    NotApplicable,
    /// It could not be found out; the message says why.
    Inconclusive,
}

impl Verdict {
    /// All, in the order reports count them.
    pub const ALL: [Self; 5] = [
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::NotApplicable,
        Self::Inconclusive,
    ];

    /// `pass`, `fail`, `warn`, `n/a` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::NotApplicable => "n/a",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// One character that tells verdicts apart where colour is missing.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Pass => '✓',
            Self::Fail => '✗',
            Self::Warn => '!',
            Self::NotApplicable => '–',
            Self::Inconclusive => '?',
        }
    }

    /// Whether a reader has to look at it: fail, inconclusive and warn.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Fail | Self::Inconclusive | Self::Warn)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything one invocation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The worst of everything, by [`Summary::verdict`]; a sweep that was interrupted is inconclusive at best.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdict = self.summary().verdict();
        let sweep = self.simulation.as_ref().map(Simulation::verdict);
        if sweep == Some(Verdict::Inconclusive) && verdict != Verdict::Fail {
            Verdict::Inconclusive
        } else {
            verdict
        }
    }
}

/// How many results have each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of results.
    pub total: u64,
    /// Verdict pass.
    pub pass: u64,
    /// Verdict fail.
    pub fail: u64,
    /// Verdict warn.
    pub warn: u64,
    /// Verdict n/a.
    #[serde(rename = "n/a")]
    pub not_applicable: u64,
    /// Verdict inconclusive.
    pub inconclusive: u64,
}

impl FromIterator<Verdict> for Summary {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.total += 1;
            *match verdict {
                Verdict::Pass => &mut counts.pass,
                Verdict::Fail => &mut counts.fail,
                Verdict::Warn => &mut counts.warn,
                Verdict::NotApplicable => &mut counts.not_applicable,
                Verdict::Inconclusive => &mut counts.inconclusive,
            } += 1;
        }
        counts
    }
}

impl Summary {
    /// The count of one verdict.
    #[must_use]
    pub const fn of(&self, verdict: Verdict) -> u64 {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Fail => self.fail,
            Verdict::Warn => self.warn,
            Verdict::NotApplicable => self.not_applicable,
            Verdict::Inconclusive => self.inconclusive,
        }
    }

    /// The worst verdict counted, in the order fail, inconclusive, warn, pass, n/a. Nothing at all is inconclusive:
    /// no result is not a good result.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.fail > 0 {
            Verdict::Fail
        } else if self.inconclusive > 0 || self.total == 0 {
            Verdict::Inconclusive
        } else if self.warn > 0 {
            Verdict::Warn
        } else if self.pass > 0 {
            Verdict::Pass
        } else {
            Verdict::NotApplicable
        }
    }
}

impl Sum for Summary {
    fn sum<I: Iterator<Item = Self>>(summaries: I) -> Self {
        summaries.fold(Self::default(), |sum, next| Self {
            total: sum.total + next.total,
            pass: sum.pass + next.pass,
            fail: sum.fail + next.fail,
            warn: sum.warn + next.warn,
            not_applicable: sum.not_applicable + next.not_applicable,
            inconclusive: sum.inconclusive + next.inconclusive,
        })
    }
}

/// A sweep of scenarios over seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// Counts over `results`.
    pub summary: Summary,
    /// One entry per scenario, version, seed and world.
    pub results: Vec<SimResult>,
    /// Whole runs per second of wall time, if measured.
    pub runs_per_second: Option<u64>,
    /// Virtual seconds simulated per second of wall time, if measured.
    pub virtual_seconds_per_second: Option<u64>,
    /// Why the sweep ended before its last run, if it did (such as Ctrl-C).
    pub interrupted: Option<String>,
}

impl Simulation {
    /// Results with their counts; nothing measured, not interrupted.
    #[must_use]
    pub fn new(results: Vec<SimResult>) -> Self {
        Self {
            summary: results.iter().map(|result| result.verdict).collect(),
            results,
            runs_per_second: None,
            virtual_seconds_per_second: None,
            interrupted: None,
        }
    }

    /// The worst of its results, by [`Summary::verdict`]; inconclusive at best if it was interrupted.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self.summary.verdict() {
            Verdict::Fail => Verdict::Fail,
            _ if self.interrupted.is_some() => Verdict::Inconclusive,
            verdict => verdict,
        }
    }
}

/// One simulated run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimResult {
    /// Name: the file's path below the scenario folder without its ending.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// MQTT version, `3.1.1` or `5.0`.
    pub version: String,
    /// Seed of the run.
    pub seed: u64,
    /// `loop` or `turmoil`.
    pub world: String,
    /// Pass or fail.
    pub verdict: Verdict,
    /// Hash of the whole trace, hexadecimal; equal for equal scenario, version and seed in every world.
    pub trace_hash: String,
    /// Virtual time the story took, in milliseconds.
    pub virtual_ms: u64,
    /// What went wrong; empty when the verdict is pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The command that runs exactly this again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

/// A guarantee that was not kept in a simulated run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Oracle or expectation that speaks, such as `exactly once`.
    pub rule: String,
    /// Statements of the standard behind it.
    pub statements: Vec<StatementRef>,
    /// What happened, in one sentence.
    pub message: String,
    /// What should have happened.
    pub expected: String,
    /// Where it is asked for (`file:line:column`), if a scenario asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The packets behind it.
    pub evidence: Exchange,
}

/// A statement of the standard, with its meaning in our words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRef {
    /// Such as `MQTT-3.3.1-2`.
    pub id: String,
    /// What it requires; empty if not looked up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
}

/// Conformance of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conformance {
    /// Address of the target, such as `mqtt://127.0.0.1:1883`.
    pub target: String,
    /// Counts over `results`.
    pub summary: Summary,
    /// One entry per check and version.
    pub results: Vec<CheckResult>,
    /// Wall time of the whole run in milliseconds.
    pub duration_ms: u64,
}

impl Conformance {
    /// Results with their counts. `duration_ms` is the wall time of the whole run in milliseconds.
    #[must_use]
    pub fn new(target: impl Into<String>, results: Vec<CheckResult>, duration_ms: u64) -> Self {
        let summary = results.iter().map(|result| result.verdict).collect();
        Self {
            target: target.into(),
            summary,
            results,
            duration_ms,
        }
    }
}

/// What one check found in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Name of the check, such as `publish/qos2-duplicate`.
    pub check: String,
    /// What the check is about, in a sentence.
    pub title: String,
    /// Statements it judges.
    pub statements: Vec<StatementRef>,
    /// MQTT version, `3.1.1` or `5.0`.
    pub version: String,
    /// What was found.
    pub verdict: Verdict,
    /// What happened, in one sentence.
    pub message: String,
    /// What the standard asks for here.
    pub expected: String,
    /// The packets behind the verdict.
    pub evidence: Exchange,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}

/// Packets between parties over time: what a message sequence chart draws.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Names of the parties, left to right.
    pub parties: Vec<String>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// One arrow or note of an [`Exchange`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the start (virtual time in a simulation, wall time in a conformance run).
    pub at_ms: u64,
    /// What kind of thing it is.
    pub kind: EventKind,
    /// Index into `parties`: who did it.
    pub from: usize,
    /// Index into `parties`: whom it was for; the same as `from` for a note.
    pub to: usize,
    /// A short line, such as `PUBLISH a/b QoS 2 id 1 DUP`.
    pub label: String,
    /// The fields of the packet, or whatever else explains it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The bytes, hexadecimal; may be empty or cut short with `…`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hex: String,
    /// Whether this is where it went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub highlight: bool,
}

/// How an [`Event`] is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A packet that was sent, and as far as is known arrived.
    Packet,
    /// A packet that was sent and never arrived.
    Lost,
    /// The connection was opened.
    Open,
    /// The connection was closed.
    Close,
    /// Something one party did or noticed, or a wait that ended.
    Note,
}
