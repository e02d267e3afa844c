//! What is written is read, and what is read is written: any valid packet, any split, several packets in a row, every
//! vector.

use crate::{
    check::{canonical, check},
    strategies::{packet, sent},
};
use bytes::{Bytes, BytesMut};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use squall_protocol::{
    EncodeError, PROPERTIES, Packet, PacketType, Properties, Property, QoS, REASONS, ReasonCode,
    Role, Version, encode, encode_into, packet::Publish,
};
use std::collections::BTreeSet;

fn known(packet: &Packet, version: Version) -> Option<Version> {
    (!matches!(packet, Packet::Connect(_))).then_some(version)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn decode_reads_what_encode_wrote((role, version, packet) in sent()) {
        let wire = encode(&packet, version).unwrap();
        prop_assert!(canonical(&wire, version));
        let mut out = BytesMut::from(&b"before"[..]);
        encode_into(&packet, version, &mut out).unwrap();
        prop_assert_eq!(&out[6..], &wire[..]);
        let read = check(&wire, role, known(&packet, version));
        prop_assert_eq!(read.violation, None);
        let packets: Vec<_> = read.frames.into_iter().map(|frame| frame.packet).collect();
        prop_assert_eq!(packets, [packet]);
    }

    #[test]
    fn packets_in_a_row_are_read_one_by_one(
        packets in vec(packet(Role::Server, Version::V5_0), 2..6),
    ) {
        let wire: Vec<u8> = packets.iter().flat_map(|p| encode(p, Version::V5_0).unwrap().to_vec()).collect();
        let read = check(&wire, Role::Server, Some(Version::V5_0));
        prop_assert_eq!(read.violation, None);
        prop_assert_eq!(read.frames.into_iter().map(|f| f.packet).collect::<Vec<_>>(), packets);
    }
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let mut out = BytesMut::from(&b"before"[..]);
    let too_large = Property::SubscriptionIdentifier(268_435_456);
    let packet = Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a/b".into(),
        packet_id: None,
        properties: Properties::new().with(too_large),
        payload: Bytes::from_static(b"payload"),
    });
    assert_eq!(
        encode_into(&packet, Version::V5_0, &mut out),
        Err(EncodeError::IntegerTooLarge(268_435_456))
    );
    assert_eq!(out, "before");
}

#[test]
fn the_vectors_keep_what_holds_for_any_bytes() {
    for case in squall_vectors::valid() {
        let read = check(&case.wire, case.peer(), case.known());
        let ends = (read.frames.len(), read.violation);
        assert_eq!(ends, (1, None), "{}", case.label());
    }
    // Packets that are cut short wait for the rest.
    for case in squall_vectors::invalid() {
        let read = check(&case.wire, case.peer(), case.known());
        assert_eq!(read.frames, [], "{}", case.label());
    }
}

/// The Remaining Length and the Property Length at every border of their four sizes.
#[test]
fn lengths_at_their_borders() {
    let rest = |properties| squall_protocol::packet::Publish {
        dup: false,
        qos: squall_protocol::QoS::AtMostOnce,
        retain: false,
        topic: "t".into(),
        packet_id: None,
        properties,
        payload: bytes::Bytes::new(),
    };
    for border in [127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
        let empty = rest(Properties::new());
        // Topic Name takes 3 bytes and Property Length one.
        let payload = vec![0xA5; border - 4].into();
        let packet = Packet::Publish(squall_protocol::packet::Publish { payload, ..empty });
        let wire = encode(&packet, Version::V5_0).expect("it can be framed");
        assert_eq!(
            wire.len(),
            border + 1 + length_of_length(border),
            "Remaining Length {border}"
        );
        taken(&packet, &wire);

        let mut left = border;
        let mut properties = Properties::new();
        while left > 0 {
            // A User Property takes 5 bytes and its two strings; what stays has to have room for another.
            let mut long = left.min(5 + 60_000);
            if left > long && left - long < 5 {
                long -= 5;
            }
            properties.push(Property::UserProperty(
                "".into(),
                "v".repeat(long - 5).into(),
            ));
            left -= long;
        }
        let packet = Packet::Publish(rest(properties));
        let wire = encode(&packet, Version::V5_0).expect("it can be framed");
        let length = length_of_length(border);
        assert_eq!(
            wire.len(),
            1 + length_of_length(3 + length + border) + 3 + length + border,
            "Property Length {border}"
        );
        taken(&packet, &wire);
    }
}

/// Bytes that a variable byte integer takes (table 1-1 of 5.0).
fn length_of_length(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

fn taken(packet: &Packet, wire: &bytes::Bytes) {
    let frame = squall_protocol::decode_one(wire, Role::Server, Some(Version::V5_0));
    assert!(frame.is_ok_and(|frame| frame.packet == *packet && frame.bytes == *wire));
}

/// A packet, its sender, its version, and what may stand in it: a property, a will property or a reason code.
type Place = (&'static str, Role, &'static str, String);

fn places(packet: PacketType, role: Role, version: Version) -> impl Fn(String) -> Place {
    move |what| (packet.name(), role, version.as_str(), what)
}

/// What one packet shows.
fn shown(packet: &Packet, role: Role, version: Version) -> Vec<Place> {
    let here = places(packet.packet_type(), role, version);
    let (properties, reasons): (&Properties, &[ReasonCode]) = match packet {
        Packet::Connect(p) => (&p.properties, &[]),
        Packet::ConnAck(p) => (&p.properties, &[p.reason]),
        Packet::Publish(p) => (&p.properties, &[]),
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            (&p.properties, &[p.reason])
        }
        Packet::Subscribe(p) => (&p.properties, &[]),
        Packet::SubAck(p) => (&p.properties, &p.reasons),
        Packet::Unsubscribe(p) => (&p.properties, &[]),
        Packet::UnsubAck(p) => (&p.properties, &p.reasons),
        Packet::PingReq | Packet::PingResp => return vec![here("itself".into())],
        Packet::Disconnect(p) => (&p.properties, &[p.reason]),
        Packet::Auth(p) => (&p.properties, &[p.reason]),
    };
    let mut all = vec![here("itself".into())];
    all.extend(properties.iter().map(|p| here(p.spec().name.to_owned())));
    all.extend(reasons.iter().map(|reason| here(reason.to_string())));
    if let Packet::Connect(p) = packet {
        let will = p.will.iter().flat_map(|will| &will.properties);
        all.extend(will.map(|p| here(format!("will: {}", p.spec().name))));
    }
    all
}

/// What the tables allow.
fn allowed() -> BTreeSet<Place> {
    let mut all = BTreeSet::new();
    let v5 = Version::V5_0;
    for role in [Role::Client, Role::Server] {
        for version in Version::ALL {
            for packet in may_send(role, version) {
                all.insert(places(packet, role, version)("itself".into()));
            }
        }
        for spec in PROPERTIES {
            for packet in may_send(role, v5) {
                let own = (packet, role, spec.name);
                // [MQTT-3.3.4-6], [MQTT-3.14.2-2]
                let never = own == (PacketType::Publish, Role::Client, "Subscription Identifier")
                    || own
                        == (
                            PacketType::Disconnect,
                            Role::Server,
                            "Session Expiry Interval",
                        );
                if spec.packets.contains(&packet) && !never {
                    all.insert(places(packet, role, v5)(spec.name.to_owned()));
                }
            }
            if spec.in_will && role == Role::Client {
                all.insert(places(PacketType::Connect, role, v5)(format!(
                    "will: {}",
                    spec.name
                )));
            }
        }
        for spec in REASONS {
            for (packet, roles) in spec.packets {
                if roles.contains(&role) {
                    all.insert(places(*packet, role, v5)(spec.code.to_string()));
                }
            }
        }
    }
    all
}

/// Tables 2.1 of 3.1.1 and 2-1 of 5.0.
fn may_send(role: Role, version: Version) -> impl Iterator<Item = PacketType> {
    use PacketType::*;
    PacketType::ALL
        .into_iter()
        .filter(move |packet| match (packet, role, version) {
            (Connect | Subscribe | Unsubscribe | PingReq, ..) => role == Role::Client,
            (ConnAck | SubAck | UnsubAck | PingResp, ..) => role == Role::Server,
            (Disconnect, Role::Server, Version::V3_1_1) | (Auth, _, Version::V3_1_1) => false,
            _ => true,
        })
}

/// The packets of the other tests are no narrow choice: every packet of both senders and versions, every property and
/// reason code in each packet that may carry it.
#[test]
fn the_generated_packets_cover_the_tables() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut missing = allowed();
    for _ in 0..20_000 {
        let tree = sent().new_tree(&mut runner).expect("nothing is rejected");
        let (role, version, packet) = tree.current();
        for place in shown(&packet, role, version) {
            missing.remove(&place);
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never generated: {missing:#?}");
}
