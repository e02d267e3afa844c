//! The live world on a paused clock, with brokers in this process.

use squall_broker::{Broker, Config, Server};
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict};
use squall_saboteurs::{Switch, double::Double, serve::Handle};
use squall_scenarios::{find, load_file, model::Scenario};
use squall_sim::{
    live::{BETWEEN, End, Left, Live},
    world::live::Reach,
};
use squall_transport::{Accept, Endpoint, Memory, MemoryListener, MemoryStream};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, split},
    runtime::{Builder, Runtime},
    task::LocalSet,
};

static NEVER: AtomicBool = AtomicBool::new(false);

fn library() -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = find(std::slice::from_ref(&root)).unwrap_or_else(|p| panic!("{p:#?}"));
    let stories = files.iter().map(|f| load_file(f, &root));
    stories
        .map(|s| s.unwrap_or_else(|p| panic!("{p:#?}")))
        .collect()
}

fn live(scenarios: Vec<Scenario>, memory: Memory) -> Live {
    Live {
        scenarios,
        versions: Version::ALL.to_vec(),
        seeds: (0, 3),
        jobs: 500,
        patience: Duration::from_secs(120),
        tag: "tag".into(),
        reach: Reach {
            endpoint: Endpoint::from(memory),
            login: None,
        },
        others: Vec::new(),
        bears: None,
        offers: BTreeMap::new(),
    }
}

fn paused() -> Runtime {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime")
}

/// Tells stories to the reference broker, in no time.
fn told(scenarios: Vec<Scenario>) -> (Vec<SimResult>, BTreeSet<Left>) {
    let runtime = paused();
    LocalSet::new().block_on(&runtime, async {
        let (memory, listener) = Memory::listen();
        let server = Server::new(Broker::new(Config::default()));
        let server = tokio::task::spawn_local(server.run(listener));
        let mut results = Vec::new();
        let done = AtomicU64::new(0);
        let (end, left) = live(scenarios, memory)
            .run(&done, &NEVER, |ended| results.push(ended.result))
            .await;
        assert_eq!(end, End::Whole);
        server.abort();
        (results, left)
    })
}

#[test]
fn the_reference_broker_passes_every_story_that_can_be_told_to_it() {
    let (results, left) = told(library());
    let mut unplayed = BTreeSet::new();
    for result in &results {
        match result.verdict {
            Verdict::Pass => {}
            Verdict::NotApplicable => {
                let reason = result.reason.clone().unwrap_or_default();
                unplayed.insert(format!("{}: {reason}", result.scenario));
            }
            _ => panic!("{result:#?}"),
        }
    }
    insta::assert_debug_snapshot!(unplayed);
    assert!(results.len() > 100, "{}", results.len());
    assert!(
        left.iter()
            .any(|l| matches!(l, Left::Session(id, _) if id.starts_with("tag")))
    );
}

/// Tells stories to a server that takes connections as `serve` says.
fn told_to<F: Future<Output = ()> + 'static>(
    scenarios: Vec<Scenario>,
    serve: impl FnOnce(MemoryListener) -> F,
) -> (Vec<SimResult>, End) {
    let runtime = paused();
    LocalSet::new().block_on(&runtime, async {
        let (memory, listener) = Memory::listen();
        let server = tokio::task::spawn_local(serve(listener));
        let mut results = Vec::new();
        let done = AtomicU64::new(0);
        let mut live = live(scenarios, memory);
        live.seeds = (0, 1);
        let (end, _) = live
            .run(&done, &NEVER, |ended| results.push(ended.result))
            .await;
        server.abort();
        (results, end)
    })
}

fn story(name: &str) -> Vec<Scenario> {
    let library = library().into_iter();
    let found: Vec<_> = library.filter(|s| s.name == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    found
}

async fn double(switches: Vec<Switch>, mut listener: MemoryListener) {
    let handle = Handle::new(Double::new(switches));
    while let Ok(stream) = listener.accept().await {
        handle.connect(stream);
    }
}

#[test]
fn a_fault_is_found_live_and_told_again() {
    let switch = Switch::from_name("qos2-id-freed-at-close").expect("there is such a switch");
    let (results, end) = told_to(story("qos2/cut-before-pubrec"), move |listener| {
        double(vec![switch], listener)
    });
    assert_eq!(end, End::Whole);
    assert!(
        results.iter().any(|r| r.verdict == Verdict::Fail),
        "{results:#?}"
    );
    for finding in results.iter().flat_map(|r| &r.findings) {
        assert!(!finding.message.contains("seen"), "{finding:#?}");
        assert!(!finding.evidence.is_empty());
    }
}

#[test]
fn a_broker_that_goes_away_is_one_line_and_what_was_found_is_kept() {
    let (results, end) = told_to(library(), |mut listener| async move {
        let handle = Handle::new(Double::new([]));
        // It serves the first connections, and falls.
        for _ in 0..150 {
            match listener.accept().await {
                Ok(stream) => handle.connect(stream),
                Err(_) => return,
            }
        }
        drop(listener);
    });
    let End::Lost(why) = end else {
        panic!("{end:?}");
    };
    assert!(
        why.starts_with("it no longer accepts connections: "),
        "{why}"
    );
    assert!(results.len() < 120, "{}", results.len());
    for result in results {
        assert_ne!(result.verdict, Verdict::Fail, "{result:#?}");
    }
}

#[test]
fn a_broker_that_sends_without_end_is_left_alone() {
    let (results, end) = told_to(library(), |mut listener| async move {
        while let Ok(stream) = listener.accept().await {
            tokio::task::spawn_local(flood(stream));
        }
    });
    let End::Lost(why) = end else {
        panic!("{end:?}");
    };
    assert!(why.contains("more than there is room for"), "{why}");
    assert!(
        results.iter().all(|r| r.verdict != Verdict::Fail),
        "{results:#?}"
    );
}

/// Lets any client in, and then sends it messages of 1 KiB.
async fn flood(mut stream: MemoryStream) {
    let mut connect = [0; 512];
    let read = stream.read(&mut connect).await.unwrap_or_default();
    let level = connect[..read]
        .windows(5)
        .find_map(|w| w.strip_prefix(b"MQTT"));
    let connack: &[u8] = match level {
        Some([5]) => &[0x20, 3, 0, 0, 0],
        _ => &[0x20, 2, 0, 0],
    };
    let mut message = vec![0x30, 0x80, 0x08, 0, 1, b't'];
    message.resize(1027, 0);
    let mut sent = stream.write_all(connack).await;
    while sent.is_ok() {
        sent = stream.write_all(&message).await;
    }
}

/// A message of another story, with QoS 0; in 3.1.1 the length of the properties is part of the payload.
const STRAY: &[u8] = b"\x30\x0d\0\x09tag999x/t\0m";

/// Hands on what both say, and a stray message after the answer to CONNECT.
async fn stray(client: MemoryStream, server: MemoryStream) {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let up = async {
        let _ = copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    };
    let down = async {
        let mut answered = false;
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = from_server.read(&mut bytes).await {
            if to_client.write_all(&bytes[..n]).await.is_err() {
                return;
            }
            if !answered {
                answered = true;
                let _ = to_client.write_all(STRAY).await;
            }
        }
        let _ = to_client.shutdown().await;
    };
    tokio::join!(biased; up, down);
}

#[test]
fn what_strays_from_one_story_into_another_is_told_once_and_not_in_the_story() {
    let (results, end) = told_to(story("qos1/puback-lost"), |mut listener| async move {
        let handle = Handle::new(Double::new([]));
        while let Ok(client) = listener.accept().await {
            let (ours, theirs) = MemoryStream::pair();
            handle.connect(theirs);
            tokio::task::spawn_local(stray(client, ours));
        }
    });
    assert_eq!(end, End::Whole);
    let told = results
        .iter()
        .map(|r| (&*r.scenario, &*r.version, r.verdict));
    let expected = [
        ("qos1/puback-lost", "3.1.1", Verdict::Pass),
        ("qos1/puback-lost", "5.0", Verdict::Pass),
        (BETWEEN, "3.1.1", Verdict::Fail),
        (BETWEEN, "5.0", Verdict::Fail),
    ];
    assert!(told.eq(expected), "{results:#?}");
    for finding in results[2..].iter().flat_map(|r| &r.findings) {
        assert!(finding.message.contains("tag999x/t"), "{finding:#?}");
        assert!(finding.evidence.events.iter().any(|e| e.highlight));
    }
}
