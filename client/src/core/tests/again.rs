//! Which ends are followed by another dial, and when.

use super::*;
use squall_protocol::{PacketType, REASONS, Role};

/// What a client does when a server ends its connection with this CONNACK, or after it with this DISCONNECT.
fn after(version: Version, packet: Packet, follow: bool) -> Option<u64> {
    let mut rig = Rig::new(version);
    rig.client.set_backoff(Some(Backoff::new(
        Duration::from_millis(100),
        Duration::from_secs(1),
    )));
    let options = ConnectOptions {
        follow_references: follow,
        ..Rig::options(version)
    };
    rig.client.connect(rig.now, options);
    rig.dialed();
    if matches!(packet, Packet::Disconnect(_)) {
        rig.feed(Packet::ConnAck(connack(false)));
    }
    rig.feed(packet);
    assert!(!rig.client.is_connected());
    rig.client.poll_timeout().map(Time::as_millis)
}

fn refusal(reason: ReasonCode) -> Packet {
    let ack = connack(false);
    Packet::ConnAck(ConnAck { reason, ..ack })
}

const fn due(again: Again, follow: bool) -> Option<u64> {
    match (again, follow) {
        (Again::Never, _) | (Again::Elsewhere, false) => None,
        (Again::Later, _) => Some(100),
        (Again::AtOnce, _) | (Again::Elsewhere, true) => Some(1),
    }
}

#[test]
fn every_reason_code_has_its_rule() {
    for (code, refused, ended) in Again::TABLE.iter().copied() {
        for follow in [false, true] {
            if let Some(again) = refused {
                let came = after(V5, refusal(code), follow);
                assert_eq!(came, due(again, follow), "CONNACK {code}");
            }
            if let Some(again) = ended {
                let packet = Packet::Disconnect(Disconnect::with_reason(code));
                assert_eq!(
                    after(V5, packet, follow),
                    due(again, follow),
                    "DISCONNECT {code}"
                );
            }
        }
    }
}

#[test]
fn the_table_has_every_code_that_a_server_may_end_a_connection_with_and_no_other() {
    for code in (0..=u8::MAX).map(ReasonCode) {
        let may = |packet| code.senders_in(packet).contains(&Role::Server);
        let row = Again::TABLE.iter().find(|(of, ..)| *of == code);
        let (refused, ended) = row.map_or((false, false), |(_, r, e)| (r.is_some(), e.is_some()));
        assert_eq!(
            refused,
            may(PacketType::ConnAck) && code.is_error(),
            "CONNACK {code}"
        );
        assert_eq!(ended, may(PacketType::Disconnect), "DISCONNECT {code}");
    }
    assert!(Again::TABLE.is_sorted_by_key(|(code, ..)| *code));
    assert!(REASONS.len() > Again::TABLE.len());
}

#[test]
fn a_3_1_1_server_that_is_unavailable_is_tried_again() {
    let after = [1, 2, 3, 4, 5].map(|code| after(V3, refusal(ReasonCode(code)), true));
    assert_eq!(after, [None, None, Some(100), None, None]);
}

#[test]
fn whoever_lost_the_session_to_another_client_stays_away() {
    let taken = Disconnect::with_reason(ReasonCode::SESSION_TAKEN_OVER);
    assert_eq!(after(V5, Packet::Disconnect(taken), true), None);
}

#[test]
fn a_client_that_is_sent_on_and_on_takes_its_time() {
    let mut rig = Rig::new(V5);
    rig.client.set_backoff(Some(Backoff::new(
        Duration::from_millis(100),
        Duration::from_secs(1),
    )));
    let options = ConnectOptions {
        follow_references: true,
        connect_timeout: Duration::ZERO,
        ..Rig::options(V5)
    };
    rig.client.connect(rig.now, options);
    let mut dials = Vec::new();
    while dials.len() < 5 {
        rig.dialed();
        rig.feed(refusal(ReasonCode::USE_ANOTHER_SERVER));
        let at = rig.client.poll_timeout().unwrap();
        dials.push(at.as_millis());
        rig.pass_until(at.as_millis());
    }
    assert_eq!(dials, [1, 101, 301, 701, 1501]);
}

/// When a client dials whose server is never there.
fn dials(backoff: Backoff) -> Vec<u64> {
    let mut rig = Rig::new(V5);
    rig.client.set_backoff(Some(backoff));
    rig.client.connect(rig.now, Rig::options(V5));
    let mut dials = vec![0];
    while dials.len() < 50 {
        rig.client.handle_dial_failed(rig.now, "no".to_owned());
        let at = rig.client.poll_timeout().unwrap();
        dials.push(at.as_millis());
        rig.now = at;
        rig.client.handle_timeout(at);
    }
    dials
}

#[test]
fn jitter_is_drawn_from_the_seed_within_the_wait() {
    let plain = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let waits = |backoff| -> Vec<u64> {
        dials(backoff)
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    };
    let whole = waits(plain);
    assert_eq!(whole[..8], [100, 200, 400, 800, 1600, 3200, 6400, 10_000]);
    let drawn = waits(plain.jittered(1));
    assert_eq!(
        drawn,
        waits(plain.jittered(1)),
        "the same seed, the same waits"
    );
    assert_ne!(drawn, waits(plain.jittered(2)));
    for (drawn, whole) in drawn.iter().zip(&whole) {
        assert!((whole / 2..=*whole).contains(drawn), "{drawn} of {whole}");
    }
    let last: std::collections::BTreeSet<_> = drawn[8..].iter().collect();
    assert!(last.len() > 30, "they differ: {last:?}");
}

#[test]
fn waits_grow_while_connections_do_not_last() {
    both(|version| {
        let mut rig = Rig::new(version);
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        rig.client
            .set_backoff(Some(backoff.settled(Duration::from_secs(5))));
        rig.connect(Rig::options(version), connack(false));
        let mut waits = Vec::new();
        for lasts in [0, 10, 4_999, 5_000, 20] {
            rig.pass_until(rig.now.as_millis() + lasts);
            rig.hang_up();
            let at = rig.client.poll_timeout().unwrap();
            waits.push(at.since(rig.now).as_millis());
            rig.pass_until(at.as_millis());
            rig.dialed();
            rig.feed(Packet::ConnAck(connack(true)));
        }
        assert_eq!(waits, [100, 200, 400, 100, 200]);
    });
}
