//! Messages that checks publish.

use squall_protocol::{Properties, Property, QoS, Text, packet::Publish};

/// A PUBLISH with this content; its packet identifier is set when it is sent.
pub(crate) fn message(topic: &str, qos: QoS, payload: &[u8]) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: Text::from(topic),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.to_vec().into(),
    }
}

/// What checks add to a message.
pub(crate) trait Shape {
    /// With RETAIN 1.
    fn retained(self) -> Self;
    /// With this property.
    fn with(self, property: Property) -> Self;
}

impl Shape for Publish {
    fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }
}
