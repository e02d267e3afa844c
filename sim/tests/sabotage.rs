//! Who tests the judge: each wrong broker is caught by a scenario, which a sound broker passes.

use squall_protocol::Version;
use squall_saboteurs::{Switch, double::Double};
use squall_scenarios::model::Scenario;
use squall_sim::{run::Run, world::Stranger};
use std::path::Path;

fn load(name: &str) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    squall_scenarios::load_file(&root.join(format!("{name}.yaml")), &root)
        .unwrap_or_else(|p| panic!("{name}: {p:#?}"))
}

/// The scenario fails with the switch, by the given rule, and passes without it, in every version.
#[track_caller]
fn caught(switch: Switch, scenario: &str, rule: &str) {
    let scenario = load(scenario);
    for &version in &scenario.versions {
        caught_in(switch, &scenario, version, rule);
    }
}

#[track_caller]
fn caught_in(switch: Switch, scenario: &Scenario, version: Version, rule: &str) {
    let run = Run::new(scenario, version, 1);
    let plain = || Box::new(Double::new([])) as Box<_>;
    let sound = Run {
        stranger: Some(Stranger::Machine(&plain)),
        ..run
    };
    let findings = sound.judge().result.findings;
    assert!(
        findings.is_empty(),
        "a sound broker fails {} {version}: {findings:#?}",
        scenario.name
    );
    let wrong = || Box::new(Double::new([switch])) as Box<_>;
    let broken = Run {
        stranger: Some(Stranger::Machine(&wrong)),
        ..run
    };
    let findings = broken.judge().result.findings;
    let rules: Vec<&str> = findings.iter().map(|f| f.rule.as_str()).collect();
    assert!(
        rules.contains(&rule),
        "{switch:?} in {version}: expected `{rule}` among {rules:?}"
    );
    let evidence = findings
        .iter()
        .find(|f| f.rule == rule)
        .map(|f| &f.evidence);
    assert!(
        evidence.is_some_and(|e| e.events.iter().any(|e| e.highlight)),
        "the finding shows no packet"
    );
}

#[test]
fn a_resent_publish_without_dup() {
    caught(
        Switch::ForgetDup,
        "qos2/subscriber-cut-in-every-packet",
        "packet flow",
    );
}

#[test]
fn a_will_published_after_disconnect() {
    caught(
        Switch::WillAfterDisconnect,
        "will/none-after-disconnect",
        "expectation",
    );
}

#[test]
fn a_qos_2_packet_identifier_freed_too_early() {
    caught(
        Switch::FreeQos2IdEarly,
        "qos2/cut-before-pubrec",
        "exactly once",
    );
}

#[test]
fn a_lost_offline_queue() {
    caught(
        Switch::LoseOfflineQueue,
        "session/offline-queue-flapping",
        "at least once",
    );
}

#[test]
fn a_retained_message_that_should_have_been_cleared() {
    caught(
        Switch::KeepClearedRetained,
        "retained/updated-while-away",
        "retained",
    );
}

#[test]
fn a_second_client_with_the_same_identifier_beside_the_first() {
    caught(
        Switch::NoTakeover,
        "takeover/same-client-identifier",
        "expectation",
    );
}

#[test]
fn resending_in_another_order() {
    caught(
        Switch::ResendOutOfOrder,
        "session/offline-queue-flapping",
        "packet flow",
    );
}

#[test]
fn new_messages_in_another_order() {
    caught(
        Switch::ReverseOrder,
        "session/offline-queue-flapping",
        "order",
    );
}

#[test]
fn nothing_resent_in_a_resumed_session() {
    caught(
        Switch::NoResendOnResume,
        "qos2/subscriber-cut-in-every-packet",
        "exactly once",
    );
}

#[test]
fn a_silent_client_that_is_kept() {
    caught(Switch::IgnoreKeepAlive, "will/after-silence", "keep alive");
}

#[test]
fn a_client_dropped_before_one_and_a_half_keep_alives() {
    caught(Switch::KeepAliveTooEarly, "will/after-silence", "step");
}

#[test]
fn a_session_present_flag_that_lies() {
    caught(
        Switch::SessionPresentAlwaysZero,
        "qos1/puback-lost",
        "session",
    );
}

#[test]
fn a_delivery_above_the_granted_qos() {
    caught(
        Switch::DeliverAtPublishQos,
        "network/five-percent-loss",
        "no invention",
    );
}

#[test]
fn a_qos_0_message_delivered_twice() {
    caught(
        Switch::DuplicateQos0,
        "network/five-percent-loss",
        "at most once",
    );
}

#[test]
fn a_live_message_that_says_it_was_retained() {
    caught(
        Switch::RetainFlagOnLiveDelivery,
        "retained/updated-while-away",
        "retained",
    );
}

#[test]
fn a_will_that_does_not_wait() {
    caught(
        Switch::WillIgnoresDelay,
        "will/cancelled-by-reconnect",
        "expectation",
    );
}

#[test]
fn a_will_in_spite_of_a_reconnect() {
    caught(
        Switch::WillSurvivesReconnect,
        "will/cancelled-by-reconnect",
        "step",
    );
}

#[test]
fn a_will_that_never_comes() {
    caught(Switch::NoWill, "will/after-silence", "expectation");
}

#[test]
fn a_session_kept_in_spite_of_a_clean_start() {
    caught(
        Switch::KeepSessionOnCleanStart,
        "session/ends-with-clean-start",
        "expectation",
    );
}
