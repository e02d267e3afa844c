//! An application message, and the name of a request. They do not know what is done with them.

use bytes::Bytes;
use squall_protocol::{Properties, Property, QoS, Text};
use std::fmt;

/// The name of a request whose outcome comes as an event. Chosen by the caller; the client only repeats it, so use
/// each number once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a message that was delivered and waits to be acknowledged by hand. No two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(pub(crate) u64);

/// An application message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Topic Name.
    pub topic: Text,
    /// Payload; may be empty.
    pub payload: Bytes,
    /// Quality of Service.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// Properties (5.0; left out in 3.1.1).
    pub properties: Properties,
}

impl Message {
    /// A message that is not retained and has no properties.
    ///
    /// # Panics
    /// When `topic` is a `&str` or `String` with U+0000; check input with [`Text::from_bytes`].
    #[must_use]
    pub fn new(topic: impl Into<Text>, payload: impl Into<Bytes>, qos: QoS) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos,
            retain: false,
            properties: Properties::new(),
        }
    }

    /// Bytes of topic, payload and properties: what it takes in memory beside a fixed size.
    #[must_use]
    pub fn weight(&self) -> usize {
        let properties = self.properties.iter().map(|property| match property {
            Property::UserProperty(name, value) => name.len() + value.len(),
            Property::CorrelationData(data) => data.len(),
            other => other.as_text().map_or(4, |text| text.len()),
        });
        self.topic.len() + self.payload.len() + properties.sum::<usize>()
    }
}
