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
    for what in ["scenarios", "checks", "statements", "words"] {
        let output = squall(dir.path(), &["list", what, "--format", "json"]);
        ends(&output, 0);
        let rows = json(&output).as_array().expect("a list").clone();
        let key = match what {
            "checks" => "check",
            "scenarios" => "name",
            "words" => "word",
            _ => "id",
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

#[test]
fn words_of_the_scenario_language_are_explained() {
    let dir = folder();
    // A step, a fault, an expectation that is a key too, and a key.
    for (word, parts) in [
        (
            "publish",
            &[
                "publish: a step of a client",
                "- app: { publish: ",
                "qos",
                "keys of `expect` beside it",
            ][..],
        ),
        ("cut", &["cut: a fault", "- fault: { cut: "]),
        ("will", &["will: an expectation", "will: a key of a client"]),
        (
            "session_expiry",
            &["session_expiry: a key of a client", "if not said"],
        ),
    ] {
        let output = squall(dir.path(), &["explain", word]);
        ends(&output, 0);
        let screen = text(&output.stdout);
        for part in parts {
            assert!(screen.contains(part), "{word}: no {part} in:\n{screen}");
        }
    }
    let unknown = squall(dir.path(), &["explain", "sesion_expiry"]);
    ends(&unknown, 2);
    assert!(
        text(&unknown.stderr).contains("did you mean `session_expiry`?"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn the_schema_of_the_language_can_be_printed() {
    let dir = folder();
    let output = squall(dir.path(), &["explain", "--schema"]);
    ends(&output, 0);
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/schema.json");
    assert_eq!(
        text(&output.stdout),
        std::fs::read_to_string(kept).expect("it is there")
    );
    for wrong in [&["explain"][..], &["explain", "cut", "--schema"]] {
        ends(&squall(dir.path(), wrong), 2);
    }
}
