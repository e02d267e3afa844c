//! Expectations that speak of nothing, of wills and retained messages, of several clients, of what was granted.

use squall_protocol::Version;
use squall_reports::Finding;
use squall_sim::run::Run;

/// What is found of expectations in a story with the clients `a` (with a will on `gone`), `b` and `c`; all connect.
fn found(version: Version, steps: &str, expect: &str) -> Vec<Finding> {
    let text = format!(
        "title: t\nnetwork: {{ latency: 5ms }}\nclients:\n  a: {{ will: {{ topic: gone, payload: a, qos: 1 }} }}\n  b: {{}}\n  c: {{}}\n\
         steps:\n  - a: connect\n  - b: connect\n  - c: connect\n{steps}  - settle: 5s\nexpect:\n  - {expect}\n"
    );
    let scenario = squall_scenarios::load_str("t", "t.yaml", &text)
        .unwrap_or_else(|p| panic!("{}", p[0].render(false)));
    let findings = Run::new(&scenario, version, 0).judge().result.findings;
    let about = |f: &Finding| f.rule == "expectation";
    assert!(findings.iter().all(about), "{findings:#?}");
    findings
}

#[track_caller]
fn says(steps: &str, expect: &str, message: &str) {
    for version in Version::ALL {
        let findings = found(version, steps, expect);
        let [finding] = findings.as_slice() else {
            panic!("one finding is expected: {findings:#?}")
        };
        assert!(finding.message.contains(message), "{}", finding.message);
        assert!(finding.location.is_some());
    }
}

#[track_caller]
fn holds(steps: &str, expect: &str) {
    for version in Version::ALL {
        assert_eq!(found(version, steps, expect), [], "{version}");
    }
}

/// It fails, and does not when it is optional.
#[track_caller]
fn vacuous(steps: &str, expect: &str, message: &str) {
    says(steps, expect, message);
    holds(steps, &expect.replace(" }", ", optional: true }"));
}

const LISTENS: &str = "  - b: { subscribe: \"#\", qos: 1 }\n";
const SPEAKS: &str = "  - c: { publish: t, payload: x, qos: 1 }\n";

#[test]
fn what_was_never_published_is_spoken_of_by_nobody() {
    for times in ["exactly: once", "at_most: once", "at_least: once"] {
        let expect = format!("delivered: {{ topic: u, to: b, {times} }}");
        vacuous(
            &format!("{LISTENS}{SPEAKS}"),
            &expect,
            "nothing was published on `u`",
        );
    }
}

#[test]
fn never_needs_something_that_could_have_come() {
    for never in ["never: true", "count: 0"] {
        let expect = |topic: &str| format!("delivered: {{ topic: {topic}, to: b, {never} }}");
        vacuous("", &expect("u"), "nothing was published on `u`");
        // Somebody else's topic proves nothing about one who hears nothing.
        vacuous(SPEAKS, &expect("u"), "nothing was published on `u`");
        holds(SPEAKS, &expect("t"));
        holds(&format!("{LISTENS}{SPEAKS}"), &expect("u"));
    }
}

#[test]
fn a_will_breaks_a_never_and_counts_as_delivered() {
    let dies = format!("{LISTENS}  - a: drop\n");
    says(
        &dies,
        "delivered: { topic: gone, to: b, never: true }",
        "received 1 messages on `gone`",
    );
    for times in [
        "exactly: once",
        "at_least: once",
        "at_most: once",
        "count: 1",
    ] {
        holds(
            &dies,
            &format!("delivered: {{ topic: gone, to: b, {times} }}"),
        );
    }
    says(
        "  - a: drop\n",
        "delivered: { topic: gone, to: b, exactly: once }",
        "“a” on `gone` reached b never",
    );
    let leaves = format!("{LISTENS}  - a: disconnect\n");
    vacuous(
        &leaves,
        "delivered: { topic: gone, to: b, exactly: once }",
        "nothing was published on `gone`",
    );
}

#[test]
fn a_retained_message_breaks_a_never_and_counts_as_delivered() {
    let steps = "  - c: { publish: t, payload: x, qos: 1, retain: true }\n  - b: { subscribe: t, qos: 1 }\n";
    says(
        steps,
        "delivered: { topic: t, to: b, never: true }",
        "received 1 messages on `t`",
    );
    holds(steps, "delivered: { topic: t, to: b, exactly: once }");
}

#[test]
fn any_of_several_clients() {
    let one = "  - b: { subscribe: t, qos: 1 }\n  - a: { publish: t, payload: x, qos: 1 }\n";
    let any = |times: &str| format!("delivered: {{ topic: t, to: {{ any: [b, c] }}, {times} }}");
    for times in [
        "exactly: once",
        "at_least: once",
        "at_most: once",
        "count: 1",
    ] {
        holds(one, &any(times));
    }
    says(one, &any("never: true"), "b or c received 1 messages");
    let both = format!("  - c: {{ subscribe: t, qos: 1 }}\n{one}");
    holds(&both, &any("at_least: once"));
    says(&both, &any("exactly: once"), "reached b or c twice");
    says(&both, &any("at_most: once"), "reached b or c twice");
    let none = "  - a: { publish: t, payload: x, qos: 1 }\n";
    says(none, &any("exactly: once"), "reached b or c never");
}

#[test]
fn wills_sessions_and_ends_of_clients_that_were_not_there() {
    let steps = "";
    holds(steps, "will: { of: a, published: never }");
    holds(steps, "closed: { client: a, times: 0 }");
    holds(
        "  - c: { publish: t, payload: x }\n",
        "retained: { topic: t, none: true }",
    );
    vacuous(
        steps,
        "retained: { topic: t, none: true }",
        "nobody published anything to `t`",
    );
    vacuous(
        steps,
        "will: { of: b, published: never }",
        "b never had a connection with a will",
    );
}

/// The guarantee of a message is that of the QoS at which it can reach its receiver.
#[test]
fn what_was_granted_is_cited_and_not_what_was_asked_for() {
    let steps = "  - c: { publish: t, payload: x, qos: 2 }\n  - b: { subscribe: t, qos: 0 }\n";
    let findings = found(
        Version::V5_0,
        steps,
        "delivered: { topic: t, to: b, exactly: once }",
    );
    let cited: Vec<&str> = findings[0]
        .statements
        .iter()
        .map(|s| s.id.as_str())
        .collect();
    assert_eq!(cited, ["MQTT-4.3.1-1"]);
}
