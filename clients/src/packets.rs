//! What the adapters' protocol has in common with packets, both ways.

use crate::{
    operation::{Subscription, Will},
    report::Delivered,
    values::MessageProperties,
};
use bytes::Bytes;
use squall_protocol::{
    Properties, Property, QoS, REASONS, ReasonCode, ReasonSpec, Text, Version,
    packet::{self, RetainHandling},
    topic::TopicFilter,
};

/// Why something cannot stand in a packet, in words.
type Refused = String;

/// A string of MQTT.
///
/// # Errors
/// When it is none that MQTT can carry.
pub fn text(text: &str) -> Result<Text, Refused> {
    Text::from_bytes(Bytes::copy_from_slice(text.as_bytes())).map_err(|e| e.to_string())
}

/// A Topic Filter as this version knows it.
///
/// # Errors
/// When it is none.
pub fn filter(filter: &str, mqtt: Version) -> Result<TopicFilter, Refused> {
    let filter = text(filter)?;
    let parsed = match mqtt {
        Version::V3_1_1 => TopicFilter::parse_v3(filter),
        Version::V5_0 => TopicFilter::parse_v5(filter),
    };
    parsed.map_err(|error| error.to_string())
}

/// Names and values.
///
/// # Errors
/// When a string is none that MQTT can carry.
pub fn pairs(pairs: &[(String, String)]) -> Result<Vec<(Text, Text)>, Refused> {
    let pair = |(name, value): &(String, String)| Ok((text(name)?, text(value)?));
    pairs.iter().map(pair).collect()
}

/// User Properties of a packet.
///
/// # Errors
/// As [`pairs`].
pub fn user_properties(of: &[(String, String)]) -> Result<Properties, Refused> {
    let pairs = pairs(of)?.into_iter();
    Ok(pairs
        .map(|(name, value)| Property::UserProperty(name, value))
        .collect())
}

/// Properties of a packet.
///
/// # Errors
/// When a string is none that MQTT can carry.
pub fn properties(of: &MessageProperties) -> Result<Properties, Refused> {
    of.to_properties().map_err(|error| error.to_string())
}

/// The reason code of MQTT 5.0 that a library tells by a name: as the standard writes it, or its beginning, with or without
/// spaces, hyphens and capitals (`NotAuthorized`). `None` where the standard has no such name.
#[must_use]
pub fn reason_called(name: &str) -> Option<ReasonCode> {
    let letters = |name: &str| name.replace([' ', '-'], "").to_lowercase();
    let name = letters(name);
    let same = |spec: &&ReasonSpec| !name.is_empty() && letters(spec.name).starts_with(&name);
    REASONS.iter().find(same).map(|spec| spec.code)
}

impl Delivered {
    /// A message that is not acknowledged by hand.
    #[must_use]
    pub fn new(
        topic: &str,
        payload: Bytes,
        qos: QoS,
        (retain, dup): (bool, bool),
        properties: impl Into<MessageProperties>,
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            payload: payload.into(),
            qos,
            retain,
            dup: Some(dup),
            properties: properties.into(),
            handle: None,
        }
    }
}

impl Subscription {
    /// What stands in SUBSCRIBE.
    #[must_use]
    pub fn of(asked: &packet::Subscription) -> Self {
        Self {
            no_local: asked.no_local,
            retain_as_published: asked.retain_as_published,
            retain_handling: match asked.retain_handling {
                RetainHandling::Send => None,
                other => Some(other as u8),
            },
            ..Self::new(asked.filter.to_string(), asked.qos)
        }
    }

    /// The same for SUBSCRIBE.
    ///
    /// # Errors
    /// When the filter is none, or Retain Handling neither 0, 1 nor 2.
    pub fn to_packet(&self, mqtt: Version) -> Result<packet::Subscription, Refused> {
        let handling = RetainHandling::from_bits(self.retain_handling.unwrap_or(0));
        Ok(packet::Subscription {
            no_local: self.no_local,
            retain_as_published: self.retain_as_published,
            retain_handling: handling.ok_or("Retain Handling is 0, 1 or 2")?,
            ..packet::Subscription::new(filter(&self.topic_filter, mqtt)?, self.qos)
        })
    }
}

impl Will {
    /// What stands in CONNECT.
    #[must_use]
    pub fn of(will: &packet::Will) -> Self {
        Self {
            topic: will.topic.to_string(),
            payload: will.payload.clone().into(),
            qos: will.qos,
            retain: will.retain,
            will_delay_interval: will.properties.will_delay_interval(),
            properties: MessageProperties::of(&will.properties),
        }
    }

    /// The same for CONNECT.
    ///
    /// # Errors
    /// When a string is none that MQTT can carry.
    pub fn to_packet(&self) -> Result<packet::Will, Refused> {
        let mut properties = properties(&self.properties)?;
        if let Some(delay) = self.will_delay_interval {
            properties.push(Property::WillDelayInterval(delay));
        }
        Ok(packet::Will {
            topic: text(&self.topic)?,
            payload: self.payload.0.clone(),
            qos: self.qos,
            retain: self.retain,
            properties,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_packet_says_comes_back() {
        let subscription = Subscription {
            no_local: true,
            retain_handling: Some(2),
            ..Subscription::new("a/#", QoS::AtLeastOnce)
        };
        let packet = subscription.to_packet(Version::V5_0).unwrap();
        assert_eq!(Subscription::of(&packet), subscription);
        let will = Will {
            topic: "w".into(),
            payload: "gone".into(),
            qos: QoS::ExactlyOnce,
            retain: true,
            will_delay_interval: Some(7),
            properties: MessageProperties {
                content_type: Some("text/plain".into()),
                ..MessageProperties::default()
            },
        };
        assert_eq!(Will::of(&will.to_packet().unwrap()), will);
    }

    #[test]
    fn what_no_packet_can_carry_is_refused() {
        let bad = Subscription::new("a/#/b", QoS::AtMostOnce);
        assert!(bad.to_packet(Version::V5_0).is_err());
        let bad = Subscription {
            retain_handling: Some(3),
            ..Subscription::new("a", QoS::AtMostOnce)
        };
        assert_eq!(
            bad.to_packet(Version::V5_0).unwrap_err(),
            "Retain Handling is 0, 1 or 2"
        );
        assert!(text("\0").is_err());
    }

    #[test]
    fn names_of_reason_codes_are_known() {
        for (name, code) in [
            ("Success", Some(ReasonCode::SUCCESS)),
            ("NotAuthorized", Some(ReasonCode::NOT_AUTHORIZED)),
            ("Unspecified", Some(ReasonCode::UNSPECIFIED_ERROR)),
            ("session taken-over", Some(ReasonCode::SESSION_TAKEN_OVER)),
            ("NoSuchName", None),
            ("", None),
        ] {
            assert_eq!(reason_called(name), code, "{name}");
        }
    }
}
