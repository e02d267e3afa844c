//! What somebody else's broker can be blamed for.

use squall_catalogue as catalogue;
use squall_history::Finding;
use squall_protocol::Version;

/// Whether a finding rests on anything that the standard demands, and does not only describe or leave in doubt; or, where
/// it cites nothing, on what a scenario asks for.
pub(super) fn demands(version: Version, finding: &Finding) -> bool {
    let holds = |id: &str| catalogue::find(version, id).is_none_or(|s| s.gradable());
    match finding.statements.as_slice() {
        [] => finding.demand.is_some(),
        cited => cited.iter().any(|id| holds(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(statements: &[&'static str]) -> Finding {
        Finding {
            rule: "retained",
            statements: statements.to_vec(),
            message: String::new(),
            expected: String::new(),
            witness: Vec::new(),
            absence: false,
            demand: None,
        }
    }

    #[test]
    fn what_is_only_described_is_not_demanded() {
        let demands = |statements: &[&'static str]| demands(Version::V5_0, &finding(statements));
        assert!(!demands(&["X-5.0-subscribe-2"]));
        assert!(demands(&["X-5.0-subscribe-2", "MQTT-3.3.1-9"]));
        assert!(!demands(&[]));
        let asked = Finding {
            demand: Some(0),
            ..finding(&[])
        };
        assert!(super::demands(Version::V5_0, &asked));
    }
}
