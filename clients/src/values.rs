//! What fields of the adapters' protocol hold: bytes, versions, QoS, reason codes and the properties of a message.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use squall_protocol::{Properties, Property, Text, TextError, hex};

/// Bytes: a JSON string stands for its UTF-8, `{"hex": "00ff"}` for anything. Text is written where the bytes are UTF-8,
/// and either is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binary(pub Bytes);

macro_rules! made_of {
    ($($bytes:ty),*) => {$(
        impl From<$bytes> for Binary {
            fn from(bytes: $bytes) -> Self {
                Self(bytes.into())
            }
        }
    )*};
}

made_of!(Bytes, Vec<u8>, String, &'static [u8], &'static str);

impl From<Binary> for Bytes {
    fn from(binary: Binary) -> Self {
        binary.0
    }
}

/// The two ways to write bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum Written {
    /// UTF-8.
    Text(String),
    /// Anything.
    Hex(Digits),
}

/// Bytes as hex digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Digits {
    /// Two digits a byte.
    hex: String,
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match std::str::from_utf8(&self.0) {
            Ok(text) => Written::Text(text.to_owned()),
            Err(_) => Written::Hex(Digits {
                hex: hex::compact(&self.0),
            }),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer) {
            Ok(Written::Text(text)) => Ok(Self(text.into())),
            Ok(Written::Hex(digits)) => match hex::bytes(&digits.hex) {
                Ok(bytes) => Ok(Self(bytes.into())),
                Err(error) => Err(D::Error::custom(format!("no hex digits: {error}"))),
            },
            Err(_) => Err(D::Error::custom(
                "a string or {\"hex\": \"00ff\"} is wanted",
            )),
        }
    }
}

/// The properties of a message (5.0). Everything absent is not sent, or was not received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MessageProperties {
    /// Payload Format Indicator: 0 or 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_format_indicator: Option<u8>,
    /// Message Expiry Interval in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_expiry_interval: Option<u32>,
    /// Content Type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Response Topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<String>,
    /// Correlation Data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::values::Written>"))]
    pub correlation_data: Option<Binary>,
    /// Topic Alias, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_alias: Option<u16>,
    /// Subscription Identifiers, of a message that was delivered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscription_identifiers: Vec<u32>,
    /// User Properties, name and value, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<(String, String)>,
}

impl MessageProperties {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those among these properties that a message has.
    #[must_use]
    pub fn of(properties: &Properties) -> Self {
        let mut out = Self::default();
        for property in properties {
            match property {
                Property::PayloadFormatIndicator(v) => out.payload_format_indicator = Some(*v),
                Property::MessageExpiryInterval(v) => out.message_expiry_interval = Some(*v),
                Property::ContentType(v) => out.content_type = Some(v.as_str().to_owned()),
                Property::ResponseTopic(v) => out.response_topic = Some(v.as_str().to_owned()),
                Property::CorrelationData(v) => out.correlation_data = Some(v.clone().into()),
                Property::TopicAlias(v) => out.topic_alias = Some(*v),
                Property::SubscriptionIdentifier(v) => out.subscription_identifiers.push(*v),
                Property::UserProperty(name, value) => {
                    let pair = (name.as_str().to_owned(), value.as_str().to_owned());
                    out.user_properties.push(pair);
                }
                _ => {}
            }
        }
        out
    }

    /// The same as properties of a packet.
    ///
    /// # Errors
    /// When a string is none that MQTT can carry.
    pub fn to_properties(&self) -> Result<Properties, TextError> {
        let text = |text: &String| Text::from_bytes(Bytes::copy_from_slice(text.as_bytes()));
        let mut out = Properties::new();
        let integers = [
            self.payload_format_indicator
                .map(Property::PayloadFormatIndicator),
            self.message_expiry_interval
                .map(Property::MessageExpiryInterval),
        ];
        integers.into_iter().flatten().for_each(|p| out.push(p));
        if let Some(value) = &self.content_type {
            out.push(Property::ContentType(text(value)?));
        }
        if let Some(value) = &self.response_topic {
            out.push(Property::ResponseTopic(text(value)?));
        }
        if let Some(value) = &self.correlation_data {
            out.push(Property::CorrelationData(value.0.clone()));
        }
        if let Some(value) = self.topic_alias {
            out.push(Property::TopicAlias(value));
        }
        for value in &self.subscription_identifiers {
            out.push(Property::SubscriptionIdentifier(*value));
        }
        for (name, value) in &self.user_properties {
            out.push(Property::UserProperty(text(name)?, text(value)?));
        }
        Ok(out)
    }
}

impl From<&Properties> for MessageProperties {
    fn from(properties: &Properties) -> Self {
        Self::of(properties)
    }
}

/// Whether a field that is false when absent needs not be written.
pub(crate) const fn is_false(value: &bool) -> bool {
    !*value
}

macro_rules! written_as {
    ($(#[$doc:meta] $module:ident: $type:ty as $written:ty, $write:expr, $read:expr;)*) => {$(
        #[$doc]
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

            pub(crate) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                let write: fn($type) -> $written = $write;
                write(*value).serialize(to)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let read: fn($written) -> Result<$type, String> = $read;
                read(<$written>::deserialize(from)?).map_err(D::Error::custom)
            }
        }
    )*};
}

written_as! {
    /// A QoS as a number.
    qos: squall_protocol::QoS as u8, |qos| qos.as_u8(), |n| {
        squall_protocol::QoS::from_bits(n).ok_or_else(|| format!("QoS is 0, 1 or 2, not {n}"))
    };
    /// A reason code as a number.
    reason: squall_protocol::ReasonCode as u8, |reason| reason.0, |n| Ok(squall_protocol::ReasonCode(n));
    /// Any number of versions as strings.
    version: squall_protocol::Version as String, |v| v.as_str().to_owned(), |text| {
        text.parse().map_err(|e: squall_protocol::UnknownVersion| e.to_string())
    };
}

/// Reason codes as numbers.
pub(crate) mod reasons {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use squall_protocol::ReasonCode;

    pub(crate) fn serialize<S: Serializer>(value: &[ReasonCode], to: S) -> Result<S::Ok, S::Error> {
        let numbers: Vec<u8> = value.iter().map(|reason| reason.0).collect();
        numbers.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<ReasonCode>, D::Error> {
        let numbers = Vec::<u8>::deserialize(from)?;
        Ok(numbers.into_iter().map(ReasonCode).collect())
    }
}

/// A reason code that may be absent.
pub(crate) mod some_reason {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use squall_protocol::ReasonCode;

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<ReasonCode>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|reason| reason.0).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<ReasonCode>, D::Error> {
        Ok(Option::<u8>::deserialize(from)?.map(ReasonCode))
    }
}

/// Versions as strings.
pub(crate) mod versions {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
    use squall_protocol::{UnknownVersion, Version};

    pub(crate) fn serialize<S: Serializer>(value: &[Version], to: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<&str> = value.iter().map(|version| version.as_str()).collect();
        texts.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Version>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let read = texts.iter().map(|text| text.parse());
        read.collect::<Result<_, UnknownVersion>>()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_where_they_can_be() {
        for (bytes, json) in [
            (&b"caf\xc3\xa9"[..], r#""café""#),
            (b"", r#""""#),
            (b"\x00\xff", r#"{"hex":"00ff"}"#),
        ] {
            let value = Binary::from(bytes);
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<Binary>(json).unwrap(), value);
        }
        let text_as_hex: Binary = serde_json::from_str(r#"{"hex":"6869"}"#).unwrap();
        assert_eq!(text_as_hex, Binary::from("hi"));
        for bad in ["7", r#"{"hex":"0"}"#, r#"{"hex":"zz"}"#, r#"{"text":"a"}"#] {
            assert!(serde_json::from_str::<Binary>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn properties_survive_the_way_through_a_packet() {
        let all = MessageProperties {
            payload_format_indicator: Some(1),
            message_expiry_interval: Some(60),
            content_type: Some("text/plain".into()),
            response_topic: Some("a/b".into()),
            correlation_data: Some(Binary::from(&b"\xff"[..])),
            topic_alias: Some(3),
            subscription_identifiers: vec![1, 268_435_455],
            user_properties: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        };
        let packed = all.to_properties().unwrap();
        assert_eq!(packed.len(), 10);
        assert_eq!(MessageProperties::of(&packed), all);
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(
            serde_json::from_str::<MessageProperties>(&json).unwrap(),
            all
        );
        let nul = MessageProperties {
            content_type: Some("a\0".into()),
            ..MessageProperties::default()
        };
        assert!(nul.to_properties().is_err());
    }
}
