//! `squall live`: scenarios with a broker that runs somewhere.

use crate::binary::{Serving, ends, folder, json, squall, text, write};
use squall_conformance::{Deviation, bundled_target, target_names};
use squall_saboteurs::{Switch, double::Double, serve::Handle};
use squall_sim::live::BETWEEN;
use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    slice,
    sync::mpsc,
    thread,
};
use tokio::{runtime::Builder, task::LocalSet};

/// A command is given exactly once although its PUBREC never comes: a broker that forgets the packet identifier shows it.
pub(crate) const STORY: &str = "\
title: A command is given once
network: { latency: 1ms..5ms }
clients:
  app: { clean_start: false, session_expiry: 1h }
  lock: {}
steps:
  - lock: connect
  - lock: { subscribe: locks/1, qos: 2 }
  - app: connect
  - fault: { cut: app, before: PUBREC, from: broker }
  - app: { publish: locks/1, payload: unlock, qos: 2 }
  - wait: 300ms
  - app: connect
  - app: { publish: state, payload: closed, qos: 1, retain: true }
  - wait: 2s
expect:
  - delivered: { topic: locks/1, to: lock, exactly: once }
";

/// The double with a fault, on a socket and a thread of its own, for as long as the test runs.
pub(crate) fn wrong_broker() -> String {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let switch = Switch::from_name("qos2-id-freed-at-close").expect("a switch");
            let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            let listener = listener.expect("a free port");
            let address = listener.local_addr().expect("its address");
            tell.send(format!("mqtt://{address}")).expect("it waits");
            let handle = Handle::new(Double::new([switch]));
            handle.serve(listener).await.expect("it serves");
        });
    });
    told.recv().expect("it starts")
}

#[test]
fn a_sound_broker_passes_and_nothing_is_left_on_it() {
    let (broker, dir) = (Serving::start(), folder());
    write(dir.path(), "story.yaml", STORY);
    let arguments = [
        "live",
        "story.yaml",
        "--broker",
        broker.url(),
        "--seeds",
        "0..20",
        "--format",
        "json",
    ];
    let output = squall(dir.path(), &arguments);
    ends(&output, 0);
    let document = json(&output);
    assert_eq!(document["summary"]["pass"], 40, "{}", document["summary"]);
    assert_eq!(document["results"][0]["world"], "live");
    assert!(!text(&output.stderr).contains("left on"));
}

#[test]
fn a_finding_is_found_again_by_its_replay_file() {
    let (broker, dir) = (wrong_broker(), folder());
    write(dir.path(), "story.yaml", STORY);
    let live = ["live", "story.yaml", "--mqtt", "5.0", "--broker", &broker];
    let output = squall(dir.path(), &live);
    ends(&output, 1);
    let said = text(&output.stdout);
    assert!(said.contains("twice"), "{said}");
    let file = "squall-replays/story.5.0.seed-0.replay.yaml";
    assert!(said.contains(&format!("squall replay {file}")), "{said}");
    let again = squall(dir.path(), &["replay", file]);
    ends(&again, 1);
    let sound = Serving::start();
    ends(
        &squall(dir.path(), &["replay", file, "--broker", sound.url()]),
        0,
    );
    // The reference broker, in virtual time.
    ends(&squall(dir.path(), &["replay", file, "--world", "loop"]), 0);
}

#[test]
fn what_is_not_played_says_why() {
    let (broker, dir) = (Serving::start(), folder());
    let story = STORY.replace("wait: 2s", "wait: 1h");
    write(dir.path(), "long.yaml", &story);
    let set = STORY.replace("clients:", "broker: { receive_maximum: 3 }\nclients:");
    write(dir.path(), "set.yaml", &format!("versions: ['5.0']\n{set}"));
    let arguments = [
        "live",
        "long.yaml",
        "set.yaml",
        "--mqtt",
        "5.0",
        "--broker",
        broker.url(),
        "--patience",
        "90s",
        "--format",
        "json",
    ];
    let output = squall(dir.path(), &arguments);
    // Nothing was found out.
    ends(&output, 3);
    let document = json(&output);
    let reason = |n: usize| {
        document["results"][n]["reason"]
            .as_str()
            .unwrap_or_default()
    };
    assert_eq!(document["summary"]["n/a"], 2, "{document}");
    assert!(
        reason(0).ends_with(", and patience lasts 1 min 30 s"),
        "{}",
        reason(0)
    );
    assert_eq!(reason(1), "the story needs a broker with Receive Maximum 3");
}

#[test]
fn a_broker_that_is_not_there_is_one_line() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    let free = (Ipv4Addr::LOCALHOST, 0).into();
    socket.bind(free).expect("a free port");
    let closed = format!("mqtt://{}", socket.local_addr().expect("its address"));
    let output = squall(folder().path(), &["live", "--broker", &closed]);
    ends(&output, 3);
    assert!(text(&output.stderr).contains("refused"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_server_of_something_else_is_one_line() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("mqtt://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.6\r\n");
        }
    });
    let output = squall(folder().path(), &["live", "--broker", &url]);
    ends(&output, 3);
    assert!(
        text(&output.stderr).contains("SSH"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn wrong_words_are_bad_input() {
    let dir = folder();
    for arguments in [
        &["live"][..],
        &["live", "--broker", "http://127.0.0.1"],
        &["live", "--broker", "mqtt://127.0.0.1", "--patience", "2 m"],
        &["live", "nobody.yaml", "--broker", "mqtt://127.0.0.1"],
    ] {
        ends(&squall(dir.path(), arguments), 2);
    }
    assert!(
        fs::read_dir(dir.path())
            .expect("it is there")
            .next()
            .is_none()
    );
}

/// What a target file knows about the story.
fn knowing(broker: &str, verdict: &str) -> String {
    format!(
        "product: P\nversion: 1\naddress: {broker}\ndeviations:\n- scenarios: ['sto*']\n  mqtt: ['3.1.1', '5.0']\n  \
         verdict: {verdict}\n  statements: [MQTT-4.3.3-2, MQTT-4.3.3-10]\n  reason: it forgets an identifier too early.\n"
    )
}

#[test]
fn with_a_target_file_what_differs_from_it_decides() {
    let (broker, dir) = (wrong_broker(), folder());
    write(dir.path(), "story.yaml", STORY);
    write(dir.path(), "own.yaml", &knowing(&broker, "fail"));
    let live = "live story.yaml --target own.yaml --known --format json";
    let live: Vec<&str> = live.split(' ').collect();
    let output = squall(dir.path(), &live);
    ends(&output, 0);
    for result in json(&output)["results"].as_array().expect("a list") {
        assert_eq!(result["verdict"], "fail");
        assert_eq!(result["known"], "it forgets an identifier too early.");
    }
    let err = text(&output.stderr);
    assert!(err.contains("2 fails are known about this target"), "{err}");
    // Without --known the exit code is about the verdicts.
    let output = squall(dir.path(), &live[..4]);
    ends(&output, 1);
    write(dir.path(), "own.yaml", &knowing(&broker, "warn"));
    let output = squall(dir.path(), &live);
    ends(&output, 1);
    let err = text(&output.stderr);
    assert!(
        err.contains("known otherwise: story 5.0 seed 0 fail, not warn"),
        "{err}"
    );
    let knows_nothing = format!("product: P\nversion: 1\naddress: {broker}\n");
    write(dir.path(), "own.yaml", &knows_nothing);
    let output = squall(dir.path(), &live);
    ends(&output, 1);
    let err = text(&output.stderr);
    assert!(err.contains("not known: story 3.1.1 seed 0 fail"), "{err}");
}

#[test]
fn target_files_know_stories_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = squall_scenarios::find(slice::from_ref(&root)).expect("there are stories");
    let read = |file| squall_scenarios::load_file(file, &root).expect("it can be read");
    let stories: Vec<_> = files.iter().map(|file| read(file)).collect();
    for name in target_names() {
        let file = bundled_target(name)
            .expect("it is there")
            .expect("it is right");
        let mut known = BTreeSet::new();
        for deviation in &file.deviations {
            for pattern in deviation.scenarios.iter().filter(|s| *s != BETWEEN) {
                let one = Deviation {
                    scenarios: vec![pattern.clone()],
                    ..deviation.clone()
                };
                for version in &one.versions {
                    let meant = stories.iter().filter(|s| s.versions.contains(version));
                    let meant = meant.filter(|s| one.is_of_scenario(&s.name, version.as_str()));
                    let meant: Vec<&str> = meant.map(|s| &*s.name).collect();
                    assert!(
                        !meant.is_empty(),
                        "{name} knows {pattern} in MQTT {version}"
                    );
                    for story in meant {
                        assert!(
                            known.insert((story, *version)),
                            "{name} knows {story} twice"
                        );
                    }
                }
            }
        }
    }
}
