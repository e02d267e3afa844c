//! `mqtt5-protocol`: one set of types for both versions, properties in a map.

use crate::{
    Fault, INCOMPLETE,
    translate::{ack, data, filter, packet_id, publish, qos, retain_handling, text},
};
use bytes::{Buf, Bytes};
use mqtt5_protocol::{
    FixedHeader, Packet as Theirs, Properties as TheirProperties, PropertyId, PropertyValue,
    packet::{MqttPacket, connect::ConnectPacket, publish::PublishPacket},
};
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Version,
    packet::{
        Auth, ConnAck, Connect, Disconnect, Publish, SubAck, Subscribe, Subscription, UnsubAck,
        Unsubscribe, Will,
    },
};

/// Frames the packet as its transports do: header, then as many bytes as it says; what the packet leaves of them is
/// dropped.
pub(crate) fn read(bytes: &[u8], version: Version) -> Result<Theirs, String> {
    let mut rest = bytes;
    let header = FixedHeader::decode(&mut rest).map_err(|e| e.to_string())?;
    if rest.remaining() < header.remaining_length as usize {
        return Err(INCOMPLETE.to_owned());
    }
    let mut body = rest.copy_to_bytes(header.remaining_length as usize);
    Theirs::decode_from_body_with_version(header.packet_type, &header, &mut body, version.level())
        .map_err(|e| e.to_string())
}

pub(crate) fn write(packet: Theirs, version: Version) -> Result<Bytes, String> {
    let mut out = Vec::new();
    let done = match packet {
        Theirs::Connect(p) => p.encode(&mut out),
        Theirs::ConnAck(p) => p.encode(&mut out),
        Theirs::Publish(p) => p.encode(&mut out),
        Theirs::PubAck(p) => p.encode(&mut out),
        Theirs::PubRec(p) => p.encode(&mut out),
        Theirs::PubRel(p) => p.encode(&mut out),
        Theirs::PubComp(p) => p.encode(&mut out),
        Theirs::Subscribe(p) => p.encode(&mut out),
        Theirs::SubAck(p) => p.encode(&mut out),
        Theirs::Unsubscribe(p) => p.encode(&mut out),
        Theirs::UnsubAck(p) => p.encode(&mut out),
        Theirs::PingReq => {
            mqtt5_protocol::packet::pingreq::PingReqPacket::default().encode(&mut out)
        }
        Theirs::PingResp => {
            mqtt5_protocol::packet::pingresp::PingRespPacket::default().encode(&mut out)
        }
        Theirs::Disconnect(p) => p.encode(&mut out),
        Theirs::Auth(_) if version == Version::V3_1_1 => return Err("no AUTH in 3.1.1".to_owned()),
        Theirs::Auth(p) => p.encode(&mut out),
    };
    done.map(|()| out.into()).map_err(|e| e.to_string())
}

pub(crate) fn packet(packet: Theirs, version: Version) -> Result<Packet, Fault> {
    Ok(match packet {
        Theirs::Connect(p) => Packet::Connect(Box::new(connect(*p)?)),
        Theirs::ConnAck(p) => Packet::ConnAck(ConnAck {
            session_present: p.session_present,
            reason: ReasonCode(match p.protocol_version {
                4 => return_code(p.reason_code.into()),
                _ => p.reason_code.into(),
            }),
            properties: properties(&p.properties)?,
        }),
        Theirs::Publish(p) => Packet::Publish(publication(p)?),
        Theirs::PubAck(p) => Packet::PubAck(ack(
            p.packet_id,
            p.reason_code.into(),
            properties(&p.properties)?,
        )?),
        Theirs::PubRec(p) => Packet::PubRec(ack(
            p.packet_id,
            p.reason_code.into(),
            properties(&p.properties)?,
        )?),
        Theirs::PubRel(p) => Packet::PubRel(ack(
            p.packet_id,
            p.reason_code.into(),
            properties(&p.properties)?,
        )?),
        Theirs::PubComp(p) => Packet::PubComp(ack(
            p.packet_id,
            p.reason_code.into(),
            properties(&p.properties)?,
        )?),
        Theirs::Subscribe(p) => Packet::Subscribe(Subscribe {
            packet_id: packet_id(p.packet_id)?,
            properties: properties(&p.properties)?,
            subscriptions: p
                .filters
                .iter()
                .map(|f| {
                    Ok(Subscription {
                        filter: filter(&f.filter, version)?,
                        qos: qos(f.options.qos as u8)?,
                        no_local: f.options.no_local,
                        retain_as_published: f.options.retain_as_published,
                        retain_handling: retain_handling(f.options.retain_handling as u8)?,
                    })
                })
                .collect::<Result<_, Fault>>()?,
        }),
        Theirs::SubAck(p) => Packet::SubAck(SubAck {
            packet_id: packet_id(p.packet_id)?,
            properties: properties(&p.properties)?,
            reasons: p
                .reason_codes
                .iter()
                .map(|c| ReasonCode(*c as u8))
                .collect(),
        }),
        Theirs::Unsubscribe(p) => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(p.packet_id)?,
            properties: properties(&p.properties)?,
            filters: p
                .filters
                .iter()
                .map(|f| filter(f, version))
                .collect::<Result<_, Fault>>()?,
        }),
        Theirs::UnsubAck(p) => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(p.packet_id)?,
            properties: properties(&p.properties)?,
            reasons: p
                .reason_codes
                .iter()
                .map(|c| ReasonCode(*c as u8))
                .collect(),
        }),
        Theirs::PingReq => Packet::PingReq,
        Theirs::PingResp => Packet::PingResp,
        Theirs::Disconnect(p) => Packet::Disconnect(Disconnect {
            reason: ReasonCode(p.reason_code.into()),
            properties: properties(&p.properties)?,
        }),
        Theirs::Auth(p) => Packet::Auth(Auth {
            reason: ReasonCode(p.reason_code.into()),
            properties: properties(&p.properties)?,
        }),
    })
}

fn connect(p: ConnectPacket) -> Result<Connect, Fault> {
    let version = match p.protocol_version {
        4 => Version::V3_1_1,
        5 => Version::V5_0,
        other => return Err(Fault::Beyond(format!("protocol level {other}"))),
    };
    let will = match p.will {
        None => None,
        Some(will) => Some(Will {
            topic: text(will.topic)?,
            payload: data(will.payload),
            qos: qos(will.qos as u8)?,
            retain: will.retain,
            properties: properties(&p.will_properties)?,
        }),
    };
    Ok(Connect {
        version,
        clean_start: p.clean_start,
        keep_alive: p.keep_alive,
        client_id: text(p.client_id)?,
        will,
        user_name: p.username.map(text).transpose()?,
        password: p.password.map(data),
        properties: properties(&p.properties)?,
    })
}

fn publication(p: PublishPacket) -> Result<Publish, Fault> {
    let properties = properties(&p.properties)?;
    let plain = publish(
        [p.dup, p.retain],
        p.qos as u8,
        p.topic_name,
        p.packet_id.unwrap_or(0),
        p.payload,
    )?;
    Ok(Publish {
        properties,
        ..plain
    })
}

/// It keeps the return code of 3.1.1 as the reason code of 5.0 that means the same.
fn return_code(reason: u8) -> u8 {
    match reason {
        0x84 => 1,
        0x85 => 2,
        0x88 => 3,
        0x86 => 4,
        0x87 => 5,
        other => other,
    }
}

fn properties(theirs: &TheirProperties) -> Result<Properties, Fault> {
    theirs
        .iter()
        .map(|(id, value)| property(id, value))
        .collect()
}

fn property(id: PropertyId, value: &PropertyValue) -> Result<Property, Fault> {
    use PropertyValue as V;
    Ok(match (id, value) {
        (PropertyId::PayloadFormatIndicator, V::Byte(v)) => Property::PayloadFormatIndicator(*v),
        (PropertyId::RequestProblemInformation, V::Byte(v)) => {
            Property::RequestProblemInformation(*v)
        }
        (PropertyId::RequestResponseInformation, V::Byte(v)) => {
            Property::RequestResponseInformation(*v)
        }
        (PropertyId::MaximumQoS, V::Byte(v)) => Property::MaximumQoS(*v),
        (PropertyId::RetainAvailable, V::Byte(v)) => Property::RetainAvailable(*v),
        (PropertyId::WildcardSubscriptionAvailable, V::Byte(v)) => {
            Property::WildcardSubscriptionAvailable(*v)
        }
        (PropertyId::SubscriptionIdentifierAvailable, V::Byte(v)) => {
            Property::SubscriptionIdentifiersAvailable(*v)
        }
        (PropertyId::SharedSubscriptionAvailable, V::Byte(v)) => {
            Property::SharedSubscriptionAvailable(*v)
        }
        (PropertyId::ServerKeepAlive, V::TwoByteInteger(v)) => Property::ServerKeepAlive(*v),
        (PropertyId::ReceiveMaximum, V::TwoByteInteger(v)) => Property::ReceiveMaximum(*v),
        (PropertyId::TopicAliasMaximum, V::TwoByteInteger(v)) => Property::TopicAliasMaximum(*v),
        (PropertyId::TopicAlias, V::TwoByteInteger(v)) => Property::TopicAlias(*v),
        (PropertyId::MessageExpiryInterval, V::FourByteInteger(v)) => {
            Property::MessageExpiryInterval(*v)
        }
        (PropertyId::SessionExpiryInterval, V::FourByteInteger(v)) => {
            Property::SessionExpiryInterval(*v)
        }
        (PropertyId::WillDelayInterval, V::FourByteInteger(v)) => Property::WillDelayInterval(*v),
        (PropertyId::MaximumPacketSize, V::FourByteInteger(v)) => Property::MaximumPacketSize(*v),
        (PropertyId::SubscriptionIdentifier, V::VariableByteInteger(v)) => {
            Property::SubscriptionIdentifier(*v)
        }
        (PropertyId::ContentType, V::Utf8String(v)) => Property::ContentType(text(v)?),
        (PropertyId::ResponseTopic, V::Utf8String(v)) => Property::ResponseTopic(text(v)?),
        (PropertyId::AssignedClientIdentifier, V::Utf8String(v)) => {
            Property::AssignedClientIdentifier(text(v)?)
        }
        (PropertyId::AuthenticationMethod, V::Utf8String(v)) => {
            Property::AuthenticationMethod(text(v)?)
        }
        (PropertyId::ResponseInformation, V::Utf8String(v)) => {
            Property::ResponseInformation(text(v)?)
        }
        (PropertyId::ServerReference, V::Utf8String(v)) => Property::ServerReference(text(v)?),
        (PropertyId::ReasonString, V::Utf8String(v)) => Property::ReasonString(text(v)?),
        (PropertyId::CorrelationData, V::BinaryData(v)) => Property::CorrelationData(data(v)),
        (PropertyId::AuthenticationData, V::BinaryData(v)) => Property::AuthenticationData(data(v)),
        (PropertyId::UserProperty, V::Utf8StringPair(k, v)) => {
            Property::UserProperty(text(k)?, text(v)?)
        }
        (id, value) => return Err(Fault::Beyond(format!("{id:?} with {value:?}"))),
    })
}
