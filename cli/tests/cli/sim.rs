//! `squall sim` and `squall replay`.

use crate::binary::{GOOD, ends, folder, json, squall, text, write};
use serde_json::Value;
use std::fs;

#[test]
fn bad_yaml_is_shown_where_it_is_bad() {
    let dir = folder();
    write(
        dir.path(),
        "bad.yaml",
        &GOOD.replace("  - meter: connect", "  - meetr: connect"),
    );
    let output = squall(dir.path(), &["sim", "bad.yaml"]);
    ends(&output, 2);
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!("bad_yaml", text(&output.stderr));
}

#[test]
fn a_bundled_scenario_with_a_slip_of_the_pen_is_suggested() {
    let output = squall(folder().path(), &["sim", "qos2/cut-befor-pubrec"]);
    ends(&output, 2);
    let said = text(&output.stderr);
    assert!(said.contains("does not exist"), "{said}");
    assert!(
        said.contains("did you mean `qos2/cut-before-pubrec`?"),
        "{said}"
    );
}

#[test]
fn a_missing_scenario_file_is_named() {
    let output = squall(folder().path(), &["sim", "nowhere.yaml"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("nowhere.yaml"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn sim_json_has_one_hash_for_a_seed_whatever_the_jobs_and_the_world() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let run = |more: &[&str]| {
        let arguments = [
            &["sim", "good.yaml", "--seeds", "3..6", "--format", "json"][..],
            more,
        ]
        .concat();
        let output = squall(dir.path(), &arguments);
        ends(&output, 0);
        let results = json(&output)["results"].as_array().expect("a list").clone();
        let row = |r: &Value| {
            (
                r["version"].clone(),
                r["seed"].clone(),
                r["trace_hash"].clone(),
                r["verdict"].clone(),
            )
        };
        results.iter().map(row).collect::<Vec<_>>()
    };
    let one = run(&["--jobs", "1"]);
    assert_eq!(one.len(), 6, "3 seeds in 2 versions");
    assert!(
        one.iter()
            .all(|r| r.3 == "pass" && r.2.as_str().is_some_and(|h| h.len() == 64))
    );
    assert_eq!(one, run(&["--jobs", "2"]));
    assert_eq!(one, run(&["--world", "turmoil"]));
    assert_eq!(run(&["--mqtt", "5.0"]).len(), 3);
}

#[test]
fn a_failing_run_prints_its_seed_and_a_command_that_repeats_it() {
    let dir = folder();
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    let output = squall(
        dir.path(),
        &["sim", "wrong.yaml", "--seed", "17", "--mqtt", "5.0"],
    );
    ends(&output, 1);
    let screen = text(&output.stdout);
    let command = screen
        .lines()
        .find_map(|l| l.split_once("squall replay "))
        .expect("a replay command")
        .1;
    assert!(screen.contains("17"), "{screen}");
    let file = command.trim();
    let recorded = fs::read_to_string(dir.path().join(file)).expect("the file it names");
    let again = squall(dir.path(), &["replay", file, "--format", "json"]);
    ends(&again, 1);
    let hash = json(&again)["results"][0]["trace_hash"]
        .as_str()
        .expect("a hash")
        .to_owned();
    assert!(recorded.contains(&hash), "the recorded hash is {hash}");
    assert!(
        text(&again.stderr).contains("record for record"),
        "{}",
        text(&again.stderr)
    );
    let other_world = squall(
        dir.path(),
        &["replay", file, "--world", "turmoil", "--format", "json"],
    );
    ends(&other_world, 1);
    assert_eq!(
        json(&other_world)["results"][0]["trace_hash"],
        hash.as_str()
    );
    let trace = squall(dir.path(), &["replay", file, "--trace"]);
    assert!(
        text(&trace.stdout).lines().count() > 20,
        "{}",
        text(&trace.stdout)
    );
}

#[test]
fn a_file_that_is_no_replay_is_refused() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let output = squall(dir.path(), &["replay", "good.yaml"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("no replay file"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn replay_files_are_not_taken_for_scenarios() {
    let dir = folder();
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    ends(&squall(dir.path(), &["sim", ".", "--seed", "1"]), 1);
    assert!(dir.path().join("squall-replays").is_dir());
    ends(&squall(dir.path(), &["sim", ".", "--seed", "1"]), 1);
}

#[test]
fn a_scenario_cites_statements_that_exist() {
    let dir = folder();
    write(
        dir.path(),
        "cites.yaml",
        &format!("statements: [MQTT-9.9.9-9]\n{GOOD}"),
    );
    let output = squall(dir.path(), &["sim", "cites.yaml"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("MQTT-9.9.9-9 is no statement"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_scenario_named_twice_runs_once() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let output = squall(
        dir.path(),
        &[
            "sim",
            "good.yaml",
            "./good.yaml",
            "--seed",
            "1",
            "--format",
            "json",
        ],
    );
    ends(&output, 0);
    assert_eq!(
        json(&output)["summary"]["total"],
        2,
        "one seed in two versions"
    );
}

#[test]
fn a_story_without_end_is_stopped() {
    let dir = folder();
    let endless = "\
title: A client that is refused by the network dials for ever
limit: 1000000h
clients: { a: {}, b: { reconnect: 1ms } }
steps:
  - a: connect
  - b: connect
  - fault: { flap: b, every: 1ms..2ms, for: 20s }
  - wait: 900000h
";
    // Keep alive alone makes millions of packets in a hundred years.
    write(dir.path(), "endless.yaml", endless);
    let output = squall(
        dir.path(),
        &[
            "sim",
            "endless.yaml",
            "--seed",
            "0",
            "--mqtt",
            "5.0",
            "--format",
            "json",
        ],
    );
    ends(&output, 1);
    let message = json(&output)["results"][0]["findings"].to_string();
    assert!(message.contains("things had happened"), "{message}");
}

/// An unknown statement hides nothing, and everything has its place.
#[test]
fn problems_of_all_files_are_told_together() {
    let dir = folder();
    let first = GOOD.replace("meter", "squall-observer");
    let first = format!("statements: [MQTT-4.3.3-1, MQTT-4.3.3-91]\n{first}");
    write(dir.path(), "a.yaml", &first);
    write(dir.path(), "b.yaml", &format!("limt: 5s\n{GOOD}"));
    let output = squall(dir.path(), &["sim", "a.yaml", "missing.yaml", "b.yaml"]);
    ends(&output, 2);
    let told = text(&output.stderr);
    for part in [
        "MQTT-4.3.3-91 is no statement of MQTT",
        "a.yaml:1:28",
        "did you mean `MQTT-4.3.3-",
        "`squall-observer` cannot be the name of a client",
        "does not exist",
        "b.yaml:1:1",
        "did you mean `limit`?",
    ] {
        assert!(told.contains(part), "no {part} in:\n{told}");
    }
}

#[test]
fn a_bundled_scenario_is_found_by_its_name() {
    let dir = folder();
    for name in [
        "qos2/cut-before-pubrel",
        "scenarios/qos2/cut-before-pubrel.yaml",
    ] {
        let output = squall(
            dir.path(),
            &["sim", name, "--seed", "3", "--format", "json"],
        );
        ends(&output, 0);
        assert_eq!(
            json(&output)["results"][0]["scenario"],
            "qos2/cut-before-pubrel"
        );
    }
}
