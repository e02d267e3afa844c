//! What a target is known to get wrong: verdicts of checks and of stories, and why they are right.

use super::{reader::Reader, written::WrittenDeviation};
use crate::{catalogue, check::checks, select::glob};
use serde_yaml::Spanned;
use squall_history::spelling::did_you_mean;
use squall_protocol::Version;
use squall_reports::{Known, Verdict};
use std::collections::BTreeSet;

/// A verdict that is known, and why it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The checks.
    pub checks: Vec<&'static str>,
    /// The stories that are told live: names of scenarios, with `*` for any text.
    pub scenarios: Vec<String>,
    /// In each of these versions.
    pub versions: Vec<Version>,
    /// What is found.
    pub verdict: Verdict,
    /// Not each run shows it: it may also be pass or inconclusive.
    pub sometimes: bool,
    /// The statements of the standard that it rests on.
    pub statements: Vec<String>,
    /// What the target does, and why the standard forbids it.
    pub reason: String,
}

impl Deviation {
    /// Whether it is about a check in this version, such as `5.0`.
    pub(super) fn is_of_check(&self, id: &str, version: &str) -> bool {
        self.is_of(version) && self.checks.contains(&id)
    }

    /// Whether it is about the scenario of this name, told in this version, such as `5.0`.
    #[must_use]
    pub fn is_of_scenario(&self, name: &str, version: &str) -> bool {
        let means = |pattern: &String| glob(pattern.as_bytes(), name.as_bytes());
        self.is_of(version) && self.scenarios.iter().any(means)
    }

    /// What results are held against.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            verdict: self.verdict,
            sometimes: self.sometimes,
            reason: &self.reason,
        }
    }

    fn is_of(&self, version: &str) -> bool {
        self.versions.iter().any(|v| v.as_str() == version)
    }
}

impl Reader<'_> {
    pub(super) fn deviation(&mut self, written: &Spanned<WrittenDeviation>) -> Deviation {
        let deviation = &written.value;
        self.text(&deviation.reason);
        let versions = self.versions(&deviation.mqtt);
        let checks = self.checks_in(deviation, &versions);
        for name in &deviation.scenarios {
            self.text(name);
        }
        if versions.is_empty() || checks.is_empty() && deviation.scenarios.is_empty() {
            let help = "name `mqtt`, and `checks` or `scenarios`".to_owned();
            let message = "this names no check and no scenario, or no version";
            self.wrong(written, message, Some(help));
        }
        self.statements(&deviation.statements, &versions);
        let value = |s: &Spanned<String>| s.value.clone();
        Deviation {
            checks,
            scenarios: deviation.scenarios.iter().map(value).collect(),
            versions,
            verdict: self.verdict(written),
            sometimes: deviation.sometimes,
            statements: deviation.statements.iter().map(value).collect(),
            reason: deviation.reason.value.trim().to_owned(),
        }
    }

    /// The checks that it names, as far as they are about one of its versions.
    fn checks_in(
        &mut self,
        deviation: &WrittenDeviation,
        versions: &[Version],
    ) -> Vec<&'static str> {
        let names = self.checks(&deviation.checks);
        let about = |id: &str, version: &Version| {
            checks().any(|check| check.id == id && check.applies_to(*version))
        };
        for name in &deviation.checks {
            // Of a name with `*` those count that are about one of the versions.
            let exact = names.contains(&name.value.as_str());
            if let (true, Some(version)) = (exact, versions.iter().find(|v| !about(&name.value, v)))
            {
                let message = format!("{} is not about MQTT {version}", name.value);
                self.wrong(name, message, None);
            }
        }
        let is_about = |id: &&str| versions.iter().any(|version| about(id, version));
        names.into_iter().filter(is_about).collect()
    }

    /// Statements of these versions, or `of` the version that a client of a story speaks.
    fn statements(&mut self, ids: &[Spanned<String>], versions: &[Version]) {
        for id in ids {
            let of_client = id.value.split_once(" of ");
            let found = match of_client.and_then(|(id, of)| Some((id, of.parse().ok()?))) {
                Some((id, of)) => catalogue::find(of, id).is_some(),
                None => {
                    let mut all = versions.iter();
                    all.any(|v| catalogue::find(*v, &id.value).is_some())
                }
            };
            if !found && !versions.is_empty() {
                let all = versions.iter().flat_map(|v| catalogue::statements(*v));
                let help = did_you_mean(&id.value, all.map(|s| s.id.as_str()));
                let message = "the catalogue has no such statement in these versions";
                self.wrong(id, message, help);
            }
        }
    }

    fn verdict(&mut self, written: &Spanned<WrittenDeviation>) -> Verdict {
        let deviation = &written.value;
        let known = |v: &&Verdict| v.as_str() == deviation.verdict.value && **v != Verdict::Pass;
        let verdict = Verdict::ALL.iter().find(known);
        if verdict.is_none() {
            let help = "write fail, warn, n/a or inconclusive".to_owned();
            let message = "this is no verdict that deviates";
            self.wrong(&deviation.verdict, message, Some(help));
        }
        if verdict == Some(&Verdict::Fail) && deviation.statements.is_empty() {
            self.wrong(written, "a fail has to rest on `statements`", None);
        }
        verdict.copied().unwrap_or(Verdict::Fail)
    }

    /// Each check and each name of a scenario has one verdict in each version.
    pub(super) fn once(&mut self, written: &[Spanned<WrittenDeviation>], read: &[Deviation]) {
        let mut seen = BTreeSet::new();
        for (written, read) in written.iter().zip(read) {
            let checks = read.checks.iter().map(|name| ("the check", *name));
            let stories = read
                .scenarios
                .iter()
                .map(|name| ("the scenario", name.as_str()));
            for (what, name) in checks.chain(stories) {
                for version in &read.versions {
                    if !seen.insert((what, name, *version)) {
                        let message = format!("{what} {name} in MQTT {version} stands here twice");
                        self.wrong(written, message, None);
                    }
                }
            }
        }
    }
}
