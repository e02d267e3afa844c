//! `squall adapter check`: adapters that keep the protocol, and some that do not.
#![cfg(unix)]

use crate::binary::{ends, folder, json, squall, text};

/// An adapter in a few lines of shell: `$1` says what it does with `connect`.
const FAKE: &str = r#"
while read -r line; do
  id=${line#*\"id\":}; id=${id%%[,\}]*}
  case $line in
    *\"hello\"*) echo "{\"id\":$id,\"outcome\":\"hello\",\"protocol\":1,\"name\":\"fake\",\"version\":\"1\",\"mqtt\":[\"5.0\"]}" ;;
    *\"stop\"*) echo "{\"id\":$id,\"outcome\":\"done\"}"; exit 0 ;;
    *\"connect\"*) echo "{\"id\":$id,$1}" ;;
    *\"drop\"*) echo "{\"id\":$id,\"outcome\":\"done\"}" ;;
    *) echo "{\"id\":$id,\"outcome\":\"unsupported\",\"what\":\"anything\"}" ;;
  esac
done
"#;

fn fake(connect: &str) -> std::process::Output {
    let words = ["adapter", "check", "sh", "-c", FAKE, "fake", connect];
    squall(folder().path(), &words)
}

#[test]
fn the_own_client_keeps_the_protocol() {
    let dir = folder();
    let output = squall(dir.path(), &["adapter", "check", "squall"]);
    ends(&output, 0);
    let screen = text(&output.stdout);
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    insta::assert_snapshot!(screen);
}

#[test]
fn each_line_is_an_object_for_programs() {
    let dir = folder();
    let words = [
        "adapter",
        "check",
        "--format",
        "json",
        "sh",
        "-c",
        FAKE,
        "fake",
        r#""outcome":"done""#,
    ];
    let output = squall(dir.path(), &words);
    ends(&output, 1);
    let lines = text(&output.stdout);
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["library"], "fake");
    assert_eq!(last["wrong"], 1);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["verdict"], "ok");
}

#[test]
fn an_adapter_that_connects_to_nothing_is_not_good() {
    let output = fake(r#""outcome":"unsupported","what":"MQTT""#);
    ends(&output, 1);
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn an_adapter_that_breaks_the_protocol_is_told_how() {
    let output = fake(r#""outcome":"done""#);
    ends(&output, 1);
    let screen = text(&output.stdout);
    assert!(
        screen.contains("answered `connect` with `done`"),
        "{screen}"
    );
    assert!(screen.contains("exactly one answer"), "{screen}");
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
}

#[test]
fn an_adapter_that_cannot_be_tried_ends_with_code_3() {
    let dir = folder();
    for (words, says, help) in [
        (
            &["sh", "-c", "echo no library >&2; exit 1"][..],
            "no library",
            "by hand",
        ),
        (&["/nowhere/adapter"], "cannot be started", "installed"),
        (
            &["echo '{}'"],
            "no report",
            "standard output is for reports",
        ),
    ] {
        let output = squall(dir.path(), &[&["adapter", "check"], words].concat());
        ends(&output, 3);
        let complaint = text(&output.stderr);
        assert!(
            complaint.contains(says) && complaint.contains(help),
            "{complaint}"
        );
    }
}

#[test]
fn names_are_told_from_commands() {
    let dir = folder();
    let output = squall(dir.path(), &["adapter", "check", "pahoo"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("did you mean `paho`"),
        "{}",
        text(&output.stderr)
    );
    let output = squall(dir.path(), &["adapter", "check", "sh -c 'open"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("quotation mark"),
        "{}",
        text(&output.stderr)
    );
    // Nothing is installed in an empty folder.
    let output = squall(dir.path(), &["adapter", "check", "paho"]);
    ends(&output, 3);
    let complaint = text(&output.stderr);
    assert!(complaint.contains("is not installed here"), "{complaint}");
    assert!(complaint.contains("pip install -r"), "{complaint}");
}

#[test]
fn clients_are_listed_with_what_is_known_of_them() {
    let dir = folder();
    let output = squall(dir.path(), &["list", "clients", "--format", "json"]);
    ends(&output, 0);
    let rows = json(&output);
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["client"].as_str())
        .collect();
    assert!(
        names.contains(&"paho") && names.contains(&"squall"),
        "{names:?}"
    );
    for row in rows.as_array().unwrap() {
        assert!(row["check"].as_str().unwrap().ends_with("0 wrong"), "{row}");
    }
}
