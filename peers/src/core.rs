//! `mqtt-protocol-core`: one type per packet and version, properties in a list.

use crate::{
    Fault, INCOMPLETE,
    translate::{ack, data, filter, packet_id, plain_ack, publish, qos, retain_handling, text},
};
use bytes::Bytes;
use mqtt_protocol_core::mqtt::{
    common::Arc,
    packet::{
        DecodeResult, GenericPacketTrait, Packet as Theirs, Property as TheirProperty,
        VariableByteInteger, v3_1_1 as v3, v5_0 as v5,
    },
    result_code::MqttError,
};
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Version,
    packet::{
        Auth, ConnAck, Connect, Disconnect, Publish, SubAck, Subscribe, Subscription, UnsubAck,
        Unsubscribe, Will,
    },
};

/// Reads one packet, as the crate's connection does: the parser by the type, and the body has to be used up.
pub(crate) fn read(bytes: &[u8], version: Version) -> Result<Theirs, String> {
    let (Some(first), Some(rest)) = (bytes.first(), bytes.get(1..)) else {
        return Err(INCOMPLETE.to_owned());
    };
    let (length, used) = match VariableByteInteger::decode_stream(rest) {
        DecodeResult::Ok(length, used) => (length.to_u32() as usize, used),
        DecodeResult::Incomplete => return Err(INCOMPLETE.to_owned()),
        DecodeResult::Err(words) => return Err(words.to_owned()),
    };
    let Some(body) = rest.get(used..used + length) else {
        return Err(INCOMPLETE.to_owned());
    };
    let parsed = match version {
        Version::V3_1_1 => v3_parse(*first, body),
        Version::V5_0 => v5_parse(*first, body),
    };
    parsed.map_err(|e| e.to_string())
}

pub(crate) fn write(packet: &Theirs) -> Bytes {
    packet.to_continuous_buffer().into()
}

fn exact<P: Into<Theirs>>(
    body: &[u8],
    parse: impl FnOnce(&[u8]) -> Result<(P, usize), MqttError>,
) -> Result<Theirs, MqttError> {
    match parse(body)? {
        (packet, used) if used == body.len() => Ok(packet.into()),
        _ => Err(MqttError::MalformedPacket),
    }
}

fn v3_parse(first: u8, body: &[u8]) -> Result<Theirs, MqttError> {
    match first >> 4 {
        1 => exact(body, v3::Connect::parse),
        2 => exact(body, v3::Connack::parse),
        3 => v3::Publish::parse(first & 0x0F, Arc::from(body)).map(|(packet, _)| packet.into()),
        4 => exact(body, v3::Puback::parse),
        5 => exact(body, v3::Pubrec::parse),
        6 => exact(body, v3::Pubrel::parse),
        7 => exact(body, v3::Pubcomp::parse),
        8 => exact(body, v3::Subscribe::parse),
        9 => exact(body, v3::Suback::parse),
        10 => exact(body, v3::Unsubscribe::parse),
        11 => exact(body, v3::Unsuback::parse),
        12 => exact(body, v3::Pingreq::parse),
        13 => exact(body, v3::Pingresp::parse),
        14 => exact(body, v3::Disconnect::parse),
        _ => Err(MqttError::MalformedPacket),
    }
}

fn v5_parse(first: u8, body: &[u8]) -> Result<Theirs, MqttError> {
    match first >> 4 {
        1 => exact(body, v5::Connect::parse),
        2 => exact(body, v5::Connack::parse),
        3 => v5::Publish::parse(first & 0x0F, Arc::from(body)).map(|(packet, _)| packet.into()),
        4 => exact(body, v5::Puback::parse),
        5 => exact(body, v5::Pubrec::parse),
        6 => exact(body, v5::Pubrel::parse),
        7 => exact(body, v5::Pubcomp::parse),
        8 => exact(body, v5::Subscribe::parse),
        9 => exact(body, v5::Suback::parse),
        10 => exact(body, v5::Unsubscribe::parse),
        11 => exact(body, v5::Unsuback::parse),
        12 => exact(body, v5::Pingreq::parse),
        13 => exact(body, v5::Pingresp::parse),
        14 => exact(body, v5::Disconnect::parse),
        15 => exact(body, v5::Auth::parse),
        _ => Err(MqttError::MalformedPacket),
    }
}

macro_rules! v5_ack {
    ($p:expr) => {
        ack(
            $p.packet_id(),
            $p.reason_code().map_or(0, |code| code as u8),
            optional($p.props())?,
        )?
    };
}

macro_rules! will {
    ($p:expr, $properties:expr) => {
        if $p.will_flag() {
            Some(Will {
                topic: text($p.will_topic().unwrap_or_default())?,
                payload: data($p.will_payload().unwrap_or_default()),
                qos: qos($p.will_qos() as u8)?,
                retain: $p.will_retain(),
                properties: $properties,
            })
        } else {
            None
        }
    };
}

pub(crate) fn packet(packet: &Theirs) -> Result<Packet, Fault> {
    let none = Properties::new();
    Ok(match packet {
        Theirs::V3_1_1Connect(p) => Packet::Connect(Box::new(Connect {
            version: Version::V3_1_1,
            clean_start: p.clean_session(),
            keep_alive: p.keep_alive(),
            client_id: text(p.client_id())?,
            will: will!(p, none.clone()),
            user_name: p.user_name().map(text).transpose()?,
            password: p.password().map(data),
            properties: none,
        })),
        Theirs::V3_1_1Connack(p) => Packet::ConnAck(ConnAck {
            session_present: p.session_present(),
            reason: ReasonCode(p.return_code() as u8),
            properties: none,
        }),
        Theirs::V3_1_1Publish(p) => Packet::Publish(publish(
            [p.dup(), p.retain()],
            p.qos() as u8,
            p.topic_name(),
            p.packet_id().unwrap_or(0),
            p.payload().as_slice(),
        )?),
        Theirs::V3_1_1Puback(p) => Packet::PubAck(plain_ack(p.packet_id())?),
        Theirs::V3_1_1Pubrec(p) => Packet::PubRec(plain_ack(p.packet_id())?),
        Theirs::V3_1_1Pubrel(p) => Packet::PubRel(plain_ack(p.packet_id())?),
        Theirs::V3_1_1Pubcomp(p) => Packet::PubComp(plain_ack(p.packet_id())?),
        Theirs::V3_1_1Subscribe(p) => Packet::Subscribe(Subscribe {
            packet_id: packet_id(p.packet_id())?,
            properties: none,
            subscriptions: subscriptions(p.entries(), Version::V3_1_1)?,
        }),
        Theirs::V3_1_1Suback(p) => Packet::SubAck(SubAck {
            packet_id: packet_id(p.packet_id())?,
            properties: none,
            reasons: p
                .return_codes()
                .iter()
                .map(|c| ReasonCode(*c as u8))
                .collect(),
        }),
        Theirs::V3_1_1Unsubscribe(p) => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(p.packet_id())?,
            properties: none,
            filters: p
                .entries()
                .iter()
                .map(|f| filter(f.as_str(), Version::V3_1_1))
                .collect::<Result<_, Fault>>()?,
        }),
        Theirs::V3_1_1Unsuback(p) => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(p.packet_id())?,
            properties: none,
            reasons: Vec::new(),
        }),
        Theirs::V3_1_1Pingreq(_) | Theirs::V5_0Pingreq(_) => Packet::PingReq,
        Theirs::V3_1_1Pingresp(_) | Theirs::V5_0Pingresp(_) => Packet::PingResp,
        Theirs::V3_1_1Disconnect(_) => Packet::Disconnect(Disconnect::with_reason(ReasonCode(0))),
        _ => return v5_packet(packet),
    })
}

fn v5_packet(packet: &Theirs) -> Result<Packet, Fault> {
    Ok(match packet {
        Theirs::V5_0Connect(p) => Packet::Connect(Box::new(Connect {
            version: Version::V5_0,
            clean_start: p.clean_start(),
            keep_alive: p.keep_alive(),
            client_id: text(p.client_id())?,
            will: will!(p, properties(p.will_props())?),
            user_name: p.user_name().map(text).transpose()?,
            password: p.password().map(data),
            properties: properties(p.props())?,
        })),
        Theirs::V5_0Connack(p) => Packet::ConnAck(ConnAck {
            session_present: p.session_present(),
            reason: ReasonCode(p.reason_code() as u8),
            properties: properties(p.props())?,
        }),
        Theirs::V5_0Publish(p) => Packet::Publish(Publish {
            properties: properties(p.props())?,
            ..publish(
                [p.dup(), p.retain()],
                p.qos() as u8,
                p.topic_name(),
                p.packet_id().unwrap_or(0),
                p.payload().as_slice(),
            )?
        }),
        Theirs::V5_0Puback(p) => Packet::PubAck(v5_ack!(p)),
        Theirs::V5_0Pubrec(p) => Packet::PubRec(v5_ack!(p)),
        Theirs::V5_0Pubrel(p) => Packet::PubRel(v5_ack!(p)),
        Theirs::V5_0Pubcomp(p) => Packet::PubComp(v5_ack!(p)),
        Theirs::V5_0Subscribe(p) => Packet::Subscribe(Subscribe {
            packet_id: packet_id(p.packet_id())?,
            properties: properties(p.props())?,
            subscriptions: subscriptions(p.entries(), Version::V5_0)?,
        }),
        Theirs::V5_0Suback(p) => Packet::SubAck(SubAck {
            packet_id: packet_id(p.packet_id())?,
            properties: properties(p.props())?,
            reasons: p
                .reason_codes()
                .iter()
                .map(|c| ReasonCode(*c as u8))
                .collect(),
        }),
        Theirs::V5_0Unsubscribe(p) => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(p.packet_id())?,
            properties: properties(p.props())?,
            filters: p
                .entries()
                .iter()
                .map(|f| filter(f.as_str(), Version::V5_0))
                .collect::<Result<_, Fault>>()?,
        }),
        Theirs::V5_0Unsuback(p) => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(p.packet_id())?,
            properties: properties(p.props())?,
            reasons: p
                .reason_codes()
                .iter()
                .map(|c| ReasonCode(*c as u8))
                .collect(),
        }),
        Theirs::V5_0Disconnect(p) => Packet::Disconnect(Disconnect {
            reason: ReasonCode(p.reason_code().map_or(0, |code| code as u8)),
            properties: optional(p.props())?,
        }),
        Theirs::V5_0Auth(p) => Packet::Auth(Auth {
            reason: ReasonCode(p.reason_code().map_or(0, |code| code as u8)),
            properties: optional(p.props())?,
        }),
        _ => unreachable!("the packets of 3.1.1 are translated before"),
    })
}

fn subscriptions(
    entries: &[mqtt_protocol_core::mqtt::packet::SubEntry],
    version: Version,
) -> Result<Vec<Subscription>, Fault> {
    let one = |entry: &mqtt_protocol_core::mqtt::packet::SubEntry| {
        let options = entry.sub_opts();
        Ok(Subscription {
            filter: filter(entry.topic_filter(), version)?,
            qos: qos(options.qos() as u8)?,
            no_local: options.nl(),
            retain_as_published: options.rap(),
            retain_handling: retain_handling(options.rh() as u8)?,
        })
    };
    entries.iter().map(one).collect()
}

fn optional(theirs: &Option<Vec<TheirProperty>>) -> Result<Properties, Fault> {
    properties(theirs.as_deref().unwrap_or_default())
}

fn properties(theirs: &[TheirProperty]) -> Result<Properties, Fault> {
    theirs.iter().map(property).collect()
}

fn property(theirs: &TheirProperty) -> Result<Property, Fault> {
    use TheirProperty as P;
    Ok(match theirs {
        P::PayloadFormatIndicator(p) => Property::PayloadFormatIndicator(p.val()),
        P::MessageExpiryInterval(p) => Property::MessageExpiryInterval(p.val()),
        P::ContentType(p) => Property::ContentType(text(p.val())?),
        P::ResponseTopic(p) => Property::ResponseTopic(text(p.val())?),
        P::CorrelationData(p) => Property::CorrelationData(data(p.val())),
        P::SubscriptionIdentifier(p) => Property::SubscriptionIdentifier(p.val()),
        P::SessionExpiryInterval(p) => Property::SessionExpiryInterval(p.val()),
        P::AssignedClientIdentifier(p) => Property::AssignedClientIdentifier(text(p.val())?),
        P::ServerKeepAlive(p) => Property::ServerKeepAlive(p.val()),
        P::AuthenticationMethod(p) => Property::AuthenticationMethod(text(p.val())?),
        P::AuthenticationData(p) => Property::AuthenticationData(data(p.val())),
        P::RequestProblemInformation(p) => Property::RequestProblemInformation(p.val()),
        P::WillDelayInterval(p) => Property::WillDelayInterval(p.val()),
        P::RequestResponseInformation(p) => Property::RequestResponseInformation(p.val()),
        P::ResponseInformation(p) => Property::ResponseInformation(text(p.val())?),
        P::ServerReference(p) => Property::ServerReference(text(p.val())?),
        P::ReasonString(p) => Property::ReasonString(text(p.val())?),
        P::ReceiveMaximum(p) => Property::ReceiveMaximum(p.val()),
        P::TopicAliasMaximum(p) => Property::TopicAliasMaximum(p.val()),
        P::TopicAlias(p) => Property::TopicAlias(p.val()),
        P::MaximumQos(p) => Property::MaximumQoS(p.val()),
        P::RetainAvailable(p) => Property::RetainAvailable(p.val()),
        P::UserProperty(p) => Property::UserProperty(text(p.key())?, text(p.val())?),
        P::MaximumPacketSize(p) => Property::MaximumPacketSize(p.val()),
        P::WildcardSubscriptionAvailable(p) => Property::WildcardSubscriptionAvailable(p.val()),
        P::SubscriptionIdentifierAvailable(p) => {
            Property::SubscriptionIdentifiersAvailable(p.val())
        }
        P::SharedSubscriptionAvailable(p) => Property::SharedSubscriptionAvailable(p.val()),
    })
}
