//! What a person sees when a file is wrong. Each snapshot tells one subject: the mistake, then the answer.

use super::{HEAD, with_expect, with_steps};
use crate::load_str;
use std::fmt::Write as _;

/// What the reader says to these texts, one after the other.
fn told<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for text in texts {
        match load_str("name", "file.yaml", text.as_ref()) {
            Ok(_) => writeln!(out, "accepted: {}\n", text.as_ref()),
            Err(problems) => {
                let shown: Vec<_> = problems.iter().map(|p| p.render(false)).collect();
                writeln!(out, "{}\n", shown.join("\n"))
            }
        }
        .expect("a string takes everything");
    }
    assert!(!out.contains("accepted:"), "{out}");
    out
}

/// Like [`told`], for a step behind two connects.
fn steps(steps: &[&str]) -> String {
    told(steps.iter().map(|s| with_steps(&format!("  - {s}"))))
}

fn expectations(expect: &[&str]) -> String {
    told(expect.iter().map(|e| with_expect(&format!("  - {e}"))))
}

/// A small good scenario with `line` added at the top, 3.1.1 included.
fn top(line: &str) -> String {
    format!("{line}\ntitle: A test\nclients: {{ app: {{}} }}\nsteps: [ app: connect ]\n")
}

#[test]
fn not_yaml() {
    insta::assert_snapshot!(told([
        "",
        "# only a comment\n",
        "just a text\n",
        "title: a\n\tversions: [5.0]\n",
        "title: [a, b\nclients: {}\n",
        "title: \"never ends\nclients: {}\n",
        "title: a: b\n",
        "title: a\nclients:\n  app: {}\n lock: {}\n",
        "title: a\nsteps\nclients: {}\n",
        "clients: { app: {} ]\n",
        "title: @home\n",
        "clients: { app: {} lock: {} }\n",
    ]));
}

#[test]
fn not_used_from_yaml() {
    insta::assert_snapshot!(told([
        "title: a\n---\ntitle: b\n",
        &top("seeds: !int 3"),
        &top("limit: *time"),
        "title: a\ntitle: b\nclients: { app: {} }\nsteps: [ app: connect ]\n",
        "? [a, b]\n: c\n",
        "title: a\nclients: &c { app: *c }\n",
        "title: a\nbase: &b { app: {} }\nclients: { <<: *b }\nsteps: [ app: connect ]\n",
    ]));
}

#[test]
fn budgets() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        writeln!(
            bomb,
            "a{i}: &a{i} [{}]",
            vec![format!("*a{}", i - 1); 10].join(", ")
        )
        .expect("a string takes everything");
    }
    let deep = format!("steps: {}{}", "[".repeat(20_000), "]".repeat(20_000));
    let blocks: String = (0..70).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    let nested = format!("{}app: drop{}", "parallel: [ ".repeat(13), " ]".repeat(13));
    insta::assert_snapshot!(told([
        bomb,
        deep,
        blocks,
        with_steps(&format!("  - {nested}")),
        with_steps(
            "  - repeat: { times: 1000, steps: [ repeat: { times: 1000, steps: [ app: connect ] } ] }"
        ),
        with_steps("  - workload: { publishers: [app], topics: [t], count: 100000 }"),
        with_steps("  - app: { publish: t, count: 100001 }"),
        with_steps("  - app: { publish: t, payload: { size: 1000000 }, count: 20 }"),
        with_steps(
            "  - repeat: { times: 20, steps: [ app: { publish: t, payload: { size: 1000000 } } ] }"
        ),
        with_steps("  - workload: { publishers: [app], topics: [t], size: 1000000 }"),
    ]));
    let huge = format!("title: {}", "x".repeat(crate::MAX_BYTES));
    assert!(load_str("n", "f", &huge).is_err_and(|p| p[0].message.contains("bytes")));
}

#[test]
fn the_top() {
    insta::assert_snapshot!(told([
        "clients:\n",
        "title: ''\nclients: {}\nsteps: []\n",
        &top("network: { latncy: 5ms }"),
        &top("network:\nlatency: 5ms"),
        &top("network: { latency: 40ms..5ms, loss: 101% }"),
        &top("network: { latency: 0ms, loss: 1 }"),
        &top("network: { latency: { mean: 20ms, p99: 200ms } }"),
        &top("limit: 10"),
        &top("limit: 1.5h"),
        &top("limit: 5 minutes"),
        &top("limit: 0s"),
        &top("seeds: 0"),
        &top("seeds: 1_000"),
        &top("seeds: \"3\""),
        &top("versions: [3.1, 5.0, 5]"),
        &top("statements: [\"[mqtt-4.3.3-1]\", 4.3.3-1]"),
        &top("links: { ap: { loss: 1% } }"),
        &top("broker: { receive_maximum: 65536, durable: true }"),
        &top("expected: []"),
    ]));
}

#[test]
fn clients() {
    let client =
        |spec: &str| format!("title: t\nclients:\n  app: {spec}\nsteps:\n  - app: connect\n");
    insta::assert_snapshot!(told([
        client("{ clean_start: yes, keep_alive: 0s }"),
        client("{ keep_alive: 20h, session_expiry: 1500ms }"),
        client("{ keepalive: 30s }"),
        client("{ receive_maximum: 5 }"),
        client("{ will: { topic: a/+, qos: 3, delay: 5s } }"),
        client("{ will: { payload: gone } }"),
        client("{ reconnect: { first: 10s, max: 1s } }"),
        client("connect"),
        "title: t\nclients: { broker: {}, \"a b\": {} }\nsteps: [ wait: 1s ]\n".into(),
        "title: t\nclients: [app]\nsteps: [ wait: 1s ]\n".into(),
        "title: t\nclients: { app: {}, lock: {} }\nsteps: [ app: connect ]\n".into(),
    ]));
}

#[test]
fn kinds_of_steps() {
    insta::assert_snapshot!(steps(&[
        "connect",
        "ap: connect",
        "publish: { topic: a }",
        "app: conect",
        "app: publish",
        "app: { publish: a, subscribe: b }",
        "app: drop\n    lock: drop",
        "app: drop\n    wihtin: 5s",
        "app: { receive: {}, within: 5s }",
        "within: 5s",
        "wait: 3",
        "settle:",
        "wait: 3s\n    within: 5s",
        "app: drop\n    at: 5s",
        "timeline: [ app: drop ]",
        "parallel: []",
        "repeat: { times: 0, steps: [] }",
        "network: { of: nobody }",
        "{}",
    ]));
}

#[test]
fn actions() {
    insta::assert_snapshot!(steps(&[
        "app: { subscribe: a/#/b }",
        "app: { subscribe: [a+, \"$share/x\"] }",
        "app: { subscribe: # }\n  - app: drop",
        "app: { subscribe: [] }",
        "app: { subscribe: $share/g/a, no_local: true, retain_handling: 3, id: 0 }",
        "app: { publish: a/#, qos: 3 }",
        "app: { publish: \"\", payload: { hex: \"0g\" } }",
        "app: { publish: a, payload: { size: 10, hex: \"00\" } }",
        "app: { publish: a, payload: { bytes: 10 } }",
        "app: { publish: a, payload: [1, 2] }",
        "app: { publish: a, every: 1s }",
        "app: { publish: a }\n    expect: { reason: 0x10 }",
        "app: { publish: a, qos: 1 }\n    expect: { reason: Session taken over }",
        "app: connect\n    expect: { reason: Not authorised }",
        "app: connect\n    expect: { reason: 135 }",
        "app: connect\n    expect: { reason: 0x8E, session_present: maybe }",
        "app: connect\n    expect: { reason: 0x87, session_present: true }",
        "app: drop\n    expect: { reason: 0x87 }",
        "app: { disconnect: { reason: Server busy } }",
        "app: { receive: { topic: a/b#, count: 0 } }",
        "app: { receive: { qos: 0, dup: true } }",
    ]));
}

#[test]
fn only_in_5_0() {
    let text = "title: t\nclients: { app: {} }\nsteps:\n  - app: connect\n    expect: { reason: 0x87 }\n  \
        - app: { subscribe: $share/g/a, no_local: false, retain_as_published: true, retain_handling: 1, id: 1 }\n  \
        - app: { publish: a, expiry: 5s }\n  - fault: { cut: app, after: AUTH, from: client }\n  \
        - fault: { cut: app, after: DISCONNECT, from: broker }\n  - app: { disconnect: { session_expiry: 5s } }\n";
    insta::assert_snapshot!(told([
        text.replace("title", "versions: [3.1.1]\ntitle"),
        text.to_owned()
    ]));
}

#[test]
fn faults() {
    insta::assert_snapshot!(steps(&[
        "fault: cut",
        "fault: { cutt: app }",
        "fault: { cut: ap }",
        "fault: { cut: app, after: SUBACK, from: client }",
        "fault: { cut: app, after: PUBREC }",
        "fault: { cut: app, after: PUBREC, before: PUBREL, from: client }",
        "fault: { cut: app, after: pubrec, nth: 0, from: server }",
        "fault: { cut: app, nth: 2 }",
        "fault: { cut: all }",
        "fault: { partition: app, way: sideways, for: 0s }",
        "fault: { flap: app, every: 0s..5s }",
        "fault: { cut: app, heal: app }",
    ]));
}

#[test]
fn the_life_of_the_broker() {
    let down = "broker: { crash: kill }";
    insta::assert_snapshot!(steps(&[
        "broker: { crash: kil }",
        "broker: { crash: kill, power_loss: true }",
        "broker: { crush: kill }",
        "broker: restrat",
        "broker: restart",
        &format!("{down}\n  - {down}"),
        &format!("parallel: [ [ {{ {down} }} ], {{ wait: 1s }} ]\n  - {down}"),
        &format!(
            "timeline: [ {{ at: 2s, broker: restart }}, {{ at: 1s, {down} }} ]\n  - broker: restart"
        ),
        &format!("{down}\n    within: 1s"),
        "broker: { crash: kill, unsynced: lost }",
        "broker: { crash: power_loss, unsynced: torn }",
        "broker: { crash: power_loss, unsynced: burnt }",
        "fault: { disk: fails }",
        "fault: { disk: broken }",
        "fault: { disk: full, sync: 5ms }",
        "fault: { disk: sound, for: 5s }",
    ]));
    let either =
        "  - parallel: [ { broker: { crash: kill } }, { broker: restart } ]\n  - broker: restart";
    assert!(
        load_str("name", "file.yaml", &with_steps(either)).is_ok(),
        "which comes first only the run can tell"
    );
}

#[test]
fn what_is_expected() {
    insta::assert_snapshot!(expectations(&[
        "delivered: { topic: a, to: lok, exactly: once }",
        "delivered: { topic: a, to: lock }",
        "delivered: { topic: a, to: lock, exactly: once, never: true }",
        "delivered: { topic: a, to: lock, exactly: 3 }",
        "delivered: { topic: a, to: lock, never: true, in_order: true }",
        "delivered: { topic: a, to: lock, exactly: once }\n  - delivered: { topic: a, to: lock, never: true }",
        "deliverd: { topic: a, to: lock, exactly: once }",
        "delivered: { topic: a, to: lock, exactly: once }\n    within: 5s",
        "will: { of: lock, published: once }",
        "will: { of: lock, published: twice }",
        "retained: { topic: a/+ }",
        "retained: { topic: a, payload: \"\" }",
        "retained: { topic: a, payload: x, none: true }",
        "session: { of: lock, present: [yes] }",
        "session: { of: lock, present: [true] }\n  - session: { of: lock, present: [false] }",
        "closed: { client: lock, times: 0, reason: Quota exceeded }",
        "closed: { client: lock, reason: 0x04 }",
        "closed",
    ]));
}

#[test]
fn too_early() {
    insta::assert_snapshot!(told([
        format!(
            "{HEAD}steps:\n  - app: {{ publish: a }}\n  - app: connect\n  - lock: {{ receive: {{}} }}\n"
        ),
        format!(
            "{HEAD}steps:\n  - app: connect\n  - repeat:\n      times: 2\n      steps:\n        - lock: {{ subscribe: a }}\n        - lock: connect\n"
        ),
    ]));
}

#[test]
fn problems_come_in_the_order_of_the_file_and_not_without_end() {
    let many: String = (0..150).map(|i| format!("  - nobody{i}: drop\n")).collect();
    let problems = load_str("n", "f", &with_steps(&many)).expect_err("nobody is known");
    assert_eq!(problems.len(), 101);
    assert_eq!(problems[0].position(), Some((9, 5)));
    assert_eq!(problems[100].message, "50 further problems are not shown");
}

#[test]
fn a_mistake_behind_an_alias_is_told_once() {
    let text = "title: t\nclients:\n  a: &x {keep_alive: soon}\n  b: *x\nsteps:\n- a: connect\n- b: connect\n";
    assert_eq!(
        load_str("n", "f", text).expect_err("a bad duration").len(),
        1
    );
}
