//! `squall list`, `squall explain`, and the command line itself.

use crate::binary::{ends, folder, json, squall, text};

#[test]
fn wrong_arguments_end_with_code_2() {
    let dir = folder();
    for arguments in [
        &["sim", "--seeds", "9..3"][..],
        &["sim", "--jobs", "0"],
        &["conform"],
        &["dance"],
    ] {
        ends(&squall(dir.path(), arguments), 2);
    }
}

#[test]
fn list_and_explain_know_each_other() {
    let dir = folder();
    for what in ["scenarios", "checks", "statements"] {
        let output = squall(dir.path(), &["list", what, "--format", "json"]);
        ends(&output, 0);
        let rows = json(&output).as_array().expect("a list").clone();
        let key = if what == "checks" {
            "check"
        } else if what == "scenarios" {
            "name"
        } else {
            "id"
        };
        let id = rows
            .last()
            .and_then(|r| r[key].as_str())
            .expect("a name")
            .to_owned();
        let explained = squall(dir.path(), &["explain", &id]);
        ends(&explained, 0);
        assert!(
            text(&explained.stdout).contains(&id),
            "{}",
            text(&explained.stdout)
        );
    }
    let unknown = squall(dir.path(), &["explain", "MQTT-3.3.1-222"]);
    ends(&unknown, 2);
    assert!(
        text(&unknown.stderr).contains("did you mean"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn a_statement_is_explained_in_both_versions() {
    let output = squall(folder().path(), &["explain", "[MQTT-3.3.1-1]"]);
    ends(&output, 0);
    let screen = text(&output.stdout);
    assert!(
        screen.contains("MQTT 3.1.1") && screen.contains("MQTT 5.0"),
        "{screen}"
    );
}
