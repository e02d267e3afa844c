//! `squall encode`: packets described in JSON, as bytes.

mod strict;

use crate::{
    args::Encode,
    exit::{CliError, Ending, Result},
    input,
    screen::{self, Printer},
};
use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};
use squall_protocol::{
    Packet, PacketType, Role, Rule, Version, Violation, decode_one, encode,
    json::{from_fields, hex},
};
use strict::Strict;

pub(crate) fn run(args: &Encode) -> Result<Ending> {
    let text = input::text(&args.input)?;
    let packets = read(&text, args.mqtt)?;
    if packets.is_empty() {
        return Err(CliError::input("there is no packet to encode"));
    }
    let mut out = Printer::new();
    for (n, packet) in packets.iter().enumerate() {
        if let Some(note) = &packet.note {
            screen::complain(&format!("note: packet {}: {note}", n + 1));
        }
        let going_on = if args.raw {
            out.raw(&packet.bytes)?
        } else {
            out.line(&hex(&packet.bytes))?
        };
        if !going_on {
            break;
        }
    }
    out.finish()?;
    Ok(Ending::Good)
}

/// A packet to write.
struct Encoded {
    bytes: Bytes,
    /// What the writer of the packet should know about it.
    note: Option<String>,
}

/// Every packet of the text: objects one after the other, or in lists.
fn read(text: &str, mqtt: Option<Version>) -> Result<Vec<Encoded>> {
    let mut packets = Vec::new();
    let mut version = mqtt;
    for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let raw = raw.map_err(|e| no_json(&e))?;
        let objects: Vec<&RawValue> = match raw.get().starts_with('[') {
            true => serde_json::from_str(raw.get()).map_err(|e| no_json(&e))?,
            false => vec![raw],
        };
        for object in objects {
            let place = || {
                let at = object.get().as_ptr() as usize - text.as_ptr() as usize;
                let (line, column) = position(text, at);
                format!(
                    "packet {} (line {line}, column {column})",
                    packets.len() + 1
                )
            };
            let packet = serde_json::from_str(object.get())
                .map_err(|e| e.to_string())
                .and_then(|Strict(value)| one(&value, &mut version))
                .map_err(|e| CliError::input(format!("{}: {e}", place())).help(HELP))?;
            packets.push(packet);
        }
    }
    Ok(packets)
}

const HELP: &str =
    "`squall decode 30 04 0001 61 00 --format json` shows what such an object looks like";

fn no_json(error: &serde_json::Error) -> CliError {
    CliError::input(format!("this is no JSON: {error}"))
        .help("packets are JSON objects, one after the other or in a list [..., ...]")
}

/// Keys of an object, as `squall decode` prints it.
const KEYS: [&str; 10] = [
    "valid",
    "mqtt",
    "assumed",
    "from",
    "offset",
    "hex",
    "packet",
    "fields",
    "violation",
    "layout",
];

fn one(object: &Value, version: &mut Option<Version>) -> std::result::Result<Encoded, String> {
    let Value::Object(map) = object else {
        return Err(
            "an object is wanted, such as {\"packet\": \"PINGREQ\", \"fields\": {}}".into(),
        );
    };
    if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!(
            "there is no key `{key}` here; fields of the packet stand under `fields`"
        ));
    }
    let refused = map.get("valid") == Some(&Value::Bool(false));
    if refused || !map.contains_key("packet") && map.contains_key("hex") {
        return as_it_was(map, refused);
    }
    let packet = packet_type(map)?;
    let from = from(map)?;
    let said = version_of(map)?;
    let used = said.or(*version).unwrap_or(Version::V5_0);
    let none = Value::Object(Map::new());
    let fields = map.get("fields").unwrap_or(&none);
    let packet = from_fields(packet, fields, used).map_err(|e| e.to_string())?;
    let mut known = Some(used);
    if let Packet::Connect(connect) = &packet {
        if said.is_some_and(|said| said != connect.version) {
            return Err(format!(
                "mqtt says {used} and fields.protocol_version says {}",
                connect.version
            ));
        }
        // What follows a CONNECT speaks its version, unless it says something else.
        *version = Some(connect.version);
        known = None;
    }
    let bytes = encode(&packet, used).map_err(|e| e.to_string())?;
    let broken = broken_rule(&bytes, from, known);
    let note = broken.map(|violation| format!("breaks a rule: {violation}"));
    Ok(Encoded { bytes, note })
}

/// An object that has bytes only: one that was refused when it was decoded, or one written so by hand.
fn as_it_was(map: &Map<String, Value>, refused: bool) -> std::result::Result<Encoded, String> {
    let Some(Value::String(digits)) = map.get("hex") else {
        return Err("a packet that is not valid needs its bytes under `hex`".into());
    };
    let bytes = input::hex(digits).map_err(|e| format!("hex: {e}"))?;
    let note = refused
        .then(|| "was refused when it was decoded; its bytes are written as they were".into());
    Ok(Encoded {
        bytes: bytes.into(),
        note,
    })
}

/// What a decoder says of the bytes from this end, or if nobody says which, where neither may send them.
fn broken_rule(bytes: &Bytes, from: Option<Role>, version: Option<Version>) -> Option<Violation> {
    let broken = |role| decode_one(bytes, role, version).err();
    if let Some(from) = from {
        return broken(from);
    }
    let (client, server) = (broken(Role::Client)?, broken(Role::Server)?);
    // The more telling of the two is not about who sends it.
    let about_sender = matches!(
        client.rule,
        Rule::WrongDirection
            | Rule::SubscriptionIdentifierFromClient
            | Rule::ReasonCodeDirection
            | Rule::PayloadNotUtf8
    );
    Some(if about_sender { server } else { client })
}

fn packet_type(map: &Map<String, Value>) -> std::result::Result<PacketType, String> {
    let name = map
        .get("packet")
        .ok_or("`packet` is missing, the name of the packet such as \"PUBLISH\"")?;
    name.as_str()
        .and_then(|name| PacketType::from_name(&name.to_ascii_uppercase()))
        .ok_or_else(|| {
            let all: Vec<_> = PacketType::ALL.iter().map(|t| t.name()).collect();
            format!("packet: {name} is none of {}", all.join(", "))
        })
}

fn version_of(map: &Map<String, Value>) -> std::result::Result<Option<Version>, String> {
    match map.get("mqtt") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => name.parse().map(Some).map_err(|e| format!("mqtt: {e}")),
        Some(other) => Err(format!("mqtt: {other} is neither \"3.1.1\" nor \"5.0\"")),
    }
}

fn from(map: &Map<String, Value>) -> std::result::Result<Option<Role>, String> {
    match map.get("from") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => crate::args::role(name)
            .map(Some)
            .map_err(|e| format!("from: {e}")),
        Some(other) => Err(format!(
            "from: {other} is neither \"client\" nor \"server\""
        )),
    }
}

/// Line and column of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}
