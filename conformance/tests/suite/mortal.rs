//! Targets whose process ends, or falls silent, at a certain packet, and that are started anew.
//!
//! The servers are this test binary again, asked for the one test that serves.
#![cfg(unix)]

use crate::house::story;
use squall_broker::{Broker, Config, Server};
use squall_conformance::{Options, Process, Recipe, RunError, Target, run};
use squall_protocol::Version;
use squall_reports::{CheckResult, Conformance, Verdict};
use std::{
    cell::Cell, collections::BTreeMap, env, future::pending, path::Path, rc::Rc, time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinSet, LocalSet, spawn_local},
};

/// A SUBSCRIBE without a filter, as `malformed/subscribe-empty` sends it in 3.1.1.
const DEADLY: &[u8] = b"\x82\x02\0\x07";

/// The reference broker on `$PORT`, with a door before it that does at a deadly packet what `$MANNER` says: it ends the
/// process, or keeps all connections open and says nothing any more, or ends them all and each new one.
#[test]
#[ignore = "a server for the other tests here"]
fn serve() {
    let port: u16 = env::var("PORT").unwrap().parse().unwrap();
    let manner = env::var("MANNER").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = inner.local_addr().unwrap();
        spawn_local(async move { Server::new(Broker::new(Config::default())).run(inner).await });
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let shut = Rc::new(Cell::new(false));
        let mut open = JoinSet::new();
        loop {
            let (client, _) = listener.accept().await.unwrap();
            if shut.get() {
                open.abort_all();
                continue;
            }
            let server = TcpStream::connect(broker).await.unwrap();
            open.spawn_local(door(client, server, manner.clone(), Rc::clone(&shut)));
        }
    });
}

async fn door(client: TcpStream, server: TcpStream, manner: String, shut: Rc<Cell<bool>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut back = JoinSet::new();
    back.spawn_local(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
        if buffer[..n].ends_with(DEADLY) {
            match manner.split_once(' ') {
                Some(("once", path)) if Path::new(path).exists() => {}
                Some(("once", path)) => {
                    std::fs::write(path, "").unwrap();
                    std::process::exit(9);
                }
                _ if manner == "shut" => return shut.set(true),
                _ if manner == "silent" => std::thread::sleep(Duration::from_secs(3600)),
                _ => std::process::exit(9),
            }
        }
        if to_server.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
}

/// A recipe for such a server.
fn recipe(manner: &str) -> Recipe {
    let exe = env::current_exe().unwrap();
    Recipe {
        files: BTreeMap::new(),
        start: Some(format!(
            "MANNER='{manner}' exec '{}' --exact mortal::serve --ignored --nocapture",
            exe.display()
        )),
        stop: None,
        kill: None,
        restart: None,
        ready: Duration::from_secs(60),
    }
}

fn conform(recipe: Recipe, only: &[&str], jobs: usize) -> Conformance {
    let options = Options {
        only: only.iter().map(|&name| name.to_owned()).collect(),
        versions: vec![Version::V3_1_1],
        wait: Duration::from_secs(1),
        jobs,
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let process = Rc::new(Process::new(recipe, None).unwrap());
        process.start().await.unwrap();
        let address = process.fill("127.0.0.1:{port}");
        let target = Target::parse(&format!("mqtt://{address}")).unwrap();
        let target = target.with_process(Rc::clone(&process));
        let found: Result<_, RunError> = run(&target, &options, pending(), |_| {}).await;
        process.stop().await;
        let refused = std::net::TcpStream::connect(&address).is_err();
        assert!(refused, "the server has ended");
        found.unwrap().conformance
    })
}

fn others(found: &Conformance) -> Vec<String> {
    let good = |r: &&CheckResult| {
        r.check != "malformed/subscribe-empty"
            && !matches!(r.verdict, Verdict::Pass | Verdict::NotApplicable)
    };
    found.results.iter().filter(good).map(story).collect()
}

fn guilty(found: &Conformance) -> &CheckResult {
    let guilty = |r: &&CheckResult| r.check == "malformed/subscribe-empty";
    found.results.iter().find(guilty).unwrap()
}

#[test]
fn a_check_that_no_process_survives_fails_and_no_other() {
    let found = conform(recipe("dies"), &["malformed", "connect", "topic"], 8);
    assert!(others(&found).is_empty(), "{}", others(&found).join("\n\n"));
    let guilty = guilty(&found);
    assert_eq!(guilty.verdict, Verdict::Fail, "{}", story(guilty));
    assert!(
        guilty.message.contains("does not survive") && guilty.message.contains("exit status: 9"),
        "{}",
        story(guilty)
    );
    assert_eq!(guilty.statements[0].id, "MQTT-3.1.4-4");
    let packets = &guilty.evidence.events;
    assert!(
        packets.iter().any(|e| e.hex == "82 02 00 07"),
        "{}",
        story(guilty)
    );
    assert!(packets.iter().filter(|e| e.highlight).count() == 1);
}

#[test]
fn a_process_that_ends_once_is_asked_again_and_nothing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let found = conform(
        recipe(&format!("once {}", mark.display())),
        &["malformed"],
        8,
    );
    assert!(mark.exists());
    assert!(others(&found).is_empty(), "{}", others(&found).join("\n\n"));
    assert_eq!(
        guilty(&found).verdict,
        Verdict::Pass,
        "{}",
        story(guilty(&found))
    );
}

#[test]
fn a_target_that_falls_silent_to_everybody_is_started_anew_and_not_accused() {
    let found = conform(recipe("silent"), &["malformed/subscribe-*", "topic"], 4);
    assert!(others(&found).is_empty(), "{}", others(&found).join("\n\n"));
    let guilty = guilty(&found);
    assert_eq!(guilty.verdict, Verdict::Inconclusive, "{}", story(guilty));
    assert!(guilty.message.contains("just started"), "{}", story(guilty));
}

#[test]
fn a_target_that_lets_nobody_in_any_more_is_started_anew_and_not_accused() {
    let found = conform(recipe("shut"), &["malformed/subscribe-*", "topic"], 4);
    assert!(others(&found).is_empty(), "{}", others(&found).join("\n\n"));
    let guilty = guilty(&found);
    assert_eq!(guilty.verdict, Verdict::Inconclusive, "{}", story(guilty));
    assert!(guilty.message.contains("just started"), "{}", story(guilty));
}

#[test]
fn a_target_that_cannot_be_started_anew_has_one_line_for_the_rest() {
    let recipe = Recipe {
        restart: Some("echo no more; exit 1".to_owned()),
        ..recipe("dies")
    };
    let found = conform(recipe, &["malformed", "topic", "will"], 1);
    assert_eq!(found.summary.fail, 0, "{}", others(&found).join("\n\n"));
    let rest: Vec<&CheckResult> = found
        .results
        .iter()
        .filter(|r| r.message.contains("not asked"))
        .collect();
    assert_eq!(rest.len(), 1);
    assert!(
        rest[0].message.contains("could not be started anew"),
        "{}",
        rest[0].message
    );
    assert!(guilty(&found).verdict == Verdict::Inconclusive);
}
