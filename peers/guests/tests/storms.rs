//! Other people's broker and client under Squall: they get through the stories that they can, and a fault in each is found.

use squall_guests::{broker, client};
use squall_reports::{Simulation, Verdict};
use squall_sim::harness::Storm;
use std::collections::BTreeSet;

/// The stories that come with Squall.
fn folder(subject: &str) -> String {
    format!("{}/../../scenarios/{subject}", env!("CARGO_MANIFEST_DIR"))
}

fn told(storm: Storm) -> Simulation {
    storm.seeds(0..2).run().unwrap_or_else(|p| panic!("{p:#?}"))
}

/// Nothing is found, and most of it means something.
fn gets_through(simulation: &Simulation) {
    assert_ne!(simulation.verdict(), Verdict::Fail, "{simulation:#?}");
    let summary = &simulation.summary;
    // What a story says itself, packet by packet, is no matter of somebody's client.
    let told = summary.total - summary.not_applicable;
    assert!(told > 0 && summary.pass * 2 >= told, "{simulation:#?}");
}

/// What a receiver owes who was sent a message of QoS 2 again, in 3.1.1 and in 5.0.
const ONCE: [&str; 2] = ["MQTT-4.3.3-2", "MQTT-4.3.3-10"];

/// A finding cites one of these statements.
fn is_found_by(simulation: &Simulation, statements: &[&str]) {
    let failures = simulation.series.iter().flat_map(|s| &s.failures);
    let findings = failures.flat_map(|result| &result.findings);
    let cited = findings.flat_map(|finding| &finding.statements);
    let cited: BTreeSet<_> = cited.map(|s| s.id.as_str()).collect();
    assert!(statements.iter().any(|s| cited.contains(s)), "{cited:?}");
}

#[test]
fn a_router_on_mqtt_protocol_core_gets_through() {
    for subject in ["qos1", "qos2"] {
        gets_through(&told(broker::storm(&folder(subject), false)));
    }
}

#[test]
fn a_broker_that_forgets_what_came_is_found() {
    let simulation = told(broker::storm(&folder("qos2"), true));
    is_found_by(&simulation, &ONCE);
}

#[test]
fn the_client_of_mqtt_protocol_core_gets_through() {
    for subject in ["qos1", "qos2"] {
        gets_through(&told(client::storm(&folder(subject), false)));
    }
}

#[test]
fn a_client_that_hands_over_twice_is_found() {
    let simulation = told(client::storm(&folder("qos2"), true));
    is_found_by(&simulation, &ONCE);
}
