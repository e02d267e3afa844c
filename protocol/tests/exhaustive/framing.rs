//! Packets around the field that a case is about.

use bytes::Bytes;
use squall_protocol::{Packet, Role, Rule, Version, decode_one};

/// A packet with this first byte and body.
pub(crate) fn framed(first: u8, body: &[u8]) -> Bytes {
    let mut wire = vec![first];
    let mut left = body.len();
    loop {
        let byte = u8::try_from(left % 128).expect("below 128");
        left /= 128;
        wire.push(if left > 0 { byte | 0x80 } else { byte });
        if left == 0 {
            break;
        }
    }
    wire.extend(body);
    wire.into()
}

/// The packet, or the rule it breaks and where.
pub(crate) fn read(wire: &Bytes, from: Role, version: Version) -> Result<Packet, (Rule, usize)> {
    let version = (wire[0] >> 4 != 1).then_some(version);
    decode_one(wire, from, version)
        .map(|frame| frame.packet)
        .map_err(|violation| (violation.rule, violation.offset))
}

/// The rule that is broken, if one is.
pub(crate) fn fault(wire: &Bytes, from: Role, version: Version) -> Option<Rule> {
    read(wire, from, version).err().map(|(rule, _)| rule)
}
