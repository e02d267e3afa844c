//! Messages a second through the server, its latency and its memory, beside Mosquitto in the same run:
//! `cargo run --release -p squall-broker --example load`.
//!
//! Each broker is a process of its own on a free port of loopback, begun anew for each measurement; they take turns, and
//! of three measurements the middle one counts. Words on the command line choose parts: `windows`, `fan`, `idle`.
//! `--for SECONDS` says how long a measurement lasts. Without Mosquitto its columns are empty.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures in wall time, and prints what it finds"
)]

mod house;
mod peer;
mod play;

use house::{House, Kind};
use play::{Case, Outcome, play};
use squall_protocol::QoS;
use std::{io, time::Duration};

/// Measurements of which the middle one counts.
const ROUNDS: usize = 3;

fn main() -> io::Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "serve") {
        return house::serve(words.get(1).map(AsRef::as_ref));
    }
    let at = words.iter().position(|word| word == "--for");
    let length = at.and_then(|n| words.drain(n..n + 2).nth(1)?.parse().ok());
    let length = Duration::from_secs_f64(length.unwrap_or(1.0));
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    if wanted("windows") {
        windows(length)?;
    }
    if wanted("fan") {
        fan(length)?;
    }
    if wanted("idle") {
        idle()?;
    }
    Ok(())
}

/// One publisher and one subscriber, by QoS and by messages in flight.
fn windows(length: Duration) -> io::Result<()> {
    let mut cases = vec![Case::new(QoS::AtMostOnce, 0)];
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        cases.extend([1, 10, 100, 1000].map(|window| Case::new(qos, window)));
    }
    println!("one publisher, one subscriber, 64 bytes of payload");
    heading();
    for case in cases {
        row(&case, length)?;
    }
    println!();
    Ok(())
}

/// One publisher and 50 subscribers, and the other way round.
fn fan(length: Duration) -> io::Result<()> {
    println!("fan-out to 50 subscribers and fan-in from 50 publishers");
    heading();
    for (publishers, subscribers) in [(1, 50), (50, 1)] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let case = Case {
                publishers,
                subscribers,
                ..Case::new(qos, if publishers == 1 { 100 } else { 10 })
            };
            row(&case, length)?;
        }
    }
    println!();
    Ok(())
}

fn heading() {
    println!(
        "{:24} {:>9} {:>9} {:>6}  {:>15} {:>15}  {:>11}  {:>9} {:>6} {:>9}",
        "deliveries a second",
        "squall",
        "mosquitto",
        "ratio",
        "p50/p99 us",
        "mosquitto",
        "CPU us/dlv",
        "stored",
        "ratio",
        "syncs/msg"
    );
}

fn row(case: &Case, length: Duration) -> io::Result<()> {
    let mut rounds: [Vec<Outcome>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (kind, outcomes) in Kind::ALL.into_iter().zip(&mut rounds) {
            if let Some(house) = House::open(kind)? {
                outcomes.push(play(&house, case, length)?);
            }
        }
    }
    let [squall, stored, mosquitto] = rounds.map(middle);
    let squall = squall.ok_or_else(|| io::Error::other("nothing was measured"))?;
    let rate = |outcome: &Option<Outcome>| outcome.as_ref().map_or(f64::NAN, Outcome::rate);
    let latency = |outcome: &Outcome| format!("{}/{}", outcome.p50, outcome.p99);
    let syncs = stored.as_ref().and_then(Outcome::syncs);
    println!(
        "{:24} {:>9.0} {:>9.0} {:>6.2}  {:>15} {:>15}  {:>5.1} {:>5.1}  {:>9.0} {:>6.2} {:>9.3}{}",
        case.to_string(),
        squall.rate(),
        rate(&mosquitto),
        squall.rate() / rate(&mosquitto),
        latency(&squall),
        mosquitto.as_ref().map_or_else(String::new, latency),
        squall.cpu(),
        mosquitto.as_ref().map_or(f64::NAN, Outcome::cpu),
        rate(&stored),
        rate(&stored) / squall.rate(),
        syncs.unwrap_or(f64::NAN),
        lost(&squall, mosquitto.as_ref()),
    );
    Ok(())
}

/// Messages of QoS 0 that were dropped.
fn lost(squall: &Outcome, mosquitto: Option<&Outcome>) -> String {
    match (squall.lost(), mosquitto.map_or(0, Outcome::lost)) {
        (0, 0) => String::new(),
        (ours, theirs) => format!("  lost: {ours} and {theirs}"),
    }
}

fn middle(mut outcomes: Vec<Outcome>) -> Option<Outcome> {
    outcomes.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    let middle = outcomes.len() / 2;
    outcomes.into_iter().nth(middle)
}

/// 10,000 clients that say nothing.
fn idle() -> io::Result<()> {
    const CLIENTS: u64 = 10_000;
    for kind in [Kind::Squall, Kind::Mosquitto] {
        let Some(house) = House::open(kind)? else {
            continue;
        };
        let before = house.resident();
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            clients.push(house.join(&format!("idle-{n:05}"))?);
        }
        std::thread::sleep(Duration::from_millis(500));
        let bytes = house.resident().saturating_sub(before) * 1024;
        println!("{kind:?}: {} bytes an idle connection", bytes / CLIENTS);
    }
    Ok(())
}
