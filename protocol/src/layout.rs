//! Where each field of a packet stands and what it says.
//!
//! [`inspect`](crate::inspect) fills it in while decoding, so it is the codec's own reading of the bytes, up to the
//! fault where there is one. It does not judge anything.

use crate::{Frame, PacketType, Text, Violation, varint};
use bytes::Bytes;
use std::fmt;

/// What [`inspect`](crate::inspect) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The fields in the order of the wire; those before the fault when the packet breaks a rule.
    pub fields: Vec<Field>,
    /// The packet, or the rule it breaks.
    pub result: Result<Frame, Violation>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the standard.
    pub name: &'static str,
    /// Offset in bytes from the first byte of the packet. A string begins with its two bytes of length, a property
    /// with its identifier.
    pub offset: usize,
    /// How many bytes it takes.
    pub len: usize,
    /// What stands there.
    pub value: FieldValue,
    /// The value in words, where it is more than itself: bits of a byte, the name of a reason code.
    pub meaning: Option<String>,
    /// The list it belongs to, if it is a property.
    pub group: Option<Group>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// An integer of any width.
    Integer(u32),
    /// A UTF-8 encoded string.
    Text(Text),
    /// Binary data, or a string that is not UTF-8.
    Binary(Bytes),
    /// A string pair, the name and value of a User Property.
    Pair(Text, Text),
}

/// Which properties a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The packet's own.
    Properties,
    /// Those of the will message in CONNECT.
    WillProperties,
}

impl FieldValue {
    /// Two strings as one value; whatever else was read stays what it is.
    pub(crate) fn pair(a: Self, b: Self) -> Self {
        match (a, b) {
            (Self::Text(a), Self::Text(b)) => Self::Pair(a, b),
            (a, _) => a,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Properties => "Properties",
            Self::WillProperties => "Will Properties",
        })
    }
}

/// The fields of the fixed header, as far as they are there (section 2.2 of 3.1.1, 2.1 of 5.0).
pub(crate) fn header_fields(bytes: &[u8]) -> Vec<Field> {
    let Some(&first) = bytes.first() else {
        return Vec::new();
    };
    let field = |name, offset, len, value, meaning| Field {
        name,
        offset,
        len,
        value: FieldValue::Integer(value),
        meaning,
        group: None,
    };
    let meaning = first_byte_in_words(first);
    let mut fields = vec![field("Packet Type and Flags", 0, 1, first.into(), meaning)];
    if let varint::Scan::Whole { value, len, .. } = varint::scan(&bytes[1..]) {
        fields.push(field("Remaining Length", 1, len, value, None));
    }
    fields
}

fn first_byte_in_words(first: u8) -> Option<String> {
    let packet = PacketType::from_number(first >> 4)?;
    Some(match packet {
        PacketType::Publish => format!(
            "{packet}, DUP {}, QoS {}, RETAIN {}",
            first >> 3 & 1,
            first >> 1 & 3,
            first & 1
        ),
        _ => format!("{packet}, flags {:04b}", first & 0x0F),
    })
}

#[cfg(test)]
mod tests {
    use crate::{Role, Version, inspect};
    use bytes::Bytes;

    /// Offset, length, name and value of each field, and how it ended.
    fn read(version: Version, bytes: &'static [u8]) -> Vec<String> {
        let inspection = inspect(&Bytes::from_static(bytes), Role::Client, Some(version));
        let mut lines: Vec<String> = inspection
            .fields
            .iter()
            .map(|f| format!("{}+{} {} {:?}", f.offset, f.len, f.name, f.value))
            .collect();
        lines.push(match inspection.result {
            Ok(frame) => frame.packet.summary(),
            Err(violation) => violation.to_string(),
        });
        lines
    }

    #[test]
    fn fields_cover_the_packet_without_a_gap() {
        let lines = read(
            Version::V5_0,
            b"\x32\x12\x00\x01a\x00\x07\x0A\x23\x00\x01\x26\x00\x01k\x00\x01vhi",
        );
        assert_eq!(
            lines,
            [
                "0+1 Packet Type and Flags Integer(50)",
                "1+1 Remaining Length Integer(18)",
                "2+3 Topic Name Text(\"a\")",
                "5+2 Packet Identifier Integer(7)",
                "7+1 Property Length Integer(10)",
                "8+3 Topic Alias Integer(1)",
                "11+7 User Property Pair(\"k\", \"v\")",
                "18+2 Payload Binary(b\"hi\")",
                "PUBLISH a QoS 1 id 7 2 bytes",
            ]
        );
    }

    #[test]
    fn what_stands_in_front_of_a_fault_is_kept() {
        let lines = read(Version::V5_0, b"\x30\x08\x00\x01a\x03\x0B\x80\x01!");
        assert_eq!(
            lines,
            [
                "0+1 Packet Type and Flags Integer(48)",
                "1+1 Remaining Length Integer(8)",
                "2+3 Topic Name Text(\"a\")",
                "5+1 Property Length Integer(3)",
                "6+3 Subscription Identifier Integer(128)",
                "PUBLISH, byte 6: a client's PUBLISH carries a Subscription Identifier [MQTT-3.3.4-6]",
            ]
        );
        let lines = read(Version::V3_1_1, b"\x82\x80");
        assert_eq!(
            lines,
            [
                "0+1 Packet Type and Flags Integer(130)",
                "SUBSCRIBE, byte 2: the fixed header is cut short [X-3.1.1-conform-1]",
            ]
        );
    }
}
