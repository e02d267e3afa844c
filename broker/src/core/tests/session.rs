//! How long a session lives.

use super::*;
use crate::ProtocolError;
use squall_protocol::ReasonCode;

fn expiring(secs: u32) -> Connect {
    let mut connect = hello(V5, "s");
    connect.clean_start = false;
    with_property(connect, Property::SessionExpiryInterval(secs))
}

fn present(bench: &mut Bench, connect: Connect) -> bool {
    let conn = bench.dial(connect);
    bench.seen(conn)[0] == "connack 1 0x00"
}

#[test]
fn a_3_1_1_session_is_kept_for_ever_or_not_at_all() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V3, "s"));
    bench.disconnect(conn);
    bench.pass(1_000_000_000_000);
    assert!(present(&mut bench, hello_again(V3, "s")));
    assert!(!present(&mut bench, hello(V3, "s")));
    assert!(
        !present(&mut bench, hello_again(V3, "s")),
        "a clean session leaves nothing"
    );
}

#[test]
fn a_3_1_1_session_can_be_limited() {
    let mut bench = Bench::with(Config {
        session_expiry_3_1_1: Some(60),
        ..Config::default()
    });
    let conn = bench.join(hello_again(V3, "s"));
    bench.pass(1_000_000);
    bench.hang_up(conn);
    bench.pass(59_999);
    assert!(present(&mut bench, hello_again(V3, "s")));
    bench.hang_up(ConnId(1));
    bench.pass(60_000);
    assert!(!present(&mut bench, hello_again(V3, "s")));
}

#[test]
fn a_5_0_session_lasts_for_its_expiry_interval() {
    for (away, kept) in [(0, true), (9_999, true), (10_000, false)] {
        let mut bench = Bench::new();
        let conn = bench.join(expiring(10));
        bench.pass(100_000);
        bench.hang_up(conn);
        bench.pass(away);
        assert_eq!(present(&mut bench, expiring(10)), kept, "after {away} ms");
    }
}

#[test]
fn without_an_expiry_interval_the_session_ends_with_the_connection() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "s");
    bench.subscribe(conn, "t", Q1);
    bench.hang_up(conn);
    assert_eq!(bench.broker.sessions.len(), 0);
    assert!(bench.broker.subscriptions.is_empty());
    assert!(!present(&mut bench, expiring(10)));
}

#[test]
fn the_largest_expiry_interval_is_for_ever() {
    let mut bench = Bench::new();
    let conn = bench.join(expiring(u32::MAX));
    bench.hang_up(conn);
    assert_eq!(bench.broker.poll_timeout(), None);
    bench.pass(u64::from(u32::MAX) * 1000 + 1);
    assert!(present(&mut bench, expiring(10)));
}

#[test]
fn coming_back_stops_the_clock() {
    let mut bench = Bench::new();
    let conn = bench.join(expiring(10));
    bench.hang_up(conn);
    bench.pass(9_000);
    let conn = bench.join(expiring(10));
    assert_eq!(bench.broker.poll_timeout(), None);
    bench.pass(100_000);
    bench.hang_up(conn);
    bench.pass(9_999);
    assert!(present(&mut bench, expiring(10)));
}

#[test]
fn the_new_connection_sets_the_new_expiry() {
    let mut bench = Bench::new();
    let conn = bench.join(expiring(1000));
    bench.hang_up(conn);
    let conn = bench.join(expiring(1));
    bench.hang_up(conn);
    bench.pass(1000);
    assert!(!present(&mut bench, expiring(10)));
}

#[test]
fn disconnect_can_change_the_expiry() {
    for (secs, kept_ms) in [(0, 0), (20, 20_000)] {
        let mut bench = Bench::new();
        let conn = bench.join(expiring(10));
        bench.send(conn, farewell(secs));
        assert!(matches!(
            bench.cause(conn),
            Some(CloseCause::Disconnected(_))
        ));
        if kept_ms > 0 {
            bench.pass(kept_ms - 1);
            assert_ne!(bench.broker.sessions.len(), 0);
            bench.pass(1);
        }
        assert_eq!(bench.broker.sessions.len(), 0);
    }
}

fn farewell(secs: u32) -> Packet {
    let mut disconnect = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
    disconnect
        .properties
        .push(Property::SessionExpiryInterval(secs));
    Packet::Disconnect(disconnect)
}

#[test]
fn disconnect_cannot_raise_an_expiry_of_zero() {
    let mut bench = Bench::new();
    let watcher = bench.connect(V5, "w");
    bench.subscribe(watcher, "will", Q0);
    let conn = bench.join(with_will(hello(V5, "s"), will("will", "x")));
    bench.send(conn, farewell(10));
    assert_eq!(bench.seen(conn), ["disconnect 0x82"]);
    let cause = CloseCause::ProtocolError(ProtocolError::SessionExpiryFromZero);
    assert_eq!(bench.cause(conn), Some(cause));
    assert_eq!(
        bench.messages(watcher).len(),
        1,
        "it was no valid DISCONNECT"
    );
    let conn = bench.connect(V5, "s");
    bench.send(conn, farewell(0));
    assert!(matches!(
        bench.cause(conn),
        Some(CloseCause::Disconnected(_))
    ));
}

#[test]
fn the_expiry_is_limited_by_the_broker() {
    let mut bench = Bench::with(Config {
        session_expiry_maximum: Some(5),
        ..Config::default()
    });
    let conn = bench.join(expiring(u32::MAX));
    bench.send(conn, farewell(1000));
    bench.pass(4_999);
    assert_ne!(bench.broker.sessions.len(), 0);
    bench.pass(1);
    assert_eq!(bench.broker.sessions.len(), 0);
}

#[test]
fn a_taken_over_session_with_expiry_zero_is_gone() {
    let mut bench = Bench::new();
    bench.connect(V5, "s");
    assert!(!present(&mut bench, expiring(10)));
    let mut bench = Bench::new();
    bench.connect(V3, "s");
    assert!(!present(&mut bench, hello_again(V3, "s")));
}

#[test]
fn subscriptions_are_kept_with_the_session() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.join(hello_again(version, "s"));
        bench.subscribe(conn, "t", Q1);
        bench.hang_up(conn);
        let conn = bench.join(hello_again(version, "s"));
        bench.publish(conn, "t", "x", Q0);
        assert_eq!(bench.seen(conn), ["publish t x q0"]);
        let conn = bench.join(hello(version, "s"));
        bench.publish(conn, "t", "x", Q0);
        assert_eq!(bench.seen(conn), [""; 0]);
    }
}

#[test]
fn a_session_can_change_its_version() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V3, "s"));
    bench.subscribe(conn, "t", Q1);
    bench.hang_up(conn);
    let publisher = bench.connect(V5, "p");
    let mut publish = message("t", "x", Q1);
    publish.properties.push(Property::ContentType(text("c")));
    bench.send(publisher, Packet::Publish(publish));
    let conn = bench.join(hello_again(V5, "s"));
    assert_eq!(
        bench.messages(conn)[0].properties.content_type(),
        Some(text("c"))
    );
}

#[test]
fn sessions_do_not_leak_into_one_another() {
    let mut bench = Bench::new();
    let a = bench.join(hello_again(V5, "a"));
    bench.subscribe(a, "t", Q1);
    bench.hang_up(a);
    let b = bench.dial(hello_again(V5, "b"));
    assert_eq!(bench.seen(b), ["connack 0 0x00"]);
    bench.publish(b, "t", "x", Q1);
    assert_eq!(bench.seen(b), ["puback #7"]);
}
