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

/// A server that answers each CONNECT as if the credentials were wrong.
fn refusing() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).unwrap_or(0);
            let connack: &[u8] = match n > 8 && bytes[8] == 5 {
                true => &[0x20, 3, 0, 0x86, 0],
                false => &[0x20, 2, 0, 4],
            };
            let _ = std::io::Write::write_all(&mut stream, connack);
        }
    });
    address.to_string()
}

#[test]
fn refused_credentials_are_one_line_without_the_password() {
    let address = refusing();
    for (login, words) in [
        ("me:swordfish@", "refuses the user name and the password"),
        ("", "lets no client in without user name and password"),
    ] {
        let url = format!("tcp://{login}{address}");
        let output = squall(folder().path(), &["conform", &url]);
        ends(&output, 3);
        let err = text(&output.stderr);
        assert!(err.contains(words), "{err}");
        assert_eq!(err.lines().count(), 2, "{err}");
        assert!(!err.contains("swordfish") && output.stdout.is_empty());
    }
}

#[test]
fn the_password_goes_to_the_broker_alone() {
    let broker = Serving::start();
    let url = broker
        .url()
        .replace("mqtt://", "mqtt://me%40home:sword%66ish@");
    let folder = folder();
    let args = [
        "conform",
        &url,
        "--only",
        "connect",
        "malformed-connect",
        "--all-evidence",
    ];
    let files = [
        "--report", "a.html", "--report", "a.xml", "--report", "a.md", "--format", "json",
    ];
    let output = squall(folder.path(), &[&args[..], &files[..]].concat());
    ends(&output, 0);
    let mut told = text(&output.stdout) + &text(&output.stderr);
    assert!(json(&output)["target"] == broker.url().replace("://", "://me%40home:***@"));
    // The user name is in the CONNECT packets, so the password was.
    assert!(
        told.contains("6d 65 40 68 6f 6d 65 00 09 2a 2a 2a"),
        "{told}"
    );
    for file in ["a.html", "a.xml", "a.md"] {
        told += &std::fs::read_to_string(folder.path().join(file)).expect(file);
    }
    for secret in [
        "swordfish",
        "sword%66ish",
        "73 77 6f 72 64 66 69 73 68",
        "73776f726466697368",
    ] {
        assert!(!told.contains(secret), "{secret}");
    }
}

/// A target file that starts the reference broker, with more lines.
#[cfg(unix)]
fn target_file(folder: &std::path::Path, more: &str) {
    let start = format!(
        "exec '{}' broker --listen 127.0.0.1:$PORT",
        env!("CARGO_BIN_EXE_squall")
    );
    let text = format!("product: Reference\nversion: '9'\nstart: \"{start}\"\nready: 30s\n{more}");
    std::fs::write(folder.join("own.yaml"), text).expect("it can be written");
}

#[cfg(unix)]
#[test]
fn a_target_is_started_judged_and_stopped() {
    let folder = folder();
    target_file(
        folder.path(),
        "lacks: [{ mqtt: ['5.0'], reason: we say so }]\n",
    );
    let args = [
        "conform", "--target", "own.yaml", "--only", "connect", "--format", "json", "--known",
    ];
    let output = squall(folder.path(), &args);
    ends(&output, 0);
    let report = json(&output);
    assert_eq!(
        (&report["product"], &report["product_version"]),
        (&"Reference".into(), &"9".into())
    );
    let results = report["results"].as_array().expect("a list");
    let missing = |r: &&serde_json::Value| r["message"] == "documented as missing: we say so";
    assert!(
        results
            .iter()
            .filter(missing)
            .all(|r| r["verdict"] == "n/a" && r["version"] == "5.0")
    );
    assert!(results.iter().filter(missing).count() > 3);
    let port = report["target"]
        .as_str()
        .and_then(|t| t.rsplit_once(':'))
        .expect("a port")
        .1;
    let port: u16 = port.parse().expect("a port");
    assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[cfg(unix)]
#[test]
fn what_differs_from_what_is_known_is_told() {
    let folder = folder();
    let deviation = "deviations:\n- checks: [connect/accepted]\n  mqtt: ['3.1.1']\n  verdict: fail\n  \
                     statements: [MQTT-3.1.4-4]\n  reason: never\n";
    target_file(folder.path(), deviation);
    let mut args = vec![
        "conform",
        "--target",
        "own.yaml",
        "--only",
        "connect/accepted",
    ];
    let output = squall(folder.path(), &args);
    ends(&output, 0);
    let err = text(&output.stderr);
    assert!(
        err.contains("known otherwise: connect/accepted 3.1.1 pass, not fail"),
        "{err}"
    );
    args.push("--known");
    ends(&squall(folder.path(), &args), 1);
}

#[cfg(unix)]
#[test]
fn a_target_that_does_not_start_says_what_it_printed() {
    let folder = folder();
    let text_of =
        "product: None\nversion: '1'\ninstall: nobody can\nstart: echo no such broker; exit 4\n";
    std::fs::write(folder.path().join("own.yaml"), text_of).expect("it can be written");
    let output = squall(folder.path(), &["conform", "--target", "own.yaml"]);
    ends(&output, 3);
    let err = text(&output.stderr);
    assert!(
        err.contains("no such broker") && err.contains("nobody can"),
        "{err}"
    );
}

#[test]
fn bad_targets_are_bad_input() {
    let folder = folder();
    let output = squall(folder.path(), &["conform", "--target", "mosquito"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("did you mean `mosquitto`"),
        "{}",
        text(&output.stderr)
    );
    let path = folder.path().join("own.yaml");
    std::fs::write(&path, "product: A\nversion: '1'\nstrat: x\n").expect("it can be written");
    let output = squall(folder.path(), &["conform", "--target", "own.yaml"]);
    ends(&output, 2);
    let err = text(&output.stderr);
    assert!(
        err.contains("own.yaml:3:1") && err.contains("did you mean `start`"),
        "{err}"
    );
    let output = squall(folder.path(), &["list", "targets"]);
    ends(&output, 0);
    assert!(text(&output.stdout).contains("Eclipse Mosquitto"));
}
