//! Every property identifier in every packet from both ends, against table 2-4 of 5.0 written out again, with every
//! value of a byte and the borders of everything else.

use crate::{
    check::check,
    framing::{fault, framed},
};
use bytes::Bytes;
use squall_protocol::{PropertyId, Role, Rule, Version};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Byte,
    Two,
    Four,
    Variable,
    Binary,
    Text,
    Pair,
}
use Type::*;

/// Table 2-4 of section 2.2.2.2: identifier, type, where it may stand.
#[rustfmt::skip]
const TABLE: &[(u8, Type, &str)] = &[
    (0x01, Byte, "PUBLISH, Will Properties"),
    (0x02, Four, "PUBLISH, Will Properties"),
    (0x03, Text, "PUBLISH, Will Properties"),
    (0x08, Text, "PUBLISH, Will Properties"),
    (0x09, Binary, "PUBLISH, Will Properties"),
    (0x0B, Variable, "PUBLISH, SUBSCRIBE"),
    (0x11, Four, "CONNECT, CONNACK, DISCONNECT"),
    (0x12, Text, "CONNACK"),
    (0x13, Two, "CONNACK"),
    (0x15, Text, "CONNECT, CONNACK, AUTH"),
    (0x16, Binary, "CONNECT, CONNACK, AUTH"),
    (0x17, Byte, "CONNECT"),
    (0x18, Four, "Will Properties"),
    (0x19, Byte, "CONNECT"),
    (0x1A, Text, "CONNACK"),
    (0x1C, Text, "CONNACK, DISCONNECT"),
    (0x1F, Text, "CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH"),
    (0x21, Two, "CONNECT, CONNACK"),
    (0x22, Two, "CONNECT, CONNACK"),
    (0x23, Two, "PUBLISH"),
    (0x24, Byte, "CONNACK"),
    (0x25, Byte, "CONNACK"),
    (0x26, Pair, "CONNECT, CONNACK, PUBLISH, Will Properties, PUBACK, PUBREC, PUBREL, PUBCOMP, \
                  SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH"),
    (0x27, Four, "CONNECT, CONNACK"),
    (0x28, Byte, "CONNACK"),
    (0x29, Byte, "CONNACK"),
    (0x2A, Byte, "CONNACK"),
];

/// A packet with properties: name, who sends it, first byte, what stands before the Property Length and after the
/// properties.
struct Place {
    name: &'static str,
    senders: &'static [Role],
    first: u8,
    front: &'static [u8],
    back: &'static [u8],
}

const CLIENT: &[Role] = &[Role::Client];
const SERVER: &[Role] = &[Role::Server];
const BOTH: &[Role] = &[Role::Client, Role::Server];

const fn place(
    name: &'static str,
    senders: &'static [Role],
    first: u8,
    front: &'static [u8],
    back: &'static [u8],
) -> Place {
    Place {
        name,
        senders,
        first,
        front,
        back,
    }
}

#[rustfmt::skip]
const PLACES: &[Place] = &[
    place("CONNECT", CLIENT, 0x10, b"\0\x04MQTT\x05\x02\0\x3C", b"\0\0"),
    place("Will Properties", CLIENT, 0x10, b"\0\x04MQTT\x05\x06\0\x3C\0\0\0", b"\0\x01t\0\0"),
    place("CONNACK", SERVER, 0x20, b"\0\0", b""),
    place("PUBLISH", BOTH, 0x32, b"\0\x01t\0\x01", b"payload"),
    place("PUBACK", BOTH, 0x40, b"\0\x01\0", b""),
    place("PUBREC", BOTH, 0x50, b"\0\x01\0", b""),
    place("PUBREL", BOTH, 0x62, b"\0\x01\0", b""),
    place("PUBCOMP", BOTH, 0x70, b"\0\x01\0", b""),
    place("SUBSCRIBE", CLIENT, 0x82, b"\0\x01", b"\0\x01t\0"),
    place("SUBACK", SERVER, 0x90, b"\0\x01", b"\0"),
    place("UNSUBSCRIBE", CLIENT, 0xA2, b"\0\x01", b"\0\x01t"),
    place("UNSUBACK", SERVER, 0xB0, b"\0\x01", b"\0"),
    place("DISCONNECT", BOTH, 0xE0, b"\0", b""),
    place("AUTH", BOTH, 0xF0, b"\x18", b""),
];

impl Place {
    fn allows(&self, id: u8) -> bool {
        let row = TABLE.iter().find(|(known, ..)| *known == id);
        row.is_some_and(|(.., places)| places.split(", ").any(|name| name == self.name))
    }

    /// The packet with these properties. AUTH needs an Authentication Method [X-5.0-auth-3], and so does
    /// Authentication Data in CONNECT [X-5.0-auth-1].
    fn with(&self, id: u8, properties: &[u8]) -> Bytes {
        let lone_data = self.name == "CONNECT" && id == 0x16;
        let method: &[u8] = match (self.name == "AUTH" && id != 0x15) || lone_data {
            true => b"\x15\0\x01m",
            false => b"",
        };
        // Property Length and Remaining Length are written alike.
        let list = [method, properties].concat();
        let length = &framed(0, &list)[1..];
        framed(self.first, &[self.front, length, self.back].concat())
    }
}

/// An identifier as a variable byte integer, and one value.
fn property(id: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = match id {
        0x80.. => vec![id, 1],
        _ => vec![id],
    };
    bytes.extend(value);
    bytes
}

/// A value of the type that no rule forbids.
fn harmless(kind: Type) -> &'static [u8] {
    match kind {
        Byte => &[1],
        Two => &[0, 1],
        Four => &[0, 0, 0, 1],
        Variable => &[1],
        Binary | Text => &[0, 1, b'x'],
        Pair => &[0, 1, b'k', 0, 1, b'v'],
    }
}

/// The rule that a property breaks whatever its value: it does not exist, or not here, or not from this end.
fn misplaced(place: &Place, from: Role, id: u8) -> Option<Rule> {
    if !TABLE.iter().any(|(known, ..)| *known == id) {
        return Some(Rule::PropertyUnknown(PropertyId(id)));
    }
    match (place.name, from, id) {
        _ if !place.allows(id) => Some(Rule::PropertyNotAllowed(PropertyId(id))),
        // [MQTT-3.3.4-6]
        ("PUBLISH", Role::Client, 0x0B) => Some(Rule::SubscriptionIdentifierFromClient),
        // [MQTT-3.14.2-2]
        ("DISCONNECT", Role::Server, 0x11) => Some(Rule::SessionExpiryFromServer),
        _ => None,
    }
}

fn cases() -> impl Iterator<Item = (&'static Place, Role)> {
    let senders = |place: &'static Place| place.senders.iter().map(move |from| (place, *from));
    PLACES.iter().flat_map(senders)
}

#[test]
fn every_identifier_in_every_packet() {
    for (place, from) in cases() {
        for id in 0..=u8::MAX {
            let row = TABLE.iter().find(|(known, ..)| *known == id);
            let value = row.map_or(&[0][..], |(_, kind, _)| harmless(*kind));
            let wire = place.with(id, &property(id, value));
            check(&wire, from, Some(Version::V5_0));
            let found = fault(&wire, from, Version::V5_0);
            let expected = misplaced(place, from, id);
            assert_eq!(
                found, expected,
                "0x{id:02X} in {} from a {from}",
                place.name
            );
        }
    }
}

/// Only User Property, and Subscription Identifier in a server's PUBLISH, may stand twice (2.2.2.2, 3.3.2.3.8).
#[test]
fn every_property_twice() {
    for (place, from) in cases() {
        for (id, kind, _) in TABLE {
            if misplaced(place, from, *id).is_some() {
                continue;
            }
            let twice = [
                property(*id, harmless(*kind)),
                property(*id, harmless(*kind)),
            ]
            .concat();
            let wire = place.with(*id, &twice);
            check(&wire, from, Some(Version::V5_0));
            let found = fault(&wire, from, Version::V5_0);
            let expected = match (id, place.name) {
                (0x26, _) | (0x0B, "PUBLISH") => None,
                (_, "Will Properties") => Some(Rule::WillPropertyRepeated(PropertyId(*id))),
                _ => Some(Rule::PropertyRepeated(PropertyId(*id))),
            };
            assert_eq!(found, expected, "0x{id:02X} in {}", place.name);
        }
    }
}

/// The integers worth a try, as they are written.
fn integers(kind: Type) -> Vec<(u32, Vec<u8>)> {
    let two = [0, 1, 2, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF];
    let four = [
        0,
        1,
        2,
        0xFFFF,
        0x1_0000,
        0x7FFF_FFFF,
        0x8000_0000,
        u32::MAX,
    ];
    match kind {
        Byte => (0..=u8::MAX).map(|v| (v.into(), vec![v])).collect(),
        Two => two.map(|v: u16| (v.into(), v.to_be_bytes().into())).into(),
        Four => four.map(|v: u32| (v, v.to_be_bytes().into())).into(),
        Variable => vec![
            (0, vec![0]),
            (1, vec![1]),
            (127, vec![0x7F]),
            (128, vec![0x80, 1]),
            (16_383, vec![0xFF, 0x7F]),
            (16_384, vec![0x80, 0x80, 1]),
            (2_097_151, vec![0xFF, 0xFF, 0x7F]),
            (2_097_152, vec![0x80, 0x80, 0x80, 1]),
            (268_435_455, vec![0xFF, 0xFF, 0xFF, 0x7F]),
        ],
        Binary | Text | Pair => Vec::new(),
    }
}

/// Every byte property of 5.0 is 0 or 1; four others may not be 0.
#[test]
fn every_integer_at_its_borders() {
    for (place, from) in cases() {
        for (id, kind, _) in TABLE {
            if misplaced(place, from, *id).is_some() {
                continue;
            }
            for (value, written) in integers(*kind) {
                let wire = place.with(*id, &property(*id, &written));
                check(&wire, from, Some(Version::V5_0));
                let found = fault(&wire, from, Version::V5_0);
                let out_of_range = Some(Rule::PropertyOutOfRange(PropertyId(*id)));
                let expected = match (kind, id, value) {
                    (Byte, _, 2..) => out_of_range,
                    // Receive Maximum, Maximum Packet Size, Subscription Identifier.
                    (_, 0x21 | 0x27 | 0x0B, 0) => out_of_range,
                    (_, 0x23, 0) => Some(Rule::TopicAliasZero),
                    _ => None,
                };
                assert_eq!(found, expected, "0x{id:02X} {value} in {}", place.name);
            }
        }
    }
}

/// A value that ends with the properties before it is complete, and one byte too many after it.
#[test]
fn every_value_cut_short() {
    for (place, from) in cases() {
        for (id, kind, _) in TABLE {
            if misplaced(place, from, *id).is_some() {
                continue;
            }
            let whole = property(*id, harmless(*kind));
            for len in 1..whole.len() {
                let wire = place.with(*id, &whole[..len]);
                check(&wire, from, Some(Version::V5_0));
                let found = fault(&wire, from, Version::V5_0);
                let expected = Some(Rule::PropertyLengthWrong);
                assert_eq!(
                    found, expected,
                    "0x{id:02X} of {len} bytes in {}",
                    place.name
                );
            }
            let surplus = [&whole[..], &[0]].concat();
            let wire = place.with(*id, &surplus);
            let found = fault(&wire, from, Version::V5_0);
            let expected = Some(Rule::PropertyUnknown(PropertyId(0)));
            assert_eq!(found, expected, "0x{id:02X} and 0x00 in {}", place.name);
        }
    }
}

/// Variable byte integers that are padded [MQTT-1.5.5-1] or do not end with their fourth byte: the value of a
/// Subscription Identifier, a property identifier, the Property Length.
#[test]
fn every_variable_byte_integer() {
    const PADDED: [&[u8]; 3] = [&[0x81, 0], &[0x81, 0x80, 0], &[0x81, 0x80, 0x80, 0]];
    const TOO_LONG: [&[u8]; 2] = [&[0x81, 0x80, 0x80, 0x80, 0], &[0xFF; 6]];
    let rules = PADDED
        .map(|bytes| (bytes, Rule::VariableByteIntegerPadded))
        .into_iter()
        .chain(TOO_LONG.map(|bytes| (bytes, Rule::VariableByteIntegerTooLong)));
    for (bytes, rule) in rules {
        for (place, from) in cases() {
            let wire = place.with(0, bytes);
            check(&wire, from, Some(Version::V5_0));
            let found = fault(&wire, from, Version::V5_0);
            assert_eq!(
                found,
                Some(rule),
                "identifier {bytes:02X?} in {}",
                place.name
            );

            let wire = framed(place.first, &[place.front, bytes, &[0; 8]].concat());
            check(&wire, from, Some(Version::V5_0));
            let found = fault(&wire, from, Version::V5_0);
            assert_eq!(found, Some(rule), "length {bytes:02X?} in {}", place.name);

            if place.allows(0x0B) && misplaced(place, from, 0x0B).is_none() {
                let wire = place.with(0x0B, &property(0x0B, bytes));
                let found = fault(&wire, from, Version::V5_0);
                assert_eq!(found, Some(rule), "value {bytes:02X?} in {}", place.name);
            }
        }
    }
}

/// The Property Length one less and one more than the properties take.
#[test]
fn property_lengths_that_are_wrong() {
    for (place, from) in cases() {
        // One byte less cuts the value of the User Property; more than the packet has is too much.
        let whole = property(0x26, harmless(Pair));
        let method: &[u8] = if place.name == "AUTH" {
            b"\x15\0\x01m"
        } else {
            b""
        };
        let list = [method, &whole].concat();
        for (claim, context) in [(list.len() - 1, "less"), (list.len() + 40, "more")] {
            let length = [claim as u8];
            let body = [place.front, &length[..], &list, place.back].concat();
            let wire = framed(place.first, &body);
            check(&wire, from, Some(Version::V5_0));
            let found = fault(&wire, from, Version::V5_0);
            assert_eq!(
                found,
                Some(Rule::PropertyLengthWrong),
                "{context} in {}",
                place.name
            );
        }
    }
}

/// A Payload Format Indicator of 1 promises UTF-8 (3.3.2.3.2, 3.1.3.2.3); 0, or none, promises nothing.
#[test]
fn every_payload_format() {
    let payloads: [(&[u8], bool); 5] = [
        (b"", true),
        (b"text", true),
        // Not a string of MQTT: the null character may stand in a payload.
        (b"\0", true),
        (b"\xFF", false),
        (b"\xED\xA0\x80", false),
    ];
    for (payload, is_text) in payloads {
        for (indicator, promised) in [
            (&b"\0"[..], false),
            (b"\x02\x01\0", false),
            (b"\x02\x01\x01", true),
        ] {
            let publish = [b"\0\x01t", indicator, payload].concat();
            let length = [0, payload.len() as u8];
            let will = [
                b"\0\x04MQTT\x05\x06\0\x3C\0\0\0",
                indicator,
                b"\0\x01t",
                &length[..],
                payload,
            ]
            .concat();
            for wire in [framed(0x30, &publish), framed(0x10, &will)] {
                let version = (wire[0] == 0x30).then_some(Version::V5_0);
                check(&wire, Role::Client, version);
                let found = fault(&wire, Role::Client, Version::V5_0);
                let expected = (promised && !is_text).then_some(Rule::PayloadNotUtf8);
                assert_eq!(found, expected, "{payload:02X?} with {indicator:02X?}");
            }
        }
    }
}
