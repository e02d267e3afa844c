//! The broker is killed at random moments, while clients of both versions publish and read with QoS 1 and 2, and started
//! again at the same port with the same store. What it acknowledged is not lost, what came with QoS 2 came once and in
//! order, and no session is forgotten.
//!
//! `SQUALL_KILLS=100` kills more often, `SQUALL_SEED=7` at other moments.

mod publisher;
mod scene;
mod subscriber;

use super::*;
use publisher::Publisher;
use scene::{Random, Scene};
use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::atomic::Ordering::SeqCst,
    thread::{self, sleep},
};
use subscriber::Subscriber;

/// How long everything that is under way may take once nobody is killed any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client of a story came to, for people.
#[derive(Debug, Default)]
struct Figures {
    kills: u32,
    acknowledged: usize,
    sent_again: usize,
    delivered: usize,
    delivered_again: usize,
    returns: u32,
}

#[test]
fn a_broker_that_is_killed_keeps_what_it_promised() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let kills = number("SQUALL_KILLS").unwrap_or(10);
    let seed = number("SQUALL_SEED").unwrap_or(1);
    let begun = Instant::now();
    let (figures, faults) = story(u32::try_from(kills).expect("few"), seed);
    #[expect(
        clippy::print_stderr,
        reason = "figures, for whoever asks with --nocapture"
    )]
    {
        eprintln!("seed {seed}, {:.1?}: {figures:#?}", begun.elapsed());
    }
    assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    assert!(
        figures.acknowledged > 20 * figures.kills as usize,
        "{figures:?}"
    );
    assert!(
        figures.sent_again > 0 && figures.delivered_again > 0,
        "it was killed under load: {figures:?}"
    );
    assert!(figures.returns >= figures.kills, "{figures:?}");
}

/// A port that is free, and that nobody is given who dials.
fn port(random: &mut Random) -> u16 {
    loop {
        let port = u16::try_from(20_000 + random.below(12_000)).expect("it is small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts the broker, and does not wait for it.
fn start(address: &str, store: &Path) -> Served {
    let store = store.to_str().expect("it is text");
    let child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args([
            "broker",
            "--listen",
            address,
            "--store",
            store,
            "--log-level",
            "warn",
        ])
        .stdout(Stdio::piped())
        .spawn();
    Served {
        child: child.expect("the binary runs"),
        address: address.to_owned(),
    }
}

/// Kills it, which it must not have forestalled.
fn kill(broker: &mut Served) {
    let ended = broker.child.try_wait().expect("it is ours");
    assert_eq!(ended, None, "it ended by itself");
    broker.child.kill().expect("it runs");
    broker.child.wait().expect("it is ours");
}

/// Waits until it says that it listens.
fn ready(broker: &mut Served) {
    let mut line = String::new();
    let stdout = broker.child.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says where");
    assert!(
        line.starts_with("listening on "),
        "it does not come back: {line:?}"
    );
}

fn story(kills: u32, seed: u64) -> (Figures, Vec<String>) {
    let mut random = Random(seed);
    let folder = tempfile::tempdir().expect("there is room");
    let store = folder.path().join("store");
    let address = format!("127.0.0.1:{}", port(&mut random));
    let scene = Scene::new(&address);
    let mut broker = start(&address, &store);
    ready(&mut broker);
    let mut figures = Figures::default();
    thread::scope(|scope| {
        // Whatever happens here, the others come to an end.
        let _end = scene.end_when_dropped();
        let subscribers: Vec<_> = Version::ALL
            .map(|v| {
                let subscriber = Subscriber::new(v, Random(seed ^ u64::from(v == Version::V5_0)));
                scope.spawn(|| subscriber.run(&scene))
            })
            .into_iter()
            .collect();
        scene.wait_until("subscribed", || {
            scene.subscribed.load(SeqCst) == Version::ALL.len()
        });
        let publishers: Vec<_> = Version::ALL
            .map(|v| {
                let publisher = Publisher::new(v, Random(seed.wrapping_add(v as u64 + 10)));
                scope.spawn(|| publisher.run(&scene))
            })
            .into_iter()
            .collect();
        for _ in 0..kills {
            // Some are killed before they are up again.
            if random.below(5) == 0 {
                sleep(Duration::from_millis(random.below(40)));
            } else {
                sleep(Duration::from_millis(5 + random.below(250)));
            }
            kill(&mut broker);
            figures.kills += 1;
            broker = start(&address, &store);
            if random.below(5) > 0 {
                ready(&mut broker);
            }
        }
        scene.publishing.store(false, SeqCst);
        let mut expected = BTreeMap::new();
        scene.wait_until("published", || publishers.iter().all(|p| p.is_finished()));
        scene.give_up_if_late();
        for publisher in publishers {
            let publisher = publisher.join().expect("it does not panic");
            figures.acknowledged += publisher.acknowledged.len();
            figures.sent_again += publisher.sent_again;
            figures.returns += publisher.returns;
            expected.extend(publisher.acknowledged);
        }
        scene.wait_until("delivered", || scene.has_delivered(&expected));
        // What comes twice may come late.
        sleep(Duration::from_millis(300));
        scene.over.store(true, SeqCst);
        for subscriber in subscribers {
            let subscriber = subscriber.join().expect("it does not panic");
            figures.returns += subscriber.returns;
            figures.delivered_again += subscriber.again;
        }
        figures.delivered = scene.judge(&expected);
    });
    kill(&mut broker);
    (figures, scene.faults())
}
