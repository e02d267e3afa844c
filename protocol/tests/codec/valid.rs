//! Literal packets that the standard allows: what they say, and the bytes they are written in.

use crate::notation::bytes;
use serde_json::Value;
use squall_protocol::{Decoder, Frame, Packet, Role, Version, decode_one, encode, json};
use squall_vectors::{Case, bytes_of_hex};

fn read(case: &Case) -> Frame {
    decode_one(&case.wire, case.peer(), case.known())
        .unwrap_or_else(|violation| panic!("{}: {violation}", case.label()))
}

#[test]
fn each_says_what_its_bytes_say() {
    for case in squall_vectors::valid() {
        let expected = case.vector.valid.as_ref().expect("a valid vector");
        let frame = read(&case);
        let packet = frame.packet.packet_type();
        let fields = Value::Object(json::to_fields(&frame.packet, case.version));
        assert_eq!(frame.bytes, case.wire);
        assert_eq!(packet.to_string(), expected.packet, "{}", case.label());
        assert_eq!(fields, expected.fields, "{}", case.label());
        let from_fields = json::from_fields(packet, &expected.fields, case.version);
        assert_eq!(from_fields, Ok(frame.packet), "{}", case.label());
    }
}

#[test]
fn each_is_written_in_its_canonical_form() {
    for case in squall_vectors::valid() {
        let expected = case.vector.valid.as_ref().expect("a valid vector");
        let canonical = match &expected.canonical {
            Some(hex) => bytes_of_hex(hex),
            None => case.wire.clone(),
        };
        let again = encode(&read(&case).packet, case.version).expect("it was on the wire");
        assert_eq!(again, canonical, "{}", case.label());
        assert!(expected.canonical.is_none() || canonical.len() < case.wire.len());
    }
}

/// A decoder that knows what it has to know before this packet.
fn decoder(case: &Case) -> Decoder {
    let mut decoder = Decoder::new(case.peer());
    if let Some(version) = case.known() {
        decoder.set_version(version);
    }
    decoder
}

#[test]
fn any_split_gives_the_same_packet() {
    for case in squall_vectors::valid().filter(|case| case.wire.len() < 1_000) {
        let (whole, wire) = (read(&case), &case.wire);
        for split in 0..wire.len() {
            let label = format!("{} split at {split}", case.label());
            let mut decoder = decoder(&case);
            decoder.push(&wire[..split]);
            assert_eq!(decoder.next_frame(), Ok(None), "{label}");
            decoder.push(&wire[split..]);
            assert_eq!(decoder.next_frame(), Ok(Some(whole.clone())), "{label}");
            assert_eq!((decoder.next_frame(), decoder.buffered()), (Ok(None), 0));
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same_packet() {
    for case in squall_vectors::valid() {
        let mut decoder = decoder(&case);
        let (last, most) = case.wire.split_last().expect("not empty");
        for byte in most {
            decoder.push(&[*byte]);
            assert_eq!(decoder.next_frame(), Ok(None), "{}", case.label());
        }
        decoder.push(&[*last]);
        assert_eq!(
            decoder.next_frame(),
            Ok(Some(read(&case))),
            "{}",
            case.label()
        );
    }
}

/// The reports' form: one line, and field by field. The files that go by packet type show every kind of field.
#[test]
fn packets_field_by_field() {
    let by_theme = ["large/", "properties/", "reason-codes/", "utf8/"];
    let mut out = String::new();
    let mut last = "";
    for case in squall_vectors::valid() {
        let name = &case.vector.name;
        if name == last || by_theme.iter().any(|theme| name.starts_with(theme)) {
            continue;
        }
        last = name;
        let packet = read(&case).packet;
        out += &format!("{name}: {}\n", packet.summary());
        for line in packet.describe(case.version) {
            out += &format!("    {line}\n");
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn the_first_connect_settles_the_version() {
    for (level, version) in [
        ("04 02 003C", Version::V3_1_1),
        ("05 02 003C 00", Version::V5_0),
    ] {
        let len = if version == Version::V5_0 { "0D" } else { "0C" };
        let mut decoder = Decoder::new(Role::Client);
        decoder.push(&bytes(&format!("10 {len} 0004 'MQTT' {level} 0000 C0 00")));
        assert_eq!(decoder.version(), None);
        assert_eq!(
            decoder
                .next_frame()
                .map(|f| f.map(|f| f.packet.summary().contains("CONNECT"))),
            Ok(Some(true))
        );
        assert_eq!(decoder.version(), Some(version));
        assert_eq!(
            decoder.next_frame().map(|f| f.map(|f| f.packet.summary())),
            Ok(Some("PINGREQ".to_owned()))
        );
    }
}

#[test]
fn long_fields_are_slices_of_the_packet_and_short_ones_are_not() {
    let publish = |payload: usize| {
        // Both lengths take two bytes.
        let (low, high) = (((payload + 5) % 128) | 0x80, (payload + 5) / 128);
        let wire = format!(
            "30 {low:02X} {high:02X} 0003 'a/b' {}",
            "78".repeat(payload)
        );
        let wire = bytes(&wire);
        let frame = decode_one(&wire, Role::Client, Some(Version::V3_1_1)).expect("valid");
        let Packet::Publish(publish) = frame.packet else {
            panic!("a PUBLISH")
        };
        assert_eq!(publish.payload.len(), payload);
        publish.payload.as_ptr() == wire[8..].as_ptr()
    };
    assert!(publish(600));
    assert!(!publish(400));
}
