//! Who comes in, and what they may do.

use super::*;
use std::{fs, net::Ipv4Addr};
use tempfile::TempDir;

/// A password file with alice, whose password is this one.
fn users(folder: &TempDir, more: &[&str]) -> String {
    let path = folder.path().join("users").to_str().unwrap().to_owned();
    let arguments = [&["passwd", &path, "alice"], more].concat();
    let (said, code) = told(&squall(&arguments, b"open-sesame\n"));
    assert_eq!(code, 0, "{said}");
    path
}

/// The reason code of CONNACK in the numbers of its version.
fn answer(served: &Served, hello: Connect) -> u8 {
    served.greet(hello).1.reason.0
}

#[test]
fn a_password_lets_in_who_knows_it_and_is_in_no_log() {
    let folder = tempfile::tempdir().expect("there is room");
    let served = Served::with(&["--password-file", &users(&folder, &[])]);
    for (version, wrong, anonymous) in [(Version::V3_1_1, 4, 5), (Version::V5_0, 0x86, 0x87)] {
        assert_eq!(answer(&served, named(version, "alice", "open-sesame")), 0);
        assert_eq!(
            answer(&served, named(version, "alice", "open-sesame2")),
            wrong
        );
        assert_eq!(
            answer(&served, named(version, "mallory", "open-sesame")),
            wrong
        );
        assert_eq!(answer(&served, hello(version, "anybody")), anonymous);
    }
    let log = served.stop();
    assert!(!log.contains("sesame"), "{log}");
    for part in [
        " info connected conn=0 from=127.0.0.1:",
        " mqtt=3.1.1 client=\"alice\" user=\"alice\" session_present=0",
        " info refused reason=0x86 conn=",
        " user=\"mallory\"",
        " info closed conn=",
    ] {
        assert!(log.contains(part), "{part} is not in\n{log}");
    }
}

#[test]
fn anonymous_clients_come_in_beside_users_where_that_is_said() {
    let folder = tempfile::tempdir().expect("there is room");
    let served = Served::with(&[
        "--password-file",
        &users(&folder, &["--scram"]),
        "--allow-anonymous",
    ]);
    for version in Version::ALL {
        assert_eq!(answer(&served, hello(version, "anybody")), 0);
        assert_eq!(answer(&served, named(version, "alice", "open-sesame")), 0);
        assert_ne!(answer(&served, named(version, "alice", "no")), 0);
    }
}

#[test]
fn where_nothing_is_said_others_than_this_machine_are_refused() {
    let arguments = ["broker", "--listen", "0.0.0.0:0", "--listen", "127.0.0.1:0"];
    let everywhere = Served::run(&arguments, Stdio::piped());
    let port = everywhere
        .address
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    let dial = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    for (version, refused) in [(Version::V3_1_1, 5), (Version::V5_0, 0x87)] {
        let mut client = Client::over(dial(), version);
        client.send(Packet::Connect(Box::new(hello(version, "a"))));
        let answer = client.next();
        assert!(
            matches!(&answer, Some(Packet::ConnAck(ack)) if ack.reason.0 == refused),
            "{answer:?}"
        );
    }
    let log = everywhere.stop();
    let ways: Vec<_> = log.lines().filter(|line| line.contains(" warn ")).collect();
    assert_eq!(ways.len(), 1, "{log}");
    assert!(
        ways[0].contains("warn closed-way listener=mqtt://0.0.0.0:"),
        "{log}"
    );
    let open = Served::with(&["--listen", "0.0.0.0:0", "--allow-anonymous"]);
    assert_eq!(answer(&open, hello(Version::V5_0, "a")), 0);
    assert!(!open.stop().contains(" warn "));
}

#[test]
fn rules_say_who_may_publish_and_subscribe() {
    let folder = tempfile::tempdir().expect("there is room");
    let rules = folder.path().join("rules");
    let text = "users allow both home/%u/#\nanonymous allow subscribe public/#\nuser alice allow publish public/#\n";
    fs::write(&rules, text).expect("it is written");
    let served = Served::with(&[
        "--password-file",
        &users(&folder, &[]),
        "--access-file",
        rules.to_str().unwrap(),
        "--allow-anonymous",
    ]);
    let (mut alice, _) = served.greet(named(Version::V5_0, "alice", "open-sesame"));
    let (mut guest, _) = served.greet(hello(Version::V5_0, "guest"));
    assert_eq!(alice.subscribe("home/alice/#"), 1);
    assert_eq!(alice.subscribe("home/bob/#"), 0x87);
    assert_eq!(guest.subscribe("public/+"), 1);
    assert_eq!(guest.subscribe("#"), 0x87);
    assert_eq!(guest.publish("public/a", "x", false), 0x87);
    assert_eq!(alice.publish("public/a", "news", false), 0);
    assert_eq!(guest.take(), "news");
    assert_eq!(alice.publish("home/bob/a", "x", false), 0x87);
    drop((alice, guest));
    let log = served.stop();
    assert!(log.contains(" denied=2 "), "{log}");
}

#[test]
fn a_session_is_its_users_after_the_broker_was_killed_too() {
    let folder = tempfile::tempdir().expect("there is room");
    let users = users(&folder, &[]);
    let added = squall(&["passwd", &users, "mallory"], b"another");
    assert_eq!(told(&added).1, 0);
    let store = folder.path().join("store");
    let arguments = [
        "--password-file",
        &users,
        "--store",
        store.to_str().unwrap(),
    ];
    let user = |version, user: &str, password: &str| Connect {
        client_id: "device".into(),
        user_name: Some(user.into()),
        password: Some(password.to_owned().into()),
        ..lasting(version, "device")
    };
    let mut served = Served::with(&arguments);
    let (_, ack) = served.greet(user(Version::V5_0, "alice", "open-sesame"));
    assert!(!ack.session_present);
    for version in Version::ALL {
        served.child.kill().expect("it runs");
        served.child.wait().expect("it is ours");
        served = Served::with(&arguments);
        let refused = if version == Version::V5_0 { 0x87 } else { 5 };
        assert_eq!(
            answer(&served, user(version, "mallory", "another")),
            refused
        );
        let (_, ack) = served.greet(user(version, "alice", "open-sesame"));
        assert!(ack.session_present);
    }
}
