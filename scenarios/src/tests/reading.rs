//! What good files mean.

use super::{EVERYTHING, with_steps};
use crate::{action, expect, fault, find, load_file, load_str, model::*, record::Record as _};
use bytes::Bytes;
use squall_protocol::{PacketType, QoS, ReasonCode, Role, Version};
use std::{fs, path::PathBuf, time::Duration};

/// The example of the format's description.
const EXAMPLE: &str = r#"
title: A QoS 2 command reaches the door lock exactly once although the link is cut between PUBREC and PUBREL
statements: [MQTT-4.3.3-1, MQTT-4.4.0-1]
versions: [3.1.1, 5.0]          # runs once per version
seeds: 16                       # how many seeds a test run tries
limit: 10m                      # virtual time after which the run has failed

network:                        # defaults of every link
  latency: 5ms..40ms            # uniform
  loss: 1%

broker: { receive_maximum: 10 }

clients:
  app:  {}
  lock: { clean_start: false, session_expiry: 1h, keep_alive: 30s,
          will: { topic: locks/1/state, payload: offline, qos: 1, retain: true } }

steps:
  - lock: connect
  - lock: { subscribe: "locks/1/cmd", qos: 2 }
  - app: connect
  - fault: { cut: app, after: PUBREC, from: broker }      # at an exact protocol point
  - app: { publish: locks/1/cmd, payload: unlock, qos: 2 }
  - wait: 3s
  - app: connect
    expect: { session_present: true }
  - settle: 30s                                           # heal every fault, let everything drain

expect:
  - delivered: { topic: locks/1/cmd, to: lock, exactly: once }
  - will: { of: lock, published: never }
"#;

fn good(text: &str) -> Scenario {
    load_str("name", "file.yaml", text).unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems
                .iter()
                .map(|p| p.render(false))
                .collect::<Vec<_>>()
                .join("\n")
        )
    })
}

/// The only step after the two connects of [`with_steps`].
fn step(text: &str) -> StepKind {
    let mut steps = good(&with_steps(text)).steps;
    assert_eq!(steps.len(), 3);
    steps.remove(2).kind
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn the_example_means_what_it_says() {
    let s = good(EXAMPLE);
    assert_eq!((s.name.as_str(), s.file.as_str()), ("name", "file.yaml"));
    assert!(s.statements[0].id == "MQTT-4.3.3-1" && s.statements[1].id == "MQTT-4.4.0-1");
    assert_eq!(
        (s.versions.as_slice(), s.seeds, s.limit),
        (&Version::ALL[..], 16, secs(600))
    );
    assert_eq!(
        s.broker,
        BrokerSpec {
            receive_maximum: Some(10),
            ..BrokerSpec::default()
        }
    );
    let link = LinkSpec {
        latency_min_ms: 5,
        latency_max_ms: 40,
        loss_permille: 10,
    };
    let will = WillSpec {
        topic: "locks/1/state".into(),
        payload: Bytes::from("offline"),
        qos: QoS::AtLeastOnce,
        retain: true,
        delay: 0,
    };
    let connect = ConnectSpec {
        clean_start: false,
        session_expiry: Some(3600),
        keep_alive: 30,
        will: Some(will),
        ..ConnectSpec::empty()
    };
    let lock = ClientSpec {
        name: "lock".into(),
        client_id: "lock".into(),
        version: None,
        connect,
        scripted: false,
        reconnect: None,
        link,
        weather: s.clients[0].weather,
    };
    assert_eq!(s.clients[1], lock);
    let said = s.clients[0].weather.loss;
    assert!(said.source.line > 0 && !said.optional, "{said:?}");
    assert_eq!(s.clients[0].link, link);
    let cut = Fault::Cut(fault::Cut {
        client: 0,
        point: Some(CutPoint {
            after: true,
            packet: PacketType::PubRec,
            nth: 1,
            from: Role::Server,
        }),
        by: CutBy::Reset,
        optional: false,
    });
    let expected = Step {
        source: Source {
            line: 23,
            column: 5,
        },
        kind: StepKind::Fault(cut),
    };
    assert_eq!(s.steps[3], expected);
    let StepKind::Client {
        client: 0,
        action: Action::Connect(action::Connect { connect, expect }),
        within: None,
        wait: true,
    } = &s.steps[6].kind
    else {
        panic!("{:?}", s.steps[6])
    };
    assert_eq!(*connect, s.clients[0].connect);
    assert_eq!(
        *expect,
        ConnectExpect {
            session_present: Some(true),
            reason: None
        }
    );
    assert_eq!(s.steps[7].kind, StepKind::Settle(Settle(secs(30))));
    assert_eq!(
        s.expect[1].kind,
        ExpectKind::Will(expect::Will {
            of: 1,
            published: 0,
            after: None,
            optional: false
        })
    );
    assert_eq!(
        s.expect[1].source,
        Source {
            line: 32,
            column: 5
        }
    );
}

#[test]
fn defaults_are_filled_in() {
    let s = good(
        "title: t\nclients:\n  a:\nsteps:\n- a: connect\n- a: {receive: {}}\n- a: {publish: t}\n",
    );
    assert_eq!((s.versions.len(), s.seeds, s.limit), (2, 8, secs(600)));
    let connect = ConnectSpec {
        clean_start: true,
        session_expiry: None,
        keep_alive: 60,
        receive_maximum: None,
        user_name: None,
        password: None,
        will: None,
    };
    let link = LinkSpec {
        latency_min_ms: 1,
        latency_max_ms: 10,
        loss_permille: 0,
    };
    let a = ClientSpec {
        name: "a".into(),
        client_id: "a".into(),
        version: None,
        connect,
        scripted: false,
        reconnect: None,
        link,
        weather: Weather::default(),
    };
    assert_eq!(s.clients, [a]);
    let within = |i: usize| match s.steps[i].kind {
        StepKind::Client {
            within, wait: true, ..
        } => within,
        _ => panic!("{:?}", s.steps[i]),
    };
    assert_eq!(
        (within(0), within(1), within(2)),
        (None, Some(secs(10)), None)
    );
}

#[test]
fn every_key_is_read() {
    let s = good(EVERYTHING);
    assert_eq!(s.clients[1].client_id, "lock 1");
    assert_eq!(
        s.clients[1].link,
        LinkSpec {
            latency_min_ms: 20,
            latency_max_ms: 20,
            loss_permille: 5
        }
    );
    assert_eq!(
        s.clients[0].reconnect,
        Some(ReconnectSpec {
            first: secs(1),
            max: secs(30)
        })
    );
    assert_eq!(
        s.clients[1].reconnect,
        Some(ReconnectSpec {
            first: secs(2),
            max: secs(2)
        })
    );
    assert_eq!(
        (
            s.clients[2].connect.keep_alive,
            s.clients[2].connect.session_expiry
        ),
        (0, Some(u32::MAX))
    );
    assert_eq!(s.clients[2].client_id, s.clients[0].name);
    let closed = ExpectKind::Closed(expect::Closed {
        client: 0,
        times: 2,
        reason: Some(ReasonCode::SESSION_TAKEN_OVER),
        optional: false,
    });
    assert_eq!(s.expect[10].kind, closed);
    // One entry is three repetitions of two steps.
    assert_eq!(s.steps.len(), 30 + 3 * 2);
}

#[test]
fn a_counted_publish_is_a_timeline_of_numbered_messages() {
    let StepKind::Timeline(entries) =
        step("  - app: { publish: t, payload: m, qos: 1, count: 3, every: 250ms }")
    else {
        panic!("no timeline")
    };
    let told: Vec<_> = entries
        .iter()
        .map(|e| match &e.step.kind {
            StepKind::Client {
                action: Action::Publish(action::Publish { message, .. }),
                ..
            } => (e.after.as_millis(), message.payload.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, Bytes::from("m#1")),
            (250, Bytes::from("m#2")),
            (500, Bytes::from("m#3"))
        ]
    );
}

#[test]
fn texts_stay_what_they_are() {
    for (yaml, payload) in [
        ("off", "off"),
        ("1_000", "1_000"),
        ("5.0", "5.0"),
        ("0x10", "0x10"),
        ("\"null\"", "null"),
        ("'it''s'", "it's"),
        ("\"\"", ""),
        ("\"a\\tb\"", "a\tb"),
    ] {
        let StepKind::Client {
            action: Action::Publish(action::Publish { message, .. }),
            ..
        } = step(&format!("  - app: {{ publish: t, payload: {yaml} }}"))
        else {
            panic!("no publish")
        };
        assert_eq!(message.payload, payload, "{yaml}");
    }
}

#[test]
fn a_step_may_unset_what_the_client_sets() {
    let s = good(
        "title: t\nversions: 5.0\nclients:\n  a: {session_expiry: 1h, receive_maximum: 5, will: {topic: t}}\n\
         steps:\n- a: {connect: {session_expiry: none, receive_maximum: none, will: none}}\n",
    );
    let StepKind::Client {
        action: Action::Connect(action::Connect { connect, .. }),
        ..
    } = &s.steps[0].kind
    else {
        panic!()
    };
    assert_eq!(
        (
            connect.session_expiry,
            connect.receive_maximum,
            &connect.will
        ),
        (None, None, &None)
    );
}

#[test]
fn return_codes_of_3_1_1_have_their_own_numbers() {
    let text = "title: t\nversions: [3.1.1]\nclients: {a: {}}\nsteps:\n- a: connect\n  expect: {reason: not authorized}\n";
    let StepKind::Client {
        action: Action::Connect(action::Connect { expect, .. }),
        ..
    } = good(text).steps.remove(0).kind
    else {
        panic!("no connect")
    };
    assert_eq!(expect.reason, Some(ReasonCode::V3_NOT_AUTHORIZED));
}

#[test]
fn anchors_and_aliases_work() {
    let s = good(
        "title: t\nclients:\n  a: &c {keep_alive: 30s}\n  b: *c\nsteps:\n- a: connect\n- b: connect\n",
    );
    assert_eq!(s.clients[1].connect.keep_alive, 30);
}

#[test]
fn a_branch_may_rely_on_a_connect_of_another() {
    good(
        "title: t\nclients: {a: , b: }\nsteps:\n- parallel:\n  - a: {publish: t}\n  - - a: connect\n    - b: connect\n",
    );
    good(
        "title: t\nclients: {a: }\nsteps:\n- timeline:\n  - {at: 2s, a: {publish: t}}\n  - {at: 1s, a: connect}\n",
    );
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_fine() {
    let text = format!("\u{FEFF}{}", EVERYTHING.trim_start().replace('\n', "\r\n"));
    let mut s = good(&text);
    assert_eq!(s.title, "Everything at once");
    let other = good(EVERYTHING.trim_start());
    s.steps.truncate(0);
    assert_eq!(s.expect, other.expect);
}

/// The format's description for users.
const MANUAL: &str = include_str!("../../README.md");

/// What stands in backquotes in the first cells of tables, and begins with one of `words`.
fn samples(words: &[&str]) -> Vec<&'static str> {
    let rows = MANUAL
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let codes = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let sample =
        |code: &&str| words.iter().any(|word| code.starts_with(word)) && !code.contains('…');
    codes.filter(sample).collect()
}

#[test]
fn the_manual_is_true() {
    let first = MANUAL
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let story = good(first.expect("the manual begins with an example"));
    assert_eq!(
        (story.clients.len(), story.steps.len(), story.expect.len()),
        (2, 8, 2)
    );
    let steps = samples(&["app: ", "lock: "]);
    assert_eq!(steps.len(), 8, "{steps:?}");
    for step in steps {
        let kept = "  - app: { connect: { will: { topic: t } } }\n";
        good(&with_steps(&format!("{kept}  - {step}")));
    }
}

/// A folder that is removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("squall-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Self(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("is below the folder")).expect("can be made");
        fs::write(&path, content).expect("can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it: it is a folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_named_by_their_place() {
    let folder = Folder::new("load");
    let text = EXAMPLE.as_bytes();
    let path = folder.file("qos2/cut-after-pubrec.yaml", text);
    let s = load_file(&path, &folder.0).expect("the example is good");
    assert_eq!(s.name, "qos2/cut-after-pubrec");
    assert_eq!(s.file, path.display().to_string());
    let broken = folder.file("broken.yaml", b"title: caf\xE9\n");
    let problems = load_file(&broken, &folder.0).expect_err("is not UTF-8");
    assert_eq!(
        problems[0].to_string(),
        format!("{}:1:11: the file is not UTF-8", broken.display())
    );
    let missing = load_file(&folder.0.join("none.yaml"), &folder.0).expect_err("does not exist");
    assert!(
        missing[0].to_string().contains("cannot be read"),
        "{}",
        missing[0]
    );
    assert!(
        load_file(&folder.0, &folder.0).expect_err("is a folder")[0]
            .to_string()
            .contains("folder")
    );
}

/// The language stands beside its stories: a search finds the stories alone.
#[test]
fn the_stories_are_found_beside_the_language() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let files = find(std::slice::from_ref(&root)).expect("there are stories");
    assert!(files.len() >= 18, "only {} stories", files.len());
    for file in files {
        let below = file.strip_prefix(&root).expect("it was found there");
        assert_eq!(below.components().count(), 2, "{}", below.display());
        assert!(!below.starts_with("src"), "{}", below.display());
        load_file(&file, &root).unwrap_or_else(|p| panic!("{p:#?}"));
    }
}

#[test]
fn folders_are_searched() {
    let folder = Folder::new("find");
    let b = folder.file("s/b.yml", b"");
    let a = folder.file("s/a/z.yaml", b"");
    folder.file("s/.hidden/x.yaml", b"");
    folder.file("s/notes.md", b"");
    folder.file("empty/notes.md", b"");
    let s = folder.0.join("s");
    assert_eq!(find(&[b.clone(), s]).expect("both exist"), [a, b]);
    let problems =
        find(&[folder.0.join("empty"), folder.0.join("none")]).expect_err("neither is good");
    let told: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(told, ["holds no scenario", "does not exist"]);
}
