//! What an adapter says: one JSON object a line on its standard output, an answer to an operation or an event.

use crate::{
    operation::Doing,
    values::{self, Binary, MessageProperties, is_false},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use squall_protocol::{QoS, ReasonCode, Version};

/// One line from an adapter. Answers come in any order; events in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Report {
    /// The answer to an operation; each gets exactly one.
    Answer {
        /// The operation's identifier.
        id: u64,
        /// What became of it.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// Something happened.
    Event(Happened),
}

impl Report {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        let mut map: Map<String, Value> =
            serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if map.contains_key("event") {
            let event = serde_json::from_value(Value::Object(map));
            return event.map(Self::Event).map_err(|error| error.to_string());
        }
        let Some(id) = map.remove("id") else {
            return Err("it has neither `event` nor `id`".to_owned());
        };
        let Some(id) = id.as_u64() else {
            return Err(format!("`id` is a whole number, not {id}"));
        };
        match serde_json::from_value(Value::Object(map)) {
            Ok(outcome) => Ok(Self::Answer { id, outcome }),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Outcome {
    /// To `hello`.
    Hello {
        /// The version of the adapters' protocol that the adapter speaks.
        protocol: u32,
        /// The library's name.
        name: String,
        /// The library's version, as the library itself says it.
        version: String,
        /// The versions of MQTT that it speaks.
        #[serde(with = "values::versions")]
        #[cfg_attr(test, schemars(with = "Vec<String>"))]
        mqtt: Vec<Version>,
        /// Whether it has to be told the client's part before the client connects.
        #[serde(default, skip_serializing_if = "is_false")]
        needs_part: bool,
    },
    /// To `connect`: CONNACK accepted the connection.
    Connected {
        /// Its reason code; 0 in 3.1.1.
        #[serde(with = "values::reason")]
        #[cfg_attr(test, schemars(with = "u8"))]
        reason: ReasonCode,
        /// Session Present.
        session_present: bool,
    },
    /// To `connect`: CONNACK refused the connection.
    Refused {
        /// Its reason code, or its return code in 3.1.1.
        #[serde(with = "values::reason")]
        #[cfg_attr(test, schemars(with = "u8"))]
        reason: ReasonCode,
    },
    /// There is no connection, or it ended before the answer came and the library has given the operation up.
    Lost {
        /// Why, in the library's words.
        why: String,
    },
    /// It is done.
    Done {
        /// For each message, topic filter or topic one reason code; none where MQTT has none.
        #[serde(
            default,
            with = "values::reasons",
            skip_serializing_if = "Vec::is_empty"
        )]
        #[cfg_attr(test, schemars(with = "Vec<u8>"))]
        reasons: Vec<ReasonCode>,
    },
    /// The adapter, or its library, cannot do this. Nothing was done.
    Unsupported {
        /// What it cannot do, in words.
        what: String,
    },
    /// The library did not want to: an error that is none of the connection's.
    Failed {
        /// Why, in the library's words.
        why: String,
    },
}

impl Outcome {
    /// Done, with these reason codes.
    #[must_use]
    pub const fn done(reasons: Vec<ReasonCode>) -> Self {
        Self::Done { reasons }
    }

    /// Lost, for this reason.
    #[must_use]
    pub fn lost(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Lost { why }
    }

    /// Lost, as there is no connection.
    #[must_use]
    pub fn no_connection() -> Self {
        Self::lost("there is no connection")
    }

    /// The adapter or its library cannot do this.
    #[must_use]
    pub fn unsupported(what: impl Into<String>) -> Self {
        let what = what.into();
        Self::Unsupported { what }
    }

    /// The library did not want to, for this reason.
    #[must_use]
    pub fn failed(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Failed { why }
    }

    /// Its name on the line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Connected { .. } => "connected",
            Self::Refused { .. } => "refused",
            Self::Lost { .. } => "lost",
            Self::Done { .. } => "done",
            Self::Unsupported { .. } => "unsupported",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether this can be the answer to an operation.
    #[must_use]
    pub const fn answers(&self, doing: &Doing) -> bool {
        match self {
            Self::Hello { .. } => matches!(doing, Doing::Hello { .. }),
            Self::Connected { .. } | Self::Refused { .. } => matches!(doing, Doing::Connect(_)),
            Self::Lost { .. } => {
                !matches!(doing, Doing::Hello { .. } | Doing::Drop {} | Doing::Stop {})
            }
            Self::Done { .. } => !matches!(doing, Doing::Hello { .. } | Doing::Connect(_)),
            Self::Unsupported { .. } | Self::Failed { .. } => {
                !matches!(doing, Doing::Hello { .. } | Doing::Stop {})
            }
        }
    }
}

/// What went wrong, in words.
impl From<String> for Outcome {
    fn from(why: String) -> Self {
        Self::failed(why)
    }
}

/// What happened to an adapter's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Happened {
    /// CONNACK accepted a connection. Nothing is delivered on it before.
    Connected {
        /// Session Present.
        session_present: bool,
    },
    /// The library handed a message to the application.
    Delivered(Box<Delivered>),
    /// The library sent the acknowledgement of a message with a handle, where it tells.
    Acknowledged {
        /// The handle that the message was delivered with.
        handle: u64,
    },
    /// A connection is over. Comes exactly once for each `connected`, whoever ended it.
    Ended {
        /// Why, in the library's words.
        why: String,
        /// The reason code of the server's DISCONNECT (5.0), if it sent one and the library tells.
        #[serde(
            default,
            with = "values::some_reason",
            skip_serializing_if = "Option::is_none"
        )]
        #[cfg_attr(test, schemars(with = "Option<u8>"))]
        reason: Option<ReasonCode>,
    },
    /// Anything a person may want to read.
    Log {
        /// In words.
        text: String,
    },
}

/// A message as the library handed it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Delivered {
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
    /// DUP; absent where the library does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dup: Option<bool>,
    /// Properties of the message (5.0), where the library tells.
    #[serde(default, skip_serializing_if = "MessageProperties::is_empty")]
    pub properties: MessageProperties,
    /// What `acknowledge` names it by, if acknowledgement is manual and it needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<u64>,
}
