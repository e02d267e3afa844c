//! Servers that are no brokers pass nothing, and nothing hangs.

use crate::house::{House, story};
use squall_conformance::{Options, RunError, Target, run_blocking};
use squall_protocol::Version;
use squall_reports::{Conformance, Verdict};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Short times, so that the worst case takes seconds.
fn brief() -> Options {
    Options {
        timeout: Duration::from_secs(2),
        wait: Duration::from_millis(150),
        first_answer: Duration::from_millis(400),
        ..Options::default()
    }
}

/// Runs everything and holds it to its time and to passing nothing.
fn nothing_passes(house: &House, limit: Duration) -> Conformance {
    nothing_of(&[], house, limit)
}

/// The same for some checks only.
fn nothing_of(only: &[&str], house: &House, limit: Duration) -> Conformance {
    let start = Instant::now();
    let only = only.iter().map(|&name| name.to_owned()).collect();
    let found = house.conform(&Options { only, ..brief() });
    let took = start.elapsed();
    assert!(
        took < limit,
        "it took {took:?} where {limit:?} is the limit"
    );
    let passed: Vec<String> = found
        .results
        .iter()
        .filter(|r| r.verdict == Verdict::Pass)
        .map(story)
        .collect();
    assert!(passed.is_empty(), "{}", passed.join("\n\n"));
    assert!(found.summary.total > 0);
    found
}

#[test]
fn a_server_that_closes_at_once() {
    let house = House::fake(|stream| async move { drop(stream) });
    let found = nothing_passes(&house, Duration::from_secs(3));
    assert_eq!(found.summary.inconclusive, found.summary.total);
    assert!(
        found.results[0].message.contains("closed the connection"),
        "{}",
        found.results[0].message
    );
}

#[test]
fn a_server_that_accepts_and_never_answers() {
    let house = House::fake(|mut stream| async move {
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    });
    let found = nothing_passes(&house, Duration::from_secs(3));
    assert_eq!(found.summary.inconclusive, found.summary.total);
    assert!(
        found.results[0]
            .message
            .contains("did not answer CONNECT within 400ms"),
        "{}",
        found.results[0].message
    );
}

/// Reads the fixed header and body of one packet that is shorter than 128 bytes.
async fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).await.ok()?;
    let mut body = vec![0; usize::from(header[1] & 0x7F)];
    stream.read_exact(&mut body).await.ok()?;
    Some([&header[..], &body].concat())
}

/// A CONNACK with code 0 in the version of this CONNECT.
fn connack(connect: &[u8]) -> &'static [u8] {
    match connect.get(8) {
        Some(5) => &[0x20, 0x03, 0x00, 0x00, 0x00],
        _ => &[0x20, 0x02, 0x00, 0x00],
    }
}

#[test]
fn a_server_that_only_says_connack() {
    let house = House::fake(|mut stream| async move {
        let Some(connect) = packet(&mut stream).await else {
            return;
        };
        let _ = stream.write_all(connack(&connect)).await;
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    });
    nothing_passes(&house, Duration::from_secs(30));
}

#[test]
fn a_server_that_says_connack_and_closes() {
    let house = House::fake(|mut stream| async move {
        if let Some(connect) = packet(&mut stream).await {
            let _ = stream.write_all(connack(&connect)).await;
        }
    });
    nothing_passes(&house, Duration::from_secs(30));
}

#[test]
fn a_server_that_speaks_something_else() {
    let house = House::fake(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    });
    let error = house.run(&brief()).unwrap_err();
    let said = r#"it answers with HTTP ("HTTP/1.1 400 Bad Request")"#;
    assert!(error.to_string().ends_with(said), "{error}");
}

#[test]
fn a_server_that_floods() {
    let house = House::fake(|mut stream| async move {
        let Some(connect) = packet(&mut stream).await else {
            return;
        };
        let _ = stream.write_all(connack(&connect)).await;
        let flood = b"\x30\x05\x00\x01a\x00x".repeat(1000);
        while stream.write_all(&flood).await.is_ok() {}
    });
    // A flood costs time on both sides, so only a few.
    nothing_of(
        &["connect", "will/on-drop"],
        &house,
        Duration::from_secs(60),
    );
}

#[test]
fn a_server_of_3_1_1_alone_has_no_verdict_in_5_0() {
    let house = House::fake(|mut stream| async move {
        while let Some(packet) = packet(&mut stream).await {
            let answer: &[u8] = match (packet[0], packet.get(8)) {
                (0x10, Some(5)) => &[0x20, 0x02, 0x00, 0x01],
                (0x10, _) => &[0x20, 0x02, 0x00, 0x00],
                (0xC0, _) => &[0xD0, 0x00],
                _ => return,
            };
            if stream.write_all(answer).await.is_err() || answer[0] == 0x20 && answer[3] != 0 {
                return;
            }
        }
    });
    let found = house.conform(&Options {
        only: vec!["connect/accepted".to_owned()],
        ..brief()
    });
    let verdicts: Vec<_> = found.results.iter().map(|r| r.verdict).collect();
    assert_eq!(
        verdicts,
        [Verdict::Pass, Verdict::NotApplicable],
        "{}",
        story(&found.results[1])
    );
    assert!(found.results[1].message.contains("0x01"));
}

#[test]
fn a_server_that_wants_credentials_is_no_failure() {
    let house = House::fake(|mut stream| async move {
        if let Some(connect) = packet(&mut stream).await {
            let refusal: &[u8] = match connect.get(8) {
                Some(5) => &[0x20, 0x03, 0x00, 0x87, 0x00],
                _ => &[0x20, 0x02, 0x00, 0x05],
            };
            let _ = stream.write_all(refusal).await;
        }
    });
    let refused = house.run(&Options::default()).unwrap_err();
    assert!(matches!(refused, RunError::Refused { with: false, .. }));
    let login = Target::parse(&format!("mqtt://me:swordfish@{}", house.addr)).unwrap();
    let refused = run_blocking(&login, &Options::default(), |_| {}).unwrap_err();
    let words = format!(
        "mqtt://me:***@{} refuses the user name and the password: CONNACK 0x87 Not authorized",
        house.addr
    );
    assert_eq!(refused.to_string(), words);
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_the_rest_inconclusive() {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };
    // The version probes and the first connections work; then the listener is gone.
    let served = Arc::new(AtomicU32::new(0));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let counter = Arc::clone(&served);
    let thread = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        while counter.fetch_add(1, Ordering::Relaxed) < 12 {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let mut buffer = [0; 256];
            let read = stream.read(&mut buffer).unwrap_or(0);
            let _ = stream.write_all(connack(&buffer[..read]));
        }
    });
    let target = squall_conformance::Target::parse(&format!("mqtt://{addr}")).unwrap();
    let start = Instant::now();
    let (found, _) = squall_conformance::run_blocking(&target, &brief(), |_| {}).unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(found.summary.pass, 0);
    // Those that ran at that time, and one line for all the rest.
    let told = |r: &&squall_reports::CheckResult| r.message.contains("more were not asked");
    let rest: Vec<_> = found.results.iter().filter(told).collect();
    assert_eq!(rest.len(), 1, "{} results", found.results.len());
    assert_eq!(rest[0].verdict, Verdict::Inconclusive);
    let how = "the target stopped accepting connections, so this check and ";
    assert!(rest[0].message.starts_with(how), "{}", rest[0].message);
    assert!(found.results.len() <= brief().jobs + 1);
    thread.join().unwrap();
}

/// A server that takes every packet: it answers CONNECT and, unless a packet was too much for it, PINGREQ.
fn taking_all(too_much: fn(&[u8]) -> bool) -> House {
    House::fake(move |mut stream| async move {
        let mut mute = false;
        while let Some(packet) = packet(&mut stream).await {
            mute |= too_much(&packet);
            let answer: &[u8] = match packet[0] {
                _ if mute => &[],
                0x10 => connack(&packet),
                0xC0 => &[0xD0, 0x00],
                _ => &[],
            };
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_server_that_takes_ill_formed_strings_is_told_which() {
    let house = taking_all(|_| false);
    for version in Version::ALL {
        let options = Options {
            only: vec!["vectors/utf8".to_owned()],
            versions: vec![version],
            ..brief()
        };
        let result = &house.conform(&options).results[0];
        assert_eq!(result.verdict, Verdict::Fail, "{}", story(result));
        let message = &result.message;
        assert!(message.starts_with("0 of "), "{message}");
        assert!(
            message.contains(" more: the server accepted the connection"),
            "{message}"
        );
        assert!(message.contains("utf8/client-identifier-"), "{message}");
        let events = &result.evidence.events;
        assert!(events.len() < 20, "one packet is shown\n{}", story(result));
        assert_eq!(events.iter().filter(|e| e.highlight).count(), 1);
    }
}

#[test]
fn a_server_that_falls_silent_is_not_sent_everything() {
    let house = taking_all(|packet| packet[0] != 0x10 && packet[0] != 0xC0);
    let options = Options {
        only: vec!["vectors/subscribe".to_owned()],
        versions: vec![Version::V5_0],
        ..brief()
    };
    let result = &house.conform(&options).results[0];
    // It noticed the fault, then it has to close; or it did not, then it has to answer PINGREQ.
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(result));
    let message = &result.message;
    assert!(
        message.contains("neither closed the connection nor answered"),
        "{message}"
    );
    assert!(message.contains("were not sent"), "{message}");
}

#[test]
fn a_server_that_hangs_for_everybody_is_not_accused_of_what_it_leaves_unsaid() {
    // The first SUBSCRIBE hangs this connection, or all of the server.
    for (all, verdict) in [(true, Verdict::Inconclusive), (false, Verdict::Fail)] {
        let hangs = Arc::new(AtomicBool::new(false));
        let house = House::fake(move |mut stream| {
            let hangs = Arc::clone(&hangs);
            async move {
                while let Some(bytes) = packet(&mut stream).await {
                    if all && hangs.load(Ordering::Relaxed) {
                        continue;
                    }
                    let _ = match bytes[0] >> 4 {
                        1 => stream.write_all(connack(&bytes)).await,
                        12 => stream.write_all(&[0xD0, 0]).await,
                        8 => {
                            hangs.store(true, Ordering::Relaxed);
                            while packet(&mut stream).await.is_some() {}
                            return;
                        }
                        _ => Ok(()),
                    };
                }
            }
        });
        let only = vec!["subscribe/suback".to_owned()];
        let found = house.conform(&Options { only, ..brief() });
        // Of a server that hangs as a whole only the first to find out can tell; nothing is left to be judged after it.
        for result in &found.results {
            assert_eq!(result.verdict, verdict, "{}", story(result));
        }
    }
}
