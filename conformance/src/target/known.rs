//! Results held against what a target file knows.

use super::file::{Deviation, TargetFile};
use squall_reports::{CheckResult, Verdict};

/// How results differ from what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Results that are neither pass nor known, in words.
    pub unknown: Vec<String>,
    /// What is known and was not seen, although its check was done, in words.
    pub unseen: Vec<String>,
    /// Results of verdict fail that are known.
    pub known_fails: usize,
}

impl Comparison {
    /// Whether everything is as it is known.
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.unknown.is_empty() && self.unseen.is_empty()
    }
}

/// What is said of a check that needs what is documented as missing.
pub(crate) const MISSING: &str = "documented as missing: ";

impl TargetFile {
    /// Writes the reason into each result that is known, and tells what differs.
    pub fn compare(&self, results: &mut [CheckResult]) -> Comparison {
        let mut comparison = Comparison::default();
        for result in results {
            let name = format!("{} {} {}", result.check, result.version, result.verdict);
            let known = self.deviations.iter().find(|d| is_about(d, result));
            match known {
                Some(known) if known.verdict == result.verdict => {
                    result.known = Some(known.reason.clone());
                    comparison.known_fails += usize::from(result.verdict == Verdict::Fail);
                }
                Some(known) => {
                    comparison
                        .unseen
                        .push(format!("{name}, not {}", known.verdict));
                }
                None if result.verdict == Verdict::Pass => {}
                None if result.message.starts_with(MISSING) => {}
                None => comparison.unknown.push(name),
            }
        }
        comparison
    }
}

fn is_about(deviation: &Deviation, result: &CheckResult) -> bool {
    let version = |v: &squall_protocol::Version| v.as_str() == result.version;
    deviation.checks.contains(&result.check.as_str()) && deviation.versions.iter().any(version)
}
