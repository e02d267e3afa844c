//! Every statement that a server decides and a probe can see has a switch that breaks it, or a reason why not.

use squall_catalogue::{Actor, Level, Observe, Statement};
use squall_protocol::Version;
use squall_saboteurs::{Decoy, Switch};
use std::collections::BTreeSet;

/// Whether a statement is decided by a server and can be seen by a client. What MAY be done cannot be done wrong.
fn is_decided(statement: &Statement) -> bool {
    statement.actor != Actor::Client
        && statement.level != Level::May
        && (statement.observe == Observe::ServerProbe
            || statement.observe_also.contains(&Observe::ServerProbe))
}

/// Statements without a switch, and why.
const WITHOUT_SWITCH: &[(Version, &str, &str)] = &[
    (V3, "MQTT-4.7.3-3", LENGTH),
    (V5, "MQTT-4.7.3-3", LENGTH),
    (V3, "MQTT-6.0.0-1", WEBSOCKET),
    (V3, "MQTT-6.0.0-2", WEBSOCKET),
    (V3, "MQTT-6.0.0-4", WEBSOCKET),
    (V5, "MQTT-6.0.0-1", WEBSOCKET),
    (V5, "MQTT-6.0.0-2", WEBSOCKET),
    (V5, "MQTT-6.0.0-4", WEBSOCKET),
    (V3, "MQTT-7.1.1-1", TRANSPORT),
    (V5, "MQTT-4.2.0-1", TRANSPORT),
    (V3, "X-3.1.1-utf8-1", CHARACTERS),
    (V5, "X-5.0-utf8-2", CHARACTERS),
    (
        V3,
        "X-3.1.1-will-1",
        "a SHOULD: a late will is the decoy will-late",
    ),
    (
        V5,
        "X-5.0-will-1",
        "a SHOULD: a late will is the decoy will-late",
    ),
    (
        V3,
        "X-3.1.1-subscribe-1",
        "a SHOULD: a server without wildcards is the decoy no-wildcards",
    ),
    (
        V5,
        "X-5.0-retain-2",
        "a SHOULD: such a message dropped at once is the decoy retained-qos0-dropped",
    ),
    (
        V5,
        "X-5.0-publish-3",
        "the publisher's duty; a server MAY look and need not",
    ),
    (
        V5,
        "X-5.0-error-1",
        "a SHOULD: closing without DISCONNECT is the decoy bare-close",
    ),
    (V5, "MQTT-3.15.2-2", AUTH),
    (V5, "MQTT-3.15.2-3", AUTH),
    (V5, "MQTT-4.12.1-2", AUTH),
    (V5, "X-5.0-auth-3", AUTH),
    (V5, "X-5.0-auth-9", AUTH),
    (V5, "X-5.0-security-1", POLICY),
    (V5, "X-5.0-connect-5", POLICY),
    (V5, "X-5.0-auth-8", POLICY),
];

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5_0;
const LENGTH: &str = "a length of two bytes cannot say more";
const WEBSOCKET: &str =
    "the double speaks over byte streams; WebSocket frames are no affair of its";
const TRANSPORT: &str =
    "every stream it is served over obeys, and without one there is nothing to probe";
const CHARACTERS: &str = "a SHOULD of the sender; the double sends on what it got, as it must";
const AUTH: &str = "the double has no authentication method, so that no exchange comes about; see auth-illegal-code";
const POLICY: &str =
    "a SHOULD about whom to let in, which letting everybody in on purpose follows as well";

#[test]
fn every_statement_that_a_server_decides_has_a_switch_or_a_reason() {
    let mut open = Vec::new();
    let mut needless = Vec::new();
    for version in Version::ALL {
        let broken: BTreeSet<_> = Switch::ALL
            .iter()
            .flat_map(|s| s.statements(version))
            .copied()
            .collect();
        let listed = WITHOUT_SWITCH.iter().filter(|(v, ..)| *v == version);
        let excused: BTreeSet<_> = listed.map(|(_, id, _)| *id).collect();
        for statement in squall_catalogue::statements(version) {
            let id = statement.id.as_str();
            let has_switch = broken.contains(id);
            if is_decided(statement) && !has_switch && !excused.contains(id) {
                open.push(format!("{version} {id}: {}", statement.says));
            }
            if excused.contains(id) && (has_switch || !is_decided(statement)) {
                needless.push(format!("{version} {id}"));
            }
        }
    }
    assert!(open.is_empty(), "{} have neither: {open:#?}", open.len());
    assert!(needless.is_empty(), "need no excuse: {needless:?}");
}

#[test]
fn the_tables_cite_statements_that_exist() {
    let mut unknown = Vec::new();
    for version in Version::ALL {
        let switches = Switch::ALL
            .iter()
            .map(|s| (s.name(), s.statements(version)));
        let decoys = Decoy::ALL.iter().map(|d| (d.name(), d.statements(version)));
        let excused = WITHOUT_SWITCH.iter().filter(|(v, ..)| *v == version);
        for (_, id, _) in excused {
            if squall_catalogue::find(version, id).is_none() {
                unknown.push(format!("{id} of {version}"));
            }
        }
        for (name, ids) in switches.chain(decoys) {
            let missing = ids
                .iter()
                .filter(|id| squall_catalogue::find(version, id).is_none());
            unknown.extend(missing.map(|id| format!("{name}: {id} of {version}")));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_switch_breaks_something() {
    for switch in Switch::ALL {
        let any = Version::ALL
            .iter()
            .any(|v| !switch.statements(*v).is_empty());
        assert!(any, "{} breaks no statement", switch.name());
    }
}
