//! `squall encode`: packets described in JSON, as bytes.

mod pieces;
mod strict;

use crate::{
    args::Encode,
    exit::{CliError, Ending, Result},
    input,
    screen::{self, Printer},
};
use bytes::Bytes;
use pieces::{Piece, Pieces, Trouble};
use serde_json::{Map, Value, error::Category};
use squall_protocol::{
    Packet, PacketType, Role, Rule, Version, Violation, decode_one, encode, hex, json::from_fields,
};
use std::{collections::VecDeque, io::BufRead};
use strict::Strict;

/// Longest JSON of one packet that is read, in bytes. `squall decode` prints shorter ones.
const LONGEST: usize = 16 << 20;
/// So many bytes of packets are held back until all of the input was found good; of more, those before a fault are
/// printed.
const HELD: usize = 8 << 20;

pub(crate) fn run(args: &Encode) -> Result<Ending> {
    let (text, name) = input::text(&args.input)?;
    let mut packets = Packets {
        pieces: Pieces::new(text, LONGEST),
        name,
        count: 0,
        version: args.mqtt,
    };
    let mut held = VecDeque::new();
    let mut bytes = 0;
    let mut out = Output {
        printer: Printer::new(),
        raw: args.raw,
        count: 0,
    };
    while let Some(packet) = packets.next()? {
        bytes += packet.bytes.len() + HELD_BYTES;
        held.push_back(packet);
        while bytes > HELD
            && let Some(packet) = held.pop_front()
        {
            bytes -= packet.bytes.len() + HELD_BYTES;
            if !out.packet(&packet)? {
                return Ok(Ending::Good);
            }
        }
    }
    if packets.count == 0 {
        return Err(CliError::input("there is no packet to encode"));
    }
    for packet in held {
        if !out.packet(&packet)? {
            break;
        }
    }
    out.printer.finish()?;
    Ok(Ending::Good)
}

/// What a packet that is held back takes beside its bytes.
const HELD_BYTES: usize = 128;

/// Where packets are printed.
struct Output {
    printer: Printer,
    raw: bool,
    /// How many were printed.
    count: usize,
}

impl Output {
    /// False when the reader has gone away.
    fn packet(&mut self, packet: &Encoded) -> Result<bool> {
        self.count += 1;
        if let Some(note) = &packet.note {
            screen::complain(&format!("note: packet {}: {note}", self.count));
        }
        if self.raw {
            self.printer.raw(&packet.bytes)
        } else {
            self.printer.line(&hex::compact(&packet.bytes))
        }
    }
}

/// A packet to write.
struct Encoded {
    bytes: Bytes,
    /// What the writer of the packet should know about it.
    note: Option<String>,
}

/// Every packet of a text: objects one after the other, or in lists.
struct Packets<R> {
    pieces: Pieces<R>,
    /// What the text is called in a message.
    name: String,
    /// How many there were.
    count: usize,
    version: Option<Version>,
}

impl<R: BufRead> Packets<R> {
    fn next(&mut self) -> Result<Option<Encoded>> {
        let Some(piece) = self
            .pieces
            .next()
            .map_err(|trouble| self.trouble(trouble))?
        else {
            return Ok(None);
        };
        self.count += 1;
        let text = std::str::from_utf8(&piece.bytes).map_err(|e| {
            let (name, at) = (&self.name, piece.offset + e.valid_up_to());
            CliError::input(format!("{name} is no JSON: byte {at} is not UTF-8"))
                .help("`squall decode` reads bytes; `squall encode` reads JSON")
        })?;
        let refused = |why: String| {
            let place = place(self.count, piece.line, piece.column);
            CliError::input(format!("{place}: {why}")).help(HELP)
        };
        let Strict(value) = serde_json::from_str(text).map_err(|e| match e.classify() {
            Category::Syntax | Category::Eof if !too_deep(&e) => no_json(&absolute(&e, &piece)),
            _ => refused(e.to_string()),
        })?;
        one(&value, &mut self.version).map(Some).map_err(refused)
    }

    fn trouble(&self, trouble: Trouble) -> CliError {
        match trouble {
            Trouble::Read(e) => CliError::input(format!("cannot read {}: {e}", self.name)),
            Trouble::Expected { what, line, column } => {
                no_json(&format!("expected {what} at line {line} column {column}"))
            }
            Trouble::TooLong { line, column } => {
                let place = place(self.count + 1, line, column);
                CliError::input(format!(
                    "{place}: its JSON is longer than {LONGEST} bytes, the most that is read"
                ))
                .help(
                    "a packet of up to 1 MiB fits; objects stand one after the other or in a list",
                )
            }
        }
    }
}

fn place(count: usize, line: usize, column: usize) -> String {
    format!("packet {count} (line {line}, column {column})")
}

fn too_deep(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("recursion limit")
}

/// An error with its place in the whole text instead of the piece.
fn absolute(error: &serde_json::Error, piece: &Piece) -> String {
    let text = error.to_string();
    let within = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&within).unwrap_or(&text);
    let line = piece.line + error.line().saturating_sub(1);
    let column = match error.line() {
        0 | 1 => piece.column - 1 + error.column(),
        _ => error.column(),
    };
    format!("{what} at line {line} column {column}")
}

const HELP: &str =
    "`squall decode 30 04 0001 61 00 --format json` shows what such an object looks like";

fn no_json(error: &str) -> CliError {
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
    let bytes = input::bytes_of(digits).map_err(|e| format!("hex: {e}"))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::{cases, changed};
    use proptest::prelude::*;

    fn encoded(text: &[u8]) -> std::result::Result<Vec<Bytes>, String> {
        let mut packets = Packets {
            pieces: Pieces::new(text, 1 << 16),
            name: "it".into(),
            count: 0,
            version: None,
        };
        let mut all = Vec::new();
        while let Some(packet) = packets.next().map_err(|e| format!("{e:?}"))? {
            all.push(packet.bytes);
        }
        Ok(all)
    }

    fn texts() -> Vec<Vec<u8>> {
        [
            r#"{"packet": "PUBACK", "fields": {"packet_identifier": 7}}"#,
            r#"[{"packet": "PINGREQ"}, {"packet": "DISCONNECT", "mqtt": "5.0", "fields": {"reason_code": "0x04"}}]"#,
            r##"{"packet": "PUBLISH", "from": "client", "fields": {"topic_name": "a/#", "payload": {"hex": "00ff"}, "properties": [{"topic_alias": 1}, {"user_property": ["a", "b"]}]}}"##,
            r#"{"packet": "CONNECT", "mqtt": "3.1.1", "fields": {"protocol_version": 4, "keep_alive": 0, "client_identifier": "", "will": {"topic": "t", "payload": "p", "qos": 1, "retain": false}}} {"packet": "PINGREQ"}"#,
            r#"{"valid": false, "hex": "30 ff ff", "layout": [{"field": "x"}], "violation": {}}"#,
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    }

    const BITS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "null",
        "true",
        "-1",
        "1e999",
        "18446744073709551616",
        "\"packet\":",
        "\"fields\":",
        "\"hex\":",
        "\"SUBSCRIBE\"",
        "\u{feff}",
        "\n",
    ];

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        for open in ["[", "{\"a\":", "{\"fields\":{\"a\":[", "{\"layout\":["] {
            let deep = open.repeat(5000);
            assert!(encoded(deep.as_bytes()).is_err(), "{open}");
            // A list in a list is no packet, however much follows.
            let nested = format!("[{deep}");
            assert!(encoded(nested.as_bytes()).is_err(), "{open}");
        }
        let many = format!(
            "{{\"packet\": \"PINGREQ\", \"fields\": [{}0]}}",
            "0,".repeat(strict::VALUES)
        );
        let mut packets = Packets {
            pieces: Pieces::new(many.as_bytes(), LONGEST),
            name: "it".into(),
            count: 0,
            version: None,
        };
        let refused = packets.next().map(|_| ()).expect_err("they are too many");
        let refused = format!("{refused:?}");
        assert!(refused.contains("more than 200000 values"), "{refused}");
    }

    #[test]
    fn a_fault_is_placed_in_the_whole_text() {
        let refused = encoded(b"{\"packet\": \"PINGREQ\"}\n  {\"packet\": x}").expect_err("x");
        assert!(
            refused.contains("expected value at line 2 column 14"),
            "{refused}"
        );
        let long = format!("{{\"hex\": \"{}\"}}", "0".repeat(1 << 16));
        let refused = encoded(long.as_bytes()).expect_err("it is too long");
        assert!(
            refused.contains("packet 1 (line 1, column 1): its JSON is longer"),
            "{refused}"
        );
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn any_json_is_written_or_refused(text in changed(texts(), BITS)) {
            match encoded(&text) {
                Ok(packets) => {
                    let bytes: usize = packets.iter().map(Bytes::len).sum();
                    prop_assert!(bytes <= 2 * text.len() + 100 * packets.len());
                }
                Err(why) => prop_assert!(!why.is_empty()),
            }
        }
    }
}
