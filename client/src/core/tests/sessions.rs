//! What survives a connection, and what does not.

use super::*;

#[test]
fn unacknowledged_packets_are_sent_again_in_their_order() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.publish(2, "b", QoS::ExactlyOnce);
        rig.publish(3, "c", QoS::ExactlyOnce);
        rig.publish(4, "d", QoS::AtLeastOnce);
        rig.feed(pubrec(2));
        rig.feed(puback(4));
        rig.hang_up();
        rig.publish(5, "e", QoS::AtLeastOnce);
        rig.lines.clear();
        rig.resume();
        assert_eq!(
            rig.out()[3..],
            [
                "connected, session kept",
                "> PUBLISH a QoS 1 id 1 DUP 1 byte",
                "> PUBREL id 2",
                "> PUBLISH c QoS 2 id 3 DUP 1 byte",
                "> PUBLISH e QoS 1 id 5 1 byte",
            ]
        );
        rig.feed(pubcomp(2));
        rig.feed(puback(1));
        assert_eq!(
            rig.out(),
            [
                "< PUBCOMP id 2",
                "acknowledged 2 0x00",
                "< PUBACK id 1",
                "acknowledged 1 0x00"
            ]
        );
    });
}

#[test]
fn a_pubrel_is_sent_again_and_the_publish_is_not() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::ExactlyOnce);
        rig.feed(pubrec(1));
        for _ in 0..3 {
            rig.hang_up();
            rig.lines.clear();
            rig.resume();
            assert_eq!(rig.out()[4..], ["> PUBREL id 1"]);
        }
        rig.feed(pubcomp(1));
        assert_eq!(rig.client.unfinished(), 0);
    });
}

#[test]
fn sending_again_stays_within_the_receive_maximum() {
    let mut rig = Rig::online(V5);
    for (ticket, topic) in [(1, "a"), (2, "b"), (3, "c")] {
        rig.publish(ticket, topic, QoS::AtLeastOnce);
    }
    rig.publish(4, "d", QoS::ExactlyOnce);
    rig.feed(pubrec(4));
    rig.hang_up();
    rig.publish(5, "e", QoS::AtMostOnce);
    rig.lines.clear();
    rig.connect(
        Rig::options(V5),
        connack_with(true, [Property::ReceiveMaximum(2)]),
    );
    assert_eq!(
        rig.out()[4..],
        [
            "> PUBLISH a QoS 1 id 1 DUP 1 byte",
            "> PUBLISH b QoS 1 id 2 DUP 1 byte",
            "> PUBREL id 4",
            "> PUBLISH e QoS 0 1 byte",
            "acknowledged 5 0x00"
        ]
    );
    rig.feed(puback(2));
    rig.expect(&[
        "< PUBACK id 2",
        "acknowledged 2 0x00",
        "> PUBLISH c QoS 1 id 3 DUP 1 byte",
    ]);
    rig.publish(6, "f", QoS::AtLeastOnce);
    rig.expect(&[]);
    rig.feed(pubcomp(4));
    rig.expect(&["< PUBCOMP id 4", "acknowledged 4 0x00"]);
    rig.feed(puback(1));
    rig.expect(&[
        "< PUBACK id 1",
        "acknowledged 1 0x00",
        "> PUBLISH f QoS 1 id 5 1 byte",
    ]);
}

#[test]
fn a_flow_from_before_gives_no_quota_back() {
    let mut rig = Rig::online(V5);
    for (ticket, topic) in [(1, "a"), (2, "b"), (3, "c")] {
        rig.publish(ticket, topic, QoS::ExactlyOnce);
    }
    rig.feed(pubrec(1));
    rig.hang_up();
    rig.lines.clear();
    rig.connect(
        Rig::options(V5),
        connack_with(true, [Property::ReceiveMaximum(1)]),
    );
    assert_eq!(
        rig.out()[4..],
        ["> PUBREL id 1", "> PUBLISH b QoS 2 id 2 DUP 1 byte"]
    );
    // One PUBLISH of this connection is unacknowledged, whatever becomes of the PUBREL.
    rig.feed(pubcomp(1));
    rig.expect(&["< PUBCOMP id 1", "acknowledged 1 0x00"]);
    rig.feed(Packet::PubRec(Ack::with_reason(
        id(2),
        ReasonCode::NOT_AUTHORIZED,
    )));
    rig.expect(&[
        "< PUBREC id 2 reason 0x87",
        "acknowledged 2 0x87",
        "> PUBLISH c QoS 2 id 3 DUP 1 byte",
    ]);
}

#[test]
fn what_has_become_too_much_for_the_server_is_given_up() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a", QoS::ExactlyOnce);
    rig.publish(2, "b", QoS::AtLeastOnce);
    rig.send(3, Message::new("c", vec![0; 50], QoS::AtLeastOnce));
    rig.hang_up();
    rig.lines.clear();
    let limits = [Property::MaximumQoS(1), Property::MaximumPacketSize(30)];
    rig.connect(Rig::options(V5), connack_with(true, limits));
    assert_eq!(
        rig.out()[4..],
        [
            "abandoned 1: the server takes no QoS above 1",
            "> PUBLISH b QoS 1 id 2 DUP 1 byte",
            "abandoned 3: the packet has 58 bytes and the server takes at most 30",
        ]
    );
    assert_eq!(rig.client.unfinished(), 1);
}

/// The server may remember the packet identifier of a message that it took over before it wanted no more such.
#[test]
fn a_message_that_is_given_up_after_it_was_sent_keeps_its_identifier() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a", QoS::ExactlyOnce);
    rig.publish(2, "b", QoS::ExactlyOnce);
    rig.hang_up();
    rig.lines.clear();
    rig.connect(
        Rig::options(V5),
        connack_with(true, [Property::MaximumQoS(1)]),
    );
    assert_eq!(rig.client.unfinished(), 0);
    rig.lines.clear();
    rig.feed(pubrec(1));
    rig.expect(&["< PUBREC id 1", "> PUBREL id 1"]);
    rig.feed(pubcomp(1));
    rig.expect(&["< PUBCOMP id 1"]);
    rig.feed(Packet::PubRec(Ack::with_reason(
        id(2),
        ReasonCode::NOT_AUTHORIZED,
    )));
    rig.expect(&["< PUBREC id 2 reason 0x87"]);
}

/// Messages that were given up are not in flight, but they use identifiers up.
#[test]
fn a_request_waits_for_an_identifier() {
    let mut rig = Rig::online(V5);
    for ticket in 1..=65_535 {
        rig.publish(ticket, "large", QoS::AtLeastOnce);
    }
    rig.hang_up();
    rig.lines.clear();
    rig.connect(
        Rig::options(V5),
        connack_with(true, [Property::MaximumPacketSize(11)]),
    );
    assert_eq!(rig.client.unfinished(), 0);
    rig.lines.clear();
    rig.subscribe(70_000, &["s"]);
    rig.expect(&[]);
    rig.feed(puback(5));
    rig.expect(&["< PUBACK id 5", "> SUBSCRIBE id 5 s QoS 2"]);
}

#[test]
fn a_session_the_server_lost_is_given_up() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.publish(2, "b", QoS::ExactlyOnce);
        rig.feed(pubrec(2));
        rig.feed(Packet::Publish(incoming("in", QoS::ExactlyOnce, 4)));
        rig.hang_up();
        rig.publish(3, "c", QoS::AtLeastOnce);
        rig.lines.clear();
        rig.connect(Rig::options(version), connack(false));
        assert_eq!(
            rig.out()[3..],
            [
                "connected, session new",
                "abandoned 1: the session ended before it was acknowledged",
                "abandoned 2: the session ended before it was acknowledged",
                "> PUBLISH c QoS 1 id 3 1 byte",
            ]
        );
        // The identifier of the message that had come is new again.
        rig.feed(Packet::Publish(incoming("in", QoS::ExactlyOnce, 4)));
        assert_eq!(rig.out()[1], "delivered in \"x\" QoS 2 id 4");
    });
}

#[test]
fn a_session_that_ends_with_its_connection_is_given_up_there() {
    both(|version| {
        let mut rig = Rig::online_with(version, ConnectOptions::new(version, "c"), connack(false));
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.subscribe(2, &["s"]);
        rig.lines.clear();
        rig.hang_up();
        rig.expect(&[
            "ended Peer(Reset)",
            "abandoned 2: the connection ended before it was answered",
            "abandoned 1: the session ended before it was acknowledged",
        ]);
        assert_eq!(rig.client.unfinished(), 0);
    });
}

#[test]
fn the_servers_session_expiry_counts() {
    let ends = connack_with(false, [Property::SessionExpiryInterval(0)]);
    let mut rig = Rig::online_with(V5, Rig::options(V5), ends);
    rig.publish(1, "a", QoS::AtLeastOnce);
    rig.hang_up();
    assert_eq!(
        rig.out()[2],
        "abandoned 1: the session ended before it was acknowledged"
    );
}

#[test]
fn disconnect_can_end_the_session() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a", QoS::AtLeastOnce);
    rig.lines.clear();
    rig.disconnect(
        ReasonCode::SUCCESS,
        Properties::new().with(Property::SessionExpiryInterval(0)),
    );
    rig.expect(&[
        "> DISCONNECT reason 0x00",
        "ended Requested",
        "abandoned 1: the session ended before it was acknowledged",
        "close",
    ]);
}

#[test]
fn a_clean_start_gives_the_session_up_with_connect() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.hang_up();
        rig.lines.clear();
        let clean = ConnectOptions {
            clean_start: true,
            ..Rig::options(version)
        };
        rig.client.connect(Time::ZERO, clean.clone());
        // The server still has it as long as CONNECT was not sent.
        rig.client.handle_dial_failed(Time::ZERO, String::new());
        rig.expect(&["ended DialFailed(\"\")", "dial"]);
        rig.client.connect(Time::ZERO, clean);
        rig.drain();
        rig.dialed();
        assert_eq!(
            rig.out()[1],
            "abandoned 1: the session ended before it was acknowledged"
        );
    });
}

#[test]
fn another_client_identifier_is_another_session() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.hang_up();
        rig.lines.clear();
        let other = ConnectOptions {
            client_id: "other".into(),
            ..Rig::options(version)
        };
        rig.client.connect(Time::ZERO, other);
        rig.expect(&[
            "abandoned 1: the session ended before it was acknowledged",
            "dial",
        ]);
    });
}

#[test]
fn a_session_nobody_knows_of_is_not_taken() {
    for (version, disconnect) in [(V3, None), (V5, Some("> DISCONNECT reason 0x82"))] {
        let mut rig = Rig::new(version);
        rig.connect(Rig::options(version), connack(true));
        let out = rig.out();
        let expected: Vec<_> = disconnect
            .into_iter()
            .chain(["ended ProtocolError(SessionPresentWithoutSession)", "close"])
            .collect();
        assert_eq!(out[3..], expected);
        // Nor at the second try.
        rig.connect(Rig::options(version), connack(true));
        assert!(!rig.client.is_connected());
    }
}

#[test]
fn a_clean_start_is_not_answered_by_a_session() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.hang_up();
        let clean = ConnectOptions {
            clean_start: true,
            ..Rig::options(version)
        };
        rig.connect(clean, connack(true));
        assert!(
            rig.out()
                .contains(&"ended ProtocolError(SessionPresentAfterCleanStart)".to_owned())
        );
    });
}

#[test]
fn a_session_whose_connack_was_lost_is_taken() {
    both(|version| {
        let mut rig = Rig::new(version);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.dialed();
        rig.hang_up();
        rig.lines.clear();
        rig.resume();
        assert_eq!(rig.out()[3], "connected, session kept");
    });
}

#[test]
fn a_refused_connect_begins_no_session() {
    both(|version| {
        let mut rig = Rig::new(version);
        let code = if version == V3 { 3 } else { 0x88 };
        rig.connect(
            Rig::options(version),
            ConnAck {
                reason: ReasonCode(code),
                ..connack(false)
            },
        );
        rig.resume();
        assert!(
            rig.out()
                .contains(&"ended ProtocolError(SessionPresentWithoutSession)".to_owned())
        );
    });
}

#[test]
fn requests_do_not_survive_their_connection_but_those_not_sent_do() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.subscribe(1, &["a"]);
        rig.hang_up();
        rig.subscribe(2, &["b"]);
        rig.lines.remove(0);
        rig.expect(&[
            "ended Peer(Reset)",
            "abandoned 1: the connection ended before it was answered",
        ]);
        rig.resume();
        assert_eq!(rig.out().last().unwrap(), "> SUBSCRIBE id 2 b QoS 2");
    });
}

#[test]
fn requests_that_die_with_their_connection_free_their_identifiers() {
    let mut rig = Rig::online(V5);
    for ticket in 0..65_535 {
        rig.subscribe(ticket, &["a"]);
    }
    rig.hang_up();
    rig.resume();
    rig.lines.clear();
    rig.subscribe(70_000, &["b"]);
    assert_eq!(rig.out().len(), 1);
}

#[test]
fn an_attempt_that_fails_leaves_the_session_alone() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.hang_up();
        let brief = ConnectOptions {
            session_expiry: None,
            ..Rig::options(version)
        };
        rig.client.connect(Time::ZERO, brief);
        rig.dialed();
        rig.lines.clear();
        rig.hang_up();
        rig.expect(&["ended Peer(Reset)"]);
        assert_eq!(rig.client.unfinished(), 1);
    });
}

#[test]
fn a_message_the_server_has_taken_over_is_not_sent_again() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a", QoS::ExactlyOnce);
    rig.publish(2, "b", QoS::ExactlyOnce);
    rig.hang_up();
    rig.connect(
        Rig::options(V5),
        connack_with(true, [Property::ReceiveMaximum(1)]),
    );
    rig.lines.clear();
    // A late word on a message that waits to be sent again.
    rig.feed(pubrec(2));
    rig.feed(Packet::PubRec(Ack::with_reason(
        id(1),
        ReasonCode::NOT_AUTHORIZED,
    )));
    rig.feed(pubcomp(2));
    assert!(!rig.out().iter().any(|line| line.starts_with("> PUBLISH")));
    assert_eq!(rig.client.unfinished(), 0);
}
