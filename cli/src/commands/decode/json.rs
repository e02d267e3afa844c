//! A packet as programs read it: one JSON object, which `squall encode` makes into the same bytes again.

use super::stream::{Decoded, WHOLE, count};
use crate::exit::{CliError, Result};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use squall_protocol::{
    PacketType, Violation, ViolationKind,
    hex::{Compact, compact},
    json::{key, to_fields},
    layout::{Field, FieldValue, Group},
};

/// Fields of a packet that are shown as JSON, which takes far more room than the packet.
const JSON_FIELDS: usize = 100_000;

impl Decoded {
    /// Whether it is small enough to be printed as JSON, which has all of its bytes.
    pub(super) fn check_json(&self) -> Result<()> {
        let refused = |what: String| {
            let at = self.at;
            let message = format!("the packet at byte {at} {what}");
            Err(CliError::input(message)
                .help("without --format json it is shown as far as it goes"))
        };
        match self.there {
            Some(there) if there > self.bytes.len() => refused(format!(
                "takes {}, and one of more than {WHOLE} is not printed as JSON",
                count(there)
            )),
            None => refused(format!(
                "has no length, and more than {WHOLE} bytes follow it: they are not printed as JSON"
            )),
            Some(_) if self.inspection.fields.len() > JSON_FIELDS => refused(format!(
                "has more than {JSON_FIELDS} fields, which are not printed as JSON"
            )),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn as_json(&self) -> String {
        let (fields, violation) = match &self.inspection.result {
            Ok(frame) => (to_fields(&frame.packet, self.version), Value::Null),
            Err(violation) => (Map::new(), violation_as_json(violation)),
        };
        let object = Object {
            valid: violation.is_null(),
            mqtt: self.version.as_str(),
            assumed: self.assumed,
            from: self.from.to_string(),
            offset: self.at,
            hex: Hex(&self.bytes),
            packet: self.packet_type().map(PacketType::name),
            fields,
            violation,
            layout: Layout(&self.inspection.fields),
        };
        serde_json::to_string(&object).expect("nothing in it can fail")
    }
}

fn violation_as_json(violation: &Violation) -> Value {
    json!({
        "kind": match violation.kind() {
            ViolationKind::Malformed => "malformed",
            ViolationKind::ProtocolError => "protocol",
        },
        "statements": violation.statements(),
        "offset": violation.offset,
        "reason": format!("0x{:02X}", violation.reason().0),
        "message": violation.message,
    })
}

/// A packet as it is printed. Long values are written as they come, without a copy of their digits.
#[derive(Serialize)]
struct Object<'a> {
    valid: bool,
    mqtt: &'static str,
    assumed: bool,
    from: String,
    offset: usize,
    hex: Hex<'a>,
    packet: Option<&'static str>,
    fields: Map<String, Value>,
    violation: Value,
    layout: Layout<'a>,
}

/// Bytes as hex digits.
struct Hex<'a>(&'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&Compact(self.0))
    }
}

/// The fields of a packet with their places, one after the other.
struct Layout<'a>(&'a [Field]);

impl Serialize for Layout<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(field_as_json))
    }
}

fn field_as_json(field: &Field) -> Value {
    let value = match &field.value {
        FieldValue::Integer(n) => json!(n),
        FieldValue::Text(text) => json!(text.as_str()),
        FieldValue::Binary(bytes) => json!({ "hex": compact(bytes) }),
        FieldValue::Pair(name, value) => json!([name.as_str(), value.as_str()]),
    };
    let mut object = json!({
        "field": key(field.name),
        "offset": field.offset,
        "length": field.len,
        "value": value,
    });
    if let Some(group) = field.group {
        object["in"] = json!(match group {
            Group::Properties => "properties",
            Group::WillProperties => "will_properties",
        });
    }
    object
}
