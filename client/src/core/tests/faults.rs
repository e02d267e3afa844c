//! What the server may not do. 5.0 is told why, 3.1.1 is closed.

use super::*;
use squall_protocol::packet::Auth;

/// The lines after the packet: DISCONNECT where the version has it, and the end.
#[track_caller]
fn expect_end(rig: &mut Rig, reason: u8, cause: &str) {
    let mut expected = Vec::new();
    if rig.version == V5 {
        expected.push(format!("> DISCONNECT reason {}", ReasonCode(reason)));
    }
    expected.extend([format!("ended {cause}"), "close".to_owned()]);
    let out = rig.out();
    assert_eq!(out[1..], expected, "MQTT {}: {out:?}", rig.version);
    assert!(!rig.client.is_connected());
}

#[track_caller]
fn expect_error(rig: &mut Rig, error: ProtocolError) {
    expect_end(rig, error.reason().0, &format!("ProtocolError({error:?})"));
}

#[test]
fn malformed_packets() {
    both(|version| {
        let mut rig = Rig::online(version);
        // QoS 3
        rig.feed_bytes(&[0x36, 4, 0, 1, b'a', 1]);
        let out = rig.lines.clone();
        assert_eq!(out[0], "violation PublishQoS3");
        expect_end(&mut rig, 0x81, "Violation");
    });
}

#[test]
fn packets_above_the_maximum_packet_size() {
    both(|version| {
        let options = ConnectOptions {
            maximum_packet_size: Some(10),
            ..Rig::options(version)
        };
        let mut rig = Rig::online_with(version, options, connack(false));
        let mut publish = incoming("a", QoS::AtMostOnce, 0);
        publish.payload = vec![b'x'; if version == V3 { 5 } else { 4 }].into();
        rig.feed(Packet::Publish(publish.clone()));
        assert!(rig.client.is_connected());
        rig.lines.clear();
        publish.payload = vec![b'x'; 6].into();
        rig.feed(Packet::Publish(publish));
        expect_end(&mut rig, 0x95, "Violation");
    });
}

#[test]
fn another_packet_before_connack() {
    both(|version| {
        let packets = [
            Packet::PingResp,
            puback(1),
            suback(1, &[0]),
            Packet::Publish(incoming("a", QoS::AtMostOnce, 0)),
        ];
        for packet in packets {
            let mut rig = Rig::new(version);
            rig.client.connect(Time::ZERO, Rig::options(version));
            rig.dialed();
            rig.lines.clear();
            rig.feed(packet);
            expect_error(&mut rig, ProtocolError::ConnAckExpected);
        }
    });
}

#[test]
fn disconnect_before_connack() {
    let mut rig = Rig::new(V5);
    rig.client.connect(Time::ZERO, Rig::options(V5));
    rig.dialed();
    rig.lines.clear();
    rig.feed(Packet::Disconnect(Disconnect::with_reason(
        ReasonCode::SERVER_BUSY,
    )));
    expect_error(&mut rig, ProtocolError::DisconnectBeforeConnAck);
}

#[test]
fn a_second_connack() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.feed(Packet::ConnAck(connack(false)));
        expect_error(&mut rig, ProtocolError::SecondConnAck);
    });
}

#[test]
fn more_messages_than_the_receive_maximum() {
    for (qos, n) in [(QoS::AtLeastOnce, 3), (QoS::ExactlyOnce, 3)] {
        let options = ConnectOptions {
            receive_maximum: Some(2),
            ..Rig::options(V5)
        };
        let mut rig = Rig::online_with(V5, options, connack(false));
        rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 1)));
        rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 2)));
        // A repetition is no further message.
        rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 2)));
        rig.lines.clear();
        rig.feed(Packet::Publish(incoming("a", qos, n)));
        expect_error(&mut rig, ProtocolError::ReceiveMaximumExceeded);
    }
}

#[test]
fn topic_aliases_that_were_not_allowed() {
    let aliased = |topic: &str, alias| {
        let mut publish = incoming(topic, QoS::AtMostOnce, 0);
        publish.properties.push(Property::TopicAlias(alias));
        Packet::Publish(publish)
    };
    let mut rig = Rig::online(V5);
    rig.feed(aliased("a", 1));
    expect_error(&mut rig, ProtocolError::TopicAliasNotAllowed);
    for (topic, alias, error) in [
        ("a", 3, ProtocolError::TopicAliasTooLarge),
        ("", 2, ProtocolError::TopicAliasUnknown),
    ] {
        let options = ConnectOptions {
            topic_alias_maximum: Some(2),
            ..Rig::options(V5)
        };
        let mut rig = Rig::online_with(V5, options, connack(false));
        rig.feed(aliased(topic, alias));
        expect_error(&mut rig, error);
    }
}

#[test]
fn acknowledgements_of_the_wrong_kind() {
    both(|version| {
        let error_pubrec = Packet::PubRec(Ack::with_reason(id(2), ReasonCode::NOT_AUTHORIZED));
        for (packet, released) in [
            (pubrec(1), false),
            (puback(2), false),
            (pubcomp(2), false),
            (puback(2), true),
            (error_pubrec, true),
        ] {
            if version == V3 && matches!(&packet, Packet::PubRec(ack) if ack.reason.is_error()) {
                continue;
            }
            let mut rig = Rig::online(version);
            rig.publish(1, "a", QoS::AtLeastOnce);
            rig.publish(2, "b", QoS::ExactlyOnce);
            if released {
                rig.feed(pubrec(2));
            }
            rig.lines.clear();
            rig.feed(packet);
            expect_error(&mut rig, ProtocolError::WrongAcknowledgement);
            assert_eq!(
                rig.client.unfinished(),
                2,
                "a wrong acknowledgement ended a flow"
            );
        }
    });
}

#[test]
fn answers_to_nobody() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.feed(suback(1, &[0]));
        expect_error(&mut rig, ProtocolError::AnswerWithoutRequest);
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.lines.clear();
        rig.feed(unsuback(1, &[0]));
        expect_error(&mut rig, ProtocolError::AnswerWithoutRequest);
    });
}

#[test]
fn answers_of_the_wrong_kind_or_length() {
    both(|version| {
        for (packet, error) in [
            (unsuback(1, &[0, 0]), ProtocolError::AnswerWithoutRequest),
            (suback(1, &[0]), ProtocolError::SubAckCount),
            (suback(1, &[0, 0, 0]), ProtocolError::SubAckCount),
        ] {
            let mut rig = Rig::online(version);
            rig.subscribe(5, &["a", "b"]);
            rig.lines.clear();
            let bytes = squall_protocol::encode(&packet, version).unwrap();
            rig.client.handle_bytes(Time::ZERO, &bytes);
            let mut out = rig.out();
            assert_eq!(out.pop().as_deref(), Some("close"));
            assert_eq!(
                out.pop().as_deref(),
                Some("abandoned 5: the connection ended before it was answered")
            );
            assert_eq!(out.pop(), Some(format!("ended ProtocolError({error:?})")));
        }
    });
    let mut rig = Rig::online(V5);
    rig.client.unsubscribe(
        Time::ZERO,
        Ticket(5),
        vec![TopicFilter::parse_v5("a").unwrap()],
        Properties::new(),
    );
    rig.feed(unsuback(1, &[0, 0]));
    assert!(
        rig.out()
            .contains(&"ended ProtocolError(UnsubAckCount)".to_owned())
    );
}

#[test]
fn authentication_nobody_asked_for() {
    let method = Properties::new().with(Property::AuthenticationMethod("m".into()));
    let auth = Packet::Auth(Auth {
        reason: ReasonCode::CONTINUE_AUTHENTICATION,
        properties: method.clone(),
    });
    let mut rig = Rig::online(V5);
    rig.feed(auth.clone());
    expect_error(&mut rig, ProtocolError::AuthNotExpected);
    for packet in [
        auth,
        Packet::ConnAck(ConnAck {
            properties: method,
            ..connack(false)
        }),
    ] {
        let mut rig = Rig::new(V5);
        rig.client.connect(Time::ZERO, Rig::options(V5));
        rig.dialed();
        rig.lines.clear();
        rig.feed(packet);
        expect_error(&mut rig, ProtocolError::AuthNotExpected);
    }
}

#[test]
fn what_only_a_client_sends() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.feed(Packet::PingReq);
        assert_eq!(rig.lines[0], "violation WrongDirection");
        expect_end(&mut rig, 0x82, "Violation");
    });
    let mut rig = Rig::online(V3);
    rig.feed_bytes(&[0xE0, 0]);
    assert_eq!(
        rig.out(),
        ["violation WrongDirection", "ended Violation", "close"]
    );
}

#[test]
fn a_server_that_takes_no_answer() {
    // Less than a PUBACK, and less than a PINGREQ.
    let mut rig = Rig::online_with(
        V5,
        Rig::options(V5),
        connack_with(false, [Property::MaximumPacketSize(3)]),
    );
    rig.feed(Packet::Publish(incoming("a", QoS::AtLeastOnce, 1)));
    assert_eq!(rig.out()[2..], ["ended AnswerTooLarge", "close"]);
    let options = ConnectOptions {
        keep_alive: 1,
        ..Rig::options(V5)
    };
    let mut rig = Rig::online_with(
        V5,
        options,
        connack_with(false, [Property::MaximumPacketSize(1)]),
    );
    rig.pass_until(1_000);
    rig.expect(&["1000 ended AnswerTooLarge", "1000 close"]);
}

#[test]
fn a_disconnect_that_does_not_fit_is_left_out() {
    let mut rig = Rig::online_with(
        V5,
        Rig::options(V5),
        connack_with(false, [Property::MaximumPacketSize(2)]),
    );
    rig.feed(Packet::ConnAck(connack(false)));
    assert_eq!(
        rig.out()[1..],
        ["ended ProtocolError(SecondConnAck)", "close"]
    );
    // The one without a reason fits.
    let mut rig = Rig::online_with(
        V5,
        Rig::options(V5),
        connack_with(false, [Property::MaximumPacketSize(2)]),
    );
    rig.disconnect(
        ReasonCode::SUCCESS,
        Properties::new().with(Property::ReasonString("bye".into())),
    );
    rig.expect(&["> DISCONNECT reason 0x00", "ended Requested", "close"]);
}

#[test]
fn every_error_has_a_reason_a_client_may_send_and_statements() {
    for error in ProtocolError::ALL {
        assert_eq!(send::disconnect_reason(error.reason()), error.reason());
        assert!(!error.statements(V5).is_empty(), "{error:?}");
        assert!(!error.to_string().is_empty());
    }
}
