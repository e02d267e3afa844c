//! A packet as people read it: a line for each field with its bytes, and the rule that is broken.

use super::stream::{Decoded, PAYLOAD, Part, WHOLE, count, header_len};
use squall_conformance::catalogue;
use squall_protocol::{
    PacketType, Role, Version, Violation, hex, inspect,
    layout::{Field, FieldValue},
};
use std::fmt::Write as _;

impl Decoded {
    pub(super) fn in_words(&self) -> String {
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

/// The name; properties are indented.
fn name_column(field: &Field) -> String {
    let indent = if field.group.is_some() { "  " } else { "" };
    format!("{indent}{}", field.name)
}

/// As many bytes as fit the column.
fn hex_column(bytes: &[u8]) -> String {
    hex::dump(bytes, 8)
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
