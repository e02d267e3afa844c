//! Who tests the judge of crashes: stores that forget, or promise too early, are caught by the stories of
//! `scenarios/durability`, which the sound one passes; and both worlds crash alike, whenever it happens.

use squall_broker::store::Store;
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict};
use squall_saboteurs::{
    double::Double,
    store::{Habit, Habitual},
};
use squall_scenarios::{load_file, load_str, model::Scenario};
use squall_sim::{
    run::Run,
    trace::Trace,
    world::{Stranger, World},
};
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

fn load(name: &str) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let file = root.join(format!("durability/{name}.yaml"));
    load_file(&file, &root).unwrap_or_else(|p| panic!("{name}: {p:#?}"))
}

/// Every story in which a broker with a store goes down.
fn stories() -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let folder = fs::read_dir(root.join("durability")).expect("the stories");
    let mut names: Vec<_> = folder.map(|file| file.expect("a story").path()).collect();
    names.sort();
    let stories = names.iter().map(|file| {
        load_file(file, &root).unwrap_or_else(|p| panic!("{}: {p:#?}", file.display()))
    });
    stories
        .filter(|story| story.broker.store.is_some())
        .collect()
}

/// What is found in the seeds of a story when the broker's store has this habit, with its rule, and how often the habit
/// made a difference.
fn found(story: &Scenario, habit: Habit, seeds: u32) -> (Vec<(String, String)>, u64) {
    let bites = Arc::<AtomicU64>::default();
    let between = |store| {
        let bites = Arc::clone(&bites);
        Box::new(Habitual::new(habit, store, bites)) as Box<dyn Store>
    };
    let mut all = Vec::new();
    for &version in &story.versions {
        for seed in 0..seeds.into() {
            let run = Run {
                stranger: Some(Stranger::Store(&between)),
                ..Run::new(story, version, seed)
            };
            let findings = run.judge().result.findings.into_iter();
            all.extend(findings.map(|found| {
                let told = format!("{version}, seed {seed}: {}", found.message);
                (found.rule, told)
            }));
        }
    }
    (all, bites.load(Ordering::Relaxed))
}

/// By what each habit is caught for certain: a story, and the rule that is broken there.
const CAUGHT: &[(Habit, &str, &str)] = &[
    (
        Habit::Hasty,
        "between-the-answer-and-the-disk",
        "packet flow",
    ),
    (
        Habit::Hasty,
        "between-the-answer-and-the-disk",
        "expectation",
    ),
    (
        Habit::OneLate,
        "between-the-answer-and-the-disk",
        "expectation",
    ),
    (Habit::ForgetsReceived, "identifier-in-use", "exactly once"),
    (Habit::ForgetsReceived, "pay-once", "exactly once"),
    (Habit::ForgetsFlows, "order-unpacked", "step"),
    (Habit::ForgetsFlows, "pay-once", "exactly once"),
    (
        Habit::ForgetsWaiting,
        "message-at-the-door",
        "at least once",
    ),
    (
        Habit::ForgetsSubscriptions,
        "subscribed-for-good",
        "at least once",
    ),
    (Habit::ForgetsSessions, "message-at-the-door", "session"),
    (Habit::ForgetsRetained, "cold-room-set-point", "retained"),
    (Habit::ForgetsWills, "lift-with-a-will", "expectation"),
    (Habit::KeepsReceived, "identifier-free-again", "step"),
    (
        Habit::KeepsUnsubscribed,
        "subscribed-for-good",
        "expectation",
    ),
];

#[test]
fn every_store_that_forgets_or_promises_too_early_is_caught() {
    let mut missed = Vec::new();
    for (habit, name, rule) in CAUGHT {
        let story = load(name);
        let (findings, _) = found(&story, *habit, story.seeds);
        let rules: BTreeSet<&str> = findings.iter().map(|(rule, _)| rule.as_str()).collect();
        if !rules.contains(rule) {
            missed.push(format!("{} in {name}: {rule} of {rules:?}", habit.name()));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let wrong = Habit::ALL.iter().filter(|habit| habit.is_wrong());
    for habit in wrong {
        let known = CAUGHT.iter().any(|(caught, ..)| caught == habit);
        assert!(known, "nobody catches {}", habit.name());
    }
}

#[test]
fn no_odd_store_is_accused() {
    let stories = stories();
    for habit in Habit::ALL.iter().filter(|habit| !habit.is_wrong()) {
        let mut bites = 0;
        for story in &stories {
            let (findings, bit) = found(story, *habit, story.seeds.min(12));
            let name = habit.name();
            assert!(
                findings.is_empty(),
                "{name} in {}: {findings:#?}",
                story.name
            );
            bites += bit;
        }
        assert!(
            bites > 20,
            "{} made a difference {bites} times",
            habit.name()
        );
    }
}

/// The result of a story of one client with these steps.
fn told(steps: &str) -> SimResult {
    let text = format!(
        "title: t\nclients: {{ a: {{ reconnect: 100ms }} }}\nsteps:\n  - a: connect\n{steps}"
    );
    let story = load_str("t", "t.yaml", &text).unwrap_or_else(|p| panic!("{p:#?}"));
    Run::new(&story, Version::V5_0, 0).judge().result
}

#[test]
fn a_broker_that_is_down_cannot_go_down() {
    let crash = "{ broker: { crash: kill } }";
    let result = told(&format!("  - parallel: [ {crash}, {crash} ]\n"));
    let [finding] = &result.findings[..] else {
        panic!("{result:#?}");
    };
    assert!(
        finding.message.contains("the broker is down already"),
        "{finding:#?}"
    );
    assert_eq!(finding.location.as_deref(), Some("t.yaml:5:48"));
}

#[test]
fn what_becomes_of_the_broker_stands_in_the_chart() {
    let steps = "  - broker: { crash: power_loss }\n  - broker: restart\n  - a: { receive: {} }\n";
    let result = told(steps);
    let events = &result.findings[0].evidence.events;
    for label in [
        "broker: crash by power loss",
        "closed: the power failed",
        "broker: restart",
    ] {
        let is_it = |told: &str| label.ends_with(told);
        assert!(
            events.iter().any(|e| is_it(&e.label)),
            "{label}: {events:#?}"
        );
    }
}

#[test]
fn a_broker_of_somebody_else_is_not_crashed() {
    let story = load("hallway-lamp");
    let make = || Box::new(Double::new([])) as Box<_>;
    let run = Run {
        stranger: Some(Stranger::Machine(&make)),
        ..Run::new(&story, Version::V5_0, 0)
    };
    let result = run.judge().result;
    assert_eq!(result.verdict, Verdict::NotApplicable);
    let why = result.reason.unwrap_or_default();
    assert_eq!(why, "the broker cannot be crashed from here");
}

/// The broker goes down at any millisecond, and comes back.
fn crashes(seed: u64) -> String {
    let mut at = 300 + seed * 37 % 400;
    let mut lives = String::new();
    for n in 0..6 {
        let how = ["kill", "power_loss"][((seed >> n) & 1) as usize];
        lives += &format!("          - {{ at: {at}ms, broker: {{ crash: {how} }} }}\n");
        at += [0, 1, 17, 450, 1_300, 2_600][((seed * 7 + n * 5) % 6) as usize];
        lives += &format!("          - {{ at: {at}ms, broker: restart }}\n");
        at += 200 + (seed * 131 + n * 977) % 2_000;
    }
    lives
}

/// The disk fails at any millisecond, so that the broker ends by itself; who starts it too early gets no further.
fn troubles(seed: u64) -> String {
    let mut at = 300 + seed * 53 % 500;
    let mut lives = String::new();
    for n in 0..3 {
        let mut then = |after: u64, what: &str| {
            at += after;
            lives += &format!("          - {{ at: {at}ms, {what} }}\n");
        };
        then(0, "fault: { disk: fails }");
        then(900 + (seed * 71 + n * 13) % 700, "broker: restart");
        then(1 + seed % 300, "fault: { disk: sound }");
        then((seed + n) % 3 * 200, "broker: restart");
        at += 700 + (seed * 131 + n * 977) % 900;
    }
    lives
}

/// A story in which the broker goes down like this, while connections come and go.
fn storm(lives: &str, store: &str) -> Scenario {
    let text = format!(
        "title: The broker goes down at any moment\n\
         broker: {{ store: {store} }}\n\
         network: {{ latency: 1ms..60ms, loss: 4% }}\n\
         limit: 30m\n\
         clients:\n\
         \x20 a: {{ clean_start: false, session_expiry: 1h, keep_alive: 2s, will: {{ topic: w/a, payload: gone, qos: 1 }}, reconnect: {{ first: 50ms, max: 2s }} }}\n\
         \x20 b: {{ clean_start: false, session_expiry: 2s, keep_alive: 2s, reconnect: {{ first: 80ms, max: 2s }} }}\n\
         \x20 c: {{ keep_alive: 2s, reconnect: {{ first: 100ms, max: 2s }} }}\n\
         steps:\n\
         \x20 - a: connect\n\
         \x20 - b: connect\n\
         \x20 - c: connect\n\
         \x20 - a: {{ subscribe: [t/#, w/#], qos: 2 }}\n\
         \x20   wait: false\n\
         \x20 - b: {{ subscribe: t/+, qos: 1 }}\n\
         \x20   wait: false\n\
         \x20 - c: {{ subscribe: '#', qos: 2 }}\n\
         \x20   wait: false\n\
         \x20 - parallel:\n\
         \x20     - workload: {{ publishers: [a, b, c], topics: [t/1, t/2], qos: [0, 1, 2], count: 25, every: 20ms..600ms, retain: 20% }}\n\
         \x20     - fault: {{ flap: a, every: 1s..4s, for: 10s, by: silence, optional: true }}\n\
         \x20     - fault: {{ flap: b, every: 1s..4s, for: 10s, by: reset, optional: true }}\n\
         \x20     - fault: {{ flap: c, every: 1s..4s, for: 10s, by: close, optional: true }}\n\
         \x20     - timeline:\n{lives}  - settle: 2m\n"
    );
    load_str("storm", "storm.yaml", &text).unwrap_or_else(|p| panic!("{p:#?}\n{text}"))
}

/// Seeds of the storm, `SQUALL_STORM_SEEDS` of them: 12 unless it says otherwise.
#[expect(
    clippy::disallowed_methods,
    reason = "how many runs are tried, not what becomes of one"
)]
fn seeds() -> u64 {
    let said = std::env::var("SQUALL_STORM_SEEDS").ok();
    said.map_or(12, |n| n.parse().expect("a number of seeds"))
}

/// The first record that is not the same in both.
fn first_difference(a: &Trace, b: &Trace) -> String {
    let lines =
        |trace: &Trace| -> Vec<String> { trace.records().iter().map(Trace::line).collect() };
    let (a, b) = (lines(a), lines(b));
    let n = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    format!(
        "{:?}, then {:?} or {:?}",
        &a[n.saturating_sub(8)..n],
        a.get(n),
        b.get(n)
    )
}

#[track_caller]
fn alike(lives: fn(u64) -> String, store: &str) {
    for seed in 0..seeds() {
        let story = storm(&lives(seed), store);
        for &version in &story.versions {
            let one = Run::new(&story, version, seed).judge();
            let other = Run::new(&story, version, seed).in_world(World::Turmoil);
            let other = other.judge();
            let at = format!("seed {seed} in {version}");
            assert!(
                one.result.findings.is_empty(),
                "{at}: {:#?}",
                one.result.findings
            );
            if one.result.trace_hash != other.result.trace_hash {
                let [a, b] = [&one.played.trace, &other.played.trace];
                panic!("{at}: {}", first_difference(a, b));
            }
            assert_eq!(one.played.faults, other.played.faults, "{at}");
        }
    }
}

#[test]
fn both_worlds_crash_alike_without_a_store() {
    alike(crashes, "false");
}

#[test]
fn both_worlds_crash_alike_with_a_store() {
    alike(crashes, "{ sync: 0ms..40ms }");
}

#[test]
fn both_worlds_give_up_alike_when_the_disk_fails() {
    alike(troubles, "{ sync: 0ms..40ms }");
}
