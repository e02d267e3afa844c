//! What somebody else's broker can be blamed for.

use squall_catalogue::{self as catalogue, Level};
use squall_history::{Finding, form};
use squall_protocol::Version;

/// Whether a finding rests on anything that the standard demands, and does not only describe or leave in doubt; or, where
/// it cites nothing, on what a scenario asks for.
pub(super) fn demands(version: Version, finding: &Finding) -> bool {
    let holds = |id: &str| catalogue::find(version, id).is_none_or(|s| s.gradable());
    match finding.statements.as_slice() {
        [] => finding.demand.is_some(),
        // Whatever is left open about who receives such a packet: no server may send one (section 7.1.1).
        _ if finding.rule == form::FORM => true,
        cited => cited.iter().any(|id| holds(id)),
    }
}

/// Whether a finding about a client rests on anything that the standard demands of clients. The doubts that are noted at a
/// statement are nearly all about how a server reacts to those who break it; who breaks it is wrong all the same.
pub(super) fn binds_clients(version: Version, finding: &Finding) -> bool {
    let holds = |id: &str| {
        catalogue::find(version, id).is_some_and(|s| {
            let demanded = matches!(s.level, Level::Must | Level::MustNot);
            demanded && s.is_numbered() && !UNCERTAIN.contains(&id)
        })
    };
    finding.statements.iter().any(|id| holds(id))
}

/// Which side may send which reason code in DISCONNECT is not certain.
const UNCERTAIN: &[&str] = &["MQTT-3.14.2-1"];

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
            version: None,
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
        let unreadable = Finding {
            rule: form::FORM,
            ..finding(&["X-5.0-conform-1"])
        };
        assert!(super::demands(Version::V5_0, &unreadable));
    }

    #[test]
    fn a_doubt_about_servers_excuses_no_client() {
        for (ids, binds) in [
            (&["MQTT-3.3.4-7"][..], true),
            (&["MQTT-3.3.2-2"], true),
            (&["MQTT-3.14.2-1"], false),
            (&["X-5.0-alias-3"], false),
            (&["X-5.0-alias-3", "MQTT-3.2.2-17"], true),
            (&[], false),
        ] {
            let finding = finding(ids);
            assert_eq!(binds_clients(Version::V5_0, &finding), binds, "{ids:?}");
        }
    }
}
