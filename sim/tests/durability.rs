//! Who tests the judge of crashes: stores that forget, or promise too early, are caught by the stories of
//! `scenarios/durability`, which the sound one passes; and both worlds crash alike, whenever it happens.

use bytes::Bytes;
use squall_broker::store::{Batch, Key, Store, StoreError};
use squall_protocol::{Time, Version};
use squall_reports::{SimResult, Verdict};
use squall_saboteurs::double::Double;
use squall_scenarios::{load_file, load_str, model::Scenario};
use squall_sim::{
    run::Run,
    trace::Trace,
    world::{Stranger, World},
};
use std::{collections::BTreeSet, path::Path};

fn load(name: &str) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let file = root.join(format!("durability/{name}.yaml"));
    load_file(&file, &root).unwrap_or_else(|p| panic!("{name}: {p:#?}"))
}

/// What lies between the broker and its store.
type Between = dyn Fn(Box<dyn Store>) -> Box<dyn Store> + Sync;

/// Rules that are broken in the first seeds of a story with this in between; nothing is without it.
fn rules(story: &str, between: &Between) -> BTreeSet<String> {
    let story = load(story);
    let mut rules = BTreeSet::new();
    for &version in &story.versions {
        for seed in 0..story.seeds.into() {
            let run = Run::new(&story, version, seed);
            let sound = run.judge().result.findings;
            assert!(
                sound.is_empty(),
                "{} {version} {seed}: {sound:#?}",
                story.name
            );
            let run = Run {
                stranger: Some(Stranger::Store(between)),
                ..run
            };
            let found = run.judge().result.findings;
            rules.extend(found.into_iter().map(|finding| finding.rule));
        }
    }
    rules
}

#[track_caller]
fn caught(story: &str, between: &Between, rule: &str) {
    let rules = rules(story, between);
    assert!(
        rules.contains(rule),
        "{story}: `{rule}` is not among {rules:?}"
    );
}

/// Says that everything is stored before it is.
#[derive(Debug)]
struct Hasty(Box<dyn Store>, usize);

impl Store for Hasty {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.0.load()
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        self.1 += 1;
        self.0.store(now, batch)
    }

    fn stored(&mut self, now: Time) -> Result<usize, StoreError> {
        self.0.stored(now)?;
        Ok(std::mem::take(&mut self.1))
    }
}

/// Has forgotten rows when it is opened again.
#[derive(Debug)]
struct Forgetful {
    store: Box<dyn Store>,
    forgets: fn(&Key) -> bool,
}

impl Store for Forgetful {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let mut rows = self.store.load()?;
        rows.retain(|(key, _)| !(self.forgets)(key));
        Ok(rows)
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        self.store.store(now, batch)
    }

    fn stored(&mut self, now: Time) -> Result<usize, StoreError> {
        self.store.stored(now)
    }

    fn due(&self) -> Option<Time> {
        self.store.due()
    }
}

fn forgets(story: &str, forgets: fn(&Key) -> bool, rule: &str) {
    let between = move |store| Box::new(Forgetful { store, forgets }) as Box<dyn Store>;
    caught(story, &between, rule);
}

#[test]
fn who_acknowledges_before_the_sync_is_caught() {
    let hasty = |store| Box::new(Hasty(store, 0)) as Box<dyn Store>;
    caught("between-the-answer-and-the-disk", &hasty, "packet flow");
    caught("between-the-answer-and-the-disk", &hasty, "expectation");
}

#[test]
fn who_forgets_packet_identifiers_of_publishers_is_caught() {
    let received = |key: &Key| matches!(key, Key::Received(..));
    forgets("identifier-in-use", received, "exactly once");
    forgets("pay-once", received, "exactly once");
}

#[test]
fn who_forgets_what_was_on_its_way_is_caught() {
    let flows = |key: &Key| matches!(key, Key::Flow(..));
    forgets("order-unpacked", flows, "step");
    forgets("pay-once", flows, "exactly once");
}

#[test]
fn who_forgets_what_waits_is_caught() {
    forgets(
        "message-at-the-door",
        |key| matches!(key, Key::Waiting(..)),
        "at least once",
    );
}

#[test]
fn who_forgets_subscriptions_is_caught() {
    let subscriptions = |key: &Key| matches!(key, Key::Subscription(..));
    forgets("subscribed-for-good", subscriptions, "at least once");
}

#[test]
fn who_forgets_sessions_is_caught() {
    let all = |key: &Key| !matches!(key, Key::Message(_) | Key::Retained(_));
    forgets("message-at-the-door", all, "session");
}

#[test]
fn who_forgets_retained_messages_is_caught() {
    let retained = |key: &Key| matches!(key, Key::Retained(_));
    forgets("cold-room-set-point", retained, "retained");
}

#[test]
fn who_forgets_wills_is_caught() {
    forgets(
        "lift-with-a-will",
        |key| matches!(key, Key::Will(_)),
        "expectation",
    );
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

/// A story in which the broker goes down at any millisecond, while connections come and go.
fn storm(seed: u64, store: &str) -> Scenario {
    let mut at = 300 + seed * 37 % 400;
    let mut lives = String::new();
    for n in 0..6 {
        let how = ["kill", "power_loss"][((seed >> n) & 1) as usize];
        lives += &format!("          - {{ at: {at}ms, broker: {{ crash: {how} }} }}\n");
        at += [0, 1, 17, 450, 1_300, 2_600][((seed * 7 + n * 5) % 6) as usize];
        lives += &format!("          - {{ at: {at}ms, broker: restart }}\n");
        at += 200 + (seed * 131 + n * 977) % 2_000;
    }
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
fn alike(store: &str) {
    for seed in 0..seeds() {
        let story = storm(seed, store);
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
    alike("false");
}

#[test]
fn both_worlds_crash_alike_with_a_store() {
    alike("{ sync: 0ms..40ms }");
}
