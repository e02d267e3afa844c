//! UTF-8 by the arithmetic of section 3 of RFC 3629: every sequence of two bytes, and every three and four at the
//! borders, as a Client Identifier; a selection in every other place that holds a string.

use crate::framing::{framed, read};
use squall_protocol::{Role, Rule, Version};

/// Where the bytes stop being UTF-8 or hold a null character, whichever comes first; `Ok` for a string MQTT allows.
fn judge(bytes: &[u8]) -> Result<(), (Fault, usize)> {
    let mut at = 0;
    while at < bytes.len() {
        let first = bytes[at];
        let (len, bits, smallest) = match first {
            0x00..=0x7F => (1, first, 0),
            0xC0..=0xDF => (2, first & 0x1F, 0x80),
            0xE0..=0xEF => (3, first & 0x0F, 0x800),
            0xF0..=0xF7 => (4, first & 0x07, 0x1_0000),
            _ => return Err((Fault::NotUtf8, at)),
        };
        let mut value = u32::from(bits);
        for after in 1..len {
            match bytes.get(at + after) {
                Some(byte) if byte & 0xC0 == 0x80 => value = value << 6 | u32::from(byte & 0x3F),
                _ => return Err((Fault::NotUtf8, at)),
            }
        }
        // Overlong, a surrogate, or beyond the last character.
        if value < smallest || (0xD800..0xE000).contains(&value) || value > 0x10_FFFF {
            return Err((Fault::NotUtf8, at));
        }
        if value == 0 {
            return Err((Fault::Null, at));
        }
        at += len;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NotUtf8,
    Null,
}

/// As the Client Identifier of a CONNECT.
fn client_identifier(text: &[u8]) {
    let mut body = b"\0\x04MQTT\x04\x02\0\x3C\0".to_vec();
    body.push(text.len() as u8);
    body.extend(text);
    let found = read(&framed(0x10, &body), Role::Client, Version::V3_1_1).map(drop);
    let expected = judge(text).map_err(|(fault, at)| match fault {
        Fault::NotUtf8 => (Rule::NotUtf8, 14 + at),
        Fault::Null => (Rule::NullCharacter, 14 + at),
    });
    assert_eq!(found, expected, "{text:02X?}");
}

#[test]
fn every_sequence_of_two_bytes() {
    for a in 0..=u8::MAX {
        for b in 0..=u8::MAX {
            client_identifier(&[a, b]);
        }
    }
}

#[test]
fn three_and_four_bytes_at_the_borders() {
    const BORDERS: [u8; 6] = [0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF];
    for a in 0xC0..=u8::MAX {
        for b in 0..=u8::MAX {
            for c in BORDERS {
                client_identifier(&[a, b, c]);
                for d in [0x7F, 0x80, 0xBF, 0xC0] {
                    client_identifier(&[a, b, c, d]);
                }
            }
        }
    }
}

/// Texts that are judged the same wherever a string may stand.
const TEXTS: &[&[u8]] = &[
    b"a",
    b"\0",
    b"a\0b",
    b"\x01\x1F\x7F",
    b"\xC0\x80",
    b"\xC2\x80",
    b"\xED\x9F\xBF",
    b"\xED\xA0\x80",
    b"\xED\xBF\xBF",
    b"\xEE\x80\x80",
    b"\xEF\xBB\xBF",
    b"\xEF\xBF\xBF",
    b"\xF0\x8F\xBF\xBF",
    b"\xF4\x8F\xBF\xBF",
    b"\xF4\x90\x80\x80",
    b"a\xE2\x82",
    b"\xFF",
];

/// A packet around a string: what it is, first byte, sender, version, and the bytes before and after.
type Place = (
    &'static str,
    u8,
    Role,
    Version,
    &'static [u8],
    &'static [u8],
);

#[rustfmt::skip]
const PLACES: &[Place] = &[
    ("Topic Name", 0x30, Role::Client, Version::V3_1_1, b"", b""),
    ("Topic Name", 0x32, Role::Server, Version::V5_0, b"", b"\0\x01\0"),
    ("Topic Filter", 0x82, Role::Client, Version::V3_1_1, b"\0\x01", b"\0"),
    ("Topic Filter", 0x82, Role::Client, Version::V5_0, b"\0\x01\0", b"\0"),
    ("Topic Filter", 0xA2, Role::Client, Version::V3_1_1, b"\0\x01", b""),
    ("Topic Filter", 0xA2, Role::Client, Version::V5_0, b"\0\x01\0", b""),
    ("Will Topic", 0x10, Role::Client, Version::V3_1_1, b"\0\x04MQTT\x04\x06\0\0\0\0", b"\0\0"),
    ("Will Topic", 0x10, Role::Client, Version::V5_0, b"\0\x04MQTT\x05\x06\0\0\0\0\0\0", b"\0\0"),
    ("User Name", 0x10, Role::Client, Version::V3_1_1, b"\0\x04MQTT\x04\x82\0\0\0\0", b""),
    ("User Name", 0x10, Role::Client, Version::V5_0, b"\0\x04MQTT\x05\x82\0\0\0\0\0", b""),
];

#[test]
fn every_place_of_a_string() {
    for (name, first, from, version, front, back) in PLACES {
        for text in TEXTS {
            let len = [0, text.len() as u8];
            let wire = framed(*first, &[front, &len[..], text, back].concat());
            let found = read(&wire, *from, *version).map(drop);
            let start = 2 + front.len() + 2;
            let expected = judge(text).map_err(|(fault, at)| match fault {
                Fault::NotUtf8 => (Rule::NotUtf8, start + at),
                Fault::Null => (Rule::NullCharacter, start + at),
            });
            assert_eq!(found, expected, "{name} {version}: {text:02X?}");
        }
    }
}

/// Identifier, first byte, the bytes before the Property Length, between identifier and string, and after it.
type StringProperty = (u8, u8, &'static [u8], &'static [u8], &'static [u8]);

#[rustfmt::skip]
const STRING_PROPERTIES: &[StringProperty] = &[
    (0x03, 0x30, b"\0\x01t", b"", b""),
    (0x08, 0x30, b"\0\x01t", b"", b""),
    (0x12, 0x20, b"\0\0", b"", b""),
    (0x15, 0x20, b"\0\0", b"", b""),
    (0x1A, 0x20, b"\0\0", b"", b""),
    (0x1C, 0x20, b"\0\0", b"", b""),
    (0x1F, 0x20, b"\0\0", b"", b""),
    (0x26, 0x20, b"\0\0", b"", b"\0\0"),
    (0x26, 0x20, b"\0\0", b"\0\0", b""),
];

/// Every string property (5.0), in a packet that may carry it; both strings of a User Property [MQTT-1.5.7-1].
#[test]
fn every_string_property() {
    for (id, first, front, before, after) in STRING_PROPERTIES {
        for text in TEXTS {
            let value = [before, &[0, text.len() as u8][..], text, after].concat();
            let properties = [&[value.len() as u8 + 1, *id][..], &value].concat();
            let wire = framed(*first, &[front, &properties[..]].concat());
            let found = read(&wire, Role::Server, Version::V5_0).map(drop);
            let start = 2 + front.len() + 2 + before.len() + 2;
            let expected = judge(text).map_err(|(fault, at)| match (fault, *id == 0x26) {
                (Fault::NotUtf8, false) => (Rule::NotUtf8, start + at),
                (Fault::Null, false) => (Rule::NullCharacter, start + at),
                (Fault::NotUtf8, true) => (Rule::UserPropertyNotUtf8, start + at),
                (Fault::Null, true) => (Rule::UserPropertyNullCharacter, start + at),
            });
            assert_eq!(found, expected, "0x{id:02X}: {text:02X?}");
        }
    }
}
