//! Copies of what is kept for long. What a decoder gives out shares the buffer that it was read into, which may be many
//! times as large; a copy takes what it says.

use bytes::Bytes;
use squall_protocol::{
    Properties, Property, Text, Version,
    packet::{Connect, Publish, Will},
    topic::TopicFilter,
};

/// What a property takes beside its strings.
const PROPERTY_BYTES: usize = size_of::<Property>();

pub(super) fn text(text: &Text) -> Text {
    Text::from(text.as_str())
}

fn bytes(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// The filter of a client that speaks `version`.
pub(super) fn filter(filter: &TopicFilter, version: Version) -> TopicFilter {
    let text = filter.as_str();
    let again = match version {
        Version::V3_1_1 => TopicFilter::parse_v3(text),
        Version::V5_0 => TopicFilter::parse_v5(text),
    };
    again.unwrap_or_else(|_| filter.clone())
}

pub(super) fn publish(publish: Publish) -> Publish {
    Publish {
        topic: text(&publish.topic),
        properties: properties(&publish.properties),
        payload: bytes(&publish.payload),
        ..publish
    }
}

pub(super) fn will(will: Will) -> Will {
    Will {
        topic: text(&will.topic),
        properties: properties(&will.properties),
        payload: bytes(&will.payload),
        ..will
    }
}

fn properties(properties: &Properties) -> Properties {
    properties.iter().map(property).collect()
}

fn property(property: &Property) -> Property {
    use Property::{
        AssignedClientIdentifier, AuthenticationData, AuthenticationMethod, ContentType,
        CorrelationData, ReasonString, ResponseInformation, ResponseTopic, ServerReference,
        UserProperty,
    };
    match property {
        ContentType(v) => ContentType(text(v)),
        ResponseTopic(v) => ResponseTopic(text(v)),
        AssignedClientIdentifier(v) => AssignedClientIdentifier(text(v)),
        AuthenticationMethod(v) => AuthenticationMethod(text(v)),
        ResponseInformation(v) => ResponseInformation(text(v)),
        ServerReference(v) => ServerReference(text(v)),
        ReasonString(v) => ReasonString(text(v)),
        CorrelationData(v) => CorrelationData(bytes(v)),
        AuthenticationData(v) => AuthenticationData(bytes(v)),
        UserProperty(name, value) => UserProperty(text(name), text(value)),
        // Numbers.
        other => other.clone(),
    }
}

/// Bytes that a CONNECT takes.
pub(super) fn connect_bytes(connect: &Connect) -> usize {
    let will = connect.will.as_ref().map_or(0, |will| {
        will.topic.len() + will.payload.len() + properties_bytes(&will.properties)
    });
    let texts = connect.client_id.len()
        + connect.user_name.as_ref().map_or(0, |name| name.len())
        + connect.password.as_ref().map_or(0, Bytes::len);
    size_of::<Connect>() + texts + will + properties_bytes(&connect.properties)
}

/// Bytes that a list of properties takes.
pub(super) fn properties_bytes(properties: &Properties) -> usize {
    let one = |property: &Property| {
        let strings = match property {
            Property::UserProperty(name, value) => name.len() + value.len(),
            Property::CorrelationData(data) | Property::AuthenticationData(data) => data.len(),
            other => other.as_text().map_or(0, |text| text.len()),
        };
        PROPERTY_BYTES + strings
    };
    properties.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::{Decoder, Packet, QoS, Role, encode};

    #[test]
    fn a_copy_is_the_same_and_shares_nothing() {
        let long = "x".repeat(600);
        let packet = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: true,
            topic: long.as_str().into(),
            packet_id: None,
            properties: Properties::new()
                .with(Property::MessageExpiryInterval(7))
                .with(Property::ContentType(long.as_str().into()))
                .with(Property::CorrelationData(long.clone().into()))
                .with(Property::UserProperty(long.as_str().into(), "v".into())),
            payload: long.clone().into(),
        };
        let wire = encode(&Packet::Publish(packet.clone()), Version::V5_0).unwrap();
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(Version::V5_0);
        decoder.push(&wire);
        let frame = decoder.next_frame().unwrap().unwrap();
        let Packet::Publish(read) = frame.packet else {
            panic!()
        };
        assert!(frame.bytes.as_ptr_range().contains(&read.payload.as_ptr()));
        let copy = publish(read);
        assert_eq!(copy, packet);
        for field in [
            copy.topic.as_bytes(),
            &copy.payload,
            copy.properties.content_type().unwrap().as_bytes(),
            &copy.properties.correlation_data().unwrap(),
        ] {
            assert!(!frame.bytes.as_ptr_range().contains(&field.as_ptr()));
        }
        assert_eq!(
            properties_bytes(&copy.properties),
            4 * PROPERTY_BYTES + 3 * 600 + 1
        );
    }
}
