//! Literal packets that the standard allows: what they say, and the bytes they are written in.

use crate::{
    notation::bytes,
    vectors::{self, Vector},
};
use squall_protocol::{Decoder, Packet, Role, Version, decode_one, encode};

#[test]
fn each_says_what_its_bytes_say_and_is_written_again() {
    let mut wrong = Vec::new();
    for Vector {
        version,
        peer,
        notation,
        wire,
        rest,
    } in vectors::valid()
    {
        match decode_one(&wire, peer, version) {
            Err(violation) => wrong.push(format!("{notation}: {violation}")),
            Ok(frame) => {
                assert_eq!(frame.bytes, wire);
                assert_eq!(frame.packet.summary(), rest[0], "{notation}");
                let again = encode(&frame.packet, version.unwrap_or(Version::V5_0))
                    .expect("it was on the wire");
                if again != rest.get(1).map_or(wire, |canonical| bytes(canonical)) {
                    wrong.push(format!("{notation} is written as {again:02x?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_split_gives_the_same_packet() {
    for Vector {
        version,
        peer,
        notation,
        wire,
        ..
    } in vectors::valid()
    {
        let whole = decode_one(&wire, peer, version).expect("valid");
        for split in 0..wire.len() {
            let mut decoder = Decoder::new(peer);
            if let Some(version) = version {
                decoder.set_version(version);
            }
            decoder.push(&wire[..split]);
            assert_eq!(
                decoder.next_frame(),
                Ok(None),
                "{notation} split at {split}"
            );
            decoder.push(&wire[split..]);
            assert_eq!(
                decoder.next_frame(),
                Ok(Some(whole.clone())),
                "{notation} split at {split}"
            );
            assert_eq!((decoder.next_frame(), decoder.buffered()), (Ok(None), 0));
        }
    }
}

/// The reports' form, every packet of the table.
#[test]
fn packets_field_by_field() {
    let mut out = String::new();
    for Vector {
        version,
        peer,
        notation,
        wire,
        ..
    } in vectors::valid()
    {
        let frame = decode_one(&wire, peer, version).expect("valid");
        out += &format!("{notation}\n");
        for line in frame.packet.describe(version.unwrap_or(Version::V5_0)) {
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
fn payload_and_topic_are_slices_of_the_packet() {
    let wire = bytes("30 07 0003 'a/b' 'xy'");
    let frame = decode_one(&wire, Role::Client, Some(Version::V3_1_1)).expect("valid");
    let Packet::Publish(publish) = frame.packet else {
        panic!("a PUBLISH")
    };
    assert_eq!(publish.payload.as_ptr(), wire[7..].as_ptr());
    assert_eq!(publish.topic.as_str().as_ptr(), wire[4..].as_ptr());
}
