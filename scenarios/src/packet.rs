//! Packets as a script says them: their fields by the names of the standard, or bytes.

use crate::{
    kind::{Form, Kind},
    raw::{Node, Scalar, Value},
    reader::Context,
    values::Wrong,
    written::{list, text},
};
use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use squall_protocol::{
    Packet, PacketType, Version, encode, hex,
    json::{FieldError, from_fields, to_fields},
};

/// A packet by its fields. In a step that sends, all it has; in one that waits, those that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketSpec {
    /// Which packet.
    pub packet: PacketType,
    /// By the words of the standard in snake_case, as `squall decode` prints them, and these: `id`, `topic`,
    /// `client_id`, `clean_start`, `reason`, `reasons`. An `id` may be a name such as `$a`.
    pub fields: Map<String, Json>,
}

/// Shorter words, or one word where the versions have two: the word, that of 3.1.1, that of 5.0.
const WORDS: [(&str, &str, &str); 6] = [
    ("id", "packet_identifier", "packet_identifier"),
    ("topic", "topic_name", "topic_name"),
    ("client_id", "client_identifier", "client_identifier"),
    ("clean_start", "clean_session", "clean_start"),
    ("reason", "return_code", "reason_code"),
    ("reasons", "return_codes", "reason_codes"),
];

impl PacketSpec {
    /// The name that stands for its packet identifier: `$a`, without the `$`.
    #[must_use]
    pub fn named_id(&self) -> Option<&str> {
        self.fields.get("id")?.as_str()?.strip_prefix('$')
    }

    /// The same with this packet identifier.
    #[must_use]
    pub fn with_id(&self, id: u16) -> Self {
        let mut packet = self.clone();
        packet.fields.insert("id".into(), id.into());
        packet
    }

    /// The same without a packet identifier: any will do.
    #[must_use]
    pub fn with_any_id(&self) -> Self {
        let mut packet = self.clone();
        packet.fields.shift_remove("id");
        packet
    }

    /// With a packet identifier in the place of a name.
    fn numbered(&self) -> Self {
        match self.named_id() {
            Some(_) => self.with_id(1),
            None => self.clone(),
        }
    }

    /// The word of the codec for a key.
    fn word(key: &str, version: Version) -> &str {
        let found = WORDS.iter().find(|(word, ..)| *word == key);
        found.map_or(key, |(_, three, five)| match version {
            Version::V3_1_1 => three,
            Version::V5_0 => five,
        })
    }

    /// The fields in the words of the codec, above those that stand for what is not said.
    fn fields(&self, version: Version, usual: Json) -> Json {
        let mut fields = usual;
        if let Json::Object(all) = &mut fields {
            let own = self.fields.iter();
            all.extend(own.map(|(key, value)| (Self::word(key, version).into(), value.clone())));
        }
        fields
    }

    /// The packet.
    ///
    /// # Errors
    /// A field that is missing, unknown in this version, or cannot be written.
    pub fn packet(&self, version: Version) -> Result<Packet, FieldError> {
        let usual = match self.packet {
            PacketType::Connect => json!({
                "protocol_version": version.level(),
                Self::word("clean_start", version): true,
                "keep_alive": 0,
            }),
            PacketType::Publish => json!({ "payload": "" }),
            PacketType::ConnAck => {
                json!({ "session_present": false, Self::word("reason", version): 0 })
            }
            _ => json!({}),
        };
        from_fields(self.packet, &self.fields(version, usual), version)
    }

    /// Its bytes.
    ///
    /// # Errors
    /// As [`Self::packet`], or in words why it cannot be written.
    pub fn bytes(&self, version: Version) -> Result<Bytes, String> {
        let packet = self.packet(version).map_err(|e| e.to_string())?;
        encode(&packet, version).map_err(|e| e.to_string())
    }

    /// The fields that matter, in the words and the form of the codec.
    fn wanted(&self, version: Version) -> Result<Map<String, Json>, FieldError> {
        let five = version == Version::V5_0;
        let usual = match self.packet {
            PacketType::Publish => {
                let qos = u8::from(self.fields.contains_key("id"));
                json!({ "payload": "", "topic_name": "", "qos": qos })
            }
            PacketType::Connect => json!({
                "protocol_version": version.level(),
                Self::word("clean_start", version): true,
                "keep_alive": 0,
                "client_identifier": "",
            }),
            PacketType::ConnAck => {
                json!({ "session_present": false, Self::word("reason", version): 0 })
            }
            PacketType::Subscribe => json!({ "packet_identifier": 1, "subscriptions": [] }),
            PacketType::Unsubscribe => json!({ "packet_identifier": 1, "topic_filters": [] }),
            PacketType::SubAck | PacketType::UnsubAck if five => {
                json!({ "packet_identifier": 1, "reason_codes": [] })
            }
            PacketType::SubAck => json!({ "packet_identifier": 1, "return_codes": [] }),
            PacketType::UnsubAck
            | PacketType::PubAck
            | PacketType::PubRec
            | PacketType::PubRel
            | PacketType::PubComp => json!({ "packet_identifier": 1 }),
            _ => json!({}),
        };
        let packet = from_fields(self.packet, &self.fields(version, usual), version)?;
        let mut fields = to_fields(&packet, version);
        let own = |key: &String| {
            let mut own = self.fields.keys();
            own.any(|k| Self::word(k, version) == key)
        };
        fields.retain(|key, _| own(key));
        Ok(fields)
    }

    /// Whether a packet that came is one of these.
    #[must_use]
    pub fn fits(&self, came: &Packet, version: Version) -> bool {
        if came.packet_type() != self.packet {
            return false;
        }
        let Ok(wanted) = self.wanted(version) else {
            return false;
        };
        let fields = to_fields(came, version);
        wanted
            .iter()
            .all(|(key, value)| match (value, fields.get(key)) {
                // Of the properties, those that are asked for.
                (Json::Array(some), Some(Json::Array(all))) if key == "properties" => {
                    some.iter().all(|one| all.contains(one)) && in_order(some, all)
                }
                (value, there) => there == Some(value),
            })
    }

    /// In a few words: `PUBREL {id: 1}`.
    #[must_use]
    pub fn told(&self) -> String {
        if self.fields.is_empty() {
            return self.packet.to_string();
        }
        format!(
            "{} {}",
            self.packet,
            flow(&Json::Object(self.fields.clone()))
        )
    }
}

/// Whether the User Properties that are asked for come in their order.
fn in_order(some: &[Json], all: &[Json]) -> bool {
    let is_user = |one: &&Json| one.get("user_property").is_some();
    let mut came = all.iter().filter(is_user);
    let mut wanted = some.iter().filter(is_user);
    wanted.all(|one| came.any(|c| c == one))
}

/// What a scripted client or broker sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// A packet by its fields.
    Packet(PacketSpec),
    /// Bytes, whatever they are.
    Bytes(Bytes),
    /// What an earlier step with `first` has left.
    Rest,
}

impl Sending {
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Packet(packet) => packet.told(),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Rest => "the rest".into(),
        }
    }
}

/// What a scripted client or broker waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A packet with these fields.
    Packet(PacketSpec),
    /// The end of the connection.
    Closed,
}

impl Awaited {
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Packet(packet) => packet.told(),
            Self::Closed => "closed".into(),
        }
    }
}

/// Kind of [`Sending`].
pub(crate) struct Sent;

/// Kind of [`Awaited`].
pub(crate) struct Waited;

impl Kind for Sent {
    type Value = Sending;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<Sending> {
        match &node.value {
            Value::Text(s) if s.text == "rest" => return Some(Sending::Rest),
            Value::Map(entries) if entries.len() == 1 && entries[0].0.text == "hex" => {
                let bytes = |s: &Scalar| {
                    let bytes = hex::bytes(&s.text).map_err(|e| Wrong::new(e.to_string()))?;
                    Ok(Bytes::from(bytes))
                };
                let bytes = cx.scalar(&entries[0].1, "bytes in hex such as `c0 00`", bytes)?;
                return Some(Sending::Bytes(bytes));
            }
            _ => {}
        }
        let spec = spec(cx, node)?;
        let numbered = spec.numbered();
        for version in cx.versions.clone() {
            if let Err(why) = numbered.bytes(version) {
                refuse(cx, node, &spec, version, &why);
                return None;
            }
        }
        Some(Sending::Packet(spec))
    }

    fn show(&self, value: &Sending, _: &[&str]) -> String {
        match value {
            Sending::Packet(packet) => show(packet),
            Sending::Bytes(bytes) => format!("{{ hex: \"{}\" }}", hex::compact(bytes)),
            Sending::Rest => "rest".into(),
        }
    }

    fn form(&self) -> Form {
        let mut form = form();
        form.words = "packet, `{hex: …}` or `rest`".into();
        form
    }
}

impl Kind for Waited {
    type Value = Awaited;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<Awaited> {
        if matches!(&node.value, Value::Text(s) if s.text == "closed") {
            return Some(Awaited::Closed);
        }
        let spec = spec(cx, node)?;
        let numbered = spec.numbered();
        for version in cx.versions.clone() {
            if let Err(why) = numbered.wanted(version) {
                refuse(cx, node, &spec, version, &why.to_string());
                return None;
            }
        }
        Some(Awaited::Packet(spec))
    }

    fn show(&self, value: &Awaited, _: &[&str]) -> String {
        match value {
            Awaited::Packet(packet) => show(packet),
            Awaited::Closed => "closed".into(),
        }
    }

    fn form(&self) -> Form {
        let mut form = form();
        form.words = "packet with the fields that matter, or `closed`".into();
        form
    }
}

fn form() -> Form {
    let schema = json!({ "anyOf": [{ "type": "string" }, { "type": "object", "minProperties": 1, "maxProperties": 1 }] });
    Form::new("packet", schema)
}

fn refuse(cx: &mut Context<'_>, node: &Node, spec: &PacketSpec, version: Version, why: &str) {
    let why = why.strip_prefix("fields.").unwrap_or(why);
    let message = format!("this is no {} of MQTT {version}: {why}", spec.packet);
    let help = "fields are called as `squall decode` prints them; what has no place in them can be sent as `{ hex: \"…\" }`";
    cx.refuse(&node.span, message, "cannot be written", help);
}

/// `PINGREQ`, or `{ PUBLISH: { topic: t } }`.
fn spec(cx: &mut Context<'_>, node: &Node) -> Option<PacketSpec> {
    const EXPECTED: &str = "a packet such as `PINGREQ` or `{ PUBLISH: { topic: t } }`";
    let name = match &node.value {
        Value::Text(name) => name.clone(),
        Value::Map(entries) if entries.len() == 1 => Scalar {
            text: entries[0].0.text.clone(),
            plain: true,
        },
        _ => {
            cx.mismatch(node, EXPECTED);
            return None;
        }
    };
    let (span, fields) = match &node.value {
        Value::Map(entries) => (entries[0].0.span.clone(), Some(&entries[0].1)),
        _ => (node.span.clone(), None),
    };
    let name = Node {
        span,
        value: Value::Text(name),
    };
    let packet = cx.scalar(&name, EXPECTED, crate::values::packet)?;
    let fields = match fields.map(json) {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(fields)) => fields,
        Some(_) => {
            cx.mismatch(node, EXPECTED);
            return None;
        }
    };
    Some(PacketSpec { packet, fields })
}

/// What a node says, as JSON: what is written without quotes and looks like a number or a flag is one.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Text(s) if s.plain => match (s.text.parse::<u64>(), s.text.parse::<bool>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(flag)) => flag.into(),
            _ => s.text.clone().into(),
        },
        Value::Text(s) => s.text.clone().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| (key.text.clone(), json(node)));
            Json::Object(entries.collect())
        }
    }
}

fn show(packet: &PacketSpec) -> String {
    if packet.fields.is_empty() {
        return packet.packet.to_string();
    }
    let fields = flow(&Json::Object(packet.fields.clone()));
    format!("{{ {}: {fields} }}", packet.packet)
}

/// JSON as YAML on one line.
fn flow(value: &Json) -> String {
    match value {
        Json::String(s) if matches!(s.as_str(), "true" | "false") => format!("\"{s}\""),
        Json::String(s) => text(s),
        Json::Array(items) => list(items.iter().map(flow)),
        Json::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        plain => plain.to_string(),
    }
}
