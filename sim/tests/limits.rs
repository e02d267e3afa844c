//! Stories near and beyond the limits: their time grows with their length, and one that is cut off says so first.

#![expect(
    clippy::disallowed_types,
    reason = "how long real time is, is what is asked here"
)]

use squall_protocol::Version;
use squall_reports::Finding;
use squall_scenarios::model::Scenario;
use squall_sim::{replay::Replay, run::Run, world::World};
use std::time::{Duration, Instant};

fn story(text: &str) -> Scenario {
    squall_scenarios::load_str("t", "t.yaml", text)
        .unwrap_or_else(|p| panic!("{}", p[0].render(false)))
}

fn findings(text: &str) -> Vec<Finding> {
    findings_in(Version::V5_0, text)
}

fn findings_in(version: Version, text: &str) -> Vec<Finding> {
    Run::new(&story(text), version, 0).judge().result.findings
}

/// Eight times as many messages may take 40 times as long, which is generous: what looks at each message for each
/// message takes 64 times as long.
#[test]
fn time_grows_with_the_number_of_messages() {
    let burst = |messages: u32| {
        let text = format!(
            "title: t\nclients: {{ a: {{}}, b: {{}} }}\nsteps:\n  - b: connect\n  - b: {{ subscribe: t, qos: 1 }}\n  \
             - a: connect\n  - a: {{ publish: t, payload: m, qos: 1, count: {messages} }}\n  \
             - b: {{ receive: {{ topic: t, count: {messages} }} }}\n  - settle: 15s\nexpect:\n  \
             - delivered: {{ topic: t, to: b, exactly: once, in_order: true, within: 5s }}\n"
        );
        let story = story(&text);
        let began = Instant::now();
        let result = Run::new(&story, Version::V5_0, 0).judge().result;
        assert_eq!(result.findings, []);
        began.elapsed()
    };
    burst(500);
    let (short, long) = (burst(2_000), burst(16_000));
    let short = short.max(Duration::from_millis(1));
    assert!(long < short * 40, "{short:?}, then {long:?}");
}

#[test]
fn a_story_cut_off_by_its_limit_says_so_first_and_nothing_is_judged_that_might_have_come() {
    let findings = findings(
        "title: t\nlimit: 2s\nclients: { a: {}, b: {} }\nsteps:\n  - a: connect\n  - a: { publish: x, payload: y }\n  \
         - b: connect\n  - wait: 1m\n  - a: { publish: t, payload: m }\nexpect:\n  \
         - delivered: { topic: t, to: b, exactly: once }\n  - delivered: { topic: x, to: b, count: 3 }\n  \
         - closed: { client: a, times: 1 }\n  - session: { of: a, present: [false, true] }\n  \
         - session: { of: b, present: [true] }\n",
    );
    let told: Vec<(&str, &str)> = findings
        .iter()
        .map(|f| (f.rule.as_str(), f.message.as_str()))
        .collect();
    let limit = "`wait 60 s`: the story was not over at its limit of 2.000s";
    assert_eq!(told[0], ("step", limit));
    assert_eq!(
        told[1..],
        [("expectation", "Session Present of b was [0]")],
        "what is true of a beginning stays true"
    );
}

#[test]
fn a_story_of_too_many_events_says_so_first() {
    // A 3.1.1 client is not told that another one has its session, so two go on taking it from each other.
    let findings = findings_in(
        Version::V3_1_1,
        "title: t\nlimit: 10h\nnetwork: { latency: 1ms }\nclients:\n  a: { client_id: x, reconnect: 1ms }\n  \
         b: { client_id: x, reconnect: 1ms }\nsteps:\n  - a: connect\n  - b: connect\n  - wait: 9h\n  \
         - a: { publish: t, payload: m }\nexpect:\n  - delivered: { topic: t, to: b, exactly: once }\n",
    );
    let told: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("more than 350000 things"), "{told:#?}");
}

#[test]
fn a_story_of_too_many_bytes_says_so_first() {
    let clients: Vec<String> = (0..60).map(|n| format!("c{n}: {{}}")).collect();
    let join = |n: usize| format!("  - c{n}: connect\n  - c{n}: {{ subscribe: t }}\n");
    let findings = findings(&format!(
        "title: t\nclients: {{ a: {{}}, {} }}\nsteps:\n{}  - a: connect\n  \
         - a: {{ publish: t, payload: {{ size: 1000000 }}, count: 10 }}\n  - settle: 5s\nexpect:\n  \
         - delivered: {{ topic: t, to: c0, exactly: once }}\n",
        clients.join(", "),
        (0..60).map(join).collect::<String>()
    ));
    let told: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("more than 256 MiB of packets"),
        "{told:#?}"
    );
}

#[test]
fn what_merely_follows_from_a_failed_step_stands_after_it() {
    let findings = findings(
        "title: t\nclients: { a: {}, b: {} }\nsteps:\n  - a: connect\n  - b: connect\n  \
         - b: { subscribe: u }\n  - b: { receive: { topic: t } }\n    within: 1s\n  - a: { publish: t, payload: m }\n\
         expect:\n  - delivered: { topic: t, to: b, exactly: once }\n  - session: { of: a, present: [true] }\n",
    );
    let told: Vec<(&str, &str)> = findings
        .iter()
        .map(|f| (f.rule.as_str(), f.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("expectation", "Session Present of a was [0]"),
            ("step", "`b: receive t`: 0 of 1 messages came in time"),
            (
                "expectation",
                "nothing was published on `t` that could be delivered, up to the step that failed"
            ),
        ]
    );
}

/// A file may be one long line.
#[test]
fn a_long_line_is_read_in_a_time_that_grows_with_its_length() {
    let read = |steps: usize| {
        let all = "{ a: { publish: t } }, ".repeat(steps);
        let text =
            format!("title: t\nclients: {{ a: {{}} }}\nsteps: [ {{ a: connect }}, {all} ]\n");
        let began = Instant::now();
        assert_eq!(story(&text).steps.len(), steps + 1);
        began.elapsed()
    };
    read(500);
    let (short, long) = (read(9_000), read(90_000));
    assert!(
        long < short.max(Duration::from_millis(1)) * 50,
        "{short:?}, then {long:?}"
    );
}

/// What pauses add up to can be written down, however long they are.
#[test]
fn a_replay_of_endless_pauses_can_be_read() {
    for step in [
        "workload: { publishers: a, topics: t, qos: 0, count: 2000, every: 4294967295s }",
        "a: { publish: t, payload: x, count: 5, every: 4294967295s }",
    ] {
        let head = "title: t\nlimit: 1000000h\nclients: { a: {} }\nsteps:\n  - a: connect\n";
        let judged = Run::new(&story(&format!("{head}  - {step}\n")), Version::V5_0, 1).judge();
        assert!(
            !judged.result.findings.is_empty(),
            "it does not end in time"
        );
        let written = Replay::of(&judged, Version::V5_0, World::Loop).to_yaml();
        let read = Replay::parse("t.replay.yaml", &written).unwrap_or_else(|p| panic!("{p:#?}"));
        assert_eq!(read.plan.steps.len(), judged.plan.steps.len());
    }
}
