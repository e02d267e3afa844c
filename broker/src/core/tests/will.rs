//! Wills.

use super::*;
use squall_protocol::ReasonCode;

fn watched() -> (Bench, ConnId) {
    let mut bench = Bench::new();
    let watcher = bench.connect(V5, "watcher");
    bench.subscribe(watcher, "will/#", Q2);
    (bench, watcher)
}

/// A client whose session is kept for `secs` and whose will waits for `delay` seconds.
fn patient(secs: u32, delay: u32) -> Connect {
    let mut connect = hello(V5, "s");
    connect.clean_start = false;
    let connect = with_property(connect, Property::SessionExpiryInterval(secs));
    with_will(connect, delayed(will("will/s", "x"), delay))
}

#[test]
fn a_lost_connection_publishes_the_will() {
    for version in Version::ALL {
        let (mut bench, watcher) = watched();
        let loud = Will {
            qos: Q1,
            ..will("will/s", "gone")
        };
        let conn = bench.join(with_will(hello(version, "s"), loud));
        bench.hang_up(conn);
        assert_eq!(bench.seen(watcher), ["publish will/s gone q1 #1"]);
    }
}

#[test]
fn every_end_without_a_normal_disconnect_publishes_the_will() {
    for version in Version::ALL {
        let ends: [fn(&mut Bench, ConnId); 5] = [
            |bench, conn| bench.broker.handle_closed(bench.now, conn, Hangup::Eof),
            |bench, _| bench.pass(1500),
            |bench, conn| bench.raw(conn, &[0]),
            |bench, conn| bench.send(conn, Packet::Connect(Box::new(hello(V5, "s")))),
            |bench, conn| {
                let version = bench.versions[&conn];
                bench.connect(version, "s");
            },
        ];
        for (n, end) in ends.into_iter().enumerate() {
            let (mut bench, watcher) = watched();
            let connect = Connect {
                keep_alive: 1,
                ..hello(version, "s")
            };
            let conn = bench.join(with_will(connect, will("will/s", "x")));
            end(&mut bench, conn);
            bench.drain();
            assert!(bench.cause(conn).is_some());
            assert_eq!(bench.seen(watcher), ["publish will/s x q0"], "end {n}");
        }
    }
}

#[test]
fn a_normal_disconnect_deletes_the_will() {
    for version in Version::ALL {
        let (mut bench, watcher) = watched();
        let conn = bench.join(with_will(hello_again(version, "s"), will("will/s", "x")));
        bench.disconnect(conn);
        bench.pass(1_000_000);
        let conn = bench.connect(version, "s");
        bench.hang_up(conn);
        assert_eq!(bench.seen(watcher), [""; 0]);
    }
}

#[test]
fn any_other_disconnect_leaves_the_will_in_force() {
    for reason in [
        ReasonCode::DISCONNECT_WITH_WILL_MESSAGE,
        ReasonCode::UNSPECIFIED_ERROR,
    ] {
        let (mut bench, watcher) = watched();
        let conn = bench.join(with_will(hello(V5, "s"), will("will/s", "x")));
        bench.send(conn, Packet::Disconnect(Disconnect::with_reason(reason)));
        assert_eq!(bench.messages(watcher).len(), 1);
    }
}

#[test]
fn a_client_without_a_will_leaves_none() {
    let (mut bench, watcher) = watched();
    let conn = bench.join(with_will(hello_again(V3, "s"), will("will/s", "x")));
    bench.hang_up(conn);
    assert_eq!(bench.messages(watcher).len(), 1);
    let conn = bench.join(hello_again(V3, "s"));
    bench.hang_up(conn);
    assert_eq!(
        bench.messages(watcher).len(),
        0,
        "the will belonged to the connection before"
    );
}

#[test]
fn a_will_can_be_retained() {
    for (retain, found) in [(true, 1), (false, 0)] {
        let mut bench = Bench::new();
        let conn = bench.join(with_will(
            hello(V3, "s"),
            Will {
                retain,
                ..will("t", "x")
            },
        ));
        bench.hang_up(conn);
        let conn = bench.connect(V3, "w");
        bench.subscribe_without_check(conn, "t");
        assert_eq!(bench.messages(conn).len(), found);
    }
}

#[test]
fn a_will_waits_for_its_delay() {
    let (mut bench, watcher) = watched();
    let conn = bench.join(patient(100, 10));
    bench.hang_up(conn);
    bench.pass(9_999);
    assert_eq!(bench.messages(watcher).len(), 0);
    bench.pass(1);
    assert_eq!(bench.messages(watcher).len(), 1);
    bench.pass(1_000_000);
    assert_eq!(bench.messages(watcher).len(), 0, "once");
}

#[test]
fn the_end_of_the_session_cuts_the_delay_short() {
    let (mut bench, watcher) = watched();
    for (kept, delay) in [(5, 10), (10, 10), (10, u32::MAX)] {
        let conn = bench.join(patient(kept, delay));
        bench.hang_up(conn);
        bench.pass(u64::from(kept) * 1000 - 1);
        assert_eq!(bench.messages(watcher).len(), 0);
        bench.pass(1);
        assert_eq!(bench.messages(watcher).len(), 1);
        bench.pass(100_000);
        assert_eq!(bench.messages(watcher).len(), 0);
    }
    let conn = bench.join(patient(0, 10));
    bench.hang_up(conn);
    assert_eq!(
        bench.messages(watcher).len(),
        1,
        "the session ends with the connection"
    );
}

#[test]
fn coming_back_in_time_cancels_the_will() {
    let (mut bench, watcher) = watched();
    let conn = bench.join(patient(100, 10));
    bench.hang_up(conn);
    bench.pass(9_999);
    let mut back = patient(100, 10);
    back.will = None;
    let conn = bench.join(back);
    bench.pass(100_000);
    bench.disconnect(conn);
    bench.pass(100_000);
    assert_eq!(bench.messages(watcher).len(), 0);
}

#[test]
fn a_clean_start_ends_the_session_and_publishes_the_waiting_will() {
    let (mut bench, watcher) = watched();
    let conn = bench.join(patient(100, 10));
    bench.hang_up(conn);
    bench.connect(V5, "s");
    assert_eq!(bench.messages(watcher).len(), 1);
    bench.pass(100_000);
    assert_eq!(bench.messages(watcher).len(), 0);
}

#[test]
fn takeover_follows_the_usual_rules() {
    for (delay, clean, sent) in [(0, false, 1), (10, false, 0), (0, true, 1), (10, true, 1)] {
        let (mut bench, watcher) = watched();
        bench.join(patient(100, delay));
        let mut next = patient(100, 0);
        next.will = None;
        next.clean_start = clean;
        bench.join(next);
        assert_eq!(
            bench.messages(watcher).len(),
            sent,
            "delay {delay}, clean start {clean}"
        );
        bench.pass(1_000_000);
        assert_eq!(bench.messages(watcher).len(), 0);
    }
}

#[test]
fn a_will_has_its_properties_and_its_own_expiry() {
    let (mut bench, watcher) = watched();
    let mut connect = patient(100, 10);
    let properties = &mut connect.will.as_mut().unwrap().properties;
    properties.push(Property::UserProperty(text("b"), text("1")));
    properties.push(Property::MessageExpiryInterval(5));
    properties.push(Property::UserProperty(text("a"), text("2")));
    let expected: Vec<_> = properties.iter().skip(1).cloned().collect();
    let conn = bench.join(connect);
    bench.hang_up(conn);
    bench.pass(10_000);
    let heard = bench.messages(watcher);
    assert!(
        heard[0].properties.iter().eq(&expected),
        "the delay is not part of it"
    );
}

#[test]
fn no_local_holds_for_the_own_will() {
    let mut bench = Bench::new();
    let conn = bench.join(patient(100, 0));
    bench.subscribe_with(conn, "will/#", Q1, |s| s.no_local = true);
    let other = bench.join(patient(100, 0));
    assert_eq!(bench.seen(other), [""; 0]);
}

#[test]
fn a_will_reaches_the_own_kept_session() {
    let mut bench = Bench::new();
    let mut connect = patient(100, 0);
    connect.will.as_mut().unwrap().qos = Q1;
    let conn = bench.join(connect.clone());
    bench.subscribe(conn, "will/#", Q1);
    bench.hang_up(conn);
    let conn = bench.join(connect);
    assert_eq!(bench.seen(conn), ["publish will/s x q1 #1"]);
}
