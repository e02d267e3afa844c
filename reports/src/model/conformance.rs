//! What the checks of one target found.

use super::{Exchange, Finding, StatementRef, Summary, Verdict};

/// Conformance of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conformance {
    /// Address of the target, such as `mqtt://127.0.0.1:1883`.
    pub target: String,
    /// What the target is, if that is known.
    pub product: Option<Product>,
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
            product: None,
            summary,
            results,
            duration_ms,
            interrupted: None,
            leftovers: Vec::new(),
        }
    }

    /// Whose conformance it is, in words: the product where it is known, and the address.
    #[must_use]
    pub fn whose(&self) -> String {
        match &self.product {
            Some(Product { name, version }) => format!("{name} {version} at {}", self.target),
            None => self.target.clone(),
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

/// A product in a version, as whoever described the target says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its name, such as `Eclipse Mosquitto`.
    pub name: String,
    /// Its version, such as `2.0.11`.
    pub version: String,
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
    /// Why it was to be expected, if it was: what is known about the target.
    pub known: Option<String>,
    /// The packets that prove the verdict; empty where nobody has to look at them, unless they were asked for.
    pub evidence: Exchange,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}

impl CheckResult {
    /// What the standard asks for, and why it was known that the target does something else, if it was.
    #[must_use]
    pub fn expected_and_known(&self) -> String {
        match &self.known {
            Some(known) => format!("{} Known about this target: {known}", self.expected),
            None => self.expected.clone(),
        }
    }
}
