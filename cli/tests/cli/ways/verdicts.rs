//! A broker is judged alike, however it is reached.

use super::{
    brokers::{Broker, Way, mosquitto, own},
    certificates::Certificates,
};
use crate::binary::{folder, json, squall, text};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

/// What was found out about something, by its name and the version.
type Verdicts = BTreeMap<String, Value>;

/// The same command over every way, all at once; `key` says what the results are of.
fn over_every_way(
    broker: &Broker,
    command: impl Fn(&Way) -> Vec<String> + Sync,
    key: &str,
) -> Vec<(String, Verdicts)> {
    let run = |way: &Way| {
        let arguments = command(way);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(way.flags.iter().map(String::as_str));
        arguments.extend(["--format", "json"]);
        let output = squall(folder().path(), &arguments);
        let code = output.status.code();
        // A broker may get something wrong, and something may be inconclusive on a busy machine.
        assert!(
            matches!(code, Some(0 | 1 | 3)),
            "{code:?}: {}",
            text(&output.stderr)
        );
        let results = json(&output)["results"].as_array().expect("a list").clone();
        let named = results.into_iter().map(|result| {
            let name = |key: &str| result[key].as_str().expect("a word").to_owned();
            (format!("{} {}", name(key), name("version")), result)
        });
        (way.url.clone(), named.collect())
    };
    thread::scope(|scope| {
        let running: Vec<_> = broker
            .ways
            .iter()
            .map(|way| scope.spawn(|| run(way)))
            .collect();
        running
            .into_iter()
            .map(|run| run.join().expect("it ends"))
            .collect()
    })
}

/// Where a way gives another verdict than the first one, both said; `may` allows it.
fn differences(all: &[(String, Verdicts)], may: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let (_, first) = &all[0];
    let mut differences = Vec::new();
    for (url, verdicts) in &all[1..] {
        assert_eq!(
            verdicts.keys().collect::<Vec<_>>(),
            first.keys().collect::<Vec<_>>(),
            "{url}"
        );
        for (name, result) in verdicts {
            let (here, there) = (&result["verdict"], &first[name]["verdict"]);
            if here != there && !may(url, result) {
                differences.push(format!(
                    "{name}: {there} over TCP, {here} at {url}: {} {}",
                    result["message"], result["reason"]
                ));
            }
        }
    }
    differences
}

/// Plays all checks over every way; more than 300 have to pass.
fn judged_alike(broker: &Broker, may: impl Fn(&str, &Value) -> bool) {
    // Most of a check is waiting.
    let conform = |way: &Way| {
        vec![
            "conform".to_owned(),
            way.url.clone(),
            "--jobs=64".to_owned(),
        ]
    };
    let all = over_every_way(broker, conform, "check");
    let passed = all[0].1.values().filter(|r| r["verdict"] == "pass").count();
    assert!(passed > 300, "{passed} checks pass");
    let found = differences(&all, &may);
    if found.is_empty() {
        return;
    }
    // Where so much happens at once, something may come too late, on any way. What is true is found again by itself.
    let names = found.iter().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<&str> = names.collect();
    let again = |way: &Way| {
        let only = names.iter().map(|name| format!("--only={name}"));
        ["conform".to_owned(), way.url.clone()]
            .into_iter()
            .chain(only)
            .collect()
    };
    let found = differences(&over_every_way(broker, again, "check"), &may);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn our_broker_is_judged_alike_over_every_way() {
    let made = Certificates::new();
    judged_alike(&own(&made, false), |_, _| false);
}

#[test]
fn mosquitto_is_judged_alike_over_every_way() {
    let made = Certificates::new();
    let Some(broker) = mosquitto(&made) else {
        return;
    };
    judged_alike(&broker, |url, result| {
        // Packets that are broken before their user name have none.
        url.contains('@') && result["check"] == "vectors/connect" && result["verdict"] == "n/a"
    });
}

/// Stories about what a transport could get wrong: cuts at exact packets, resets, silence, order, and large messages.
const STORIES: [&str; 3] = ["qos1", "qos2", "takeover"];

fn told_alike(broker: &Broker) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/");
    let command = |way: &Way| {
        let mut command = vec!["live".to_owned()];
        command.extend(STORIES.map(|name| format!("{root}{name}")));
        command.extend(["--broker", &way.url, "--patience", "40s"].map(str::to_owned));
        command
    };
    let all = over_every_way(broker, command, "scenario");
    let passed = all[0].1.values().filter(|r| r["verdict"] == "pass").count();
    assert!(passed > 20, "{passed} stories pass");
    // What a story proves nothing about is a matter of moments, with sockets in between.
    let unsure = |result: &Value| result["verdict"] == "inconclusive";
    let (_, first) = &all[0];
    let unsure_first: Vec<&String> = first.keys().filter(|name| unsure(&first[*name])).collect();
    let found = differences(&all, |_, result| unsure(result));
    let found: Vec<_> = found
        .into_iter()
        .filter(|line| {
            !unsure_first
                .iter()
                .any(|name| line.starts_with(&format!("{name}: ")))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn our_broker_is_told_stories_by_those_whom_it_lets_in() {
    let made = Certificates::new();
    told_alike(&own(&made, true));
}

#[test]
fn mosquitto_is_told_stories_over_every_way() {
    let made = Certificates::new();
    if let Some(broker) = mosquitto(&made) {
        told_alike(&broker);
    }
}
