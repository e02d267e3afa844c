//! The packets of the collection break a rule, so they are read as a server would read them that does not see the fault.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use squall_protocol::Version;

/// Steps over the fixed header.
pub(super) fn body(bytes: &mut Bytes) -> Option<()> {
    byte(bytes)?;
    length(bytes).map(drop)
}

pub(super) fn byte(bytes: &mut Bytes) -> Option<u8> {
    bytes.has_remaining().then(|| bytes.get_u8())
}

pub(super) fn length(bytes: &mut Bytes) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = byte(bytes)?;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Bytes with their length in front, as properties have it.
pub(super) fn block(bytes: &mut Bytes) -> Option<Bytes> {
    let len = length(bytes)?;
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

/// Bytes with their length in two bytes in front.
pub(super) fn field(bytes: &mut Bytes) -> Option<Bytes> {
    let len = usize::from(byte(bytes)?) << 8 | usize::from(byte(bytes)?);
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

/// The QoS bits of a PUBLISH.
pub(super) fn qos_bits(wire: &[u8]) -> u8 {
    wire.first().map_or(0, |first| first >> 1 & 3)
}

/// The packet identifier of a packet that begins with one, or of a PUBLISH; `None` where there is none or it is 0.
pub(super) fn identifier(wire: &Bytes) -> Option<u16> {
    let mut bytes = wire.clone();
    body(&mut bytes)?;
    if wire[0] >> 4 == 3 {
        if qos_bits(wire) == 0 {
            return None;
        }
        field(&mut bytes)?;
    }
    let id = u16::from(byte(&mut bytes)?) << 8 | u16::from(byte(&mut bytes)?);
    (id != 0).then_some(id)
}

/// The byte after the packet identifier of an acknowledgement, or the first one of a DISCONNECT: its reason code.
pub(super) fn reason(wire: &Bytes, after_identifier: bool) -> Option<u8> {
    let mut bytes = wire.clone();
    body(&mut bytes)?;
    if after_identifier {
        byte(&mut bytes)?;
        byte(&mut bytes)?;
    }
    byte(&mut bytes)
}

/// The payload of a PUBLISH.
pub(super) fn payload(wire: &Bytes, version: Version) -> Option<Bytes> {
    let mut bytes = wire.clone();
    body(&mut bytes)?;
    field(&mut bytes)?;
    if qos_bits(wire) > 0 {
        byte(&mut bytes)?;
        byte(&mut bytes)?;
    }
    if version == Version::V5_0 {
        block(&mut bytes)?;
    }
    Some(bytes)
}

/// The same PUBLISH on another topic, byte for byte but for the topic and the Remaining Length, which keeps its
/// padding; `None` when it is not on topic `a`.
pub(super) fn on_topic(wire: &Bytes, topic: &str) -> Option<Bytes> {
    let mut rest = wire.clone();
    let first = byte(&mut rest)?;
    let before = rest.len();
    let len = length(&mut rest)?;
    let padding = (before - rest.len()).checked_sub(minimal(len))?;
    if first >> 4 != 3 || len != rest.len() || field(&mut rest)? != "a" {
        return None;
    }
    let topic_len = u16::try_from(topic.len()).ok()?;
    let len = 2 + topic.len() + rest.len();
    let mut out = BytesMut::new();
    out.put_u8(first);
    let bytes = minimal(len) + padding;
    for at in 0..bytes {
        let more = if at + 1 < bytes { 0x80 } else { 0 };
        out.put_u8((len >> (7 * at) & 0x7F) as u8 | more);
    }
    out.put_u16(topic_len);
    out.put_slice(topic.as_bytes());
    out.put_slice(&rest);
    (bytes <= 4).then(|| out.freeze())
}

/// The same acknowledgement of another packet identifier.
pub(super) fn with_identifier(wire: &Bytes, id: u16) -> Option<Bytes> {
    let mut rest = wire.clone();
    body(&mut rest)?;
    let at = wire.len() - rest.len();
    let mut out = BytesMut::from(&wire[..]);
    out.get_mut(at..at + 2)?.copy_from_slice(&id.to_be_bytes());
    Some(out.freeze())
}

/// Bytes that a length takes at least.
const fn minimal(len: usize) -> usize {
    match len {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(bytes: &'static [u8]) -> Bytes {
        Bytes::from_static(bytes)
    }

    #[test]
    fn a_topic_is_replaced_and_nothing_else() {
        let same = |from: &'static [u8], to: &'static [u8]| {
            assert_eq!(on_topic(&wire(from), "x/y").as_deref(), Some(to));
        };
        same(b"\x38\x03\0\x01a", b"\x38\x05\0\x03x/y");
        same(b"\x32\x06\0\x01a\0\x01\0", b"\x32\x08\0\x03x/y\0\x01\0");
        // The padding is the fault, so it stays.
        same(b"\x30\x84\x80\0\0\x01a\0", b"\x30\x86\x80\0\0\x03x/y\0");
        for other in [
            &b"\x30\x03\0\x01b"[..],
            b"\x30\x02\0\0",
            b"\x40\x02\0\x01",
            b"\x30",
        ] {
            assert_eq!(on_topic(&wire(other), "x/y"), None);
        }
    }

    #[test]
    fn a_long_topic_takes_a_longer_length() {
        let topic = "t".repeat(200);
        let long = on_topic(&wire(b"\x30\x04\0\x01ap"), &topic).unwrap();
        assert_eq!(&long[..5], b"\x30\xCB\x01\0\xC8");
        assert_eq!(long.len(), 1 + 2 + 203);
        assert_eq!(payload(&long, Version::V3_1_1).as_deref(), Some(&b"p"[..]));
    }

    #[test]
    fn identifiers_are_read_and_replaced() {
        assert_eq!(identifier(&wire(b"\x40\x03\0\x01\0")), Some(1));
        assert_eq!(identifier(&wire(b"\x40\x02\0\0")), None);
        assert_eq!(identifier(&wire(b"\x40\x01\x01")), None);
        assert_eq!(identifier(&wire(b"\x32\x06\0\x01a\x01\x02\0")), Some(0x102));
        assert_eq!(identifier(&wire(b"\x30\x04\0\x01a\0")), None);
        let other = with_identifier(&wire(b"\x40\x82\0\0\x01"), 0x1234);
        assert_eq!(other.as_deref(), Some(&b"\x40\x82\0\x12\x34"[..]));
        assert_eq!(with_identifier(&wire(b"\x40\x01\x01"), 7), None);
    }
}
