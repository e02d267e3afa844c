//! Results held against what a target file knows.

use super::{deviation::Deviation, file::TargetFile};
use squall_reports::{CheckResult, Comparison, SimResult};

/// What is said of a check that needs what is documented as missing.
pub(crate) const MISSING: &str = "documented as missing: ";

impl TargetFile {
    /// Writes the reason into each result that is known, and tells what differs.
    pub fn compare(&self, results: &mut [CheckResult]) -> Comparison {
        let mut comparison = Comparison::default();
        for result in results {
            let name = format!("{} {}", result.check, result.version);
            let is_about = |d: &&Deviation| d.is_of_check(&result.check, &result.version);
            let known = self.deviations.iter().find(is_about);
            let known = known.map(Deviation::known);
            // What is documented as missing was not looked at, unless something is known all the same.
            let missing = known.is_none() && result.message.starts_with(MISSING);
            result.known = comparison.add(&name, result.verdict, known, missing);
        }
        comparison
    }

    /// Writes the reason into the result of a story that is known, and adds what differs.
    pub fn compare_story(&self, result: &mut SimResult, comparison: &mut Comparison) {
        let is_about = |d: &&Deviation| d.is_of_scenario(&result.scenario, &result.version);
        let known = self.deviations.iter().find(is_about);
        let (known, story) = (known.map(Deviation::known), result.scenario.clone());
        comparison.add_story(&story, result, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_reports::Verdict;

    const FILE: &str = "\
product: A broker
version: 1.0
lacks: [{ mqtt: ['5.0'], reason: not there }]
deviations:
  - scenarios: [qos1/resent, 'will/*']
    checks: [will/qos]
    mqtt: [3.1.1]
    verdict: fail
    statements: [MQTT-3.1.2-8]
    reason: it forgets.
  - scenarios: [qos2/raced]
    mqtt: [3.1.1]
    verdict: fail
    sometimes: true
    statements: [MQTT-4.3.3-2]
    reason: it races.
";

    fn told(scenario: &str, version: &str, verdict: Verdict) -> SimResult {
        SimResult {
            scenario: scenario.into(),
            title: "t".into(),
            version: version.into(),
            seed: 0,
            world: "live".into(),
            verdict,
            reason: None,
            trace_hash: String::new(),
            virtual_ms: 0,
            findings: Vec::new(),
            known: None,
            replay: None,
        }
    }

    #[test]
    fn stories_are_held_against_what_is_known() {
        let file = TargetFile::read("a.yaml", FILE).unwrap();
        let mut comparison = Comparison::default();
        let mut one = |scenario, version, verdict| {
            let mut result = told(scenario, version, verdict);
            file.compare_story(&mut result, &mut comparison);
            result.known
        };
        let known = Some("it forgets.".to_owned());
        assert_eq!(one("qos1/resent", "3.1.1", Verdict::Fail), known);
        assert_eq!(one("will/retained", "3.1.1", Verdict::Fail), known);
        assert_eq!(one("will/retained", "5.0", Verdict::Pass), None);
        // What was not told shows nothing.
        assert_eq!(one("will/late", "3.1.1", Verdict::NotApplicable), None);
        assert_eq!(one("qos2/late", "3.1.1", Verdict::NotApplicable), None);
        assert_eq!(one("will/delayed", "3.1.1", Verdict::Pass), None);
        assert_eq!(one("will/delayed", "5.0", Verdict::Fail), None);
        assert_eq!(one("qos2/late", "3.1.1", Verdict::Warn), None);
        // What is not seen in each run may pass, or prove nothing.
        let races = Some("it races.".to_owned());
        assert_eq!(one("qos2/raced", "3.1.1", Verdict::Fail), races);
        assert_eq!(one("qos2/raced", "3.1.1", Verdict::Inconclusive), races);
        assert_eq!(one("qos2/raced", "3.1.1", Verdict::Pass), None);
        one("qos2/raced", "3.1.1", Verdict::Warn);
        assert_eq!(comparison.known_fails, 3);
        let unknown = [
            "will/delayed 5.0 seed 0 fail",
            "qos2/late 3.1.1 seed 0 warn",
        ];
        assert_eq!(comparison.unknown, unknown);
        let unseen = [
            "will/delayed 3.1.1 seed 0 pass, not fail",
            "qos2/raced 3.1.1 seed 0 warn, not fail",
        ];
        assert_eq!(comparison.unseen, unseen);
    }

    #[test]
    fn a_version_may_be_missing_as_a_whole() {
        use squall_protocol::Version;
        let file = TargetFile::read("a.yaml", FILE).unwrap();
        assert!(file.lacks_version(Version::V5_0));
        assert!(!file.lacks_version(Version::V3_1_1));
    }
}
