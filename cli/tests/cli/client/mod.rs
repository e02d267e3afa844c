//! `squall live --client`: scenarios told to clients that adapters drive.

use crate::binary::{GOOD, ends, folder, json, squall, text, write};
use std::path::Path;

/// A client of QoS 0 and 1 in 3.1.1, and its adapter.
const ADAPTER: &str = include_str!("adapter.py");

fn there(dir: &Path) {
    write(dir, "adapter.py", ADAPTER);
    write(dir, "story.yaml", GOOD);
}

#[test]
fn a_client_that_keeps_the_standard_passes() {
    let dir = folder();
    there(dir.path());
    let arguments = [
        "live",
        "story.yaml",
        "--client",
        "python3 adapter.py",
        "--format",
        "json",
    ];
    let output = squall(dir.path(), &arguments);
    ends(&output, 0);
    let document = json(&output);
    assert_eq!(document["summary"]["pass"], 1, "{document}");
    // It does not speak 5.0.
    assert_eq!(document["summary"]["n/a"], 1, "{document}");
    assert!(text(&output.stderr).contains("the adapter drives small 1"));
}

#[test]
fn what_a_client_does_wrong_is_found_and_found_again() {
    let dir = folder();
    there(dir.path());
    let client = "python3 adapter.py dup";
    let output = squall(
        dir.path(),
        &["live", "story.yaml", "--mqtt", "3.1.1", "--client", client],
    );
    ends(&output, 1);
    let said = text(&output.stdout);
    assert!(
        said.contains("for the first time with the DUP flag"),
        "{said}"
    );
    assert!(said.contains("MQTT-4.3.2-1"), "{said}");
    let file = "squall-replays/story.3.1.1.seed-0.replay.yaml";
    assert!(said.contains(&format!("squall replay {file}")), "{said}");
    ends(&squall(dir.path(), &["replay", file]), 1);
    // A client of ours, in virtual time.
    ends(&squall(dir.path(), &["replay", file, "--world", "loop"]), 0);
}

#[test]
fn what_a_client_cannot_do_does_not_count() {
    let dir = folder();
    there(dir.path());
    write(
        dir.path(),
        "story.yaml",
        &GOOD.replace("qos: 1 }\n  - settle", "qos: 2 }\n  - settle"),
    );
    let arguments = [
        "live",
        "story.yaml",
        "--mqtt",
        "3.1.1",
        "--client",
        "python3 adapter.py",
        "--format",
        "json",
    ];
    let output = squall(dir.path(), &arguments);
    ends(&output, 3);
    let document = json(&output);
    assert_eq!(document["results"][0]["verdict"], "n/a", "{document}");
    let reason = &document["results"][0]["reason"];
    assert_eq!(reason, "the client cannot do it: publish");
}

#[test]
fn an_adapter_that_fails_says_nothing_about_its_client() {
    let dir = folder();
    there(dir.path());
    // It is no adapter.
    let output = squall(
        dir.path(),
        &["live", "story.yaml", "--client", "echo hello"],
    );
    ends(&output, 3);
    assert!(output.stdout.is_empty());
    assert!(
        text(&output.stderr).contains("no report"),
        "{}",
        text(&output.stderr)
    );
    // It dies in the middle of a story.
    let dying = ADAPTER.replace(
        "    if name == \"subscribe\":\n",
        "    if name == \"subscribe\":\n        sys.exit('out of ideas')\n",
    );
    write(dir.path(), "dying.py", &dying);
    let output = squall(
        dir.path(),
        &[
            "live",
            "story.yaml",
            "--mqtt",
            "3.1.1",
            "--client",
            "python3 dying.py",
        ],
    );
    ends(&output, 3);
    let said = text(&output.stderr);
    assert!(said.contains("out of ideas"), "{said}");
    assert!(said.contains("says nothing about the client"), "{said}");
    assert!(!text(&output.stdout).contains("FAIL"));
}

#[test]
fn wrong_words_are_bad_input() {
    let dir = folder();
    there(dir.path());
    for client in ["", "'"] {
        let arguments = ["live", "story.yaml", "--client", client];
        ends(&squall(dir.path(), &arguments), 2);
    }
    let both = ["live", "--client", "x", "--broker", "mqtt://127.0.0.1"];
    ends(&squall(dir.path(), &both), 2);
}
