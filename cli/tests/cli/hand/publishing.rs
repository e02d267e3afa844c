//! What `squall pub` sends.

use super::{Sub, publish, squall};
use crate::binary::{Serving, ends, folder, text, write};
use std::{
    io::Write,
    process::{Command, Stdio},
};

#[test]
fn payloads_come_from_anywhere_in_any_form() {
    let broker = Serving::start();
    let dir = folder();
    write(dir.path(), "whole", "two\nlines");
    write(dir.path(), "digits", "00 ff\n41");
    let (whole, digits) = (dir.path().join("whole"), dir.path().join("digits"));
    let (whole, digits) = (whole.to_str().unwrap(), digits.to_str().unwrap());
    let mut sub = Sub::start(&broker, 1, &["#", "--format", "json", "--qos", "2"]);
    for (arguments, payload) in [
        (&["t", "text"][..], serde_json::json!("text")),
        (&["t", "-5"], serde_json::json!("-5")),
        (&["t", ""], serde_json::json!("")),
        (
            &["t", "00 fF", "--format", "hex"],
            serde_json::json!({"hex": "00ff"}),
        ),
        (
            &["t", "{\"a\": 1}", "--format", "json"],
            serde_json::json!("{\"a\": 1}"),
        ),
        (&["t", "--file", whole], serde_json::json!("two\nlines")),
        (
            &["t", "--file", digits, "--format", "hex"],
            serde_json::json!({"hex": "00ff41"}),
        ),
    ] {
        publish(&broker, &[arguments, &["--qos", "1"]].concat());
        let message: serde_json::Value = serde_json::from_str(&sub.line()).expect("it is JSON");
        assert_eq!(message["payload"], payload, "{arguments:?}");
        assert_eq!(message["qos"], 1);
    }
}

#[test]
fn lines_of_standard_input_are_messages_as_they_come() {
    let broker = Serving::start();
    for version in ["3.1.1", "5.0"] {
        let mut sub = Sub::start(&broker, 1, &["log", "--mqtt", version, "--qos", "2"]);
        let mut publisher = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(["pub", broker.url(), "log", "--file", "-", "--lines"])
            .args(["--mqtt", version, "--qos", "2"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut input = publisher.stdin.take().expect("it is piped");
        for line in ["first", "second"] {
            writeln!(input, "{line}").expect("it is read");
            // It is there before the next one is written.
            assert_eq!(sub.line(), format!("log {line}\n"));
        }
        drop(input);
        assert_eq!(publisher.wait().expect("it ends").code(), Some(0));
    }
}

#[test]
fn standard_input_is_one_message_and_each_is_repeated() {
    let broker = Serving::start();
    let sub = Sub::start(&broker, 1, &["t", "--count", "3", "--qos", "1"]);
    let mut publisher = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["pub", broker.url(), "t", "--file", "-", "--qos", "1"])
        .args(["--repeat", "3", "--every", "100ms", "--verbose"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let begun = std::time::Instant::now();
    let mut input = publisher.stdin.take().expect("it is piped");
    input.write_all(b"a\nb").expect("it is read");
    drop(input);
    let output = publisher.wait_with_output().expect("it ends");
    ends(&output, 0);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(200));
    let told = text(&output.stderr);
    assert_eq!(
        told.matches("t: published, 0x00 Success").count(),
        3,
        "{told}"
    );
    assert!(told.ends_with("published 3, refused 0\n"), "{told}");
    let (out, err, code) = sub.end();
    assert_eq!(out.matches("t a␊b").count(), 3, "{out}");
    assert_eq!((err.as_str(), code), ("", Some(0)));
}

#[test]
fn many_at_once_all_arrive() {
    let broker = Serving::start();
    for (version, qos) in [("3.1.1", "2"), ("5.0", "1"), ("5.0", "0")] {
        let more = ["t", "--mqtt", version, "--qos", qos, "--count", "3000"];
        let sub = Sub::start(&broker, 1, &more);
        let many = [
            "t", "x", "--mqtt", version, "--qos", qos, "--repeat", "3000",
        ];
        publish(&broker, &many);
        let (out, _, code) = sub.end();
        assert_eq!(out.matches("t x\n").count(), 3000);
        assert_eq!(code, Some(0));
    }
}

#[test]
fn a_will_is_left_when_it_is_asked_for() {
    let broker = Serving::start();
    for version in ["3.1.1", "5.0"] {
        let will = |end: &'static [&'static str]| {
            let mut all = vec!["t", "x", "--mqtt", version, "--will-topic", "gone"];
            all.extend(["--will-payload", "away", "--will-qos", "1"]);
            all.extend(end);
            all
        };
        let mut sub = Sub::start(&broker, 1, &["gone", "--qos", "1", "--mqtt", version]);
        publish(&broker, &will(&[]));
        publish(&broker, &will(&["--leave-will", "--will-retain"]));
        assert_eq!(sub.line(), "gone away\n");
        // One will, not two; it is retained.
        let arguments = ["sub", broker.url(), "gone", "--count", "1", "--verbose"];
        let output = squall(&arguments);
        ends(&output, 0);
        let shown = text(&output.stdout);
        assert_eq!(
            shown,
            "gone away\n    QoS 0, retained, 4 bytes\n    Subscription Identifier: 1\n"
        );
        publish(&broker, &["gone", "", "--retain", "--qos", "1"]);
        assert_eq!(sub.line(), "gone \n");
    }
}

#[test]
fn what_the_broker_refuses_is_told_with_its_code() {
    let broker = Serving::start();
    // Larger than the broker says that it takes; and refused by the client, which was told.
    let dir = folder();
    write(dir.path(), "large", &"x".repeat((16 << 20) + 1));
    let large = dir.path().join("large");
    let output = squall(&["pub", broker.url(), "t", "--file", large.to_str().unwrap()]);
    ends(&output, 1);
    assert!(text(&output.stderr).contains("the server takes at most"));
    let offline = squall(&["pub", broker.url(), "t", "x", "--qos", "1", "--verbose"]);
    ends(&offline, 0);
    assert!(text(&offline.stderr).contains("0x10 No matching subscribers"));
}
