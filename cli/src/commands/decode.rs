//! `squall decode`: the packets in some bytes, field by field.

use crate::{
    args::{Decode, Format},
    exit::{CliError, Ending, Result},
    input,
    screen::{self, Printer},
};
use bytes::Bytes;
use serde_json::{Value, json};
use squall_conformance::catalogue;
use squall_protocol::{
    PacketType, Role, Version, Violation, ViolationKind, inspect,
    json::{hex, key, to_fields},
    layout::{Field, FieldValue, Group, Inspection},
};
use std::fmt::Write as _;

pub(crate) fn run(args: &Decode) -> Result<Ending> {
    let bytes = Bytes::from(input::bytes(&args.input)?);
    if bytes.is_empty() {
        return Err(CliError::input("there are no bytes to decode"));
    }
    let mut out = Printer::new();
    let mut ending = Ending::Good;
    let mut hint = true;
    for mut decoded in Stream::new(bytes, args.from, args.mqtt) {
        if let Some((said, spoken)) = args.mqtt.zip(decoded.connect).filter(|(a, b)| a != b) {
            let at = decoded.at;
            screen::complain(&format!(
                "note: the CONNECT at byte {at} speaks MQTT {spoken}, and so does what follows it, whatever --mqtt {said} says"
            ));
        }
        if decoded.inspection.result.is_err() {
            ending = Ending::Failed;
            // Once is enough.
            decoded.hinting = std::mem::replace(&mut hint, false);
        }
        let text = match args.format {
            Format::Text => decoded.in_words(),
            Format::Json => plain(&decoded.as_json().to_string()),
        };
        if !out.line(&text)? {
            break;
        }
    }
    out.finish()?;
    Ok(ending)
}

/// The packets one peer sent, one after the other. A packet that breaks a rule does not end it as long as its length
/// is known: whoever reads a capture wants to see the rest too.
struct Stream {
    rest: Bytes,
    at: usize,
    from: Role,
    version: Version,
    /// Nobody said the version.
    assumed: bool,
}

/// One packet of a stream.
struct Decoded {
    /// Offset in the stream.
    at: usize,
    /// Its bytes; all that is left of the stream where its length is not known.
    bytes: Bytes,
    from: Role,
    version: Version,
    /// Nobody said the version.
    assumed: bool,
    /// The version that this packet, a CONNECT, says.
    connect: Option<Version>,
    /// Whether to say what else it may have been.
    hinting: bool,
    inspection: Inspection,
}

impl Stream {
    /// Who sends is told from the first packet if nobody says; 5.0 is assumed until a CONNECT says otherwise.
    fn new(bytes: Bytes, from: Option<Role>, version: Option<Version>) -> Self {
        let first = PacketType::from_number(bytes[0] >> 4);
        let from = from.unwrap_or(match first {
            Some(
                PacketType::ConnAck
                | PacketType::SubAck
                | PacketType::UnsubAck
                | PacketType::PingResp,
            ) => Role::Server,
            _ => Role::Client,
        });
        // A CONNACK of two bytes has no room for the properties of 5.0.
        let told = version.or_else(|| bytes.starts_with(&[0x20, 2]).then_some(Version::V3_1_1));
        Self {
            rest: bytes,
            at: 0,
            from,
            version: told.unwrap_or(Version::V5_0),
            assumed: told.is_none(),
        }
    }
}

impl Iterator for Stream {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        if self.rest.is_empty() {
            return None;
        }
        let inspection = inspect(&self.rest, self.from, Some(self.version));
        // A CONNECT has a version of its own, and so has what follows it.
        let connect = connect_version(&inspection).filter(|_| self.from == Role::Client);
        if let Some(version) = connect {
            self.version = version;
            self.assumed = false;
        }
        let len = whole_len(&inspection).unwrap_or(usize::MAX);
        let bytes = self.rest.split_to(len.min(self.rest.len()));
        let at = self.at;
        self.at += bytes.len();
        Some(Decoded {
            at,
            bytes,
            from: self.from,
            version: self.version,
            assumed: self.assumed,
            connect,
            hinting: true,
            inspection,
        })
    }
}

/// The version that a CONNECT says, also one that is broken further on.
fn connect_version(inspection: &Inspection) -> Option<Version> {
    let level = inspection
        .fields
        .iter()
        .find(|f| f.name == "Protocol Version")?;
    Version::ALL
        .into_iter()
        .find(|v| level.value == FieldValue::Integer(v.level().into()))
}

/// How long the packet is, if its fixed header says so.
fn whole_len(inspection: &Inspection) -> Option<usize> {
    let length = inspection.fields.get(1)?;
    match length.value {
        FieldValue::Integer(n) => Some(length.offset + length.len + n as usize),
        _ => None,
    }
}

impl Decoded {
    fn packet_type(&self) -> Option<PacketType> {
        match &self.inspection.result {
            Ok(frame) => Some(frame.packet.packet_type()),
            Err(violation) => violation.packet,
        }
    }

    fn as_json(&self) -> Value {
        let (fields, violation) = match &self.inspection.result {
            Ok(frame) => (to_fields(&frame.packet, self.version).into(), Value::Null),
            Err(violation) => (json!({}), violation_as_json(violation)),
        };
        json!({
            "valid": violation.is_null(),
            "mqtt": self.version.as_str(),
            "assumed": self.assumed,
            "from": self.from.to_string(),
            "offset": self.at,
            "hex": hex(&self.bytes),
            "packet": self.packet_type().map(PacketType::name),
            "fields": fields,
            "violation": violation,
            "layout": self.inspection.fields.iter().map(field_as_json).collect::<Vec<_>>(),
        })
    }

    fn in_words(&self) -> String {
        let mut text = String::new();
        let name = self
            .packet_type()
            .map_or("unknown packet", PacketType::name);
        let assumed = if self.assumed { " (assumed)" } else { "" };
        let mark = match self.inspection.result {
            Ok(_) => "✓",
            Err(_) => "✗",
        };
        let _ = writeln!(
            text,
            "{mark} {name}  MQTT {}{assumed} from {}, {} at offset {}",
            self.version,
            self.from,
            count(self.bytes.len()),
            self.at
        );
        let names: Vec<String> = self.inspection.fields.iter().map(name_column).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        for (field, name) in self.inspection.fields.iter().zip(names) {
            let bytes = self.bytes.get(field.offset..field.offset + field.len);
            let _ = writeln!(
                text,
                "{:>6}  {:<26}  {name:<width$}  {}",
                field.offset,
                hex_column(bytes.unwrap_or_default()),
                value_in_words(field)
            );
        }
        if let Err(violation) = &self.inspection.result {
            self.add_violation(&mut text, violation);
        }
        text
    }

    fn add_violation(&self, text: &mut String, violation: &Violation) {
        let bytes = self.bytes.get(violation.offset..).unwrap_or_default();
        // 3.1.1 has neither kinds of faults nor reason codes for them.
        let kind = match self.version {
            Version::V3_1_1 => "Violation".to_owned(),
            Version::V5_0 => format!("{} {}", violation.kind(), violation.reason()),
        };
        let _ = writeln!(
            text,
            "▸{:>5}  {:<26}  {kind}: {}",
            violation.offset,
            hex_column(bytes),
            violation.message
        );
        for id in violation.statements() {
            let says = catalogue::find(violation.version, id).map_or("", |s| s.says.as_str());
            let _ = writeln!(text, "        [{id}] {says}");
        }
        match whole_len(&self.inspection) {
            None => {
                let left = count(self.bytes.len());
                let _ = writeln!(
                    text,
                    "        Where this packet ends is not known: the {left} from here on are not read"
                );
            }
            Some(len) if len > self.bytes.len() => {
                let (there, whole) = (self.bytes.len(), count(len));
                let _ = writeln!(
                    text,
                    "        The input ends here, after {there} of {whole}: cut off, perhaps"
                );
            }
            Some(_) => {}
        }
        if let Some(hint) = self.hint().filter(|_| self.hinting) {
            let _ = writeln!(text, "        {hint}");
        }
    }

    /// What the reader may have meant: the same bytes are fine in the other version, or from the other end.
    fn hint(&self) -> Option<String> {
        let other = match self.version {
            Version::V3_1_1 => Version::V5_0,
            Version::V5_0 => Version::V3_1_1,
        };
        let peer = match self.from {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let fine = |from, version| inspect(&self.bytes, from, Some(version)).result.is_ok();
        if self.assumed && fine(self.from, other) {
            Some(format!(
                "MQTT {} is assumed; in {other} it is valid: --mqtt {other}",
                self.version
            ))
        } else if fine(peer, self.version) {
            Some(format!("It is valid from a {peer}: --from {peer}"))
        } else if self.assumed && fine(peer, other) {
            Some(format!(
                "It is valid from a {peer} in MQTT {other}: --from {peer} --mqtt {other}"
            ))
        } else {
            None
        }
    }
}

/// JSON whose strings have no character that a terminal would obey or hide.
fn plain(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' || c.escape_debug().len() == 1 {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
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

fn field_as_json(field: &Field) -> Value {
    let value = match &field.value {
        FieldValue::Integer(n) => json!(n),
        FieldValue::Text(text) => json!(text.as_str()),
        FieldValue::Binary(bytes) => json!({ "hex": hex(bytes) }),
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

/// The name; properties are indented.
fn name_column(field: &Field) -> String {
    let indent = if field.group.is_some() { "  " } else { "" };
    format!("{indent}{}", field.name)
}

/// As many bytes as fit the column.
fn hex_column(bytes: &[u8]) -> String {
    const SHOWN: usize = 8;
    let mut text: Vec<String> = bytes
        .iter()
        .take(SHOWN)
        .map(|b| format!("{b:02x}"))
        .collect();
    if bytes.len() > SHOWN {
        text.push("…".to_owned());
    }
    text.join(" ")
}

fn value_in_words(field: &Field) -> String {
    if let Some(meaning) = &field.meaning {
        return meaning.clone();
    }
    match &field.value {
        FieldValue::Integer(n) => n.to_string(),
        FieldValue::Text(text) => quoted(text),
        FieldValue::Pair(name, value) => format!("{} = {}", quoted(name), quoted(value)),
        FieldValue::Binary(bytes) => match std::str::from_utf8(bytes) {
            Ok("") => "empty".to_owned(),
            Ok(text) => format!("{} {}", count(bytes.len()), quoted(text)),
            Err(_) => count(bytes.len()),
        },
    }
}

fn count(bytes: usize) -> String {
    format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
}

/// Text of a peer, printable and cut to a line.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let end = text
        .char_indices()
        .nth(SHOWN)
        .map_or(text.len(), |(i, _)| i);
    let cut = if end < text.len() { "…" } else { "" };
    format!("\"{}{cut}\"", text[..end].escape_debug())
}
