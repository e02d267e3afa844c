//! How `squall pub` and `squall sub` end, and what they say to that.

use super::{Sub, publish, squall};
use crate::binary::{Serving, ends, text};
use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

#[test]
fn help_is_the_same_every_time() {
    for command in ["pub", "sub"] {
        let output = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args([command, "--help"])
            .env("COLUMNS", "100")
            .output()
            .expect("the binary runs");
        ends(&output, 0);
        insta::assert_snapshot!(format!("{command}_help"), text(&output.stdout));
    }
}

#[test]
fn what_cannot_be_done_is_told_with_its_code() {
    let broker = Serving::start();
    let url = broker.url();
    let mut told = String::new();
    for (arguments, code) in [
        (&["pub", "mqtt://127.0.0.1:1", "t", "x"][..], 3),
        (&["sub", "mqtt://127.0.0.1:1", "t"], 3),
        (&["pub", "127.0.0.1", "t", "x"], 2),
        (&["pub", url, "t"], 2),
        (&["pub", url, "t/#", "x"], 2),
        (&["pub", url, "t", "x", "--qos", "3"], 2),
        (&["pub", url, "t", "7", "--format", "hex"], 2),
        (&["pub", url, "t", "{", "--format", "json"], 2),
        (&["pub", url, "t", "--file", "/nowhere/payload"], 2),
        (
            &[
                "pub",
                url,
                "t",
                "x",
                "--content-type",
                "a",
                "--mqtt",
                "3.1.1",
            ],
            2,
        ),
        (&["pub", url, "t", "x", "--user-property", "a"], 2),
        (&["pub", url, "t", "x", "--message-expiry", "1500ms"], 2),
        (&["pub", url, "t", "x", "--ca", "ca.pem"], 2),
        (&["sub", url], 2),
        (&["sub", url, "a#"], 2),
        (&["sub", url, "t", "--no-local", "--mqtt", "3.1.1"], 2),
        (&["sub", url, "t", "--resume"], 2),
        (
            &["sub", url, "t", "--session-expiry", "1h", "--mqtt", "3.1.1"],
            2,
        ),
    ] {
        let output = squall(arguments);
        ends(&output, code);
        assert_eq!(text(&output.stdout), "");
        let said = text(&output.stderr).replace(url, "mqtt://BROKER");
        let asked = arguments.join(" ").replace(url, "mqtt://BROKER");
        told += &format!("$ squall {asked}\n{said}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_broker_that_is_silent_or_goes_away_ends_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("mqtt://{}", listener.local_addr().expect("it has one"));
    for arguments in [&["pub", &url, "t", "x"][..], &["sub", &url, "t"]] {
        let output = squall(&[arguments, &["--timeout", "1"]].concat());
        ends(&output, 3);
    }
    drop(listener);
    let broker = Serving::start();
    let sub = Sub::start(&broker, 1, &["t"]);
    // It reads lines that never come.
    let publisher = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args([
            "pub",
            broker.url(),
            "u",
            "--file",
            "-",
            "--lines",
            "--verbose",
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    publish(&broker, &["t", "x", "--qos", "1"]);
    let waits = Sub::start(&broker, 1, &["never"]);
    drop(broker);
    for sub in [sub, waits] {
        let (_, err, code) = sub.end();
        assert_eq!(code, Some(3), "{err}");
        assert!(
            err.contains("the server closed the connection") || err.contains("broke"),
            "{err}"
        );
    }
    // Its input is open to the end.
    let mut publisher = publisher;
    let input = publisher.stdin.take();
    let output = publisher.wait_with_output().expect("it ends");
    drop(input);
    ends(&output, 3);
}

#[test]
fn signals_end_it() {
    let broker = Serving::start();
    for (arguments, code) in [
        (&["t"][..], 0),
        (&["t", "--for", "1h"], 0),
        (&["t", "--count", "7"], 128 + 15),
    ] {
        let sub = Sub::start(&broker, 1, arguments);
        sub.signal("TERM");
        let (_, err, ended) = sub.end();
        assert_eq!(ended, Some(code), "{arguments:?} {err}");
    }
}

#[test]
fn who_stops_reading_ends_it_in_order() {
    let broker = Serving::start();
    let mut sub = Sub::start(&broker, 1, &["t", "--qos", "1"]);
    publish(&broker, &["t", "1", "--qos", "1"]);
    assert_eq!(sub.line(), "t 1\n");
    // Nobody reads what follows.
    let err = {
        let Sub { child, out, err } = &mut sub;
        let gone = std::mem::replace(out, {
            let other = Command::new("true").stdout(Stdio::piped()).spawn();
            let mut other = other.expect("it runs");
            let out = other.stdout.take().expect("it is piped");
            other.wait().expect("it ends");
            std::io::BufReader::new(out)
        });
        drop(gone);
        publish(&broker, &["t", "2", "--qos", "1"]);
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        let mut said = String::new();
        std::io::Read::read_to_string(err, &mut said).expect("it is text");
        said
    };
    assert_eq!(err, "");
}

#[test]
fn it_comes_back_when_it_is_asked_to() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has one").to_string();
    drop(listener);
    let sub = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args([
            "sub",
            &format!("mqtt://{address}"),
            "t",
            "--reconnect",
            "--count",
            "1",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut broker = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["broker", "--listen", &address])
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary runs");
    // Whoever comes first: it is retained.
    let begun = std::time::Instant::now();
    loop {
        let output = squall(&["pub", &format!("mqtt://{address}"), "t", "x", "--retain"]);
        if output.status.code() == Some(0) {
            break;
        }
        assert!(begun.elapsed().as_secs() < 60, "{}", text(&output.stderr));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let output = sub.wait_with_output().expect("it ends");
    broker.kill().expect("it runs");
    broker.wait().expect("it ends");
    ends(&output, 0);
    assert_eq!(text(&output.stdout), "t x\n");
}
