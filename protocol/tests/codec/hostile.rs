//! Bytes that nobody who means well would send: no panic, no memory beyond the limit, one answer however they are cut.

use crate::{
    check::check,
    strategies::{filter_text, sent},
};
use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use squall_protocol::{
    Decoder, EncodeError, Packet, PacketId, PacketType, Properties, Property, QoS, Role, Text,
    Version, decode_one, encode, packet, topic,
};

fn peers() -> impl Strategy<Value = (Role, Option<Version>)> {
    (
        prop_oneof![Just(Role::Client), Just(Role::Server)],
        prop_oneof![
            Just(None),
            Just(Some(Version::V3_1_1)),
            Just(Some(Version::V5_0))
        ],
    )
}

/// A first byte of every packet type, and every QoS of PUBLISH.
const FIRST_BYTES: &[u8] = &[
    0x10, 0x20, 0x30, 0x32, 0x34, 0x3D, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xA2, 0xB0, 0xC0, 0xD0,
    0xE0, 0xF0,
];

/// What is known of the version when this packet comes.
fn known(packet: &Packet, version: Version) -> Option<Version> {
    (!matches!(packet, Packet::Connect(_))).then_some(version)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes((peer, version) in peers(), wire in vec(any::<u8>(), 0..64)) {
        check(&wire, peer, version);
    }

    /// A fixed header that is in order, and anything after it.
    #[test]
    fn arbitrary_bodies(
        (peer, version) in peers(),
        first in prop::sample::select(FIRST_BYTES),
        body in vec(prop_oneof![0u8..8, any::<u8>()], 0..64),
        tail in vec(any::<u8>(), 0..4),
    ) {
        let mut wire = vec![first, body.len() as u8];
        wire.extend(body);
        wire.extend(tail);
        check(&wire, peer, version);
    }

    #[test]
    fn packets_with_changed_bytes(
        (role, version, packet) in sent(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut wire = encode(&packet, version).unwrap().to_vec();
        for (index, value) in changes {
            let at = index.index(wire.len());
            wire[at] = value;
        }
        check(&wire, role, known(&packet, version));
    }

    #[test]
    fn truncated_packets_are_incomplete((role, version, packet) in sent(), cut in any::<prop::sample::Index>()) {
        let wire = encode(&packet, version).unwrap();
        let cut = cut.index(wire.len());
        let read = check(&wire[..cut], role, known(&packet, version));
        prop_assert!(read.frames.is_empty() && read.violation.is_none());
    }

    #[test]
    fn matching_agrees_with_a_matcher_of_sets(filter in filter_text(), name in "[a-c$]{0,2}(/[a-c]{0,2}){0,3}") {
        prop_assume!(!name.is_empty());
        let filter = topic::TopicFilter::parse_v3(filter).unwrap();
        prop_assert_eq!(filter.matches(&name), slow_match(filter.as_str(), &name), "{} {}", filter, name);
    }
}

/// Section 4.7 by recursion over levels, written apart from the matcher under test.
fn slow_match(pattern: &str, name: &str) -> bool {
    fn levels(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern, name) {
            (["#"], _) => true,
            ([], []) => true,
            ([p, pattern @ ..], [n, name @ ..]) => (*p == "+" || p == n) && levels(pattern, name),
            _ => false,
        }
    }
    let hidden = name.starts_with('$') && (pattern.starts_with('+') || pattern.starts_with('#'));
    !hidden
        && levels(
            &pattern.split('/').collect::<Vec<_>>(),
            &name.split('/').collect::<Vec<_>>(),
        )
}

#[test]
fn memory_stays_within_the_limit() {
    let mut decoder = Decoder::new(Role::Client);
    decoder.set_version(Version::V5_0);
    decoder.set_max_packet_size(1000);
    // A packet of exactly the limit waits for its last byte...
    decoder.push(&[0x30, 0xE5, 0x07]);
    assert_eq!(decoder.next_frame(), Ok(None));
    for _ in 0..99 {
        decoder.push(&[0; 10]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert!(decoder.buffered() < 1000);
    }
    // ...and one byte more in the header is refused before its body arrives.
    let mut decoder = Decoder::new(Role::Client);
    decoder.set_version(Version::V5_0);
    decoder.set_max_packet_size(1000);
    decoder.push(&[0x30, 0xE6, 0x07]);
    assert!(decoder.next_frame().is_err());
    decoder.push(&[0; 100_000]);
    assert_eq!(decoder.buffered(), 0);
}

fn publish(topic: &str, payload: usize) -> packet::Publish {
    packet::Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: topic.into(),
        packet_id: None,
        properties: Properties::new(),
        payload: vec![0; payload].into(),
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let long = Packet::Publish(publish(&"x".repeat(65_536), 0));
    assert_eq!(
        encode(&long, Version::V3_1_1),
        Err(EncodeError::FieldTooLong(65_536))
    );
    let most = Packet::Publish(publish(&"x".repeat(65_535), 0));
    let wire = encode(&most, Version::V3_1_1).expect("the longest string");
    assert_eq!(
        decode_one(&wire, Role::Client, Some(Version::V3_1_1))
            .expect("valid")
            .packet,
        most
    );

    let huge = Packet::Publish(publish("t", 268_435_453));
    assert_eq!(
        encode(&huge, Version::V3_1_1),
        Err(EncodeError::PacketTooLong(268_435_456))
    );

    let properties = Properties::new().with(Property::SubscriptionIdentifier(268_435_456));
    let wide = Packet::Publish(packet::Publish {
        properties,
        ..publish("t", 0)
    });
    assert_eq!(
        encode(&wide, Version::V5_0),
        Err(EncodeError::IntegerTooLarge(268_435_456))
    );

    let auth = Packet::Auth(packet::Auth::with_reason(
        squall_protocol::ReasonCode::CONTINUE_AUTHENTICATION,
    ));
    assert_eq!(
        encode(&auth, Version::V3_1_1),
        Err(EncodeError::NotInVersion(PacketType::Auth, Version::V3_1_1))
    );
}

#[test]
fn packets_that_break_rules_are_written_as_they_are() {
    let wildcard = Packet::Publish(publish("a/#", 0));
    assert_eq!(
        &encode(&wildcard, Version::V3_1_1).unwrap()[..],
        b"\x30\x05\x00\x03a/#"
    );
    let no_id = Packet::Publish(packet::Publish {
        qos: QoS::AtLeastOnce,
        ..publish("a", 0)
    });
    assert_eq!(
        &encode(&no_id, Version::V3_1_1).unwrap()[..],
        b"\x32\x05\x00\x01a\x00\x00"
    );
    let empty = packet::Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![],
    };
    assert_eq!(
        &encode(&Packet::Subscribe(empty), Version::V5_0).unwrap()[..],
        b"\x82\x03\x00\x01\x00"
    );
    let dup = Packet::Publish(packet::Publish {
        dup: true,
        ..publish("a", 0)
    });
    assert_eq!(
        &encode(&dup, Version::V5_0).unwrap()[..],
        b"\x38\x04\x00\x01a\x00"
    );
}

#[test]
fn text_keeps_its_promise() {
    assert!(Text::from_bytes(Bytes::from_static(b"a\0")).is_err());
    assert!(Text::from_bytes(Bytes::from_static(b"\xED\xA0\x80")).is_err());
}

#[test]
fn a_violation_stays_short_and_printable_whatever_was_sent() {
    for letter in ["x", "\u{1b}", "\u{10ffff}", "\"", "é"] {
        let name = format!("\u{1b}[31m{}#", letter.repeat(16_000));
        let wildcard = encode(&Packet::Publish(publish(&name, 0)), Version::V3_1_1).unwrap();
        let violation =
            decode_one(&wildcard, Role::Client, Some(Version::V3_1_1)).expect_err("a wildcard");
        let words = violation.to_string();
        assert!(
            words.len() < 250 && !words.chars().any(char::is_control),
            "{words}"
        );
    }
}
