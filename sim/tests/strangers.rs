//! A stranger that keeps the standard is never accused, however long it takes.

use squall_protocol::Version;
use squall_reports::Verdict;
use squall_saboteurs::{Switch, double::Double};
use squall_scenarios::model::Scenario;
use squall_sim::{
    judge::{Ends, Sight},
    run::Run,
    world::Stranger,
};
use squall_transport::{ConnectionId, Output, Server};
use std::{collections::VecDeque, path::Path};

/// A server that does everything this many milliseconds late.
struct Late<S> {
    server: S,
    by: u64,
    now: u64,
    waiting: VecDeque<(u64, Output)>,
}

impl<S: Server> Late<S> {
    fn gather(&mut self, now: u64) {
        self.now = now;
        let due = now + self.by;
        let outputs = self.server.outputs();
        self.waiting.extend(outputs.into_iter().map(|o| (due, o)));
    }
}

impl<S: Server> Server for Late<S> {
    fn opened(&mut self, now: u64, id: ConnectionId) {
        self.server.opened(now, id);
        self.gather(now);
    }

    fn received(&mut self, now: u64, id: ConnectionId, bytes: &[u8]) {
        self.server.received(now, id, bytes);
        self.gather(now);
    }

    fn closed(&mut self, now: u64, id: ConnectionId) {
        self.waiting
            .retain(|(_, o)| !matches!(o, Output::Send(to, _) | Output::Close(to) if *to == id));
        self.server.closed(now, id);
        self.gather(now);
    }

    fn passed(&mut self, now: u64) {
        if self.server.deadline().is_some_and(|at| at <= now) {
            self.server.passed(now);
        }
        self.gather(now);
    }

    fn deadline(&self) -> Option<u64> {
        let waiting = self.waiting.front().map(|(due, _)| *due);
        waiting.into_iter().chain(self.server.deadline()).min()
    }

    fn outputs(&mut self) -> Vec<Output> {
        let ready = self.waiting.partition_point(|(due, _)| *due <= self.now);
        self.waiting.drain(..ready).map(|(_, o)| o).collect()
    }
}

fn library() -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() && folder.file_name().is_some_and(|n| n != "src") {
            let entries = std::fs::read_dir(folder).unwrap();
            let paths = entries.map(|e| e.unwrap().path());
            files.extend(paths.filter(|p| p.extension().is_some_and(|e| e == "yaml")));
        }
    }
    files.sort();
    let load = |file: &std::path::PathBuf| squall_scenarios::load_file(file, &root).unwrap();
    files.iter().map(load).collect()
}

#[test]
fn a_late_broker_is_not_accused() {
    let mut accused = Vec::new();
    for by in [700, 3_000, 8_000, 12_000, 40_000] {
        let make = || {
            Box::new(Late {
                server: Double::new([]),
                by,
                now: 0,
                waiting: VecDeque::new(),
            }) as Box<dyn Server>
        };
        for story in library() {
            for &version in &story.versions {
                for ends in [Ends::Both, Ends::Clients] {
                    let run = Run {
                        stranger: Some(Stranger::Machine(&make)),
                        sight: Sight {
                            ends,
                            stranger: true,
                        },
                        ..Run::new(&story, version, 1)
                    };
                    if let Some(f) = run.judge().result.findings.first() {
                        let (name, rule, what) = (&story.name, &f.rule, &f.message);
                        accused.push(format!(
                            "{by} ms, {ends:?}, {name} {version}: {rule}: {what}"
                        ));
                    }
                }
            }
        }
    }
    assert!(accused.is_empty(), "{}", accused.join("\n"));
}

/// Tells a story to the double with a switch, as to a stranger of whom the clients' ends are seen.
fn told_to(switch: &str, story: &str, version: Version) -> squall_reports::SimResult {
    let switch = Switch::from_name(switch).expect("there is such a switch");
    let make = || Box::new(Double::new([switch])) as Box<dyn Server>;
    told(&make, story, version)
}

/// Tells a story of the library to a server, of which the clients' ends are seen.
fn told(
    make: &(dyn Fn() -> Box<dyn Server> + Sync),
    story: &str,
    version: Version,
) -> squall_reports::SimResult {
    let library = library();
    let story = library.iter().find(|s| s.name == story).expect("a story");
    judged(make, story, version)
}

fn judged(
    make: &(dyn Fn() -> Box<dyn Server> + Sync),
    story: &Scenario,
    version: Version,
) -> squall_reports::SimResult {
    let run = Run {
        stranger: Some(Stranger::Machine(make)),
        sight: Sight {
            ends: Ends::Clients,
            stranger: true,
        },
        ..Run::new(story, version, 1)
    };
    run.judge().result
}

#[test]
fn a_delayed_will_may_go_when_its_client_comes_back() {
    // [MQTT-3.1.2-8] excuses it where a new connection of the client is opened before the delay is over.
    let told = told_to(
        "will-lost-on-clean-start",
        "will/once-and-no-more",
        Version::V5_0,
    );
    assert!(told.findings.is_empty(), "{told:#?}");
    // One that forgets wills without a delay has no excuse.
    let told = told_to("no-will", "will/once-and-no-more", Version::V5_0);
    assert!(!told.findings.is_empty(), "{told:#?}");
}

#[test]
fn a_session_that_is_not_kept_proves_nothing_and_more_connections_accuse_nobody() {
    let lost = "session-present-always-zero";
    let told = told_to(
        lost,
        "client/publisher-cut-in-every-packet",
        Version::V3_1_1,
    );
    assert_eq!(
        told.verdict,
        squall_reports::Verdict::Inconclusive,
        "{told:#?}"
    );
}

/// A server that says some things in other words.
struct Twisted<S> {
    server: S,
    twist: fn(Output) -> Vec<Output>,
}

impl<S: Server> Server for Twisted<S> {
    fn opened(&mut self, now: u64, id: ConnectionId) {
        self.server.opened(now, id);
    }

    fn received(&mut self, now: u64, id: ConnectionId, bytes: &[u8]) {
        self.server.received(now, id, bytes);
    }

    fn closed(&mut self, now: u64, id: ConnectionId) {
        self.server.closed(now, id);
    }

    fn passed(&mut self, now: u64) {
        self.server.passed(now);
    }

    fn deadline(&self) -> Option<u64> {
        self.server.deadline()
    }

    fn outputs(&mut self) -> Vec<Output> {
        let outputs = self.server.outputs().into_iter();
        outputs.flat_map(self.twist).collect()
    }
}

/// Tells a story to such a server, of which the clients' ends are seen.
fn told_by(
    twist: fn(Output) -> Vec<Output>,
    name: &str,
    version: Version,
) -> squall_reports::SimResult {
    let make = || {
        Box::new(Twisted {
            server: Double::new([]),
            twist,
        }) as Box<dyn Server>
    };
    told(&make, name, version)
}

#[test]
fn who_ends_a_connection_first_hides_what_the_server_would_have_done() {
    // DISCONNECT, which only clients send in 3.1.1, a moment before it would end the connection.
    let polite = |output| match output {
        Output::Close(id) => vec![Output::Send(id, b"\xE0\x02\x8E\0".to_vec().into())],
        _ => vec![output],
    };
    let told = told_by(polite, "takeover/kept-session-under-load", Version::V3_1_1);
    let closed = told.findings.iter().find(|f| f.rule == "expectation");
    assert!(closed.is_none(), "{closed:#?}");
    // That is wrong by itself, and what it is judged by.
    let mut said = told.findings.iter().map(|f| f.message.as_str());
    assert!(
        said.any(|m| m.contains("never sends DISCONNECT")),
        "{told:#?}"
    );
}

#[test]
fn what_came_in_the_place_of_a_packet_is_told() {
    // PUBCOMP with a reason code and a property length, as in 5.0.
    let modern = |output| match output {
        Output::Send(id, bytes) if bytes.starts_with(b"\x70\x02") => {
            let longer = [b"\x70\x04", &bytes[2..4], b"\x92\0"].concat();
            vec![Output::Send(id, longer.into())]
        }
        _ => vec![output],
    };
    let told = told_by(modern, "qos2/publisher-by-hand", Version::V3_1_1);
    let step = told.findings.iter().find(|f| f.rule == "step");
    let words = step.map(|f| f.message.as_str()).unwrap_or_default();
    assert!(words.contains("2 bytes after the last field"), "{words}");
}

#[test]
fn what_no_statement_forbids_is_not_told() {
    // A User Property more in each message of QoS 1 without a property.
    let talkative = |output| match output {
        Output::Send(id, bytes) if bytes[0] >> 1 == 0x19 && bytes[1] < 0x70 => {
            let topic = 4 + usize::from(bytes[3]);
            let (header, rest) = bytes[2..].split_at(topic);
            assert_eq!(rest[0], 0, "no property yet");
            let added = b"\x07\x26\0\x01k\0\x01v";
            let all = [&[bytes[0], bytes[1] + 7], header, added, &rest[1..]].concat();
            vec![Output::Send(id, all.into())]
        }
        _ => vec![output],
    };
    let told = told_by(talkative, "subscriptions/no-local", Version::V5_0);
    assert_eq!(told.verdict, Verdict::Pass, "{told:#?}");
}

#[test]
fn a_script_may_speak_the_other_version() {
    // CONNECT of 3.1.1 with the identifier `raw`, SUBSCRIBE to `t`, PINGREQ.
    let text = "\
title: t
versions: [5.0]
clients: { raw: { scripted: true } }
steps:
  - raw: dial
  - raw: { send: { hex: \"10 0f 00 04 4d 51 54 54 04 02 00 3c 00 03 72 61 77\" } }
  - raw: { expect: { CONNACK: { session_present: false } }, statement: MQTT-3.2.0-1 }
  - raw: { send: { hex: \"82 06 00 01 00 01 74 01\" } }
  - raw: { expect: { SUBACK: { id: 1 } }, statement: MQTT-3.8.4-1 }
  - raw: { send: { hex: \"c0 00\" } }
  - raw: { expect: PINGRESP, statement: MQTT-3.12.4-1 }
";
    let story =
        squall_scenarios::load_str("t", "t.yaml", text).unwrap_or_else(|p| panic!("{p:#?}"));
    let make = || Box::new(Double::new([])) as Box<dyn Server>;
    let told = judged(&make, &story, Version::V5_0);
    assert!(told.findings.is_empty(), "{told:#?}");
    assert_eq!(told.verdict, Verdict::Pass, "{told:#?}");
}
