//! A fault that never bit is a green that means nothing: the run says so, or the sweep where chance decides.

use squall_protocol::Version;
use squall_reports::Finding;
use squall_scenarios::model::Scenario;
use squall_sim::{
    run::Run,
    sweep::{ENOUGH_SEEDS, Ended, Sweep},
    world::World,
};
use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, AtomicU64},
};

/// A story of MQTT 5.0 with the clients `a` and `b`, all links 5 ms; `b` is connected and has subscribed to `t`.
fn story(steps: &str) -> Scenario {
    story_on("{ latency: 5ms }", steps)
}

fn story_on(network: &str, steps: &str) -> Scenario {
    let text = format!(
        "title: t\nversions: [5.0]\nnetwork: {network}\nclients:\n  a: {{ clean_start: false, session_expiry: 1h }}\n  \
         b: {{}}\nsteps:\n  - b: connect\n  - b: {{ subscribe: t, qos: 1 }}\n{steps}"
    );
    squall_scenarios::load_str("t", "t.yaml", &text)
        .unwrap_or_else(|p| panic!("{}", p[0].render(false)))
}

/// What is found about faults, the same in both worlds.
fn found(scenario: &Scenario) -> Vec<Finding> {
    let run = Run::new(scenario, Version::V5_0, 0);
    let of = |world| {
        let findings = run.in_world(world).judge().result.findings;
        let about = |f: &Finding| f.rule == "fault";
        findings.into_iter().filter(about).collect::<Vec<_>>()
    };
    let findings = of(World::Loop);
    assert_eq!(findings, of(World::Turmoil));
    findings
}

#[track_caller]
fn says(steps: &str, location: &str, parts: &[&str]) {
    let findings = found(&story(steps));
    let [finding] = findings.as_slice() else {
        panic!("one finding is expected: {findings:#?}")
    };
    assert_eq!(finding.location.as_deref(), Some(location));
    for part in parts {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
}

#[track_caller]
fn silent(steps: &str) {
    assert_eq!(found(&story(steps)), []);
}

const ARMED: &str = "  - a: connect\n  - fault: { cut: a, after: PUBREC, nth: 2, from: broker }\n  \
     - a: { publish: t, payload: x, qos: 2 }\n";

#[test]
fn a_cut_that_the_settle_disarmed() {
    says(
        &format!("{ARMED}  - settle: 5s\n"),
        "t.yaml:11:5",
        &[
            "cut a after PUBREC number 2 from the broker by reset",
            "never bit",
            "1 PUBREC went by",
            "disarmed",
        ],
    );
}

#[test]
fn a_cut_that_the_end_of_the_story_left_armed() {
    says(
        &format!("{ARMED}  - wait: 5s\n"),
        "t.yaml:11:5",
        &["1 PUBREC went by", "the end of the story"],
    );
}

#[test]
fn a_cut_that_a_heal_disarmed() {
    says(
        &format!("{ARMED}  - wait: 5s\n  - fault: {{ heal: a }}\n"),
        "t.yaml:11:5",
        &["never bit", "disarmed"],
    );
}

#[test]
fn a_cut_of_a_client_that_never_connects_again() {
    says(
        "  - a: connect\n  - a: disconnect\n  - fault: { cut: a, before: CONNACK }\n  - wait: 5s\n",
        "t.yaml:12:5",
        &["no packet of a went by at all"],
    );
}

#[test]
fn each_of_several_cuts_at_one_place_has_to_bite() {
    says(
        "  - a: connect\n  - repeat:\n      times: 2\n      steps:\n        - fault: { cut: a, after: PUBACK, from: broker }\n  \
         - a: { publish: t, payload: x, qos: 1 }\n  - settle: 5s\n",
        "t.yaml:14:11",
        &["1 PUBACK went by"],
    );
}

#[test]
fn who_says_that_it_is_optional_is_left_alone() {
    silent(
        "  - a: connect\n  - fault: { cut: a, after: PUBREC, from: broker, optional: true }\n  - settle: 5s\n",
    );
}

#[test]
fn a_cut_that_bit_is_not_mentioned() {
    silent(
        "  - a: connect\n  - fault: { cut: a, after: PUBREC, from: broker }\n  \
         - a: { publish: t, payload: x, qos: 2 }\n  - wait: 1s\n  - a: connect\n  - settle: 5s\n",
    );
}

/// What a sweep over so many seeds finds about faults, in the loop world.
fn swept(scenario: &Scenario, seeds: u64) -> Vec<Finding> {
    let sweep = Sweep {
        scenarios: std::slice::from_ref(scenario),
        versions: vec![Version::V5_0],
        seeds: Some((0, seeds)),
        world: World::Loop,
        jobs: 2,
        confirm: false,
    };
    let mut findings = Vec::new();
    let each = |ended: Ended<'_>| {
        findings.extend(
            ended
                .result
                .findings
                .into_iter()
                .filter(|f| f.rule == "fault"),
        );
        ControlFlow::Continue(())
    };
    let swept = sweep.run(&AtomicU64::new(0), &AtomicBool::new(false), each);
    assert_eq!(swept.map(|s| s.runs).ok(), Some(seeds));
    findings
}

/// Once with too few seeds, once with enough, once with `optional`.
#[track_caller]
fn sweep_says(network: &str, steps: &str, what: &str) {
    let scenario = story_on(network, steps);
    assert_eq!(swept(&scenario, ENOUGH_SEEDS - 1), []);
    let findings = swept(&scenario, ENOUGH_SEEDS);
    let messages: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
    let [message] = messages.as_slice() else {
        panic!("one finding is expected: {messages:#?}")
    };
    assert!(message.contains(what), "{message}");
    assert!(message.contains("8 seeds"), "{message}");
    assert!(findings[0].location.is_some());
    let lift = |text: &str| text.replace(" }", ", optional: true }");
    let optional = match network.contains("..") || network.contains('%') {
        true => story_on(&lift(network), steps),
        false => {
            let (fault, rest) = steps
                .split_once("# fault\n")
                .expect("the fault comes first");
            story_on(network, &format!("{}\n{rest}", lift(fault)))
        }
    };
    assert_eq!(swept(&optional, ENOUGH_SEEDS), []);
}

#[test]
fn loss_that_loses_nothing() {
    let steps = "  - a: connect\n";
    sweep_says("{ latency: 5ms, loss: 0.1% }", steps, "loss 0.1 %");
    assert_eq!(
        swept(&story_on("{ latency: 5ms, loss: 30% }", steps), 8),
        []
    );
}

#[test]
fn a_latency_that_nothing_felt() {
    let steps = "  - network: { of: a, latency: 10ms..20ms } # fault\n  - wait: 1s\n  - network: { latency: 1ms }\n  - a: connect\n";
    sweep_says("{ latency: 5ms }", steps, "latency 10ms..20ms");
    assert_eq!(
        swept(&story_on("{ latency: 5ms..6ms }", "  - a: connect\n"), 8),
        []
    );
}

#[test]
fn a_flap_that_finds_nobody() {
    let steps = "  - fault: { flap: a, every: 1s..2s, for: 5s } # fault\n  - a: connect\n";
    sweep_says("{ latency: 5ms }", steps, "flap a");
    let steps = "  - a: connect\n  - fault: { flap: a, every: 1s..2s, for: 5s }\n";
    assert_eq!(swept(&story(steps), 8), []);
}

#[test]
fn a_flap_that_never_cuts() {
    let steps = "  - a: connect\n  - fault: { flap: a, every: 9s, for: 5s } # fault\n";
    sweep_says("{ latency: 5ms }", steps, "flap a");
}

#[test]
fn a_partition_with_nothing_to_stop() {
    let steps = "  - fault: { partition: a, for: 5s } # fault\n  - wait: 6s\n  - a: connect\n";
    sweep_says("{ latency: 5ms }", steps, "partition a both ways");
    let steps = "  - a: connect\n  - fault: { partition: a, for: 5s }\n  - a: { publish: t, payload: x, qos: 1 }\n";
    assert_eq!(swept(&story(steps), 8), []);
}

#[test]
fn a_cut_at_once_of_a_connection_that_is_not_there() {
    let steps = "  - fault: { cut: a } # fault\n  - a: connect\n";
    sweep_says("{ latency: 5ms }", steps, "cut a by reset");
}

/// A story whose broker has a store on a disk that takes 20 to 40 ms to sync.
fn stored(steps: &str) -> Scenario {
    let text = format!(
        "title: t\nversions: [5.0]\nnetwork: {{ latency: 5ms }}\nbroker: {{ store: {{ sync: 20ms..40ms }} }}\nclients:\n  \
         a: {{ clean_start: false, session_expiry: 1h, reconnect: 100ms }}\n  \
         b: {{ clean_start: false, session_expiry: 1h, reconnect: 100ms }}\n\
         steps:\n  - b: connect\n  - b: {{ subscribe: t, qos: 1 }}\n  - a: connect\n{steps}"
    );
    squall_scenarios::load_str("t", "t.yaml", &text)
        .unwrap_or_else(|p| panic!("{}", p[0].render(false)))
}

/// How often each fault of the disk bit, the same in both worlds; nothing else is found.
fn bites(scenario: &Scenario, seed: u64) -> Vec<(String, u64)> {
    let run = Run::new(scenario, Version::V5_0, seed);
    let of = |world| {
        let judged = run.in_world(world).judge();
        assert_eq!(judged.result.findings, [], "{world}");
        let fates = judged.played.faults.into_iter();
        fates.map(|fate| (fate.told, fate.bites)).collect()
    };
    let bites: Vec<_> = of(World::Loop);
    assert_eq!(bites, of(World::Turmoil));
    bites
}

#[test]
fn each_trouble_of_a_disk_bites_and_both_worlds_count_the_same() {
    let send = "  - a: { publish: t, payload: x, qos: 1 }\n    wait: false\n";
    let large = "  - b: disconnect\n  - a: { publish: t, payload: { size: 900000 }, qos: 1, count: 6 }\n    wait: false\n";
    let again = "  - wait: 2s\n  - fault: { disk: sound }\n  - broker: restart\n  - settle: 20s\n";
    let back = "  - wait: 1s\n  - broker: restart\n  - settle: 20s\n";
    let crash = |unsynced: &str| {
        format!(
            "{send}  - wait: 12ms\n  - broker: {{ crash: power_loss, unsynced: {unsynced} }}\n{back}"
        )
    };
    let stories = [
        format!("  - fault: {{ disk: fails }}\n{send}{again}"),
        format!("  - fault: {{ disk: full }}\n{large}{again}"),
        format!("  - fault: {{ disk: slow, for: 3s }}\n{send}  - settle: 20s\n"),
        crash("lost"),
        crash("torn"),
        crash("kept"),
    ];
    for steps in stories {
        let scenario = stored(&steps);
        let bites: Vec<_> = (0..4).flat_map(|seed| bites(&scenario, seed)).collect();
        assert!(bites.iter().any(|(_, n)| *n > 0), "{steps}: {bites:?}");
    }
}

#[test]
fn a_disk_with_nothing_to_do_bites_nobody() {
    for trouble in ["fails", "full", "slow"] {
        let steps =
            format!("  - wait: 5s\n  - fault: {{ disk: {trouble}, for: 1s }}\n  - wait: 5s\n");
        let findings = swept(&stored(&steps), ENOUGH_SEEDS);
        let [finding] = findings.as_slice() else {
            panic!("one finding is expected: {findings:#?}")
        };
        let told = format!("disk {trouble}");
        assert!(finding.message.contains(&told), "{}", finding.message);
        let steps = steps.replace("for: 1s", "for: 1s, optional: true");
        assert_eq!(swept(&stored(&steps), ENOUGH_SEEDS), []);
    }
}

#[test]
fn a_power_loss_that_had_nothing_to_lose() {
    let steps = "  - wait: 5s\n  - broker: { crash: power_loss, unsynced: torn }\n  - wait: 1s\n  - broker: restart\n";
    let findings = swept(&stored(steps), ENOUGH_SEEDS);
    assert!(
        findings[0].message.contains("unsynced writes torn"),
        "{findings:#?}"
    );
}
