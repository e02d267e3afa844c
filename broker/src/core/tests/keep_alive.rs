//! Keep Alive, and the time that a connection may take to say who it is.

use super::*;

#[test]
fn a_silent_client_is_dropped_after_one_and_a_half_keep_alives() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.join(Connect {
            keep_alive: 3,
            ..hello(version, "a")
        });
        bench.pass(4499);
        bench.send(conn, Packet::PingReq);
        assert_eq!(bench.seen(conn), ["pingresp"]);
        bench.pass(4499);
        assert_eq!(bench.cause(conn), None);
        bench.pass(1);
        assert_eq!(bench.cause(conn), Some(CloseCause::KeepAlive));
        let expected: &[&str] = if version == V5 {
            &["disconnect 0x8D"]
        } else {
            &[]
        };
        assert_eq!(bench.seen(conn), expected);
    }
}

#[test]
fn half_a_packet_is_no_sign_of_life() {
    let mut bench = Bench::new();
    let conn = bench.join(Connect {
        keep_alive: 2,
        ..hello(V3, "a")
    });
    bench.pass(2000);
    bench.raw(conn, &[0xC0]);
    bench.pass(1000);
    assert_eq!(bench.cause(conn), Some(CloseCause::KeepAlive));
}

#[test]
fn keep_alive_0_is_off() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.pass(1_000_000_000);
        assert_eq!(bench.cause(conn), None);
        assert_eq!(bench.broker.poll_timeout(), None);
    }
}

#[test]
fn the_server_keep_alive_is_announced_and_enforced() {
    let config = Config {
        server_keep_alive: Some(10),
        ..Config::default()
    };
    for (asked, told, dropped_at) in [
        (0, Some(10), 15_000),
        (60, Some(10), 15_000),
        (4, None, 6_000),
    ] {
        let mut bench = Bench::with(config.clone());
        let conn = bench.dial(Connect {
            keep_alive: asked,
            ..hello(V5, "a")
        });
        let Packet::ConnAck(ack) = &bench.packets(conn)[0] else {
            panic!()
        };
        assert_eq!(ack.properties.server_keep_alive(), told);
        bench.pass(dropped_at - 1);
        assert_eq!(bench.cause(conn), None);
        bench.pass(1);
        assert_eq!(bench.cause(conn), Some(CloseCause::KeepAlive));
    }
    let mut bench = Bench::with(config);
    let conn = bench.join(Connect {
        keep_alive: 60,
        ..hello(V3, "a")
    });
    bench.pass(89_999);
    assert_eq!(bench.cause(conn), None, "3.1.1 was not told");
}

#[test]
fn a_connection_without_connect_is_closed_in_time() {
    let config = Config {
        connect_timeout: std::time::Duration::from_secs(2),
        ..Config::default()
    };
    let mut bench = Bench::with(config);
    let conn = bench.open();
    bench.pass(1999);
    assert_eq!(bench.cause(conn), None);
    bench.pass(1);
    assert_eq!(bench.cause(conn), Some(CloseCause::ConnectTimeout));
    let accepted = bench.connect(V5, "a");
    bench.pass(10_000);
    assert_eq!(bench.cause(accepted), None);
}

#[test]
fn a_connect_timeout_of_zero_is_off() {
    let config = Config {
        connect_timeout: std::time::Duration::ZERO,
        ..Config::default()
    };
    let mut bench = Bench::with(config);
    bench.open();
    assert_eq!(bench.broker.poll_timeout(), None);
}
