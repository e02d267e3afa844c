//! Packet to JSON.

use super::key;
use crate::{
    Packet, Properties, Property, ReasonCode, Version, hex,
    packet::{Connect, Publish, Subscription, Will},
};
use serde_json::{Map, Value, json};

/// The fields of a packet as a JSON object, in the order of the wire. `version` decides which fields exist; a CONNECT
/// goes by its own.
#[must_use]
pub fn to_fields(packet: &Packet, version: Version) -> Map<String, Value> {
    let version = match packet {
        Packet::Connect(connect) => connect.version,
        _ => version,
    };
    let mut out = Fields {
        version,
        map: Map::new(),
    };
    match packet {
        Packet::Connect(p) => out.connect(p),
        Packet::ConnAck(p) => {
            out.put("session_present", p.session_present);
            out.reason(p.reason);
            out.properties(&p.properties);
        }
        Packet::Publish(p) => out.publish(p),
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            out.put("packet_identifier", p.packet_id.get());
            out.reason_of_v5(p.reason, &p.properties);
        }
        Packet::Subscribe(p) => {
            out.put("packet_identifier", p.packet_id.get());
            out.properties(&p.properties);
            let one = |s| subscription(s, version);
            out.put(
                "subscriptions",
                p.subscriptions.iter().map(one).collect::<Vec<_>>(),
            );
        }
        Packet::SubAck(p) => {
            out.put("packet_identifier", p.packet_id.get());
            out.properties(&p.properties);
            out.reasons(&p.reasons);
        }
        Packet::Unsubscribe(p) => {
            out.put("packet_identifier", p.packet_id.get());
            out.properties(&p.properties);
            let filters: Vec<_> = p.filters.iter().map(|f| f.as_str()).collect();
            out.put("topic_filters", filters);
        }
        Packet::UnsubAck(p) => {
            out.put("packet_identifier", p.packet_id.get());
            out.properties(&p.properties);
            if version == Version::V5_0 {
                out.reasons(&p.reasons);
            }
        }
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(p) => out.reason_of_v5(p.reason, &p.properties),
        Packet::Auth(p) => out.reason_of_v5(p.reason, &p.properties),
    }
    out.map
}

struct Fields {
    version: Version,
    map: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.map.insert(name.to_owned(), value.into());
    }

    fn connect(&mut self, p: &Connect) {
        self.put("protocol_version", p.version.level());
        let clean = match self.version {
            Version::V3_1_1 => "clean_session",
            Version::V5_0 => "clean_start",
        };
        self.put(clean, p.clean_start);
        self.put("keep_alive", p.keep_alive);
        self.properties(&p.properties);
        self.put("client_identifier", p.client_id.as_str());
        self.put(
            "will",
            p.will.as_ref().map_or(Value::Null, |w| self.will(w)),
        );
        let user_name = p.user_name.as_ref().map(|name| name.as_str().to_owned());
        self.put("user_name", user_name);
        self.put(
            "password",
            p.password.as_ref().map_or(Value::Null, |p| binary(p)),
        );
    }

    fn will(&self, will: &Will) -> Value {
        let mut inner = Self {
            version: self.version,
            map: Map::new(),
        };
        inner.put("qos", will.qos.as_u8());
        inner.put("retain", will.retain);
        inner.properties(&will.properties);
        inner.put("topic", will.topic.as_str());
        inner.put("payload", binary(&will.payload));
        inner.map.into()
    }

    fn publish(&mut self, p: &Publish) {
        self.put("dup", p.dup);
        self.put("qos", p.qos.as_u8());
        self.put("retain", p.retain);
        self.put("topic_name", p.topic.as_str());
        self.put("packet_identifier", p.packet_id.map(|id| id.get()));
        self.properties(&p.properties);
        self.put("payload", binary(&p.payload));
    }

    fn properties(&mut self, properties: &Properties) {
        if self.version == Version::V5_0 {
            let list: Vec<Value> = properties.iter().map(property).collect();
            self.put("properties", list);
        }
    }

    fn reason(&mut self, reason: ReasonCode) {
        let name = match self.version {
            Version::V3_1_1 => "return_code",
            Version::V5_0 => "reason_code",
        };
        self.put(name, code(reason));
    }

    /// A reason code and properties, which these packets have in 5.0 only.
    fn reason_of_v5(&mut self, reason: ReasonCode, properties: &Properties) {
        if self.version == Version::V5_0 {
            self.reason(reason);
            self.properties(properties);
        }
    }

    fn reasons(&mut self, reasons: &[ReasonCode]) {
        let name = match self.version {
            Version::V3_1_1 => "return_codes",
            Version::V5_0 => "reason_codes",
        };
        self.put(name, reasons.iter().copied().map(code).collect::<Vec<_>>());
    }
}

fn subscription(s: &Subscription, version: Version) -> Value {
    match version {
        Version::V3_1_1 => json!({ "topic_filter": s.filter.as_str(), "qos": s.qos.as_u8() }),
        Version::V5_0 => json!({
            "topic_filter": s.filter.as_str(),
            "qos": s.qos.as_u8(),
            "no_local": s.no_local,
            "retain_as_published": s.retain_as_published,
            "retain_handling": s.retain_handling as u8,
        }),
    }
}

fn property(property: &Property) -> Value {
    let value = match property {
        Property::UserProperty(name, value) => json!([name.as_str(), value.as_str()]),
        Property::CorrelationData(bytes) | Property::AuthenticationData(bytes) => binary(bytes),
        _ => match (property.as_text(), property.as_integer()) {
            (Some(text), _) => text.as_str().into(),
            (None, integer) => integer.into(),
        },
    };
    Value::Object(Map::from_iter([(key(property.spec().name), value)]))
}

fn code(reason: ReasonCode) -> String {
    format!("0x{:02X}", reason.0)
}

/// Binary data: a string where it is one, else in hex.
fn binary(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "hex": hex::compact(bytes) }),
    }
}
