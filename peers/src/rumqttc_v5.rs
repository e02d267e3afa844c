//! `rumqttc`, its codec of 5.0. AUTH is in its list of packets and its decoder gives none.

use crate::{
    Fault,
    translate::{List, ack, data, filter, packet_id, publish, qos, text},
};
use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5;
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Version,
    packet::{
        ConnAck, Connect, Disconnect, Publish, RetainHandling, SubAck, Subscribe, Subscription,
        UnsubAck, Unsubscribe, Will,
    },
};

type Users = Vec<(String, String)>;

pub(crate) fn read(bytes: &[u8]) -> Result<v5::Packet, String> {
    v5::Packet::read(&mut BytesMut::from(bytes), None).map_err(|e| e.to_string())
}

pub(crate) fn write(packet: &v5::Packet) -> Result<Bytes, String> {
    let mut out = BytesMut::new();
    match packet.write(&mut out, None) {
        Ok(_) => Ok(out.freeze()),
        Err(e) => Err(e.to_string()),
    }
}

macro_rules! ack {
    ($p:expr) => {
        ack(
            $p.pkid,
            code(&format!("{:?}", $p.reason))?,
            diagnostics($p.properties.map(|p| (p.reason_string, p.user_properties)))?,
        )?
    };
}

pub(crate) fn packet(packet: v5::Packet) -> Result<Packet, Fault> {
    use v5::Packet as P;
    Ok(match packet {
        P::Connect(p, will, login) => Packet::Connect(Box::new(connect(p, will, login)?)),
        P::ConnAck(p) => Packet::ConnAck(ConnAck {
            session_present: p.session_present,
            reason: ReasonCode(code(&format!("{:?}", p.code))?),
            properties: p.properties.map_or(Ok(Properties::new()), connack)?,
        }),
        P::Publish(p) => Packet::Publish(Publish {
            properties: p
                .properties
                .map_or(Ok(Properties::new()), publish_properties)?,
            ..publish([p.dup, p.retain], p.qos as u8, p.topic, p.pkid, p.payload)?
        }),
        P::PubAck(p) => Packet::PubAck(ack!(p)),
        P::PubRec(p) => Packet::PubRec(ack!(p)),
        P::PubRel(p) => Packet::PubRel(ack!(p)),
        P::PubComp(p) => Packet::PubComp(ack!(p)),
        P::Subscribe(p) => Packet::Subscribe(subscribe(p)?),
        P::SubAck(p) => Packet::SubAck(SubAck {
            packet_id: packet_id(p.pkid)?,
            properties: diagnostics(p.properties.map(|p| (p.reason_string, p.user_properties)))?,
            reasons: p
                .return_codes
                .into_iter()
                .map(|c| match c {
                    v5::SubscribeReasonCode::Success(level) => Ok(ReasonCode(level as u8)),
                    other => code(&format!("{other:?}")).map(ReasonCode),
                })
                .collect::<Result<_, Fault>>()?,
        }),
        P::Unsubscribe(p) => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(p.pkid)?,
            properties: diagnostics(p.properties.map(|p| (None, p.user_properties)))?,
            filters: p
                .filters
                .into_iter()
                .map(|f| filter(f, Version::V5_0))
                .collect::<Result<_, Fault>>()?,
        }),
        P::UnsubAck(p) => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(p.pkid)?,
            properties: diagnostics(p.properties.map(|p| (p.reason_string, p.user_properties)))?,
            reasons: p
                .reasons
                .into_iter()
                .map(|c| code(&format!("{c:?}")).map(ReasonCode))
                .collect::<Result<_, Fault>>()?,
        }),
        P::PingReq(_) => Packet::PingReq,
        P::PingResp(_) => Packet::PingResp,
        P::Disconnect(p) => Packet::Disconnect(Disconnect {
            reason: ReasonCode(p.reason_code as u8),
            properties: match p.properties {
                None => Properties::new(),
                Some(p) => List::default()
                    .number(p.session_expiry_interval, Property::SessionExpiryInterval)
                    .text(p.reason_string, Property::ReasonString)?
                    .text(p.server_reference, Property::ServerReference)?
                    .users(p.user_properties)?,
            },
        }),
        P::Auth(_) => return Err(Fault::Beyond("an AUTH".to_owned())),
    })
}

/// An empty user name or password is none: it has strings where the standard has optional fields.
fn connect(
    p: v5::Connect,
    will: Option<v5::LastWill>,
    login: Option<v5::Login>,
) -> Result<Connect, Fault> {
    let (user_name, password) =
        login.map_or_else(Default::default, |login| (login.username, login.password));
    let properties = match p.properties {
        None => Properties::new(),
        Some(p) => List::default()
            .number(p.session_expiry_interval, Property::SessionExpiryInterval)
            .number(p.receive_maximum, Property::ReceiveMaximum)
            .number(p.max_packet_size, Property::MaximumPacketSize)
            .number(p.topic_alias_max, Property::TopicAliasMaximum)
            .number(
                p.request_response_info,
                Property::RequestResponseInformation,
            )
            .number(p.request_problem_info, Property::RequestProblemInformation)
            .text(p.authentication_method, Property::AuthenticationMethod)?
            .data(p.authentication_data, Property::AuthenticationData)
            .users(p.user_properties)?,
    };
    Ok(Connect {
        version: Version::V5_0,
        clean_start: p.clean_start,
        keep_alive: p.keep_alive,
        client_id: text(p.client_id)?,
        will: will.map(last_will).transpose()?,
        user_name: Some(text(user_name)?).filter(|name| !name.is_empty()),
        password: Some(data(password)).filter(|password| !password.is_empty()),
        properties,
    })
}

fn last_will(w: v5::LastWill) -> Result<Will, Fault> {
    Ok(Will {
        topic: text(w.topic)?,
        payload: w.message,
        qos: qos(w.qos as u8)?,
        retain: w.retain,
        properties: match w.properties {
            None => Properties::new(),
            Some(p) => List::default()
                .number(p.delay_interval, Property::WillDelayInterval)
                .number(p.payload_format_indicator, Property::PayloadFormatIndicator)
                .number(p.message_expiry_interval, Property::MessageExpiryInterval)
                .text(p.content_type, Property::ContentType)?
                .text(p.response_topic, Property::ResponseTopic)?
                .data(p.correlation_data, Property::CorrelationData)
                .users(p.user_properties)?,
        },
    })
}

fn connack(p: v5::ConnAckProperties) -> Result<Properties, Fault> {
    List::default()
        .number(p.session_expiry_interval, Property::SessionExpiryInterval)
        .number(p.receive_max, Property::ReceiveMaximum)
        .number(p.max_qos, Property::MaximumQoS)
        .number(p.retain_available, Property::RetainAvailable)
        .number(p.max_packet_size, Property::MaximumPacketSize)
        .text(
            p.assigned_client_identifier,
            Property::AssignedClientIdentifier,
        )?
        .number(p.topic_alias_max, Property::TopicAliasMaximum)
        .text(p.reason_string, Property::ReasonString)?
        .number(
            p.wildcard_subscription_available,
            Property::WildcardSubscriptionAvailable,
        )
        .number(
            p.subscription_identifiers_available,
            Property::SubscriptionIdentifiersAvailable,
        )
        .number(
            p.shared_subscription_available,
            Property::SharedSubscriptionAvailable,
        )
        .number(p.server_keep_alive, Property::ServerKeepAlive)
        .text(p.response_information, Property::ResponseInformation)?
        .text(p.server_reference, Property::ServerReference)?
        .text(p.authentication_method, Property::AuthenticationMethod)?
        .data(p.authentication_data, Property::AuthenticationData)
        .users(p.user_properties)
}

fn publish_properties(p: v5::PublishProperties) -> Result<Properties, Fault> {
    let list = List::default()
        .number(p.payload_format_indicator, Property::PayloadFormatIndicator)
        .number(p.message_expiry_interval, Property::MessageExpiryInterval)
        .number(p.topic_alias, Property::TopicAlias)
        .text(p.response_topic, Property::ResponseTopic)?
        .data(p.correlation_data, Property::CorrelationData)
        .text(p.content_type, Property::ContentType)?;
    p.subscription_identifiers
        .into_iter()
        .fold(list, |list, id| {
            list.number(u32::try_from(id).ok(), Property::SubscriptionIdentifier)
        })
        .users(p.user_properties)
}

fn subscribe(p: v5::Subscribe) -> Result<Subscribe, Fault> {
    let subscription = |f: v5::Filter| -> Result<Subscription, Fault> {
        Ok(Subscription {
            filter: filter(f.path, Version::V5_0)?,
            qos: qos(f.qos as u8)?,
            no_local: f.nolocal,
            retain_as_published: f.preserve_retain,
            retain_handling: match f.retain_forward_rule {
                v5::RetainForwardRule::OnEverySubscribe => RetainHandling::Send,
                v5::RetainForwardRule::OnNewSubscribe => RetainHandling::SendIfNew,
                v5::RetainForwardRule::Never => RetainHandling::DoNotSend,
            },
        })
    };
    Ok(Subscribe {
        packet_id: packet_id(p.pkid)?,
        properties: match p.properties {
            None => Properties::new(),
            Some(p) => List::default()
                .number(
                    p.id.and_then(|id| u32::try_from(id).ok()),
                    Property::SubscriptionIdentifier,
                )
                .users(p.user_properties)?,
        },
        subscriptions: p
            .filters
            .into_iter()
            .map(subscription)
            .collect::<Result<_, Fault>>()?,
    })
}

/// What an acknowledgement may carry: a Reason String and User Properties.
fn diagnostics(theirs: Option<(Option<String>, Users)>) -> Result<Properties, Fault> {
    let (reason, users) = theirs.unwrap_or_default();
    List::default()
        .text(reason, Property::ReasonString)?
        .users(users)
}

/// The number of a reason code by its name: its enums are plain, and their tables private.
fn code(name: &str) -> Result<u8, Fault> {
    Ok(match name {
        "Success" => 0x00,
        "NoMatchingSubscribers" => 0x10,
        "NoSubscriptionExisted" => 0x11,
        "UnspecifiedError" | "Unspecified" | "Failure" => 0x80,
        "MalformedPacket" => 0x81,
        "ProtocolError" => 0x82,
        "ImplementationSpecificError" | "ImplementationSpecific" => 0x83,
        "UnsupportedProtocolVersion" => 0x84,
        "ClientIdentifierNotValid" => 0x85,
        "BadUserNamePassword" => 0x86,
        "NotAuthorized" => 0x87,
        "ServerUnavailable" => 0x88,
        "ServerBusy" => 0x89,
        "Banned" => 0x8A,
        "BadAuthenticationMethod" => 0x8C,
        "TopicFilterInvalid" => 0x8F,
        "TopicNameInvalid" => 0x90,
        "PacketIdentifierInUse" | "PkidInUse" => 0x91,
        "PacketIdentifierNotFound" => 0x92,
        "PacketTooLarge" => 0x95,
        "QuotaExceeded" => 0x97,
        "PayloadFormatInvalid" => 0x99,
        "RetainNotSupported" => 0x9A,
        "QoSNotSupported" => 0x9B,
        "UseAnotherServer" => 0x9C,
        "ServerMoved" => 0x9D,
        "SharedSubscriptionsNotSupported" => 0x9E,
        "ConnectionRateExceeded" => 0x9F,
        "SubscriptionIdNotSupported" => 0xA1,
        "WildcardSubscriptionsNotSupported" => 0xA2,
        other => return Err(Fault::Beyond(format!("reason code {other}"))),
    })
}
