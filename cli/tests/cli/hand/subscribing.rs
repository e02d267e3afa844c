//! What `squall sub` prints.

use super::{Sub, publish, squall};
use crate::binary::{Serving, ends, text};
use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
};

const ALL: &[&str] = &[
    "--payload-format-indicator",
    "1",
    "--message-expiry",
    "1h",
    "--content-type",
    "text/plain",
    "--response-topic",
    "answers/1",
    "--correlation-hex",
    "00ff",
    "--user-property",
    "a=1",
    "--user-property",
    "a=2=\u{1b}[2J",
];

/// Without what differs from run to run.
fn steady(out: &str) -> String {
    let time = out.find("\"time\":\"").map(|at| at + 8);
    match time {
        Some(at) => format!("{}TIME{}", &out[..at], &out[at + 24..]),
        None => out.to_owned(),
    }
}

#[test]
fn a_message_in_every_form() {
    let broker = Serving::start();
    publish(
        &broker,
        &[&["a/b", "caf\u{e9} \u{1b}[31mred\u{202e}", "--retain"], ALL].concat(),
    );
    let show = |more: &[&str]| {
        let arguments = ["sub", broker.url(), "a/#", "--count", "1"];
        let output = squall(&[&arguments[..], more].concat());
        ends(&output, 0);
        output.stdout
    };
    let raw = show(&["--format", "raw"]);
    assert_eq!(
        text(&raw),
        "caf\u{e9} \u{1b}[31mred\u{202e}\n",
        "as it came"
    );
    let mut told = String::new();
    for more in [
        &[][..],
        &["--quiet"],
        &["--verbose"],
        &["--format", "hex"],
        &["--format", "json"],
        &["--format", "json", "--mqtt", "3.1.1"],
    ] {
        let out = text(&show(more));
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
        told += &format!("{}\n{}\n", more.join(" "), steady(&out));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn bytes_that_are_no_text_harm_nobody() {
    let broker = Serving::start();
    publish(
        &broker,
        &["t", "ff 00 9b 41 0a 07", "--format", "hex", "--retain"],
    );
    let show = |more: &[&str]| {
        let arguments = ["sub", broker.url(), "t", "--count", "1"];
        squall(&[&arguments[..], more].concat()).stdout
    };
    assert_eq!(text(&show(&[])), "t \u{fffd}␀\u{fffd}A␊␇\n");
    assert_eq!(text(&show(&["--format", "hex"])), "t ff009b410a07\n");
    let json: serde_json::Value = serde_json::from_slice(&show(&["--format", "json"])).unwrap();
    assert_eq!(json["payload"]["hex"], "ff009b410a07");
    assert_eq!(show(&["--format", "raw"]), b"\xff\0\x9bA\n\x07\n");
}

#[test]
fn each_filter_has_its_answer() {
    let broker = Serving::start();
    let mut sub = Sub::start(&broker, 2, &["a", "b/+", "--qos", "1"]);
    for topic in ["b/1", "c", "a"] {
        publish(&broker, &[topic, "x", "--qos", "1"]);
    }
    for topic in ["b/1", "a"] {
        assert_eq!(sub.line(), format!("{topic} x\n"));
    }
    sub.signal("INT");
    let (out, err, code) = sub.end();
    assert_eq!((out.as_str(), err.as_str(), code), ("", "", Some(0)));
}

#[test]
fn a_session_is_gone_on_with_and_nothing_of_it_is_lost() {
    let broker = Serving::start();
    for version in ["3.1.1", "5.0"] {
        let mut me = vec!["--client-id", "me", "--resume", "--mqtt", version];
        if version == "5.0" {
            me.extend(["--session-expiry", "1h"]);
        }
        let sub = |more: &[&str]| squall(&[&["sub", broker.url()], &me[..], more].concat());
        let none = sub(&["t", "--qos", "1", "--count", "1", "--for", "100ms"]);
        ends(&none, 3);
        assert_eq!(
            text(&none.stderr),
            "error: 0 of 1 messages came within 100ms\n"
        );
        for n in ["1", "2", "3"] {
            publish(&broker, &["t", n, "--qos", "1"]);
        }
        // Each takes as many as it was asked for, and no more is acknowledged.
        for n in ["1", "2", "3"] {
            let one = sub(&["--quiet", "--count", "1"]);
            ends(&one, 0);
            assert_eq!(text(&one.stdout), format!("{n}\n"));
        }
        ends(&sub(&["--count", "1", "--for", "100ms"]), 3);
    }
}

#[test]
fn options_of_a_subscription_are_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("mqtt://{}", listener.local_addr().expect("it has one"));
    let child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["sub", &url, "a", "--qos", "1", "--no-local"])
        .args(["--retain-as-published", "--retain-handling", "2"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (mut stream, _) = listener.accept().expect("it comes");
    let packet = |stream: &mut std::net::TcpStream| {
        let mut head = [0; 2];
        stream.read_exact(&mut head).expect("a packet");
        let mut body = vec![0; head[1].into()];
        stream.read_exact(&mut body).expect("all of it");
        body
    };
    packet(&mut stream);
    stream.write_all(b"\x20\x03\x00\x00\x00").expect("CONNACK");
    let subscribe = packet(&mut stream);
    // Retain Handling 2, Retain As Published, No Local, QoS 1.
    assert_eq!(subscribe.last(), Some(&0b10_1101));
    // Not authorized.
    let suback = [0x90, 4, subscribe[0], subscribe[1], 0, 0x87];
    stream.write_all(&suback).expect("SUBACK");
    let output = child.wait_with_output().expect("it ends");
    ends(&output, 1);
    assert_eq!(
        text(&output.stderr),
        "a: the broker refuses it: 0x87 Not authorized\n"
    );
}
