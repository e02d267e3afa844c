//! A JSON object that is read key by key, with words for whatever is wrong in it.

use crate::{PacketId, QoS, ReasonCode, Text, hex};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A JSON field that is no field of the packet, or says something that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct FieldError {
    /// Where it stands, such as `fields.properties[2].receive_maximum`.
    pub path: String,
    /// What is wrong, and what may stand there.
    pub message: String,
}

impl FieldError {
    /// An error about the value at `path`.
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

type Result<T> = std::result::Result<T, FieldError>;

/// The object under `path`; remembers which keys were asked for.
pub(super) struct Object<'a> {
    pub(super) path: String,
    map: &'a Map<String, Value>,
    asked: Vec<&'static str>,
}

impl<'a> Object<'a> {
    pub(super) fn new(path: impl Into<String>, value: &'a Value) -> Result<Self> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self {
                path,
                map,
                asked: Vec::new(),
            }),
            other => Err(FieldError::new(
                path,
                format!("an object is wanted, not {}", kind(other)),
            )),
        }
    }

    pub(super) fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// The value of a key; `null` counts as absent.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn need(&mut self, key: &'static str) -> Result<&'a Value> {
        self.get(key).ok_or_else(|| {
            let present = self.map.iter().filter(|(_, value)| !value.is_null());
            let there: Vec<&str> = present.map(|(key, _)| key.as_str()).collect();
            let message = match &there[..] {
                [] => "this field is missing".to_owned(),
                there => format!(
                    "this field is missing; the object has: {}",
                    there.join(", ")
                ),
            };
            FieldError::new(self.at(key), message)
        })
    }

    /// An integer from 0 to `max`.
    pub(super) fn integer(&mut self, key: &'static str, max: u32) -> Result<u32> {
        let value = self.need(key)?;
        integer(&self.at(key), value, max)
    }

    /// A bit; false when absent.
    pub(super) fn bit(&mut self, key: &'static str) -> Result<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(bit)) => Ok(*bit),
            Some(other) => Err(FieldError::new(
                self.at(key),
                format!("true or false is wanted, not {}", kind(other)),
            )),
        }
    }

    /// A QoS; 0 when absent.
    pub(super) fn qos(&mut self, key: &'static str) -> Result<QoS> {
        let Some(value) = self.get(key) else {
            return Ok(QoS::AtMostOnce);
        };
        let n = integer(&self.at(key), value, 2)?;
        Ok(QoS::from_bits(n as u8).expect("0, 1 and 2 are QoS"))
    }

    pub(super) fn packet_id(&mut self, key: &'static str) -> Result<PacketId> {
        let n = self.integer(key, u32::from(u16::MAX))?;
        PacketId::new(n as u16)
            .ok_or_else(|| FieldError::new(self.at(key), "0 is not a packet identifier"))
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Text> {
        let value = self.need(key)?;
        text(&self.at(key), value)
    }

    pub(super) fn list(&mut self, key: &'static str) -> Result<&'a [Value]> {
        let value = self.need(key)?;
        list(&self.at(key), value)
    }

    /// Refuses keys that nobody asked for: a misspelt field would be lost without a word.
    pub(super) fn finish(self) -> Result<()> {
        let unknown = self.map.keys().find(|key| !self.asked.contains(&&***key));
        match unknown {
            None => Ok(()),
            Some(key) => {
                let known = match &self.asked[..] {
                    [] => "this packet has no fields".to_owned(),
                    known => format!("known here: {}", known.join(", ")),
                };
                Err(FieldError::new(
                    self.at(key),
                    format!("there is no such field; {known}"),
                ))
            }
        }
    }
}

/// An integer from 0 to `max`.
pub(super) fn integer(path: &str, value: &Value, max: u32) -> Result<u32> {
    value
        .as_u64()
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| *n <= max)
        .ok_or_else(|| {
            FieldError::new(
                path,
                format!("an integer from 0 to {max} is wanted, not {}", shown(value)),
            )
        })
}

/// A string that MQTT can carry.
pub(super) fn text(path: &str, value: &Value) -> Result<Text> {
    let Value::String(s) = value else {
        return Err(FieldError::new(
            path,
            format!("a string is wanted, not {}", kind(value)),
        ));
    };
    Text::from_bytes(Bytes::copy_from_slice(s.as_bytes()))
        .map_err(|e| FieldError::new(path, format!("no MQTT string: {e}")))
}

/// Binary data: a string, or `{"hex": "…"}`.
pub(super) fn binary(path: &str, value: &Value) -> Result<Bytes> {
    let digits = match value {
        Value::String(s) => return Ok(Bytes::copy_from_slice(s.as_bytes())),
        Value::Object(map) if map.len() == 1 => map.get("hex").and_then(Value::as_str),
        _ => None,
    };
    let Some(digits) = digits else {
        let message = format!(
            "a string or {{\"hex\": \"00ff\"}} is wanted, not {}",
            shown(value)
        );
        return Err(FieldError::new(path, message));
    };
    hex::bytes(digits)
        .map(Bytes::from)
        .map_err(|error| FieldError::new(format!("{path}.hex"), error.to_string()))
}

/// A reason code: `"0x87"` or a number.
pub(super) fn code(path: &str, value: &Value) -> Result<ReasonCode> {
    let number = match value {
        Value::String(s) => s
            .strip_prefix("0x")
            .or_else(|| s.strip_prefix("0X"))
            .filter(|digits| digits.len() <= 2 && digits.chars().all(|c| c.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
        other => other.as_u64().and_then(|n| u8::try_from(n).ok()),
    };
    number.map(ReasonCode).ok_or_else(|| {
        FieldError::new(
            path,
            format!("a code such as \"0x87\" is wanted, not {}", shown(value)),
        )
    })
}

pub(super) fn list<'a>(path: &str, value: &'a Value) -> Result<&'a [Value]> {
    match value {
        Value::Array(list) => Ok(list),
        other => Err(FieldError::new(
            path,
            format!("a list is wanted, not {}", kind(other)),
        )),
    }
}

/// A value in an error, cut short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
