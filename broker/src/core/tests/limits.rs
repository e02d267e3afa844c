//! What is kept is bounded in bytes, and who finds no room is told so.

use super::*;
use crate::ProtocolError;
use squall_protocol::{ReasonCode, packet::ConnAck};

/// A subscriber that is away and keeps its session, and a publisher.
fn absent(version: Version, config: Config) -> (Bench, ConnId) {
    let mut bench = Bench::with(config);
    let sub = bench.join(hello_again(version, "sub"));
    bench.subscribe(sub, "t", Q2);
    bench.hang_up(sub);
    let publisher = bench.connect(version, "pub");
    (bench, publisher)
}

/// What a message of 1,000 bytes from `pub` takes in a queue, and among all messages.
const IN_QUEUE: usize = 256 + 256 + 1000 + 1 + 3;
const IN_ALL: usize = IN_QUEUE;

fn publish_1000(bench: &mut Bench, conn: ConnId, n: u16, qos: QoS) -> Vec<String> {
    let mut publish = message("t", &"x".repeat(1000), qos);
    publish.packet_id = (qos > Q0).then(|| id(n));
    bench.send(conn, Packet::Publish(publish));
    bench.seen(conn)
}

#[test]
fn a_queue_is_bounded_in_bytes_and_the_publisher_is_told() {
    for version in Version::ALL {
        let config = Config {
            max_queued_bytes: 2 * IN_QUEUE,
            ..Config::default()
        };
        let (mut bench, publisher) = absent(version, config);
        for n in 1..=2 {
            assert_eq!(
                publish_1000(&mut bench, publisher, n, Q1),
                [format!("puback #{n}")]
            );
        }
        let told = publish_1000(&mut bench, publisher, 3, Q1);
        let full = match version {
            V3 => "puback #3",
            V5 => "puback #3 0x97",
        };
        assert_eq!(told, [full]);
        assert_eq!(bench.broker.counters().dropped_queue_full, 1);
        // Somebody else takes it.
        let other = bench.connect(version, "other");
        bench.subscribe(other, "t", Q0);
        assert_eq!(
            publish_1000(&mut bench, publisher, 4, Q1),
            ["puback #4"],
            "one subscriber has it"
        );
        assert_eq!(bench.broker.counters().dropped_queue_full, 2);
        let back = bench.join(hello_again(version, "sub"));
        assert_eq!(bench.messages(back).len(), 2);
    }
}

#[test]
fn what_is_in_flight_counts_until_it_is_acknowledged() {
    let config = Config {
        max_queued_bytes: 2 * IN_QUEUE,
        ..Config::default()
    };
    let mut bench = Bench::with(config);
    let sub = bench.join(hello_again(V5, "sub"));
    bench.subscribe(sub, "t", Q2);
    let publisher = bench.connect(V5, "pub");
    for n in 1..=3 {
        publish_1000(&mut bench, publisher, n, Q1);
    }
    assert_eq!(bench.messages(sub).len(), 2);
    assert_eq!(bench.broker.counters().dropped_queue_full, 1);
    bench.send(sub, puback(1));
    assert_eq!(publish_1000(&mut bench, publisher, 4, Q1), ["puback #4"]);
    // A resumed session is charged once, not once more for what is sent again.
    bench.hang_up(sub);
    let sub = bench.join(hello_again(V5, "sub"));
    bench.packets(sub);
    bench.send(sub, puback(2));
    assert_eq!(publish_1000(&mut bench, publisher, 5, Q1), ["puback #5"]);
}

#[test]
fn all_messages_are_bounded_and_one_counts_once() {
    let config = Config {
        max_message_bytes: 2 * IN_ALL + 256,
        ..Config::default()
    };
    let (mut bench, publisher) = absent(V5, config.clone());
    let second = bench.join(hello_again(V5, "second"));
    bench.subscribe(second, "t", Q1);
    bench.hang_up(second);
    assert_eq!(publish_1000(&mut bench, publisher, 1, Q1), ["puback #1"]);
    // 1,260 for the message and 256 for each place: another one has room in one queue only.
    assert_eq!(publish_1000(&mut bench, publisher, 2, Q1), ["puback #2"]);
    assert_eq!(bench.broker.counters().dropped_queue_full, 1);
    assert_eq!(
        publish_1000(&mut bench, publisher, 3, Q1),
        ["puback #3 0x97"]
    );
    assert_eq!(
        publish_1000(&mut bench, publisher, 4, Q2),
        ["pubrec #4 0x97"]
    );
    assert_eq!(bench.broker.counters().refused_full, 2);
    assert_eq!(publish_1000(&mut bench, publisher, 0, Q0), [""; 0]);
    // A refused QoS 2 message has no flow.
    bench.send(publisher, pubrel(4));
    assert_eq!(bench.seen(publisher), ["pubcomp #4 0x92"]);
    // 3.1.1 has no way to say it.
    let old = bench.connect(V3, "old");
    assert_eq!(publish_1000(&mut bench, old, 1, Q2), [""; 0]);
    let cause = CloseCause::ProtocolError(ProtocolError::QuotaExceeded);
    assert_eq!(bench.cause(old), Some(cause));
    // A session that ends gives everything back.
    for name in ["sub", "second"] {
        let again = bench.connect(V5, name);
        bench.disconnect(again);
    }
    assert_eq!(bench.broker.messages.held(), 0);
}

#[test]
fn retained_messages_are_bounded_and_can_always_be_cleared() {
    let one = 256 + 1000 + 1 + 3;
    let config = Config {
        max_retained_bytes: one,
        ..Config::default()
    };
    let mut bench = Bench::with(config);
    let publisher = bench.connect(V5, "pub");
    let watcher = bench.connect(V5, "watcher");
    bench.subscribe(watcher, "#", Q1);
    let payload = "x".repeat(1000);
    let retain = |bench: &mut Bench, topic: &str, payload: &str| {
        bench.publish_retained(publisher, topic, payload, Q1);
        bench.seen(publisher)
    };
    assert_eq!(retain(&mut bench, "a", &payload), ["puback #7"]);
    assert_eq!(
        retain(&mut bench, "a", &payload),
        ["puback #7"],
        "in its place"
    );
    assert_eq!(retain(&mut bench, "b", "y"), ["puback #7 0x97"]);
    assert_eq!(
        bench.messages(watcher).len(),
        2,
        "nobody gets what is refused"
    );
    assert_eq!(retain(&mut bench, "a", ""), ["puback #7"]);
    assert_eq!(retain(&mut bench, "b", "y"), ["puback #7"]);
    assert_eq!(bench.broker.counters().refused_full, 1);
}

fn answer(bench: &mut Bench, connect: Connect) -> Option<ReasonCode> {
    let conn = bench.dial(connect);
    match bench.packets(conn).first() {
        Some(Packet::ConnAck(ConnAck { reason, .. })) => Some(*reason),
        _ => None,
    }
}

#[test]
fn sessions_and_connections_are_bounded() {
    let mut bench = Bench::with(Config {
        max_sessions: 2,
        ..Config::default()
    });
    for name in ["a", "b"] {
        let conn = bench.join(hello_again(V5, name));
        bench.hang_up(conn);
    }
    let full = |v| match v {
        V3 => ReasonCode::V3_SERVER_UNAVAILABLE,
        V5 => ReasonCode::QUOTA_EXCEEDED,
    };
    for v in Version::ALL {
        assert_eq!(answer(&mut bench, hello(v, "c")), Some(full(v)));
    }
    bench.join(hello_again(V5, "a"));

    let mut bench = Bench::with(Config {
        max_connections: 8,
        ..Config::default()
    });
    let conns: Vec<_> = (0..8).map(|_| bench.open()).collect();
    assert_eq!(
        answer(&mut bench, hello(V5, "c")),
        Some(ReasonCode::SERVER_BUSY)
    );
    assert_eq!(
        answer(&mut bench, hello(V3, "c")),
        Some(ReasonCode::V3_SERVER_UNAVAILABLE)
    );
    let waiting: Vec<_> = (0..16).map(|_| bench.open()).collect();
    let turned_away = bench.open();
    let busy = CloseCause::Refused(ReasonCode::SERVER_BUSY);
    assert_eq!(bench.cause(turned_away), Some(busy));
    assert_eq!(bench.cause(waiting[1]), None);
    // Who was there first is served.
    bench.send(conns[0], Packet::Connect(Box::new(hello(V5, "a"))));
    assert_eq!(bench.seen(conns[0]).len(), 1);
    assert_eq!(bench.cause(conns[0]), None);
}

#[test]
fn wills_need_room() {
    let mut bench = Bench::with(Config {
        max_message_bytes: 1000,
        ..Config::default()
    });
    let with = |payload: &str| with_will(hello(V5, "a"), will("w", payload));
    let refused = answer(&mut bench, with(&"x".repeat(1000)));
    assert_eq!(refused, Some(ReasonCode::QUOTA_EXCEEDED));
    assert_eq!(answer(&mut bench, with("x")), Some(ReasonCode::SUCCESS));
    assert_eq!(bench.broker.messages.held(), 256 + 2);
}

#[test]
fn subscriptions_are_bounded_and_given_back() {
    for version in Version::ALL {
        let one = 256 + 2 + 256;
        let mut bench = Bench::with(Config {
            max_session_bytes: 1024 + 2 + 2 * one,
            ..Config::default()
        });
        let conn = bench.connect(version, "a");
        bench.subscribe(conn, "a", Q0);
        bench.subscribe(conn, "b", Q0);
        bench.subscribe_without_check(conn, "c");
        let refused = match version {
            V3 => "suback #9 80",
            V5 => "suback #9 97",
        };
        assert_eq!(bench.seen(conn), [refused]);
        bench.subscribe(conn, "a", Q1);
        bench.unsubscribe(conn, &["b"]);
        bench.packets(conn);
        bench.subscribe(conn, "c", Q0);
        bench.disconnect(conn);
        assert_eq!(bench.broker.states.held(), 0);
    }
}

#[test]
fn topic_aliases_need_room() {
    let mut bench = Bench::with(Config {
        max_sessions_bytes: 1024 + 2 + 128 + 100,
        ..Config::default()
    });
    let conn = bench.connect(V5, "a");
    let aliased = |topic: &str, alias| {
        let mut publish = message(topic, "x", Q0);
        publish.properties.push(Property::TopicAlias(alias));
        Packet::Publish(publish)
    };
    bench.send(conn, aliased(&"t".repeat(99), 1));
    bench.send(conn, aliased(&"t".repeat(100), 1));
    assert_eq!(bench.cause(conn), None, "in its place");
    bench.send(conn, aliased("t", 2));
    assert_eq!(bench.seen(conn).len(), 1, "DISCONNECT");
    let cause = CloseCause::ProtocolError(ProtocolError::QuotaExceeded);
    assert_eq!(bench.cause(conn), Some(cause));
    assert_eq!(bench.broker.states.held(), 0);
}

#[test]
fn the_largest_of_too_many_unfinished_packets_is_dropped() {
    let mut bench = Bench::with(Config {
        maximum_packet_size: 1000,
        max_unfinished_bytes: 2000,
        ..Config::default()
    });
    let conns: Vec<_> = ["a", "b", "c", "d"].map(|n| bench.connect(V5, n)).into();
    // A PUBLISH of 900 bytes, as far as it comes.
    let mut start = vec![0x30, 0x84, 0x07, 0, 1, b't', 0];
    start.resize(700, b'x');
    bench.raw(conns[0], &start[..599]);
    bench.raw(conns[1], &start);
    bench.raw(conns[2], &start);
    assert!(conns.iter().all(|c| bench.cause(*c).is_none()));
    bench.raw(conns[3], &[0x30]);
    assert!(
        conns.iter().all(|c| bench.cause(*c).is_none()),
        "1,999 of 2,000"
    );
    bench.raw(conns[3], &[0x05, 0x00, 0x01]);
    let cause = CloseCause::ProtocolError(ProtocolError::QuotaExceeded);
    let causes: Vec<_> = conns.iter().map(|c| bench.cause(*c)).collect();
    assert_eq!(causes, [None, Some(cause), None, None]);
    let told = bench.packets(conns[1]);
    let Some(Packet::Disconnect(told)) = told.last() else {
        panic!("{told:?}")
    };
    assert_eq!(told.reason, ReasonCode::QUOTA_EXCEEDED);
    // The others go on; at the end nothing is counted.
    for conn in [conns[0], conns[2], conns[3]] {
        bench.hang_up(conn);
    }
    assert_eq!(bench.broker.unfinished, 0);
}

#[test]
fn who_is_silent_has_no_buffer() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "a");
    bench.publish(conn, "t", &"x".repeat(10_000), Q0);
    let room = |bench: &mut Bench| {
        let connection = bench.broker.conns.get_mut(&conn).unwrap();
        connection.decoder.read_buf().capacity()
    };
    assert_eq!(room(&mut bench), 0);
    bench.raw(conn, &[0xC0]);
    assert!(room(&mut bench) > 0, "half a packet");
    bench.raw(conn, &[0]);
    assert_eq!(room(&mut bench), 0);
}

#[test]
fn a_shutdown_tells_every_client_and_is_the_end() {
    let mut bench = Bench::new();
    let new = bench.join(with_will(hello_again(V5, "new"), will("w", "gone")));
    let old = bench.connect(V3, "old");
    bench.subscribe(old, "w", Q0);
    let silent = bench.open();
    let left = bench.join(with_will(
        hello_again(V5, "left"),
        delayed(will("w", "late"), 1),
    ));
    bench.hang_up(left);
    bench.broker.handle_shutdown(bench.now);
    bench.drain();
    let told = bench.packets(new);
    let Some(Packet::Disconnect(told)) = told.last() else {
        panic!("{told:?}")
    };
    assert_eq!(told.reason, ReasonCode::SERVER_SHUTTING_DOWN);
    assert!(
        bench.packets(old).is_empty(),
        "3.1.1 has no word for it, and wills are deferred"
    );
    assert!(bench.packets(silent).is_empty());
    for conn in [new, old, silent] {
        assert_eq!(bench.cause(conn), Some(CloseCause::ServerShutdown));
    }
    let late = bench.open();
    assert_eq!(bench.cause(late), Some(CloseCause::ServerShutdown));
    assert_eq!(bench.broker.poll_timeout(), None);
}
