//! Stories that cannot be told to their end: which step says so, where, and in which words.

use squall_protocol::Version;
use squall_reports::Finding;
use squall_sim::run::Run;

/// Plays `steps` (and what follows them in the file) with the clients `a` and, where it connects, `b`.
fn findings(steps: &str) -> Vec<Finding> {
    let b = if steps.contains("b: connect") {
        ", b: {}"
    } else {
        ""
    };
    let text = format!(
        "title: t\nlimit: 1m\nnetwork: {{ latency: 50ms..50ms }}\nclients: {{ a: {{}}{b} }}\nsteps:\n{steps}"
    );
    let scenario = squall_scenarios::load_str("t", "t.yaml", &text)
        .unwrap_or_else(|p| panic!("{}", p[0].render(false)));
    Run::new(&scenario, Version::V5_0, 0)
        .judge()
        .result
        .findings
}

#[track_caller]
fn says(steps: &str, rule: &str, message: &str, location: Option<&str>) {
    let findings = findings(steps);
    let found = findings.iter().find(|f| f.rule == rule);
    let Some(found) = found else {
        panic!("no `{rule}` in {findings:#?}")
    };
    assert!(found.message.contains(message), "{}", found.message);
    assert_eq!(found.location.as_deref(), location);
}

#[test]
fn a_message_that_does_not_come() {
    let steps = "  - a: connect\n  - a: { receive: { topic: x, count: 2 } }\n    within: 3s\n";
    says(
        steps,
        "step",
        "0 of 2 messages came in time",
        Some("t.yaml:7:5"),
    );
}

#[test]
fn a_message_that_should_not_come() {
    let steps = "  - a: connect\n  - a: { subscribe: x }\n  - b: connect\n  - b: { publish: x, payload: hello }\n  \
                 - a: { silent: 1s }\n";
    says(
        steps,
        "step",
        "`x` was delivered: “hello”",
        Some("t.yaml:10:5"),
    );
}

#[test]
fn another_session_present_than_expected() {
    let steps = "  - a: connect\n    expect: { session_present: true }\n";
    says(steps, "step", "Session Present 0", Some("t.yaml:6:5"));
}

#[test]
fn a_connection_nobody_answers() {
    let steps = "  - fault: { partition: a }\n  - a: connect\n    within: 5s\n";
    says(steps, "step", "not known in time", Some("t.yaml:7:5"));
}

#[test]
fn a_connection_attempt_that_times_out() {
    let steps = "  - fault: { partition: a }\n  - a: connect\n";
    says(steps, "step", "no CONNACK came", Some("t.yaml:7:5"));
}

#[test]
fn a_subscribe_whose_connection_dies() {
    let steps = "  - a: connect\n  - fault: { cut: a, before: SUBACK }\n  - a: { subscribe: x }\n";
    says(
        steps,
        "step",
        "connection ended before it was answered",
        Some("t.yaml:8:5"),
    );
}

#[test]
fn a_story_longer_than_its_limit() {
    says(
        "  - a: connect\n  - wait: 2m\n",
        "step",
        "limit of 60.000s",
        Some("t.yaml:7:5"),
    );
}

#[test]
fn a_flow_that_has_not_finished_when_the_story_has_settled() {
    let steps = "  - a: connect\n  - a: { publish: x, payload: y, qos: 1 }\n    wait: false\n  - settle: 20ms\n";
    says(steps, "liveness", "never acknowledged", None);
}

#[test]
fn an_order_of_deliveries_other_than_expected() {
    let steps = "  - a: connect\n  - wait: 1s\nexpect:\n  - delivered: { topic: x, to: a, exactly: once }\n";
    says(
        steps,
        "expectation",
        "nothing was published on `x`",
        Some("t.yaml:9:5"),
    );
}

#[test]
fn parallel_branches_and_timelines_all_end_before_the_next_step() {
    let steps = "  - parallel:\n      - [{ a: connect }, { wait: 2s }]\n      - b: connect\n  \
                 - timeline:\n      - { at: 3s, a: disconnect }\n      - { at: 1s, b: disconnect }\n";
    assert_eq!(findings(steps), []);
}

/// What is found when scripted clients do this: `a` and `b`, who subscribe to what `c` publishes.
fn scripted(steps: &str) -> Vec<String> {
    let text = format!(
        "title: t\nlimit: 1m\nclients:\n  a: {{ scripted: true }}\n  b: {{ scripted: true }}\n  c: {{ scripted: true }}\nsteps:\n  \
         - parallel: [ [ a: connect ], [ b: connect ], [ c: connect ] ]\n  - a: {{ subscribe: x, qos: 1 }}\n{steps}"
    );
    let scenario = squall_scenarios::load_str("t", "t.yaml", &text)
        .unwrap_or_else(|p| panic!("{}", p[0].render(false)));
    let result = Run::new(&scenario, Version::V5_0, 0).judge().result;
    result.findings.into_iter().map(|f| f.message).collect()
}

const PUBLISHES: &str = "  - c: { send: { PUBLISH: { topic: x, qos: 1, id: 9 } } }\n";

#[test]
fn a_name_stands_for_an_identifier_of_one_client() {
    let a = "  - a: { expect: { PUBLISH: { id: $m } } }\n  - a: { send: { PUBACK: { id: $m } } }\n";
    // `a` is sent its second message when `b` is sent its first.
    let steps = [
        "  - a: { ack: manual }\n  - b: { ack: manual }\n",
        PUBLISHES,
        a,
        "  - b: { subscribe: x, qos: 1 }\n",
        PUBLISHES,
        "  - a: { expect: { PUBLISH: { id: $n } } }\n  - b: { expect: { PUBLISH: { id: $n } } }\n",
    ];
    assert_eq!(scripted(&steps.concat()), [""; 0]);
}

#[test]
fn who_waits_for_a_named_identifier_is_told_its_number() {
    let twice = [PUBLISHES, "  - a: { expect: { PUBLISH: { id: $m } } }\n"].concat();
    let told = scripted(&twice.repeat(2)).concat();
    assert!(told.contains("did not come in time; $m is 1"), "{told}");
}

#[test]
fn nothing_is_sent_without_a_connection() {
    let steps = "  - a: drop\n  - a: { send: PINGREQ }\n  - a: { expect: PINGRESP, never: 1s }\n";
    let told = scripted(steps).concat();
    assert!(told.contains("a has no connection to send it on"), "{told}");
    // A story that takes the end for an answer may go on as it would with another one.
    let steps = "  - a: { send: { hex: \"00 00\" } }\n  - a: { expect: [ PINGRESP, closed ] }\n  - a: { send: PINGREQ }\n  \
                 - a: { expect: [ PINGRESP, closed ] }\n";
    assert_eq!(scripted(steps), [""; 0]);
}
