//! `squall verify`, and what reports keep of a conformance run.

use crate::binary::{ends, folder, json, squall, text};
use serde_json::Value;
use std::fs;

/// What a page is sent and opened with ease.
const PAGE: usize = 1_000_000;
/// Bytes that a check which passed takes in JSON, on average.
const JSON_OF_A_PASS: usize = 1_500;

/// Everything once: the size of what it writes, what passes keep, and one document wherever it goes.
#[test]
fn passes_keep_their_words_and_not_their_packets() {
    let dir = folder();
    let output = squall(
        dir.path(),
        &[
            "verify",
            "--seeds",
            "0..1",
            "--confirm",
            "1",
            "--format",
            "json",
            "--json",
            "all.json",
        ],
    );
    ends(&output, 0);
    let page = fs::read_to_string(dir.path().join("squall-report.html")).expect("the page");
    assert!(page.len() < PAGE, "the page has {} bytes", page.len());
    let file = fs::read(dir.path().join("all.json")).expect("it is there");
    assert!(
        file == output.stdout,
        "standard output and the file are the same document"
    );
    let document = json(&output);
    let results = document["results"].as_array().expect("a list");
    let passed: Vec<&Value> = results
        .iter()
        .filter(|r| r["check"].is_string() && r["verdict"] == "pass")
        .collect();
    assert!(passed.len() > 300, "{} checks passed", passed.len());
    for check in &passed {
        let name = check["check"].as_str().expect("a name");
        assert!(check.get("evidence").is_none(), "{check}");
        for key in ["title", "message", "expected", "version"] {
            assert!(
                check[key].as_str().is_some_and(|t| !t.is_empty()),
                "{check}"
            );
        }
        let statements = check["statements"].as_array().expect("a list");
        let cites = |id: &Value| page.contains(id.as_str().expect("a text"));
        assert!(
            !statements.is_empty() && statements.iter().all(cites),
            "{check}"
        );
        assert!(page.contains(name), "{name} is on the page");
    }
    let bytes = passed.iter().map(|r| r.to_string().len()).sum::<usize>();
    assert!(
        bytes / passed.len() < JSON_OF_A_PASS,
        "{} bytes for each pass",
        bytes / passed.len()
    );
}

/// Who doubts a pass can see its packets.
#[test]
fn the_packets_of_passes_are_kept_where_they_are_asked_for() {
    let dir = folder();
    let broker = crate::binary::Serving::start();
    let judge = |more: &[&str]| {
        let run = [
            "conform",
            broker.url(),
            "--only",
            "connect/accepted",
            "--format",
            "json",
        ];
        let output = squall(dir.path(), &[&run[..], more].concat());
        ends(&output, 0);
        json(&output)["results"].as_array().expect("a list").clone()
    };
    let (without, with) = (judge(&[]), judge(&["--all-evidence"]));
    assert!(
        without.iter().all(|r| r.get("evidence").is_none()),
        "{without:?}"
    );
    let has_packets = |r: &Value| {
        let events = r["evidence"]["events"].as_array();
        events.is_some_and(|e| {
            e.iter()
                .any(|e| e["label"].as_str().is_some_and(|l| l.contains("CONNACK")))
        })
    };
    assert!(
        !with.is_empty() && with.iter().all(has_packets),
        "{}",
        text(format!("{with:?}").as_bytes())
    );
}
