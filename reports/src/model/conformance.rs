//! What the checks of one target found.

use super::{Exchange, Finding, StatementRef, Summary, Verdict};

/// Conformance of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conformance {
    /// Address of the target, such as `mqtt://127.0.0.1:1883`.
    pub target: String,
    /// Counts over `results`.
    pub summary: Summary,
    /// One entry per check and version.
    pub results: Vec<CheckResult>,
    /// Wall time of the whole run in milliseconds.
    pub duration_ms: u64,
    /// Why the run ended before its last check, if it did (such as Ctrl-C).
    pub interrupted: Option<String>,
    /// What the run had to leave on the target: sessions and retained messages, in words.
    pub leftovers: Vec<String>,
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
            interrupted: None,
            leftovers: Vec::new(),
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

/// What one check found in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What the server broke beside what the verdict names: each a cause of its own, that packets of this check show.
    pub findings: Vec<Finding>,
    /// The packets that prove the verdict; empty where nobody has to look at them, unless they were asked for.
    pub evidence: Exchange,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}
