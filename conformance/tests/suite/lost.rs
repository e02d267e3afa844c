//! Targets that die, come back, or interrupt a check.

use crate::{
    house::{House, story},
    odd::{From, Hands, Rule, kind},
};
use squall_broker::{Broker, Config, Server};
use squall_conformance::Options;
use squall_protocol::Version;
use squall_reports::{Conformance, Verdict};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::{JoinSet, spawn_local},
    time::sleep,
};

/// The reference broker behind a door that is shut, with all connections cut, after every so many connections, and
/// opened anew at the same address after a while, so many times.
fn mortal(connections: usize, deaths: usize, dead: Duration) -> House {
    House::open(move |mut listener| async move {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (broker, address) = (inner.local_addr().unwrap(), listener.local_addr().unwrap());
        spawn_local(async move { Server::new(Broker::new(Config::default())).run(inner).await });
        for life in 0..=deaths {
            let mut open = JoinSet::new();
            let last = life == deaths;
            for _ in (0..).take_while(|n| last || *n < connections) {
                let Ok((mut client, _)) = listener.accept().await else {
                    return;
                };
                open.spawn_local(async move {
                    if let Ok(mut server) = TcpStream::connect(broker).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
            drop((open, listener));
            sleep(dead).await;
            listener = TcpListener::bind(address).await.unwrap();
        }
    })
}

fn run(house: &House, only: &[&str], wait: Duration) -> Conformance {
    house.conform(&Options {
        only: only.iter().map(|&name| name.to_owned()).collect(),
        jobs: 8,
        wait,
        ..Options::default()
    })
}

fn wrong(found: &Conformance) -> Vec<String> {
    found
        .results
        .iter()
        .filter(|r| !matches!(r.verdict, Verdict::Pass | Verdict::NotApplicable))
        .map(story)
        .collect()
}

const SOME: &[&str] = &["connect/*", "qos/*", "subscribe/*", "topic/*"];

#[test]
fn a_target_that_dies_and_is_started_anew_is_asked_again() {
    let house = mortal(30, 1, Duration::from_millis(600));
    let found = run(&house, SOME, Duration::from_secs(2));
    assert!(wrong(&found).is_empty(), "{}", wrong(&found).join("\n\n"));
    assert!(found.summary.pass > 50);
}

#[test]
fn a_target_that_dies_again_and_again_is_given_up() {
    let house = mortal(12, 40, Duration::from_millis(100));
    let found = run(&house, SOME, Duration::from_secs(1));
    assert_eq!(found.summary.fail, 0, "{}", wrong(&found).join("\n\n"));
    let rest = |r: &&squall_reports::CheckResult| r.message.contains("not asked");
    assert_eq!(found.results.iter().filter(rest).count(), 1);
}

#[test]
fn a_check_that_was_interrupted_is_asked_again_alone() {
    // The first three connections that subscribe are closed.
    let house = House::odd(|| {
        let closed = Rc::new(Cell::new(0));
        Box::new(move || {
            let closed = Rc::clone(&closed);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                if from == From::Client && kind(packet) == 8 && closed.get() < 3 {
                    closed.set(closed.get() + 1);
                    return hands.close();
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    let found = run(&house, &["qos/*", "retained/*"], Duration::from_secs(2));
    assert!(wrong(&found).is_empty(), "{}", wrong(&found).join("\n\n"));
}

#[test]
fn a_check_that_settled_nothing_is_asked_again_when_less_goes_on() {
    // The first retained message that expires soon is gone at once, as if it had come late.
    let house = House::odd(|| {
        let swallowed = Rc::new(Cell::new(false));
        Box::new(move || {
            let swallowed = Rc::clone(&swallowed);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                let brief = packet.windows(5).any(|w| w == b"brief");
                if from == From::Broker && brief && !swallowed.replace(true) {
                    return;
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    let found = run(&house, &["retained/expires"], Duration::from_secs(2));
    assert!(wrong(&found).is_empty(), "{}", wrong(&found).join("\n\n"));
}

#[test]
fn what_packets_have_shown_stands_when_the_target_dies() {
    // Answers SUBSCRIBE with `answer`, and is gone: a SUBACK that is wrong, or nothing.
    for (answer, verdict) in [
        (Some(&b"\x90\x03\0\x01\x05"[..]), Verdict::Fail),
        (None, Verdict::Inconclusive),
    ] {
        let house = House::open(move |listener| async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 512];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    let _ = match buffer[0] >> 4 {
                        1 => stream.write_all(b"\x20\x02\0\0").await,
                        8 => break,
                        12 => stream.write_all(b"\xD0\0").await,
                        _ => Ok(()),
                    };
                    let _ = n;
                }
                if buffer[0] >> 4 == 8 {
                    drop(listener);
                    if let Some(answer) = answer {
                        let _ = stream.write_all(answer).await;
                    }
                    sleep(Duration::from_millis(200)).await;
                    return;
                }
            }
        });
        let options = Options {
            only: vec!["subscribe/suback".to_owned()],
            versions: vec![Version::V3_1_1],
            wait: Duration::from_millis(500),
            ..Options::default()
        };
        let found = house.conform(&options);
        assert_eq!(
            found.results[0].verdict,
            verdict,
            "{}",
            story(&found.results[0])
        );
    }
}
