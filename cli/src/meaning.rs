//! Joins simulation and catalogue: what a cited statement says.

use squall_catalogue as catalogue;
use squall_protocol::Version;
use squall_reports::{Finding, SimResult, Verdict};

/// Fills in the meaning of every statement that a result's findings cite.
pub(crate) fn add(version: Version, result: &mut SimResult) {
    for statement in result.findings.iter_mut().flat_map(|f| &mut f.statements) {
        if let Some(found) = catalogue::find(version, &statement.id) {
            statement.says.clone_from(&found.says);
        }
    }
}

/// What the standard only describes, or leaves in doubt, is at most a warning about somebody else's broker: findings that
/// rest on nothing more become the reason of one.
pub(crate) fn grade(version: Version, result: &mut SimResult) {
    let gradable = |finding: &Finding| {
        let mut found = finding.statements.iter();
        let holds = |s: &catalogue::Statement| s.gradable();
        finding.statements.is_empty()
            || found.any(|s| catalogue::find(version, &s.id).is_none_or(holds))
    };
    let (kept, described): (Vec<_>, Vec<_>) = std::mem::take(&mut result.findings)
        .into_iter()
        .partition(gradable);
    result.findings = kept;
    if let (true, Some(first)) = (result.findings.is_empty(), described.first()) {
        result.verdict = Verdict::Warn;
        result.reason = Some(format!(
            "{}; the standard describes it otherwise, and demands nothing",
            first.message
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_reports::{Exchange, StatementRef};

    fn finding(id: &str) -> Finding {
        let says = String::new();
        let id = id.to_owned();
        Finding {
            rule: "retained".into(),
            statements: vec![StatementRef { id, says }],
            message: "it came".into(),
            expected: "it stays away".into(),
            location: None,
            internal: false,
            evidence: Exchange::default(),
        }
    }

    #[test]
    fn what_is_only_described_is_a_warning() {
        let mut result = SimResult {
            scenario: "s".into(),
            title: "t".into(),
            version: "5.0".into(),
            seed: 0,
            world: "live".into(),
            verdict: Verdict::Fail,
            reason: None,
            trace_hash: String::new(),
            virtual_ms: 0,
            findings: vec![finding("X-5.0-subscribe-2"), finding("MQTT-3.3.1-9")],
            replay: None,
        };
        grade(Version::V5_0, &mut result);
        assert_eq!((result.verdict, result.findings.len()), (Verdict::Fail, 1));
        result.findings = vec![finding("X-5.0-subscribe-2")];
        grade(Version::V5_0, &mut result);
        assert_eq!((result.verdict, result.findings.len()), (Verdict::Warn, 0));
        assert!(result.reason.is_some_and(|r| r.starts_with("it came; ")));
    }
}
