//! Values as they stand in JSON lines, and as the library has them. No connection is known here.

use rumqttc::v5::mqttbytes::QoS;
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// The library has names where MQTT has numbers.
const CODES: &[(&str, u8)] = &[
    ("Success", 0),
    ("NoMatchingSubscribers", 0x10),
    ("NoSubscriptionExisted", 0x11),
    ("UnspecifiedError", 0x80),
    ("Failure", 0x80),
    ("Unspecified", 0x80),
    ("MalformedPacket", 0x81),
    ("ProtocolError", 0x82),
    ("ImplementationSpecificError", 0x83),
    ("ImplementationSpecific", 0x83),
    ("UnsupportedProtocolVersion", 0x84),
    ("ClientIdentifierNotValid", 0x85),
    ("BadUserNamePassword", 0x86),
    ("NotAuthorized", 0x87),
    ("ServerUnavailable", 0x88),
    ("ServerBusy", 0x89),
    ("Banned", 0x8A),
    ("BadAuthenticationMethod", 0x8C),
    ("TopicFilterInvalid", 0x8F),
    ("TopicNameInvalid", 0x90),
    ("PacketIdentifierInUse", 0x91),
    ("PkidInUse", 0x91),
    ("PacketIdentifierNotFound", 0x92),
    ("PacketTooLarge", 0x95),
    ("QuotaExceeded", 0x97),
    ("PayloadFormatInvalid", 0x99),
    ("RetainNotSupported", 0x9A),
    ("QoSNotSupported", 0x9B),
    ("UseAnotherServer", 0x9C),
    ("ServerMoved", 0x9D),
    ("SharedSubscriptionsNotSupported", 0x9E),
    ("ConnectionRateExceeded", 0x9F),
    ("SubscriptionIdNotSupported", 0xA1),
    ("WildcardSubscriptionsNotSupported", 0xA2),
];
pub(crate) const MESSAGE: &[&str] = &[
    "payload_format_indicator",
    "message_expiry_interval",
    "content_type",
    "response_topic",
    "correlation_data",
    "topic_alias",
    "user_properties",
];

/// Why something is not done.
pub(crate) enum No {
    Unsupported(String),
    Failed(String),
}

pub(crate) fn code(reason: &impl Debug) -> u8 {
    let name = format!("{reason:?}");
    CODES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0x80, |(_, code)| *code)
}

pub(crate) fn answer(id: u64, outcome: &str, more: Value) {
    let mut line = json!({"id": id, "outcome": outcome});
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    println!("{line}");
}

pub(crate) fn only(fields: &Value, known: &[&str], place: &str) -> Result<(), No> {
    let mut keys = fields.as_object().into_iter().flat_map(Map::keys);
    keys.find(|key| !known.contains(&key.as_str()))
        .map_or(Ok(()), |key| {
            Err(No::Unsupported(format!("`{key}` in {place}")))
        })
}

pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(crate) fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    value.as_u64().and_then(|number| T::try_from(number).ok())
}

pub(crate) fn qos(value: &Value) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]
        [number::<usize>(value).unwrap_or(0).min(2)]
}

pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    let hex = value["hex"].as_str();
    let byte = |at: usize| u8::from_str_radix(hex?.get(at..at + 2)?, 16).ok();
    text(value)
        .map(String::into_bytes)
        .or_else(|| (0..hex?.len()).step_by(2).map(byte).collect())
}

pub(crate) fn written(bytes: &[u8]) -> Value {
    let hex = || json!({"hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()});
    std::str::from_utf8(bytes).map_or_else(|_| hex(), Value::from)
}
