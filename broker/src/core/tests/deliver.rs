//! Messages to clients: QoS, flows, resumption, order, expiry, properties.

use super::*;
use squall_protocol::ReasonCode;

#[test]
fn the_lower_qos_counts() {
    for version in Version::ALL {
        for published in [Q0, Q1, Q2] {
            for granted in [Q0, Q1, Q2] {
                let mut bench = Bench::new();
                let conn = bench.connect(version, "a");
                bench.subscribe(conn, "t", granted);
                bench.publish(conn, "t", "x", published);
                assert_eq!(bench.messages(conn)[0].qos, published.min(granted));
            }
        }
    }
}

#[test]
fn a_qos_2_delivery_takes_four_packets() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "s");
        let publisher = bench.connect(version, "p");
        bench.subscribe(conn, "t", Q2);
        bench.publish(publisher, "t", "x", Q2);
        assert_eq!(bench.seen(conn), ["publish t x q2 #1"]);
        bench.send(conn, pubrec(1));
        assert_eq!(bench.seen(conn), ["pubrel #1"]);
        bench.send(conn, pubrec(1));
        assert_eq!(bench.seen(conn), ["pubrel #1"], "also to a repetition");
        bench.send(conn, pubcomp(1));
        assert_eq!(bench.seen(conn), [""; 0]);
        bench.hang_up(conn);
    }
}

#[test]
fn nothing_is_sent_again_while_the_connection_lasts() {
    let mut bench = Bench::new();
    let conn = bench.connect(V3, "a");
    bench.subscribe(conn, "t", Q1);
    bench.publish(conn, "t", "x", Q1);
    bench.packets(conn);
    bench.pass(1_000_000_000);
    assert_eq!(bench.seen(conn), [""; 0]);
}

/// A subscriber with four messages in flight in different states, away.
fn in_flight(version: Version) -> Bench {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(version, "s"));
    let publisher = bench.connect(version, "p");
    bench.subscribe(conn, "t", Q2);
    for (payload, qos) in [
        ("one", Q1),
        ("two", Q2),
        ("three", Q2),
        ("four", Q1),
        ("five", Q0),
    ] {
        bench.publish(publisher, "t", payload, qos);
        bench.send(publisher, pubrel(7));
    }
    bench.send(conn, pubrec(2));
    bench.hang_up(conn);
    bench.packets(conn);
    bench
}

#[test]
fn a_resumed_session_is_sent_everything_again_in_order() {
    for version in Version::ALL {
        let mut bench = in_flight(version);
        let publisher = bench.connect(version, "q");
        bench.publish(publisher, "t", "six", Q1);
        bench.publish(publisher, "t", "lost", Q0);
        let conn = bench.dial(hello_again(version, "s"));
        let expected = [
            "connack 1 0x00",
            "publish t one q1 #1 dup",
            "pubrel #2",
            "publish t three q2 #3 dup",
            "publish t four q1 #4 dup",
            "publish t six q1 #5",
        ];
        assert_eq!(bench.seen(conn), expected);
        bench.send(conn, puback(1));
        bench.send(conn, pubcomp(2));
        bench.hang_up(conn);
        let conn = bench.dial(hello_again(version, "s"));
        let expected = [
            "connack 1 0x00",
            "publish t three q2 #3 dup",
            "publish t four q1 #4 dup",
            "publish t six q1 #5 dup",
        ];
        assert_eq!(bench.seen(conn), expected);
    }
}

#[test]
fn resumption_respects_a_smaller_receive_maximum() {
    let mut bench = in_flight(V5);
    let conn = bench.dial(with_property(
        hello_again(V5, "s"),
        Property::ReceiveMaximum(2),
    ));
    // The PUBLISH of #2 belongs to the connection before: it takes no place on this one.
    assert_eq!(
        bench.seen(conn),
        [
            "connack 1 0x00",
            "publish t one q1 #1 dup",
            "pubrel #2",
            "publish t three q2 #3 dup"
        ]
    );
    bench.publish(conn, "t", "new", Q1);
    bench.send(conn, puback(1));
    assert_eq!(bench.seen(conn), ["puback #7", "publish t four q1 #4 dup"]);
    bench.send(conn, pubcomp(2));
    assert_eq!(bench.seen(conn), [""; 0], "it gives none back either");
    bench.send(conn, pubrec(3));
    assert_eq!(bench.seen(conn), ["pubrel #3"]);
    bench.send(conn, pubcomp(3));
    assert_eq!(bench.seen(conn), ["publish t new q1 #5"]);
}

#[test]
fn an_early_acknowledgement_makes_resending_needless() {
    let mut bench = in_flight(V5);
    let conn = bench.dial(with_property(
        hello_again(V5, "s"),
        Property::ReceiveMaximum(1),
    ));
    assert_eq!(
        bench.seen(conn),
        ["connack 1 0x00", "publish t one q1 #1 dup", "pubrel #2"]
    );
    bench.send(conn, puback(4));
    bench.send(conn, pubcomp(2));
    assert_eq!(bench.seen(conn), [""; 0]);
    bench.send(conn, puback(1));
    bench.send(conn, pubrec(3));
    bench.send(conn, pubcomp(3));
    assert_eq!(bench.seen(conn), ["publish t three q2 #3 dup", "pubrel #3"]);
}

#[test]
fn a_clean_start_forgets_what_was_in_flight() {
    for version in Version::ALL {
        let mut bench = in_flight(version);
        let conn = bench.dial(hello(version, "s"));
        assert_eq!(bench.seen(conn), ["connack 0 0x00"]);
    }
}

#[test]
fn the_receive_maximum_of_the_client_is_respected() {
    let mut bench = Bench::new();
    let conn = bench.join(with_property(hello(V5, "s"), Property::ReceiveMaximum(2)));
    let publisher = bench.connect(V5, "p");
    bench.subscribe(conn, "t", Q2);
    for payload in ["a", "b", "c", "d"] {
        bench.publish(publisher, "t", payload, Q1);
    }
    bench.publish(publisher, "t", "zero", Q0);
    let first = [
        "publish t a q1 #1",
        "publish t b q1 #2",
        "publish t zero q0",
    ];
    assert_eq!(bench.seen(conn), first);
    bench.send(conn, Packet::PingReq);
    assert_eq!(
        bench.seen(conn),
        ["pingresp"],
        "other packets are not held back"
    );
    bench.send(conn, puback(2));
    assert_eq!(bench.seen(conn), ["publish t c q1 #3"]);
    bench.send(conn, puback(1));
    bench.send(conn, puback(3));
    assert_eq!(bench.seen(conn), ["publish t d q1 #4"]);
}

#[test]
fn an_error_pubrec_ends_the_flow() {
    let mut bench = Bench::new();
    let conn = bench.join(with_property(
        hello_again(V5, "s"),
        Property::ReceiveMaximum(1),
    ));
    bench.subscribe(conn, "t", Q2);
    bench.publish(conn, "t", "a", Q2);
    bench.send(conn, pubrel(7));
    bench.publish(conn, "t", "b", Q2);
    bench.packets(conn);
    bench.send(
        conn,
        Packet::PubRec(Ack::with_reason(id(1), ReasonCode::QUOTA_EXCEEDED)),
    );
    assert_eq!(bench.seen(conn), ["publish t b q2 #2"]);
    bench.hang_up(conn);
    let conn = bench.dial(hello_again(V5, "s"));
    assert_eq!(
        bench.seen(conn),
        ["connack 1 0x00", "publish t b q2 #2 dup"]
    );
}

#[test]
fn an_error_puback_ends_the_flow() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V5, "s"));
    bench.subscribe(conn, "t", Q1);
    bench.publish(conn, "t", "a", Q1);
    bench.send(
        conn,
        Packet::PubAck(Ack::with_reason(id(1), ReasonCode::UNSPECIFIED_ERROR)),
    );
    bench.hang_up(conn);
    let conn = bench.dial(hello_again(V5, "s"));
    assert_eq!(bench.seen(conn).len(), 1, "only CONNACK");
}

#[test]
fn messages_wait_for_a_client_that_is_away_in_order() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.join(hello_again(version, "s"));
        bench.subscribe(conn, "t", Q2);
        bench.disconnect(conn);
        let publisher = bench.connect(version, "p");
        for (payload, qos) in [("a", Q1), ("b", Q0), ("c", Q2), ("d", Q1)] {
            bench.publish(publisher, "t", payload, qos);
        }
        let conn = bench.dial(hello_again(version, "s"));
        let expected = [
            "connack 1 0x00",
            "publish t a q1 #1",
            "publish t c q2 #2",
            "publish t d q1 #3",
        ];
        assert_eq!(bench.seen(conn), expected);
    }
}

#[test]
fn a_full_queue_refuses_the_newest() {
    let mut bench = Bench::with(Config {
        max_queued: 2,
        ..Config::default()
    });
    let conn = bench.join(hello_again(V3, "s"));
    bench.subscribe(conn, "t", Q1);
    bench.hang_up(conn);
    let publisher = bench.connect(V3, "p");
    for payload in ["a", "b", "c"] {
        bench.publish(publisher, "t", payload, Q1);
    }
    let conn = bench.dial(hello_again(V3, "s"));
    assert_eq!(
        bench.seen(conn),
        ["connack 1 0x00", "publish t a q1 #1", "publish t b q1 #2"]
    );
    assert_eq!(bench.broker.counters().dropped_queue_full, 1);
}

#[test]
fn expired_messages_make_room_in_a_full_queue() {
    let mut bench = Bench::with(Config {
        max_queued: 1,
        ..Config::default()
    });
    let conn = bench.join(hello_again(V5, "s"));
    bench.subscribe(conn, "t", Q1);
    bench.hang_up(conn);
    let publisher = bench.connect(V5, "p");
    bench.send(publisher, Packet::Publish(expiring("old", 1)));
    bench.pass(1000);
    bench.send(publisher, Packet::Publish(expiring("new", 1)));
    let conn = bench.dial(hello_again(V5, "s"));
    assert_eq!(bench.seen(conn), ["connack 1 0x00", "publish t new q1 #1"]);
    assert_eq!(bench.broker.counters().dropped_expired, 1);
}

fn expiring(payload: &str, secs: u32) -> Publish {
    let mut publish = message("t", payload, Q1);
    publish
        .properties
        .push(Property::MessageExpiryInterval(secs));
    publish
}

#[test]
fn a_message_expires_while_it_waits_and_not_earlier() {
    for (waited, arrives) in [
        (0, Some(10)),
        (999, Some(10)),
        (1500, Some(9)),
        (9999, Some(1)),
        (10_000, None),
    ] {
        let mut bench = Bench::new();
        let conn = bench.join(hello_again(V5, "s"));
        bench.subscribe(conn, "t", Q1);
        bench.hang_up(conn);
        let publisher = bench.connect(V5, "p");
        bench.send(publisher, Packet::Publish(expiring("x", 10)));
        bench.pass(waited);
        let conn = bench.join(hello_again(V5, "s"));
        let heard = bench.messages(conn);
        let remaining = heard
            .first()
            .map(|m| m.properties.message_expiry_interval().unwrap());
        assert_eq!(remaining, arrives, "after {waited} ms");
        assert_eq!(
            bench.broker.counters().dropped_expired,
            u64::from(arrives.is_none())
        );
    }
}

#[test]
fn a_message_that_was_sent_does_not_expire() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V5, "s"));
    bench.subscribe(conn, "t", Q1);
    bench.send(conn, Packet::Publish(expiring("x", 1)));
    bench.hang_up(conn);
    bench.pass(5000);
    bench.packets(conn);
    let conn = bench.dial(hello_again(V5, "s"));
    assert_eq!(
        bench.seen(conn),
        ["connack 1 0x00", "publish t x q1 #1 dup"]
    );
}

#[test]
fn an_expiry_of_zero_reaches_who_is_there() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "s");
    bench.subscribe(conn, "t", Q1);
    bench.send(conn, Packet::Publish(expiring("x", 0)));
    assert_eq!(
        bench.messages(conn)[0].properties.message_expiry_interval(),
        Some(0)
    );
}

#[test]
fn properties_are_forwarded_unaltered_and_in_order() {
    let mut bench = Bench::new();
    let new = bench.connect(V5, "s");
    let old = bench.connect(V3, "s3");
    let publisher = bench.connect(V5, "p");
    bench.subscribe(new, "t", Q0);
    bench.subscribe(old, "t", Q0);
    let user = |k: &str, v: &str| Property::UserProperty(text(k), text(v));
    let forwarded = [
        user("b", "1"),
        Property::PayloadFormatIndicator(1),
        Property::ContentType(text("text/plain")),
        user("a", "2"),
        Property::ResponseTopic(text("answers")),
        user("b", "1"),
        Property::CorrelationData(Bytes::from_static(&[0, 255])),
        Property::MessageExpiryInterval(60),
    ];
    let mut publish = message("t", "x", Q0);
    publish.properties = forwarded.iter().cloned().collect();
    publish.properties.push(Property::TopicAlias(1));
    bench.send(publisher, Packet::Publish(publish));
    let heard = bench.messages(new);
    assert!(heard[0].properties.iter().eq(&forwarded));
    assert!(bench.messages(old)[0].properties.is_empty());
}

#[test]
fn a_message_too_large_for_a_client_counts_as_delivered() {
    for qos in [Q0, Q1, Q2] {
        let mut bench = Bench::new();
        let mut connect = with_property(hello_again(V5, "s"), Property::MaximumPacketSize(30));
        connect.properties.push(Property::ReceiveMaximum(1));
        let conn = bench.join(connect);
        let publisher = bench.connect(V5, "p");
        bench.subscribe(conn, "t", Q2);
        bench.publish(publisher, "t", &"x".repeat(40), qos);
        bench.publish(publisher, "t", "fits", Q1);
        assert_eq!(bench.messages(conn)[0].payload, "fits");
        assert_eq!(bench.broker.counters().dropped_too_large, 1);
        assert_eq!(bench.cause(conn), None);
    }
}

#[test]
fn a_resumed_message_too_large_for_the_new_connection_is_given_up() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V5, "s"));
    bench.subscribe(conn, "t", Q2);
    bench.publish(conn, "t", &"x".repeat(50), Q2);
    bench.send(conn, pubrel(7));
    bench.publish(conn, "t", "fits", Q2);
    bench.hang_up(conn);
    let small = with_property(hello_again(V5, "s"), Property::MaximumPacketSize(40));
    let conn = bench.dial(small);
    assert_eq!(
        bench.seen(conn),
        ["connack 1 0x00", "publish t fits q2 #2 dup"]
    );
}

/// The client may remember the packet identifier: a later message with it would be taken for a repetition.
#[test]
fn a_resumed_message_that_is_given_up_keeps_its_packet_identifier() {
    let small = || with_property(hello_again(V5, "s"), Property::MaximumPacketSize(40));
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V5, "s"));
    bench.subscribe(conn, "t", Q2);
    for qos in [Q2, Q1, Q2] {
        bench.publish(conn, "t", &"x".repeat(50), qos);
        bench.send(conn, pubrel(7));
    }
    bench.hang_up(conn);
    let conn = bench.dial(small());
    assert_eq!(bench.seen(conn), ["connack 1 0x00"]);
    assert_eq!(bench.broker.counters().dropped_too_large, 3);
    bench.hang_up(conn);
    let conn = bench.dial(hello_again(V5, "s"));
    assert_eq!(bench.seen(conn), ["connack 1 0x00"], "nothing comes later");
    bench.send(conn, pubrec(1));
    assert_eq!(bench.seen(conn), ["pubrel #1"], "the first is known");
    bench.send(conn, pubcomp(1));
    bench.send(conn, puback(2));
    bench.send(conn, pubrec(1));
    assert_eq!(bench.seen(conn), ["pubrel #1 0x92"], "and now it is over");
    bench.send(conn, puback(3));
    assert!(bench.cause(conn).is_some(), "the third is of QoS 2");
}

#[test]
fn order_is_kept_for_each_publisher_and_qos() {
    let mut bench = Bench::new();
    let conn = bench.join(with_property(hello(V5, "s"), Property::ReceiveMaximum(1)));
    let publisher = bench.connect(V5, "p");
    bench.subscribe(conn, "t", Q1);
    for n in 0..20 {
        bench.publish(publisher, "t", &n.to_string(), Q1);
    }
    let mut heard = Vec::new();
    while let Some(message) = bench.messages(conn).pop() {
        heard.push(String::from_utf8(message.payload.to_vec()).unwrap());
        bench.send(conn, puback(message.packet_id.unwrap().get()));
    }
    let expected: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(heard, expected);
}

#[test]
fn dup_of_the_publisher_is_not_passed_on() {
    let mut bench = Bench::new();
    let conn = bench.connect(V3, "a");
    bench.subscribe(conn, "t", Q1);
    bench.send(
        conn,
        Packet::Publish(Publish {
            dup: true,
            ..message("t", "x", Q1)
        }),
    );
    assert!(!bench.messages(conn)[0].dup);
}

#[test]
fn both_versions_talk_to_each_other() {
    let mut bench = Bench::new();
    let old = bench.connect(V3, "old");
    let new = bench.connect(V5, "new");
    bench.subscribe(old, "t", Q2);
    bench.subscribe(new, "t", Q2);
    bench.publish(old, "t", "from old", Q1);
    bench.publish(new, "t", "from new", Q0);
    for conn in [old, new] {
        let heard: Vec<_> = bench
            .messages(conn)
            .into_iter()
            .map(|m| m.payload)
            .collect();
        assert_eq!(heard, ["from old", "from new"]);
    }
}
