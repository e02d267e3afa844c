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
fn what_a_client_writes_when_it_has_told_of_the_end_is_no_new_connection() {
    let dir = folder();
    let late = ADAPTER.replace(
        "            say(event=\"ended\", why=str(why))\n",
        "            say(event=\"ended\", why=str(why))\n            import time\n            time.sleep(0.02)\n            \
         stream.sendall(b\"\\xe0\\x00\")\n            stream.close()\n",
    );
    assert_ne!(late, ADAPTER);
    write(dir.path(), "adapter.py", &late);
    let story = "title: t\nbroker: { scripted: true }\nclients: { a: {} }\nsteps:\n  - a: connect\n  - broker: drop\n  - wait: 1s\n";
    write(dir.path(), "story.yaml", story);
    let arguments = [
        "live",
        "story.yaml",
        "--mqtt",
        "3.1.1",
        "--client",
        "python3 adapter.py",
    ];
    ends(&squall(dir.path(), &arguments), 0);
}

/// The adapter of a client that has to know its part; `answer` is what it says to it.
fn needs_its_part(dir: &Path, answer: &str) -> serde_json::Value {
    let needy = ADAPTER
        .replace("mqtt=[\"3.1.1\"])", "mqtt=[\"3.1.1\"], needs_part=True)")
        .replace(
            "    if name == \"subscribe\":\n",
            &format!(
                "    if name == \"part\":\n        open('parts', 'a').write(json.dumps(asked) + '\\n')\n        \
                 return say(id=number, {answer})\n    if name == \"subscribe\":\n"
            ),
        );
    write(dir, "needy.py", &needy);
    write(dir, "story.yaml", GOOD);
    let client = ["--client", "python3 needy.py", "--format", "json"];
    let story = ["live", "story.yaml", "--mqtt", "3.1.1"];
    json(&squall(dir, &[&story[..], &client[..]].concat()))
}

#[test]
fn a_client_that_has_to_know_its_part_is_told_it_beforehand() {
    let dir = folder();
    let document = needs_its_part(dir.path(), "outcome='done'");
    assert_eq!(document["results"][0]["verdict"], "pass", "{document}");
    let told = std::fs::read_to_string(dir.path().join("parts")).unwrap();
    let mut parts: Vec<&str> = told.lines().collect();
    parts.sort_unstable();
    let wanted = [
        r#"{"publishes": [{"topic": "readings", "qos": 1}]}"#,
        r#"{"subscribes": [{"subscriptions": [{"topic_filter": "readings", "qos": 1}]}]}"#,
    ];
    assert_eq!(parts, wanted);
}

#[test]
fn a_part_that_a_client_cannot_play_is_not_played() {
    let dir = folder();
    let document = needs_its_part(dir.path(), "outcome='unsupported', what='too much'");
    assert_eq!(document["results"][0]["verdict"], "n/a", "{document}");
    let reason = &document["results"][0]["reason"];
    assert_eq!(reason, "the client cannot do it: meter: too much");
}

#[test]
fn what_is_known_of_a_client_decides_the_exit_code() {
    let dir = folder();
    there(dir.path());
    let story = ["live", "story.yaml", "--mqtt", "5.0", "--known", "--client"];
    let output = squall(dir.path(), &[&story[..], &["squall"]].concat());
    ends(&output, 0);
    let said = text(&output.stderr);
    assert!(
        said.contains("0 fails are known about this client"),
        "{said}"
    );
    // Nothing is known of a command.
    let output = squall(dir.path(), &[&story[..], &["python3 adapter.py"]].concat());
    ends(&output, 2);
    ends(&squall(dir.path(), &["live", "story.yaml", "--known"]), 2);
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
