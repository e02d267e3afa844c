//! `squall encode`: packets described in JSON, as bytes.

use crate::{
    args::Encode,
    exit::{CliError, Ending, Result},
    input,
    screen::{self, Printer},
};
use serde_json::{Map, Value};
use squall_protocol::{
    Packet, PacketType, Role, Version, decode_one, encode,
    json::{from_fields, hex},
};

pub(crate) fn run(args: &Encode) -> Result<Ending> {
    let text = input::text(&args.input)?;
    let packets = read(&text, args.mqtt)?;
    if packets.is_empty() {
        return Err(CliError::input("there is no packet to encode"));
    }
    let mut out = Printer::new();
    for (n, (packet, version)) in packets.iter().enumerate() {
        let bytes = encode(packet, *version)
            .map_err(|e| CliError::input(format!("packet {}: {e}", n + 1)))?;
        if let Some(broken) = broken_rule(&bytes, packet, *version) {
            screen::complain(&format!("note: packet {} breaks a rule: {broken}", n + 1));
        }
        let going_on = if args.raw {
            out.raw(&bytes)?
        } else {
            out.line(&hex(&bytes))?
        };
        if !going_on {
            break;
        }
    }
    out.finish()?;
    Ok(Ending::Good)
}

/// What a decoder says of the bytes, if no end of a connection may send them.
fn broken_rule(bytes: &bytes::Bytes, packet: &Packet, version: Version) -> Option<String> {
    let version = match packet {
        Packet::Connect(_) => None,
        _ => Some(version),
    };
    let from = |role| decode_one(bytes, role, version).err();
    let broken = from(Role::Client)?;
    let other = from(Role::Server)?;
    // The more telling of the two is not about the direction.
    let telling = if broken.rule == squall_protocol::Rule::WrongDirection {
        other
    } else {
        broken
    };
    Some(telling.to_string())
}

/// Every packet of the text, each with its version: objects one after the other, or in a list.
fn read(text: &str, mqtt: Option<Version>) -> Result<Vec<(Packet, Version)>> {
    let mut packets = Vec::new();
    let mut version = mqtt;
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let start = text.len() - text[values.byte_offset()..].trim_start().len();
        let Some(value) = values.next() else {
            return Ok(packets);
        };
        let value = value.map_err(|e| CliError::input(format!("this is no JSON: {e}")))?;
        let objects = match value {
            Value::Array(list) => list,
            one => vec![one],
        };
        for object in objects {
            let (line, column) = position(text, start);
            let n = packets.len() + 1;
            let (packet, used) = one(&object, version).map_err(|e| {
                CliError::input(format!("packet {n} (line {line}, column {column}): {e}"))
                    .help("`squall decode --format json` shows what such an object looks like")
            })?;
            // What follows a CONNECT speaks its version, unless it says something else.
            if matches!(packet, Packet::Connect(_)) {
                version = Some(used);
            }
            packets.push((packet, used));
        }
    }
}

/// Keys of an object that `squall decode` prints and that say nothing about what to write.
const IGNORED: [&str; 7] = [
    "valid",
    "from",
    "offset",
    "hex",
    "violation",
    "layout",
    "mqtt",
];

fn one(object: &Value, version: Option<Version>) -> std::result::Result<(Packet, Version), String> {
    let Value::Object(map) = object else {
        return Err(
            "an object is wanted, such as {\"packet\": \"PINGREQ\", \"fields\": {}}".into(),
        );
    };
    let known = |key: &str| matches!(key, "packet" | "fields") || IGNORED.contains(&key);
    if let Some(key) = map.keys().find(|key| !known(key)) {
        return Err(format!(
            "there is no key `{key}` here; fields of the packet stand under `fields`"
        ));
    }
    if map.get("valid") == Some(&Value::Bool(false)) {
        return Err(
            "this packet was refused when it was decoded, so there are no fields to write; \
             its bytes are under `hex`"
                .into(),
        );
    }
    let packet = packet_type(map)?;
    let version = version_of(map)?.or(version).unwrap_or(Version::V5_0);
    let none = Value::Object(Map::new());
    let fields = map.get("fields").unwrap_or(&none);
    let packet = from_fields(packet, fields, version).map_err(|e| e.to_string())?;
    let version = match &packet {
        Packet::Connect(connect) => connect.version,
        _ => version,
    };
    Ok((packet, version))
}

fn packet_type(map: &Map<String, Value>) -> std::result::Result<PacketType, String> {
    let name = map
        .get("packet")
        .ok_or("`packet` is missing, the name of the packet such as \"PUBLISH\"")?;
    name.as_str()
        .and_then(|name| PacketType::from_name(&name.to_uppercase()))
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

/// Line and column of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}
