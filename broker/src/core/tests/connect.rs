//! CONNECT, CONNACK, takeover and the ends of connections.

use super::*;
use crate::ProtocolError;
use squall_protocol::ReasonCode;

#[test]
fn a_connect_is_answered_and_nothing_else_is_said() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.dial(hello(version, "a"));
        assert_eq!(bench.seen(conn), ["connack 0 0x00"]);
        assert_eq!(bench.cause(conn), None);
    }
}

#[test]
fn the_first_packet_has_to_be_connect() {
    let mut bench = Bench::new();
    let conn = bench.open();
    bench.raw(conn, &[0xC0, 0]);
    assert_eq!(bench.seen(conn), [""; 0]);
    assert_eq!(bench.cause(conn), Some(CloseCause::Violation));
}

#[test]
fn a_second_connect_is_a_protocol_error() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.send(conn, Packet::Connect(Box::new(hello(version, "a"))));
        let expected: &[&str] = if version == V5 {
            &["disconnect 0x82"]
        } else {
            &[]
        };
        assert_eq!(bench.seen(conn), expected);
        let cause = CloseCause::ProtocolError(ProtocolError::SecondConnect);
        assert_eq!(bench.cause(conn), Some(cause));
    }
}

#[test]
fn an_unsupported_protocol_level_is_answered_with_return_code_1() {
    for level in [3, 6, 0x84] {
        let mut bench = Bench::new();
        let conn = bench.open();
        bench.versions.insert(conn, V3);
        bench.raw(conn, b"\x10\x0d\x00\x04MQTT");
        bench.raw(conn, &[level, 2, 0, 0, 0, 1, b'a']);
        assert_eq!(bench.seen(conn), ["connack 0 0x01"]);
        assert_eq!(bench.cause(conn), Some(CloseCause::Violation));
    }
}

#[test]
fn a_wrong_protocol_name_is_closed_without_a_word() {
    let mut bench = Bench::new();
    let conn = bench.open();
    bench.raw(conn, b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01a");
    assert_eq!(bench.seen(conn), [""; 0]);
    assert_eq!(bench.cause(conn), Some(CloseCause::Violation));
}

#[test]
fn a_malformed_connect_is_answered_in_5_0_and_closed_silently_in_3_1_1() {
    for (level, expected) in [(4, &[][..]), (5, &["connack 0 0x81"])] {
        let mut bench = Bench::new();
        let conn = bench.open();
        // The reserved flag is set.
        let packet = [
            0x10, 0x0e, 0, 4, b'M', b'Q', b'T', b'T', level, 3, 0, 0, 0, 0, 1, b'a',
        ];
        for byte in packet {
            bench.raw(conn, &[byte]);
        }
        assert_eq!(bench.seen(conn), expected);
        assert_eq!(bench.cause(conn), Some(CloseCause::Violation));
    }
}

#[test]
fn a_fault_in_front_of_the_protocol_level_gets_no_connack() {
    let mut bench = Bench::new();
    let conn = bench.open();
    bench.raw(conn, &[0x11, 0x0d, 0, 4, b'M', b'Q', b'T', b'T', 5]);
    assert_eq!(bench.seen(conn), [""; 0]);
}

#[test]
fn an_empty_client_identifier_is_replaced() {
    let mut bench = Bench::new();
    let conns = [bench.dial(hello(V5, "")), bench.dial(hello(V5, ""))];
    let ids = conns.map(|conn| match &bench.packets(conn)[0] {
        Packet::ConnAck(ack) => ack.properties.assigned_client_identifier().unwrap(),
        other => panic!("{other:?}"),
    });
    assert_ne!(ids[0], ids[1]);
    let conn = bench.dial(hello(V3, ""));
    assert_eq!(bench.seen(conn), ["connack 0 0x00"]);
    assert_eq!(bench.cause(conns[0]), None);
}

#[test]
fn an_assigned_client_identifier_is_not_one_in_use() {
    let mut bench = Bench::new();
    let first = bench.connect(V5, "squall-1");
    bench.dial(hello(V5, ""));
    assert_eq!(bench.cause(first), None);
}

#[test]
fn an_empty_client_identifier_needs_a_clean_session_in_3_1_1() {
    let mut bench = Bench::new();
    let conn = bench.dial(hello_again(V3, ""));
    assert_eq!(bench.seen(conn), ["connack 0 0x02"]);
    assert_eq!(bench.cause(conn), Some(CloseCause::Violation));
}

#[test]
fn empty_client_identifiers_can_be_refused() {
    for (version, answer) in [(V3, "connack 0 0x02"), (V5, "connack 0 0x85")] {
        let mut bench = Bench::with(Config {
            empty_client_id: false,
            ..Config::default()
        });
        let conn = bench.dial(hello(version, ""));
        assert_eq!(bench.seen(conn), [answer]);
        assert!(matches!(bench.cause(conn), Some(CloseCause::Refused(_))));
    }
}

#[test]
fn an_authentication_method_is_refused() {
    let mut bench = Bench::new();
    let method = Property::AuthenticationMethod(text("SCRAM-SHA-1"));
    let conn = bench.dial(with_property(hello(V5, "a"), method));
    assert_eq!(bench.seen(conn), ["connack 0 0x8C"]);
}

#[test]
fn auth_without_a_method_is_a_protocol_error() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "a");
    let mut auth = squall_protocol::packet::Auth::with_reason(ReasonCode::RE_AUTHENTICATE);
    auth.properties
        .push(Property::AuthenticationMethod(text("x")));
    bench.send(conn, Packet::Auth(auth));
    assert_eq!(bench.seen(conn), ["disconnect 0x82"]);
}

#[test]
fn a_will_that_is_not_offered_is_refused() {
    let config = Config {
        maximum_qos: Q1,
        retain_available: false,
        dollar_topics: false,
        ..Config::default()
    };
    let loud = Will {
        qos: Q2,
        ..will("w", "x")
    };
    let kept = Will {
        retain: true,
        ..will("w", "x")
    };
    let wills = [
        (loud, "connack 0 0x9B"),
        (kept, "connack 0 0x9A"),
        (will("$SYS/w", "x"), "connack 0 0x90"),
    ];
    for (will, answer) in wills {
        let mut bench = Bench::with(config.clone());
        let conn = bench.dial(with_will(hello(V5, "a"), will.clone()));
        assert_eq!(bench.seen(conn), [answer]);
        let conn = bench.dial(with_will(hello(V3, "b"), will));
        assert_eq!(bench.seen(conn), [""; 0], "3.1.1 has no code for it");
        assert!(matches!(bench.cause(conn), Some(CloseCause::Refused(_))));
    }
}

#[test]
fn a_second_connection_takes_the_session_over() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let old = bench.join(hello_again(version, "a"));
        let new = bench.dial(hello_again(version, "a"));
        assert_eq!(bench.seen(new), ["connack 1 0x00"]);
        let expected: &[&str] = if version == V5 {
            &["disconnect 0x8E"]
        } else {
            &[]
        };
        assert_eq!(bench.seen(old), expected);
        assert_eq!(bench.cause(old), Some(CloseCause::TakenOver));
        assert_eq!(bench.cause(new), None);
    }
}

#[test]
fn a_refused_connect_takes_nothing_over() {
    let mut bench = Bench::new();
    let old = bench.connect(V5, "a");
    let method = Property::AuthenticationMethod(text("x"));
    bench.dial(with_property(hello(V5, "a"), method));
    assert_eq!(bench.cause(old), None);
}

#[test]
fn what_follows_a_refused_connect_is_ignored() {
    let mut bench = Bench::with(Config {
        empty_client_id: false,
        ..Config::default()
    });
    let watcher = bench.connect(V5, "w");
    bench.subscribe(watcher, "#", Q0);
    let conn = bench.open();
    let mut bytes = encode(&Packet::Connect(Box::new(hello(V5, ""))), V5)
        .unwrap()
        .to_vec();
    bytes.extend(encode(&Packet::Publish(message("t", "x", Q0)), V5).unwrap());
    bench.raw(conn, &bytes);
    assert_eq!(bench.seen(watcher), [""; 0]);
}

#[test]
fn packets_behind_connect_are_served_after_connack() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.open();
        bench.versions.insert(conn, version);
        let mut bytes = encode(&Packet::Connect(Box::new(hello(version, "a"))), version)
            .unwrap()
            .to_vec();
        bytes.extend([0xC0, 0]);
        bench.raw(conn, &bytes);
        assert_eq!(bench.seen(conn), ["connack 0 0x00", "pingresp"]);
    }
}

#[test]
fn disconnect_ends_the_connection() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.disconnect(conn);
        let cause = CloseCause::Disconnected(ReasonCode::NORMAL_DISCONNECTION);
        assert_eq!(bench.cause(conn), Some(cause));
        bench.raw(conn, &[0xC0, 0]);
        bench.hang_up(conn);
        assert_eq!(bench.seen(conn), [""; 0]);
    }
}

#[test]
fn garbage_is_answered_with_a_reason_in_5_0() {
    for (version, expected) in [(V3, &[][..]), (V5, &["disconnect 0x81"])] {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.raw(conn, &[0x36, 2, 0, 0]);
        assert_eq!(bench.seen(conn), expected);
        assert_eq!(bench.cause(conn), Some(CloseCause::Violation));
    }
}

#[test]
fn the_reason_string_is_left_out_where_it_is_not_wanted_or_does_not_fit() {
    let quiet = Property::RequestProblemInformation(0);
    let small = Property::MaximumPacketSize(20);
    for (property, wanted) in [(None, true), (Some(quiet), false), (Some(small), false)] {
        let mut bench = Bench::new();
        let mut connect = hello(V5, "a");
        connect.properties = property.into_iter().collect();
        let conn = bench.join(connect);
        bench.raw(conn, &[0x36, 2, 0, 0]);
        let Packet::Disconnect(disconnect) = &bench.packets(conn)[0] else {
            panic!()
        };
        assert_eq!(disconnect.properties.reason_string().is_some(), wanted);
    }
}

#[test]
fn a_client_too_small_for_connack_is_not_served() {
    let mut bench = Bench::with(Config {
        topic_alias_maximum: 5,
        ..Config::default()
    });
    let conn = bench.dial(with_property(
        hello(V5, "a"),
        Property::MaximumPacketSize(7),
    ));
    assert_eq!(bench.seen(conn), [""; 0]);
    assert_eq!(bench.cause(conn), Some(CloseCause::AnswerTooLarge));
    let conn = bench.dial(with_property(
        hello(V5, "a"),
        Property::MaximumPacketSize(8),
    ));
    assert_eq!(bench.seen(conn), ["connack 0 0x00"]);
}

#[test]
fn a_client_too_small_for_an_answer_is_told_so() {
    let mut bench = Bench::with(Config {
        topic_alias_maximum: 0,
        ..Config::default()
    });
    let conn = bench.join(with_property(
        hello(V5, "a"),
        Property::MaximumPacketSize(5),
    ));
    let filter = bench.filter(conn, "a");
    bench.send(
        conn,
        Packet::Subscribe(subscribe(vec![Subscription::new(filter, Q0)])),
    );
    assert_eq!(bench.seen(conn), ["disconnect 0x95"]);
    assert_eq!(bench.cause(conn), Some(CloseCause::AnswerTooLarge));
}

#[test]
fn connack_announces_what_is_not_offered() {
    let config = Config {
        receive_maximum: 7,
        maximum_packet_size: 1000,
        topic_alias_maximum: 3,
        maximum_qos: Q1,
        retain_available: false,
        wildcard_subscriptions: false,
        shared_subscriptions: false,
        subscription_identifiers: false,
        session_expiry_maximum: Some(60),
        ..Config::default()
    };
    let mut bench = Bench::with(config);
    let conn = bench.dial(hello_again(V5, "a"));
    let Packet::ConnAck(ack) = &bench.packets(conn)[0] else {
        panic!()
    };
    let p = &ack.properties;
    assert_eq!(p.receive_maximum(), Some(7));
    assert_eq!(p.maximum_packet_size(), Some(1000));
    assert_eq!(p.topic_alias_maximum(), Some(3));
    assert_eq!(p.maximum_qos(), Some(1));
    assert_eq!(p.retain_available(), Some(0));
    assert_eq!(p.wildcard_subscription_available(), Some(0));
    assert_eq!(p.shared_subscription_available(), Some(0));
    assert_eq!(p.subscription_identifiers_available(), Some(0));
    assert_eq!(p.session_expiry_interval(), Some(60));
    let mut bench = Bench::with(Config {
        topic_alias_maximum: 0,
        ..Config::default()
    });
    let conn = bench.dial(hello(V5, "a"));
    let Packet::ConnAck(ack) = &bench.packets(conn)[0] else {
        panic!()
    };
    assert!(ack.properties.is_empty(), "everything is offered");
}

#[test]
fn every_opened_connection_is_closed_once_in_the_log() {
    let mut bench = Bench::new();
    let a = bench.connect(V5, "a");
    let b = bench.connect(V5, "b");
    bench.hang_up(a);
    bench.hang_up(a);
    bench.disconnect(b);
    let count = |f: fn(&Event) -> bool| bench.log.iter().filter(|e| f(e)).count();
    assert_eq!(count(|e| matches!(e, Event::Opened { .. })), 2);
    assert_eq!(count(|e| matches!(e, Event::Closed { .. })), 2);
}

#[test]
fn nothing_is_queued_for_nobody() {
    let mut broker = Broker::new(Config::default());
    broker.handle_open(Time::ZERO, ConnId(0));
    let bytes = encode(&Packet::Connect(Box::new(hello(V5, "a"))), V5).unwrap();
    broker.handle_bytes(Time::ZERO, ConnId(0), &bytes);
    assert_eq!(broker.poll_event(), None);
    assert!(matches!(broker.poll_output(), Some(Output::Send { .. })));
}

#[test]
#[should_panic(expected = "opened twice")]
fn a_connection_number_is_used_once() {
    let mut broker = Broker::new(Config::default());
    broker.handle_open(Time::ZERO, ConnId(0));
    broker.handle_open(Time::ZERO, ConnId(0));
}
