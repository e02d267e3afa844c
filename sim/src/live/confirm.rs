//! A finding is confirmed by telling the story again: what is on the wire stands, and what did not come has to stay away
//! each time.

use crate::run::Said;
use squall_reports::Verdict;

/// How often a story is told again after a finding.
pub(super) const AGAIN: usize = 2;

/// Holds what was found against the same story told again.
pub(super) fn confirm(said: &mut Said, again: &[Said]) {
    let times = again.len() + 1;
    let mut doubtful = Vec::new();
    let findings = std::mem::take(&mut said.result.findings);
    for (mut finding, absence) in findings.into_iter().zip(std::mem::take(&mut said.absences)) {
        let same = |said: &&Said| {
            let mut all = said.result.findings.iter();
            all.any(|f| f.rule == finding.rule && f.statements == finding.statements)
        };
        let seen = again.iter().filter(same).count() + 1;
        // Who was kept from telling it again has not confirmed it.
        let confirmed = seen == times && times == AGAIN + 1;
        if !confirmed {
            finding.message = format!("{} (seen {seen} of {times} times)", finding.message);
        }
        if absence && !confirmed {
            doubtful.push(finding.message);
        } else {
            said.absences.push(absence);
            said.result.findings.push(finding);
        }
    }
    if said.result.findings.is_empty() {
        said.result.verdict = Verdict::Inconclusive;
        said.result.reason = doubtful.into_iter().next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_reports::{Exchange, Finding, SimResult};

    /// What is said of a story in which something came that must not, something did not come that must, or neither.
    fn said(rules: &[(&str, bool)]) -> Said {
        let findings = rules.iter().map(|(rule, _)| finding(rule)).collect();
        let result = SimResult {
            scenario: "t".into(),
            title: "t".into(),
            version: "5.0".into(),
            seed: 0,
            world: "live".into(),
            verdict: Verdict::Fail,
            reason: None,
            trace_hash: String::new(),
            virtual_ms: 0,
            findings,
            known: None,
            replay: None,
        };
        let absences = rules.iter().map(|(_, absence)| *absence).collect();
        Said { result, absences }
    }

    fn finding(rule: &str) -> Finding {
        Finding {
            rule: rule.to_owned(),
            statements: Vec::new(),
            message: "it was seen".into(),
            expected: String::new(),
            location: None,
            internal: false,
            evidence: Exchange::default(),
        }
    }

    #[test]
    fn what_did_not_come_is_believed_when_it_never_comes() {
        let (lost, twice) = (("lost", true), ("twice", false));
        for (again, counts) in [
            (vec![said(&[lost]), said(&[lost])], true),
            (vec![said(&[lost]), said(&[])], false),
            // It was told once or twice, and then no more.
            (vec![said(&[lost])], false),
            (vec![], false),
        ] {
            let mut first = said(&[lost]);
            confirm(&mut first, &again);
            let verdict = match counts {
                true => Verdict::Fail,
                false => Verdict::Inconclusive,
            };
            assert_eq!(first.result.verdict, verdict, "{again:#?}");
            assert_eq!(first.result.findings.is_empty(), !counts);
        }
        let mut first = said(&[twice, lost]);
        confirm(&mut first, &[]);
        assert_eq!(first.result.verdict, Verdict::Fail);
        let message = &first.result.findings[0].message;
        assert_eq!(message, "it was seen (seen 1 of 1 times)");
        assert_eq!(first.result.findings.len(), 1);
    }
}
