//! JSON to packet.

use super::{
    key,
    object::{FieldError, Object, binary, code, integer, list, text},
};
use crate::{
    PROPERTIES, Packet, PacketId, PacketType, Properties, Property, PropertyId, PropertySpec,
    PropertyType, ReasonCode, Version,
    packet::{
        Ack, Auth, ConnAck, Connect, Disconnect, Publish, RetainHandling, SubAck, Subscribe,
        Subscription, UnsubAck, Unsubscribe, Will,
    },
    topic::TopicFilter,
};
use serde_json::Value;

type Result<T> = std::result::Result<T, FieldError>;

/// The packet that an object of fields describes; the reverse of [`to_fields`](super::to_fields). Bits, QoS,
/// properties and reason codes may be left out where the standard has an evident default; a CONNECT takes its version
/// from `protocol_version`. Fields that break a rule are taken as long as the packet can be written.
///
/// # Errors
/// Where and what: a field that is missing, unknown, of the wrong type or too large for its place.
pub fn from_fields(packet: PacketType, fields: &Value, version: Version) -> Result<Packet> {
    let mut o = Object::new("fields", fields)?;
    let packet = match packet {
        PacketType::Connect => Packet::Connect(Box::new(connect(&mut o)?)),
        PacketType::ConnAck => Packet::ConnAck(ConnAck {
            session_present: o.bit("session_present")?,
            reason: reason(&mut o, version)?,
            properties: properties(&mut o, version)?,
        }),
        PacketType::Publish => Packet::Publish(publish(&mut o, version)?),
        PacketType::PubAck => Packet::PubAck(ack(&mut o, version)?),
        PacketType::PubRec => Packet::PubRec(ack(&mut o, version)?),
        PacketType::PubRel => Packet::PubRel(ack(&mut o, version)?),
        PacketType::PubComp => Packet::PubComp(ack(&mut o, version)?),
        PacketType::Subscribe => Packet::Subscribe(Subscribe {
            packet_id: o.packet_id("packet_identifier")?,
            properties: properties(&mut o, version)?,
            subscriptions: each(&mut o, "subscriptions", |path, value| {
                subscription(path, value, version)
            })?,
        }),
        PacketType::SubAck => Packet::SubAck(SubAck {
            packet_id: o.packet_id("packet_identifier")?,
            properties: properties(&mut o, version)?,
            reasons: match version {
                Version::V3_1_1 => each(&mut o, "return_codes", code)?,
                Version::V5_0 => each(&mut o, "reason_codes", code)?,
            },
        }),
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe {
            packet_id: o.packet_id("packet_identifier")?,
            properties: properties(&mut o, version)?,
            filters: each(&mut o, "topic_filters", |path, value| {
                filter(path, value, version)
            })?,
        }),
        PacketType::UnsubAck => Packet::UnsubAck(UnsubAck {
            packet_id: o.packet_id("packet_identifier")?,
            properties: properties(&mut o, version)?,
            reasons: match version {
                Version::V3_1_1 => Vec::new(),
                Version::V5_0 => each(&mut o, "reason_codes", code)?,
            },
        }),
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => {
            let (reason, properties) = reason_of_v5(&mut o, version)?;
            Packet::Disconnect(Disconnect { reason, properties })
        }
        PacketType::Auth => {
            let (reason, properties) = reason_of_v5(&mut o, version)?;
            Packet::Auth(Auth { reason, properties })
        }
    };
    o.finish()?;
    Ok(packet)
}

fn connect(o: &mut Object<'_>) -> Result<Connect> {
    let level = o.integer("protocol_version", 255)?;
    let found = Version::ALL
        .into_iter()
        .find(|v| u32::from(v.level()) == level);
    let version = found.ok_or_else(|| {
        FieldError::new(
            o.at("protocol_version"),
            format!("{level} is neither 4 (3.1.1) nor 5 (5.0)"),
        )
    })?;
    Ok(Connect {
        version,
        clean_start: o.bit(match version {
            Version::V3_1_1 => "clean_session",
            Version::V5_0 => "clean_start",
        })?,
        keep_alive: o.integer("keep_alive", u32::from(u16::MAX))? as u16,
        properties: properties(o, version)?,
        client_id: o.text("client_identifier")?,
        will: match o.get("will") {
            None => None,
            Some(value) => Some(will(&o.at("will"), value, version)?),
        },
        user_name: match o.get("user_name") {
            None => None,
            Some(value) => Some(text(&o.at("user_name"), value)?),
        },
        password: match o.get("password") {
            None => None,
            Some(value) => Some(binary(&o.at("password"), value)?),
        },
    })
}

fn will(path: &str, value: &Value, version: Version) -> Result<Will> {
    let mut o = Object::new(path, value)?;
    let payload = o.need("payload")?;
    let will = Will {
        topic: o.text("topic")?,
        payload: binary(&o.at("payload"), payload)?,
        qos: o.qos("qos")?,
        retain: o.bit("retain")?,
        properties: properties(&mut o, version)?,
    };
    o.finish()?;
    Ok(will)
}

fn publish(o: &mut Object<'_>, version: Version) -> Result<Publish> {
    let qos = o.qos("qos")?;
    // Absent and 0 are the same on the wire: a packet that breaks a rule.
    let packet_id = match o.get("packet_identifier").is_some() {
        false => None,
        true => PacketId::new(o.integer("packet_identifier", u32::from(u16::MAX))? as u16),
    };
    if qos == crate::QoS::AtMostOnce && packet_id.is_some() {
        let message = "a PUBLISH with QoS 0 has no place for it";
        return Err(FieldError::new(o.at("packet_identifier"), message));
    }
    let payload = o.need("payload")?;
    Ok(Publish {
        dup: o.bit("dup")?,
        qos,
        retain: o.bit("retain")?,
        topic: o.text("topic_name")?,
        packet_id,
        properties: properties(o, version)?,
        payload: binary(&o.at("payload"), payload)?,
    })
}

fn ack(o: &mut Object<'_>, version: Version) -> Result<Ack> {
    let packet_id = o.packet_id("packet_identifier")?;
    let (reason, properties) = reason_of_v5(o, version)?;
    Ok(Ack {
        packet_id,
        reason,
        properties,
    })
}

fn subscription(path: &str, value: &Value, version: Version) -> Result<Subscription> {
    let mut o = Object::new(path, value)?;
    let at = o.at("topic_filter");
    let filter = filter(&at, o.need("topic_filter")?, version)?;
    let mut subscription = Subscription::new(filter, o.qos("qos")?);
    if version == Version::V5_0 {
        subscription.no_local = o.bit("no_local")?;
        subscription.retain_as_published = o.bit("retain_as_published")?;
        let handling = match o.get("retain_handling") {
            None => 0,
            Some(_) => o.integer("retain_handling", 2)?,
        };
        subscription.retain_handling =
            RetainHandling::from_bits(handling as u8).expect("0, 1 and 2 exist");
    }
    o.finish()?;
    Ok(subscription)
}

fn filter(path: &str, value: &Value, version: Version) -> Result<TopicFilter> {
    let text = text(path, value)?;
    let parsed = match version {
        Version::V3_1_1 => TopicFilter::parse_v3(text),
        Version::V5_0 => TopicFilter::parse_v5(text),
    };
    parsed.map_err(|e| FieldError::new(path, format!("no topic filter: {e}")))
}

/// The reason or return code; 0 when absent.
fn reason(o: &mut Object<'_>, version: Version) -> Result<ReasonCode> {
    let name = match version {
        Version::V3_1_1 => "return_code",
        Version::V5_0 => "reason_code",
    };
    match o.get(name) {
        None => Ok(ReasonCode::SUCCESS),
        Some(value) => code(&o.at(name), value),
    }
}

/// What these packets carry in 5.0 only.
fn reason_of_v5(o: &mut Object<'_>, version: Version) -> Result<(ReasonCode, Properties)> {
    match version {
        Version::V3_1_1 => Ok((ReasonCode::SUCCESS, Properties::new())),
        Version::V5_0 => Ok((reason(o, version)?, properties(o, version)?)),
    }
}

fn properties(o: &mut Object<'_>, version: Version) -> Result<Properties> {
    if version == Version::V3_1_1 || o.get("properties").is_none() {
        return Ok(Properties::new());
    }
    each(o, "properties", property).map(|list| list.into_iter().collect())
}

fn property(path: &str, value: &Value) -> Result<Property> {
    let one = value
        .as_object()
        .filter(|map| map.len() == 1)
        .and_then(|map| map.iter().next());
    let Some((name, value)) = one else {
        let message = "an object with one property is wanted, such as {\"topic_alias\": 1}";
        return Err(FieldError::new(path, message));
    };
    let path = format!("{path}.{name}");
    let Some(spec) = PROPERTIES.iter().find(|spec| key(spec.name) == *name) else {
        let known: Vec<String> = PROPERTIES.iter().map(|spec| key(spec.name)).collect();
        let message = format!("there is no such property; known: {}", known.join(", "));
        return Err(FieldError::new(path, message));
    };
    property_value(&path, spec, value)
}

fn property_value(path: &str, spec: &PropertySpec, value: &Value) -> Result<Property> {
    use Property as P;
    use PropertyId as Id;
    let number = |max| integer(path, value, max);
    let four = || number(u32::MAX);
    let two = || number(u32::from(u16::MAX)).map(|n| n as u16);
    let one = || number(u32::from(u8::MAX)).map(|n| n as u8);
    let string = || text(path, value);
    let data = || binary(path, value);
    Ok(match spec.id {
        Id::PAYLOAD_FORMAT_INDICATOR => P::PayloadFormatIndicator(one()?),
        Id::MESSAGE_EXPIRY_INTERVAL => P::MessageExpiryInterval(four()?),
        Id::CONTENT_TYPE => P::ContentType(string()?),
        Id::RESPONSE_TOPIC => P::ResponseTopic(string()?),
        Id::CORRELATION_DATA => P::CorrelationData(data()?),
        Id::SUBSCRIPTION_IDENTIFIER => P::SubscriptionIdentifier(number(268_435_455)?),
        Id::SESSION_EXPIRY_INTERVAL => P::SessionExpiryInterval(four()?),
        Id::ASSIGNED_CLIENT_IDENTIFIER => P::AssignedClientIdentifier(string()?),
        Id::SERVER_KEEP_ALIVE => P::ServerKeepAlive(two()?),
        Id::AUTHENTICATION_METHOD => P::AuthenticationMethod(string()?),
        Id::AUTHENTICATION_DATA => P::AuthenticationData(data()?),
        Id::REQUEST_PROBLEM_INFORMATION => P::RequestProblemInformation(one()?),
        Id::WILL_DELAY_INTERVAL => P::WillDelayInterval(four()?),
        Id::REQUEST_RESPONSE_INFORMATION => P::RequestResponseInformation(one()?),
        Id::RESPONSE_INFORMATION => P::ResponseInformation(string()?),
        Id::SERVER_REFERENCE => P::ServerReference(string()?),
        Id::REASON_STRING => P::ReasonString(string()?),
        Id::RECEIVE_MAXIMUM => P::ReceiveMaximum(two()?),
        Id::TOPIC_ALIAS_MAXIMUM => P::TopicAliasMaximum(two()?),
        Id::TOPIC_ALIAS => P::TopicAlias(two()?),
        Id::MAXIMUM_QOS => P::MaximumQoS(one()?),
        Id::RETAIN_AVAILABLE => P::RetainAvailable(one()?),
        Id::MAXIMUM_PACKET_SIZE => P::MaximumPacketSize(four()?),
        Id::WILDCARD_SUBSCRIPTION_AVAILABLE => P::WildcardSubscriptionAvailable(one()?),
        Id::SUBSCRIPTION_IDENTIFIERS_AVAILABLE => P::SubscriptionIdentifiersAvailable(one()?),
        Id::SHARED_SUBSCRIPTION_AVAILABLE => P::SharedSubscriptionAvailable(one()?),
        _ => {
            debug_assert_eq!(spec.value, PropertyType::Utf8StringPair);
            let [name, value] = list(path, value)? else {
                let message = "a name and a value are wanted: [\"name\", \"value\"]";
                return Err(FieldError::new(path, message));
            };
            P::UserProperty(
                text(&format!("{path}[0]"), name)?,
                text(&format!("{path}[1]"), value)?,
            )
        }
    })
}

/// Every element of a list, read by `one`.
fn each<T>(
    o: &mut Object<'_>,
    key: &'static str,
    one: impl Fn(&str, &Value) -> Result<T>,
) -> Result<Vec<T>> {
    let path = o.at(key);
    let list = o.list(key)?;
    list.iter()
        .enumerate()
        .map(|(i, value)| one(&format!("{path}[{i}]"), value))
        .collect()
}
