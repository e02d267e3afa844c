//! `squall decode`: the packets in some bytes, field by field.

use crate::{
    args::{Decode, Format},
    exit::{CliError, Ending, Result},
    input::{self, Source},
    screen::{self, Printer},
};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use squall_conformance::catalogue;
use squall_protocol::{
    Frame, Packet, PacketType, Role, Rule, Version, Violation, ViolationKind, inspect,
    json::{hex, key, to_fields},
    layout::{Field, FieldValue, Group, Inspection},
};
use std::fmt::{self, Write as _};

/// Packets that are shown and judged whole, in bytes with their fixed header. Of a longer PUBLISH the payload is cut.
const WHOLE: usize = 1 << 20;
/// Fields of a packet that are shown as JSON, which takes far more room than the packet.
const JSON_FIELDS: usize = 100_000;
/// After so many packets that break a rule this is no capture of MQTT, or of another version or end.
const BROKEN: usize = 1000;

pub(crate) fn run(args: &Decode) -> Result<Ending> {
    let mut source = input::bytes(&args.input)?;
    source.fill(2)?;
    if source.buffered().is_empty() {
        return Err(CliError::input("there are no bytes to decode"));
    }
    let mut out = Printer::new();
    let mut stream = Stream::new(source, args.from, args.mqtt);
    let (mut broken, mut unjudged) = (0, false);
    loop {
        // Who waits for more input wants to see what there was.
        if !stream.has_packet() && !out.flush()? {
            break;
        }
        let Some(mut decoded) = stream.next()? else {
            break;
        };
        if let Some((said, spoken)) = args.mqtt.zip(decoded.connect).filter(|(a, b)| a != b) {
            let at = decoded.at;
            screen::complain(&format!(
                "note: the CONNECT at byte {at} speaks MQTT {spoken}, and so does what follows it, whatever --mqtt {said} says"
            ));
        }
        unjudged |= decoded.part == Part::Unjudged;
        if decoded.inspection.result.is_err() && decoded.part != Part::Unjudged {
            // Once is enough.
            decoded.hinting = broken == 0;
            broken += 1;
        }
        let going_on = match args.format {
            Format::Text => out.line(&decoded.in_words())?,
            Format::Json => {
                // A packet that cannot be shown is the end; what went before it is printed.
                if let Err(refused) = decoded.check_json() {
                    out.finish()?;
                    return Err(refused);
                }
                out.line(&plain(&decoded.as_json()))?
            }
        };
        if !going_on {
            break;
        }
        if broken == BROKEN && !stream.is_over()? {
            out.finish()?;
            screen::complain(&format!(
                "stopped at byte {}, after {BROKEN} packets that break a rule: is this what one end sent in one \
                 direction, in the version of --mqtt and from the end of --from?",
                stream.at
            ));
            return Ok(Ending::Failed);
        }
    }
    out.finish()?;
    Ok(match (broken, unjudged) {
        (0, false) => Ending::Good,
        (0, true) => Ending::Unknown,
        _ => Ending::Failed,
    })
}

/// The packets one peer sent, one after the other. A packet that breaks a rule does not end it as long as its length
/// is known: whoever reads a capture wants to see the rest too.
struct Stream {
    source: Source,
    at: usize,
    from: Role,
    version: Version,
    /// Nobody said the version.
    assumed: bool,
}

/// How much of a packet is there to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All of it.
    Whole,
    /// All but the end of the payload, which no rule depends on; or up to a fault in its header.
    Cut,
    /// Too little to be judged.
    Unjudged,
}

/// One packet of a stream.
struct Decoded {
    /// Offset in the stream.
    at: usize,
    /// Its bytes as far as they are shown; all that is left of the stream where its length is not known.
    bytes: Bytes,
    /// How many bytes it has in the stream; `None` if its length is not known and many follow.
    there: Option<usize>,
    part: Part,
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
    /// Who sends is told from the first packet if nobody says; 5.0 is assumed until a CONNECT says otherwise. The first
    /// two bytes are there, or all there are.
    fn new(source: Source, from: Option<Role>, version: Option<Version>) -> Self {
        let bytes = source.buffered();
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
            source,
            at: 0,
            from,
            version: told.unwrap_or(Version::V5_0),
            assumed: told.is_none(),
        }
    }

    /// Whether the next packet can be read without waiting for input.
    fn has_packet(&self) -> bool {
        let len = header_len(self.source.buffered()).map_or(5, |(len, _)| len);
        self.source.has(len.min(WHOLE))
    }

    /// Whether nothing more comes.
    fn is_over(&mut self) -> Result<bool> {
        self.source.fill(1)?;
        Ok(self.source.buffered().is_empty())
    }

    fn next(&mut self) -> Result<Option<Decoded>> {
        // No further than the header goes: what follows may be a while in coming.
        for wanted in 1..=HEADER {
            self.source.fill(wanted)?;
            if header_len(self.source.buffered()).is_some() {
                break;
            }
        }
        if self.source.buffered().is_empty() {
            return Ok(None);
        }
        let len = header_len(self.source.buffered());
        let whole = len.map_or(usize::MAX, |(len, _)| len);
        self.source.fill(whole.min(WHOLE + 1))?;
        let here = self.source.buffered().len().min(whole);
        let bytes = self.source.take(here.min(WHOLE));
        let mut there = Some(bytes.len());
        if here > WHOLE {
            there = match len {
                Some(_) => Some(bytes.len() + self.source.skip(whole - bytes.len())?),
                None => None,
            };
        }
        let (inspection, part) = match (len, there) {
            (Some((whole, header)), Some(there)) if there > bytes.len() => {
                self.inspect_part(&bytes, header, whole, there)
            }
            _ => {
                let inspection = inspect(&bytes, self.from, Some(self.version));
                (inspection, Part::Whole)
            }
        };
        // A CONNECT has a version of its own, and so has what follows it.
        let connect = connect_version(&inspection).filter(|_| self.from == Role::Client);
        if let Some(version) = connect {
            self.version = version;
            self.assumed = false;
        }
        let at = self.at;
        self.at += there.unwrap_or(bytes.len());
        if there.is_none() {
            // Nobody knows where the next packet begins, and the input may have no end.
            self.source = Source::of(Vec::new());
        }
        Ok(Some(Decoded {
            at,
            bytes,
            there,
            part,
            from: self.from,
            version: self.version,
            assumed: self.assumed,
            connect,
            hinting: true,
            inspection,
        }))
    }

    /// Reads a packet of which only the beginning is at hand. A PUBLISH is read as if its payload ended there.
    fn inspect_part(
        &self,
        bytes: &Bytes,
        header: usize,
        whole: usize,
        there: usize,
    ) -> (Inspection, Part) {
        let version = Some(self.version);
        let mut inspection = inspect(bytes, self.from, version);
        let Err(violation) = &mut inspection.result else {
            return (inspection, Part::Unjudged);
        };
        if violation.rule != Rule::Truncated {
            // A fault in the fixed header.
            return (inspection, Part::Cut);
        }
        if there < whole {
            violation.offset = there;
            violation.message = format!(
                "the packet takes {} and is cut short after {there}",
                count(whole)
            )
            .into();
            return (inspection, Part::Cut);
        }
        if PacketType::from_number(bytes[0] >> 4) != Some(PacketType::Publish) {
            return (inspection, Part::Unjudged);
        }
        let body = bytes.len() - header;
        let mut short = vec![bytes[0]];
        short.extend(remaining_length(body));
        let shift = header - short.len();
        short.extend(&bytes[header..]);
        let mut cut = inspect(&Bytes::from(short), self.from, version);
        // What it says of the header is not about this packet.
        for (field, own) in cut.fields.iter_mut().zip(&inspection.fields) {
            *field = own.clone();
        }
        for field in cut.fields.iter_mut().skip(inspection.fields.len()) {
            field.offset += shift;
            if field.name == PAYLOAD {
                field.len = whole - field.offset;
            }
        }
        let judged = match &cut.result {
            // The end of the payload may not be what the Payload Format Indicator says.
            Ok(Frame { packet, .. }) => match packet {
                Packet::Publish(p) => p.properties.payload_format_indicator() != Some(1),
                _ => false,
            },
            // Where the properties end is behind what is at hand, perhaps.
            Err(_) => false,
        };
        match judged {
            true => (cut, Part::Cut),
            false => (cut, Part::Unjudged),
        }
    }
}

/// The longest fixed header.
const HEADER: usize = 5;
/// Name of the field.
const PAYLOAD: &str = "Payload";

/// How long a packet and its fixed header are, if that says so.
fn header_len(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut remaining = 0;
    for (n, byte) in bytes.iter().skip(1).take(HEADER - 1).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((2 + n + remaining, 2 + n));
        }
    }
    None
}

/// A Remaining Length in its shortest form.
fn remaining_length(mut len: usize) -> impl Iterator<Item = u8> {
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let low = (len & 0x7F) as u8;
        len >>= 7;
        over = len == 0;
        Some(if over { low } else { low | 0x80 })
    })
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

impl Decoded {
    fn packet_type(&self) -> Option<PacketType> {
        match &self.inspection.result {
            Ok(frame) => Some(frame.packet.packet_type()),
            Err(violation) => violation.packet,
        }
    }

    /// Whether it is small enough to be printed as JSON, which has all of its bytes.
    fn check_json(&self) -> Result<()> {
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

    fn as_json(&self) -> String {
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

    fn in_words(&self) -> String {
        let mut text = String::new();
        let name = self
            .packet_type()
            .map_or("unknown packet", PacketType::name);
        let assumed = if self.assumed { " (assumed)" } else { "" };
        let mark = match (self.part, &self.inspection.result) {
            (Part::Unjudged, _) => "?",
            (_, Ok(_)) => "✓",
            (_, Err(_)) => "✗",
        };
        let _ = writeln!(
            text,
            "{mark} {name}  MQTT {}{assumed} from {}, {} at offset {}",
            self.version,
            self.from,
            self.size(),
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
                match self.part == Part::Whole || field.name != PAYLOAD {
                    true => value_in_words(field),
                    false => format!("{}, not all of them read", count(field.len)),
                }
            );
        }
        match &self.inspection.result {
            _ if self.part == Part::Unjudged => {
                let _ = writeln!(
                    text,
                    "        Not judged: only the first {} of a packet are read",
                    count(WHOLE)
                );
            }
            Ok(_) => {}
            Err(violation) => self.add_violation(&mut text, violation),
        }
        text
    }

    /// How many bytes there are, in words.
    fn size(&self) -> String {
        match self.there {
            Some(there) => count(there),
            None => format!("more than {}", count(self.bytes.len())),
        }
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
        match (header_len(&self.bytes), self.there) {
            (None, _) | (_, None) => {
                let left = self.size();
                let _ = writeln!(
                    text,
                    "        Where this packet ends is not known: the {left} from here on are not read"
                );
            }
            (Some((len, _)), Some(there)) if len > there => {
                let whole = count(len);
                let _ = writeln!(
                    text,
                    "        The input ends here, after {there} of {whole}: cut off, perhaps"
                );
            }
            (Some(_), Some(_)) => {}
        }
        if let Some(hint) = self.hint().filter(|_| self.hinting) {
            let _ = writeln!(text, "        {hint}");
        }
    }

    /// What the reader may have meant: the same bytes are fine in the other version, or from the other end.
    fn hint(&self) -> Option<String> {
        if self.part != Part::Whole {
            return None;
        }
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

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        // A piece at a time, as the text may be long and each write has its price.
        let mut piece = String::with_capacity(128);
        for bytes in self.0.chunks(64) {
            piece.clear();
            for byte in bytes {
                piece.push(DIGITS[usize::from(byte >> 4)]);
                piece.push(DIGITS[usize::from(byte & 0x0F)]);
            }
            f.write_str(&piece)?;
        }
        Ok(())
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::{cases, changed};
    use proptest::prelude::*;

    fn streams() -> Vec<Vec<u8>> {
        [
            "10230004 4d515454 05 ce 003c 05110000000a 000163 02 0100 000174 0001ff 000175 00027077",
            "100c00044d5154540402003c0000 30030001613003000161",
            "3212000161 00070a230001260001 6b000176 6869 c000",
            "820d00010003612f2b0200022f2301 a2060002000261",
            "200600000322000a 900600010000 0287",
            "400200074003000710 62020007 500200077003000792 e00104",
            "f0190018150005 534352414d 16000d 636c69656e742d6669727374",
        ]
        .map(|text| input::hex(text).expect("it is hex"))
        .into()
    }

    #[test]
    fn a_long_publish_is_read_up_to_its_payload() {
        let stream = |head: &[u8], version| {
            let mut bytes = vec![0x30];
            bytes.extend(remaining_length(3 << 20));
            bytes.extend(head);
            bytes.resize(5 + (3 << 20), b'x');
            bytes.extend([0xC0, 0]);
            let mut stream = Stream::new(Source::of(bytes), Some(Role::Client), Some(version));
            let mut all = Vec::new();
            while let Some(packet) = stream.next().expect("it can be read") {
                all.push(packet);
            }
            all
        };
        let whole = (3 << 20) + 4;
        let all = stream(b"\x00\x01t", Version::V3_1_1);
        assert_eq!((all[0].part, all[0].there), (Part::Cut, Some(whole + 1)));
        assert!(all[0].inspection.result.is_ok());
        let words = all[0].in_words();
        assert!(
            words.contains("PUBLISH  MQTT 3.1.1 from client, 3145733 bytes at offset 0"),
            "{words}"
        );
        assert!(
            words.contains("     1  80 80 c0 01                 Remaining Length       3145728"),
            "{words}"
        );
        assert!(
            words.contains("3145725 bytes, not all of them read"),
            "{words}"
        );
        assert!(all[1].inspection.result.is_ok() && all[1].at == whole + 1);
        // The payload would have to be looked at, and the end of the properties.
        for head in [&b"\x00\x01t\x02\x01\x01"[..], b"\x00\x01t\x80\x80\x80\x01"] {
            let all = stream(head, Version::V5_0);
            assert_eq!(all[0].part, Part::Unjudged);
            assert!(
                all[0].in_words().starts_with("? PUBLISH"),
                "{}",
                all[0].in_words()
            );
            assert!(all[1].inspection.result.is_ok());
        }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn any_bytes_are_shown_without_a_gap(
            bytes in changed(streams(), &["\u{0}\u{1}a", "\u{10}\u{0}\u{4}MQTT", "\u{7f}"]),
            server in any::<bool>(),
            old in any::<bool>(),
        ) {
            prop_assume!(!bytes.is_empty());
            let from = if server { Role::Server } else { Role::Client };
            let version = if old { Version::V3_1_1 } else { Version::V5_0 };
            let mut stream = Stream::new(Source::of(bytes.clone()), Some(from), Some(version));
            let mut at = 0;
            while let Some(packet) = stream.next().expect("nothing has to be read") {
                prop_assert_eq!(packet.at, at);
                let json: Value = serde_json::from_str(&plain(&packet.as_json())).expect("it is JSON");
                let digits = json["hex"].as_str().expect("there are bytes");
                prop_assert_eq!(&hex(&bytes[at..at + packet.bytes.len()]), digits);
                prop_assert_eq!(json["valid"].as_bool(), Some(packet.inspection.result.is_ok()));
                prop_assert!(packet.in_words().lines().count() >= 2);
                at += packet.bytes.len();
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
