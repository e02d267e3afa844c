//! How it ends, and how much memory it takes.

use super::*;
use std::fs::{self, File};

const MB: usize = 1_000_000;
/// What the broker may take whatever strangers send.
const BUDGET: usize = 200 * MB;

impl Served {
    /// The most memory it ever had, in bytes.
    fn peak(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        1024 * kib.and_then(|n| n.parse::<usize>().ok()).expect("a number")
    }
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["TERM", "HUP", "INT"] {
        let mut served = Served::start();
        let mut new = served.dial(Version::V5_0, "new", Properties::new());
        let mut old = served.dial(Version::V3_1_1, "old", Properties::new());
        served.signal(signal);
        let told = new.next();
        let Some(Packet::Disconnect(told)) = told else {
            panic!("{signal}: {told:?}")
        };
        assert_eq!(told.reason, ReasonCode::SERVER_SHUTTING_DOWN);
        assert_eq!((new.next(), old.next()), (None, None));
        assert_eq!(served.end().code(), Some(0), "{signal}");
        let log = served.stderr();
        assert!(log.contains(" info stopped dropped_queue_full=0 "), "{log}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut served = Served::start();
    // It does not hang up, so it is waited for.
    let mut silent = served.dial(Version::V5_0, "silent", Properties::new());
    let begun = Instant::now();
    served.signal("TERM");
    assert!(matches!(silent.next(), Some(Packet::Disconnect(_))));
    served.signal("TERM");
    let code = served.end().code();
    // On a very slow machine the second comes too late.
    assert!(
        code == Some(143) || begun.elapsed() > Duration::from_millis(900),
        "{code:?}"
    );
}

#[test]
fn it_ends_in_order_although_nobody_can_read_what_it_says() {
    let full = File::options().write(true).open("/dev/full");
    let arguments = ["broker", "--listen", "127.0.0.1:0"];
    let mut served = Served::run(&arguments, full.expect("Linux has it").into());
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
    let mut served = Served::start();
    drop(served.child.stderr.take());
    drop(served.child.stdout.take());
    drop(served.dial(Version::V5_0, "a", Properties::new()));
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
}

#[test]
fn a_flood_does_not_keep_it_from_a_signal() {
    let mut served = Served::start();
    let mut clients: Vec<_> = ["a", "b"]
        .map(|name| served.dial(Version::V5_0, name, Properties::new()))
        .into();
    let payload = vec![0; 100];
    let one = encode(&Packet::Publish(message(payload)), Version::V5_0).expect("it can be written");
    let many = one.repeat(1000);
    std::thread::scope(|scope| {
        for client in &mut clients {
            // Until the connection is gone.
            let many = &many;
            scope.spawn(move || while client.stream.write_all(many).is_ok() {});
        }
        std::thread::sleep(Duration::from_millis(100));
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0));
    });
}

#[test]
fn messages_for_a_client_that_is_away_take_a_bounded_heap() {
    let served = Served::start();
    let keep = || Properties::new().with(Property::SessionExpiryInterval(1000));
    let mut away = served.dial(Version::V5_0, "away", keep());
    assert_eq!(away.subscribe("t"), 1);
    drop(away);
    let mut publisher = served.dial(Version::V5_0, "publisher", Properties::new());
    let mut refused = 0;
    for _ in 0..1500 {
        publisher.send(Packet::Publish(message(vec![0x55; MB])));
        match publisher.next() {
            Some(Packet::PubAck(ack)) if ack.reason == ReasonCode::QUOTA_EXCEEDED => refused += 1,
            Some(Packet::PubAck(ack)) if ack.reason == ReasonCode::SUCCESS => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 1500 - 134, "134 MB and their keeping are 128 MiB");
    // A client that comes back gets what was acknowledged, though it is much at once.
    let mut back = served.dial(Version::V5_0, "away", keep());
    for _ in 0..134 {
        assert!(matches!(back.next(), Some(Packet::Publish(_))));
    }
    let peak = served.peak();
    assert!(peak < BUDGET, "{peak} bytes");
}

#[test]
fn unfinished_packets_take_a_bounded_heap() {
    let served = Served::start();
    // 100 MB is more than is taken, and refused before it has come.
    let mut clients = Vec::new();
    for n in 0..8 {
        let mut client = served.dial(Version::V5_0, &format!("huge-{n}"), Properties::new());
        // Some of it may find the connection gone.
        let _ = client
            .stream
            .write_all(b"\x30\x80\xC2\xD7\x2F\x00\x01t\x00");
        let told = client.next();
        let Some(Packet::Disconnect(told)) = told else {
            panic!("{told:?}")
        };
        assert_eq!(told.reason, ReasonCode::PACKET_TOO_LARGE);
    }
    // 15 MB each is 120 MB: the largest go.
    for n in 0..8 {
        let mut client = served.dial(Version::V5_0, &format!("large-{n}"), Properties::new());
        let mut start = b"\x30\xC0\xC3\x93\x07\x00\x01t\x00".to_vec();
        start.resize(14 * MB, 0x55);
        // The connection may be dropped meanwhile.
        let _ = client.stream.write_all(&start);
        clients.push(client);
    }
    let mut ping = served.dial(Version::V5_0, "ping", Properties::new());
    ping.send(Packet::PingReq);
    assert_eq!(ping.next(), Some(Packet::PingResp));
    let peak = served.peak();
    assert!(peak < BUDGET, "{peak} bytes");
}

#[test]
fn a_signal_ends_it_while_it_waits_for_its_files() {
    let folder = tempfile::tempdir().expect("there is room");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("it is there").success());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["broker", "--listen", "127.0.0.1:0", "--password-file"])
        .arg(&pipe)
        .spawn()
        .expect("it runs");
    // It may not have come to the file yet, and is ended all the same.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let kill = format!("kill -TERM {}", child.id());
    let sent = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(sent.expect("there is a shell").success());
    assert!(!child.wait().expect("it ends").success());
}
