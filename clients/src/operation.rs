//! What an adapter is asked to do: one JSON object a line on its standard input.

use crate::values::{self, Binary, MessageProperties, is_false};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use squall_protocol::{QoS, ReasonCode, Version};

/// The version of the protocol between Squall and its adapters.
pub const PROTOCOL: u32 = 1;

/// One line to an adapter. Its answer carries the same identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Operation {
    /// From 1; no two operations of an adapter's life have the same.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub doing: Doing,
}

impl Operation {
    /// Reads a line, as an adapter does.
    ///
    /// # Errors
    /// What is wrong with it, in words: no JSON object, an operation or an option that does not exist, a value that
    /// does not fit. With it comes the identifier, if there is one to answer to.
    pub fn read(line: &str) -> Result<Self, (Option<u64>, String)> {
        let mut map: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| (None, error.to_string()))?;
        let id = map.remove("id").and_then(|id| id.as_u64());
        let Some(id) = id else {
            return Err((None, "an operation has an `id`, a whole number".to_owned()));
        };
        match serde_json::from_value(Value::Object(map)) {
            Ok(doing) => Ok(Self { id, doing }),
            Err(error) => Err((Some(id), error.to_string())),
        }
    }
}

/// What an adapter can be asked to do. An option that is absent is left as the library has it; one that the library cannot
/// do is answered with `unsupported`, and then nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Doing {
    /// Say who you are. The first operation, and later a question whether the adapter is alive.
    Hello {
        /// The version of this protocol that Squall speaks.
        protocol: u32,
    },
    /// Hear what the client will be asked for, before it connects; again before another story. Only adapters are told that
    /// say in `hello` that they need it. Answered `done`, or `unsupported` where the client cannot do all of it.
    Part(Part),
    /// Open a connection and send CONNECT. Nothing connects again by itself.
    Connect(Box<Connect>),
    /// Publish a message. Answered when its QoS is fulfilled: it is sent, or PUBACK or PUBCOMP came; that may be on a later
    /// connection.
    Publish(Box<Publish>),
    /// Subscribe. Answered by SUBACK.
    Subscribe(Subscribe),
    /// Unsubscribe. Answered by UNSUBACK.
    Unsubscribe(Unsubscribe),
    /// Acknowledge a message that was delivered with a handle.
    Acknowledge(Acknowledge),
    /// Send DISCONNECT and close the connection.
    Disconnect(Disconnect),
    /// Close the connection without DISCONNECT.
    Drop {},
    /// End: answer, and exit with 0.
    Stop {},
}

impl Doing {
    /// A question who the adapter is.
    #[must_use]
    pub const fn hello() -> Self {
        Self::Hello { protocol: PROTOCOL }
    }

    /// Its name on the line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Part(_) => "part",
            Self::Connect(_) => "connect",
            Self::Publish(_) => "publish",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Acknowledge(_) => "acknowledge",
            Self::Disconnect(_) => "disconnect",
            Self::Drop {} => "drop",
            Self::Stop {} => "stop",
        }
    }
}

/// What a client will be asked for: each different request once, in the order in which they come first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    /// The kinds of messages that it will publish.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publishes: Vec<MessageKind>,
    /// What it will subscribe to, one SUBSCRIBE each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribes: Vec<Subscribe>,
}

/// What messages that a client publishes have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MessageKind {
    /// Topic Name.
    pub topic: String,
    /// QoS.
    #[serde(with = "values::qos")]
    #[cfg_attr(test, schemars(with = "u8", range(max = 2)))]
    pub qos: QoS,
    /// RETAIN.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retain: bool,
}

/// What CONNECT says, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Connect {
    /// The broker's name or IP address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The version to speak: `3.1.1` or `5.0`.
    #[serde(with = "values::version")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub mqtt: Version,
    /// Client Identifier.
    pub client_identifier: String,
    /// Clean Session (3.1.1) or Clean Start (5.0). If it is false, what the library has kept of this Client Identifier's
    /// session is used.
    pub clean_start: bool,
    /// Keep Alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// Session Expiry Interval in seconds (5.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expiry_interval: Option<u32>,
    /// Receive Maximum (5.0), from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_maximum: Option<u16>,
    /// Maximum Packet Size in bytes (5.0), from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_packet_size: Option<u32>,
    /// Topic Alias Maximum (5.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_alias_maximum: Option<u16>,
    /// User Properties of CONNECT (5.0), name and value, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<(String, String)>,
    /// The will message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will: Option<Will>,
    /// User Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::values::Written>"))]
    pub password: Option<Binary>,
    /// Messages of QoS 1 and 2 are acknowledged only when `acknowledge` asks for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub manual_acknowledgement: bool,
}

impl Connect {
    /// A clean start without keep alive, and nothing else asked for.
    #[must_use]
    pub fn new(
        host: impl Into<String>,
        port: u16,
        mqtt: Version,
        client_identifier: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            mqtt,
            client_identifier: client_identifier.into(),
            clean_start: true,
            keep_alive: 0,
            session_expiry_interval: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: None,
            user_properties: Vec::new(),
            will: None,
            user_name: None,
            password: None,
            manual_acknowledgement: false,
        }
    }
}

/// A will message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Will {
    /// Will Topic.
    pub topic: String,
    /// Will Payload.
    #[cfg_attr(test, schemars(with = "crate::values::Written"))]
    pub payload: Binary,
    /// Will QoS.
    #[serde(with = "values::qos")]
    #[cfg_attr(test, schemars(with = "u8", range(max = 2)))]
    pub qos: QoS,
    /// Will Retain.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retain: bool,
    /// Will Delay Interval in seconds (5.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will_delay_interval: Option<u32>,
    /// Properties of the message (5.0).
    #[serde(default, skip_serializing_if = "MessageProperties::is_empty")]
    pub properties: MessageProperties,
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Publish {
    /// Topic Name.
    pub topic: String,
    /// The payload.
    #[cfg_attr(test, schemars(with = "crate::values::Written"))]
    pub payload: Binary,
    /// QoS.
    #[serde(with = "values::qos")]
    #[cfg_attr(test, schemars(with = "u8", range(max = 2)))]
    pub qos: QoS,
    /// RETAIN.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retain: bool,
    /// Properties of the message (5.0).
    #[serde(default, skip_serializing_if = "MessageProperties::is_empty")]
    pub properties: MessageProperties,
}

/// Subscriptions to ask for in one SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Subscribe {
    /// One or more.
    pub subscriptions: Vec<Subscription>,
    /// Subscription Identifier (5.0), from 1 to 268,435,455.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_identifier: Option<u32>,
    /// User Properties (5.0), name and value, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<(String, String)>,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Subscription {
    /// Topic Filter.
    pub topic_filter: String,
    /// Maximum QoS.
    #[serde(with = "values::qos")]
    #[cfg_attr(test, schemars(with = "u8", range(max = 2)))]
    pub qos: QoS,
    /// No Local (5.0).
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_local: bool,
    /// Retain As Published (5.0).
    #[serde(default, skip_serializing_if = "is_false")]
    pub retain_as_published: bool,
    /// Retain Handling (5.0): 0, 1 or 2; absent is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_handling: Option<u8>,
}

impl Subscription {
    /// A subscription with this maximum QoS and no option.
    #[must_use]
    pub fn new(topic_filter: impl Into<String>, qos: QoS) -> Self {
        Self {
            topic_filter: topic_filter.into(),
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: None,
        }
    }
}

/// Subscriptions to end in one UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unsubscribe {
    /// Topic Filters, one or more.
    pub topic_filters: Vec<String>,
    /// User Properties (5.0), name and value, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<(String, String)>,
}

/// A message to acknowledge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Acknowledge {
    /// The handle that it was delivered with.
    pub handle: u64,
}

/// What DISCONNECT says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Disconnect {
    /// Its reason code (5.0), if it is another than Normal disconnection.
    #[serde(with = "values::some_reason", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<u8>"))]
    pub reason: Option<ReasonCode>,
    /// Session Expiry Interval in seconds (5.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_expiry_interval: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Vec<Doing> {
        let properties = MessageProperties {
            correlation_data: Some(Binary::from(&b"\xff"[..])),
            user_properties: vec![("a".into(), "b".into())],
            ..MessageProperties::default()
        };
        let will = Will {
            topic: "w".into(),
            payload: "gone".into(),
            qos: QoS::AtLeastOnce,
            retain: true,
            will_delay_interval: Some(5),
            properties: properties.clone(),
        };
        let mut connect = Connect::new("127.0.0.1", 1883, Version::V3_1_1, "me");
        let bare = connect.clone();
        connect.will = Some(will);
        connect.password = Some("secret".into());
        connect.manual_acknowledgement = true;
        let publish = Publish {
            topic: "a/b".into(),
            payload: Binary::from(&b"\x00\xff"[..]),
            qos: QoS::ExactlyOnce,
            retain: false,
            properties,
        };
        vec![
            Doing::hello(),
            Doing::Part(Part {
                publishes: vec![MessageKind {
                    topic: "a/b".into(),
                    qos: QoS::AtLeastOnce,
                    retain: true,
                }],
                subscribes: Vec::new(),
            }),
            Doing::Connect(bare.into()),
            Doing::Connect(connect.into()),
            Doing::Publish(publish.into()),
            Doing::Subscribe(Subscribe {
                subscriptions: vec![Subscription::new("a/#", QoS::AtMostOnce)],
                subscription_identifier: Some(7),
                user_properties: Vec::new(),
            }),
            Doing::Unsubscribe(Unsubscribe {
                topic_filters: vec!["a/#".into()],
                user_properties: Vec::new(),
            }),
            Doing::Acknowledge(Acknowledge { handle: 3 }),
            Doing::Disconnect(Disconnect {
                reason: Some(ReasonCode(4)),
                session_expiry_interval: None,
            }),
            Doing::Drop {},
            Doing::Stop {},
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut lines = Vec::new();
        for (id, doing) in (1..).zip(everything()) {
            let operation = Operation { id, doing };
            let line = serde_json::to_string(&operation).unwrap();
            assert_eq!(Operation::read(&line), Ok(operation));
            lines.push(line);
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_does_not_exist_is_not_overlooked() {
        let answers = [
            r#"{"id": 1, "do": "levitate"}"#,
            r#"{"id": 2, "do": "drop", "hard": true}"#,
            r#"{"id": 3, "do": "hello", "protocol": 1, "name": "x"}"#,
            r#"{"id": 4, "do": "disconnect", "session_expiry": 3}"#,
            r#"{"do": "stop"}"#,
            r#"{"id": "5", "do": "stop"}"#,
            "stop",
        ]
        .map(|line| match Operation::read(line) {
            Ok(operation) => panic!("{operation:?}"),
            Err((id, why)) => format!("{id:?} {why}"),
        });
        insta::assert_snapshot!(answers.join("\n"));
    }
}
