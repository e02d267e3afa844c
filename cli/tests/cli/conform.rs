//! `squall conform` and `squall broker`.

use crate::binary::{Serving, ends, folder, json, squall, text};
use std::{
    io::Read,
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, Instant},
};

#[test]
fn an_unknown_check_gets_a_suggestion() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("mqtt://{}", listener.local_addr().expect("its address"));
    let output = squall(
        folder().path(),
        &["conform", &url, "--only", "conect/*", "--timeout", "0.2"],
    );
    ends(&output, 2);
    let err = text(&output.stderr);
    assert!(
        err.contains("conect/*") && err.contains("list checks"),
        "{err}"
    );
}

#[test]
fn a_closed_port_is_unreachable() {
    // Bound but not listening: nobody else can take the port, and whoever dials it is refused.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a free port");
    let closed = socket.local_addr().expect("its address");
    let output = squall(folder().path(), &["conform", &format!("mqtt://{closed}")]);
    ends(&output, 3);
    assert!(
        text(&output.stderr).contains("refused"),
        "{}",
        text(&output.stderr)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_url_of_another_kind_is_bad_input() {
    for url in ["http://127.0.0.1", "mqtt://", "mqtt://host:99999"] {
        ends(&squall(folder().path(), &["conform", url]), 2);
    }
}

#[test]
fn a_port_that_accepts_and_says_nothing_is_reported_in_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("mqtt://{}", listener.local_addr().expect("its address"));
    let keeper = thread::spawn(move || {
        // Holds every connection open for longer than the run may take.
        let mut held = Vec::new();
        listener.set_nonblocking(true).expect("it can be told");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) && held.len() < 2 {
            held.extend(listener.accept());
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_secs(8));
    });
    let began = Instant::now();
    let output = squall(
        folder().path(),
        &["conform", &url, "--timeout", "0.3", "--format", "json"],
    );
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "it took {:?}",
        began.elapsed()
    );
    ends(&output, 3);
    let results = json(&output)["results"].as_array().expect("a list").clone();
    assert!(!results.is_empty() && results.iter().all(|r| r["verdict"] != "pass"));
    assert!(
        text(&output.stderr).contains("accepts connections"),
        "{}",
        text(&output.stderr)
    );
    drop(keeper);
}

#[test]
fn the_broker_serves_and_says_where() {
    let broker = Serving::start();
    let output = squall(
        folder().path(),
        &[
            "conform",
            broker.url(),
            "--only",
            "connect",
            "--format",
            "json",
        ],
    );
    ends(&output, 0);
    let report = json(&output);
    assert_eq!(report["target"], broker.url());
    assert!(
        report["summary"]["pass"].as_u64().is_some_and(|n| n > 0),
        "{report}"
    );
}

#[test]
fn a_server_that_only_answers_connect_is_not_all_good() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = stream;
                let mut bytes = [0; 4096];
                let n = stream.read(&mut bytes).unwrap_or(0);
                // Byte 8 of a CONNECT is the protocol level.
                let connack: &[u8] = if n > 8 && bytes[8] == 5 {
                    &[0x20, 3, 0, 0, 0]
                } else {
                    &[0x20, 2, 0, 0]
                };
                if std::io::Write::write_all(&mut stream, connack).is_ok() {
                    // Whatever comes next, it hangs up: a server may close when it likes.
                    let _ = stream.read(&mut bytes);
                }
            });
        }
    });
    let url = format!("mqtt://{address}");
    // The target may also stand after the wanted checks.
    let output = squall(
        folder().path(),
        &[
            "conform",
            "--timeout",
            "0.2",
            "--only",
            "qos",
            "connect/accepted",
            &url,
        ],
    );
    ends(&output, 3);
    assert!(
        text(&output.stderr).contains("nothing it says can be judged"),
        "{}",
        text(&output.stderr)
    );
}
