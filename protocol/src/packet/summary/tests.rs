use super::*;
use crate::{
    PacketId, Text,
    packet::{Disconnect, SubAck, UnsubAck},
    topic::TopicFilter,
};

fn publish(topic: &str, payload: &[u8]) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: topic.into(),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.to_vec().into(),
    }
}

#[test]
fn a_publish_on_one_line() {
    let full = Publish {
        dup: true,
        qos: QoS::AtLeastOnce,
        retain: true,
        packet_id: PacketId::new(7),
        ..publish("a/b", b"abcdef")
    };
    assert_eq!(
        Packet::Publish(full).summary(),
        "PUBLISH a/b QoS 1 id 7 DUP RETAIN 6 bytes"
    );
    let aliased = Publish {
        properties: Properties::new().with(Property::TopicAlias(3)),
        ..publish("", b"x")
    };
    assert_eq!(
        Packet::Publish(aliased).summary(),
        "PUBLISH alias 3 QoS 0 1 byte"
    );
}

#[test]
fn whatever_a_peer_sends_stays_short_and_printable() {
    let hostile = Packet::Publish(publish("a\nb\u{1b}[31m \"x\"", b"\x1b[2J"));
    assert_eq!(
        hostile.summary(),
        r#"PUBLISH "a\nb\u{1b}[31m \"x\"" QoS 0 4 bytes"#
    );
    let lines = hostile.describe(Version::V5_0);
    assert_eq!(
        lines.last().map(String::as_str),
        Some("Payload: 4 bytes 1b 5b 32 4a")
    );

    let long = Packet::Publish(publish(&"é".repeat(500), &[b'y'; 5000]));
    assert_eq!(
        long.summary(),
        format!("PUBLISH {}… QoS 0 5000 bytes", "é".repeat(48))
    );
    assert!(
        long.describe(Version::V5_0)
            .iter()
            .all(|line| line.chars().count() < 300)
    );

    let binary = Packet::Publish(publish("t", &[0xFF; 100]));
    let expected = format!("Payload: 100 bytes{} …", " ff".repeat(32));
    assert_eq!(binary.describe(Version::V5_0).pop(), Some(expected));
}

#[test]
fn long_lists_are_counted() {
    let (packet_id, properties) = (PacketId::MIN, Properties::new());
    let reasons = vec![ReasonCode::GRANTED_QOS_1; 6];
    let suback = SubAck {
        packet_id,
        properties: properties.clone(),
        reasons,
    };
    let line = Packet::SubAck(suback).summary();
    assert_eq!(line, "SUBACK id 1 reasons 0x01 0x01 0x01 0x01 and 2 more");

    let unsuback = UnsubAck {
        packet_id,
        properties: properties.clone(),
        reasons: vec![],
    };
    assert_eq!(Packet::UnsubAck(unsuback).summary(), "UNSUBACK id 1");

    let filter = TopicFilter::parse_v5("a/#").expect("well-formed");
    let subscriptions = vec![Subscription::new(filter, QoS::ExactlyOnce); 5];
    let subscribe = Subscribe {
        packet_id,
        properties,
        subscriptions,
    };
    let line = Packet::Subscribe(subscribe).summary();
    assert_eq!(
        line,
        "SUBSCRIBE id 1 a/# QoS 2, a/# QoS 2, a/# QoS 2, a/# QoS 2 and 1 more"
    );
}

#[test]
fn a_secret_is_not_printed() {
    let connect = Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive: 30,
        client_id: "sensor".into(),
        will: None,
        user_name: Some(Text::from("user")),
        password: Some("hunter2".into()),
        properties: Properties::new().with(Property::AuthenticationData("s3cret".into())),
    };
    let packet = Packet::Connect(Box::new(connect));
    assert_eq!(
        packet.summary(),
        "CONNECT sensor 5.0 clean start keep alive 30"
    );
    let lines = packet.describe(Version::V5_0).join("\n");
    assert!(lines.contains("Password: 7 bytes"), "{lines}");
    assert!(lines.contains("Authentication Data: 6 bytes"), "{lines}");
    assert!(
        !lines.contains("hunter2") && !lines.contains("s3cret"),
        "{lines}"
    );
}

#[test]
fn reason_codes_have_the_name_of_their_packet() {
    let taken_over = Packet::Disconnect(Disconnect::with_reason(ReasonCode::SESSION_TAKEN_OVER));
    let lines = taken_over.describe(Version::V5_0);
    assert_eq!(
        lines,
        ["DISCONNECT", "Reason Code: 0x8E Session taken over"]
    );
    assert_eq!(taken_over.describe(Version::V3_1_1), ["DISCONNECT"]);
    let odd = Packet::Disconnect(Disconnect::with_reason(ReasonCode(0x42)));
    assert_eq!(
        odd.describe(Version::V5_0)[1],
        "Reason Code: 0x42 not defined for this packet"
    );
}
