//! `ntex-mqtt`: one codec per version, typed properties.

use crate::{
    Fault, INCOMPLETE,
    translate::{
        List, ack, data, filter, packet_id, plain_ack, publish, qos, retain_handling, text,
    },
};
use bytes::Bytes;
use ntex_bytes::BytesMut;
use ntex_codec::{Decoder, Encoder};
use ntex_mqtt::{QoS as TheirQoS, v3::codec as v3, v5::codec as v5};
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Version,
    packet::{
        Ack, Auth, ConnAck, Connect, Disconnect, SubAck, Subscribe, Subscription, UnsubAck,
        Unsubscribe, Will,
    },
};

fn read<C>(codec: &C, bytes: &[u8]) -> Result<C::Item, String>
where
    C: Decoder<Error = ntex_mqtt::error::DecodeError>,
{
    match codec.decode(&mut BytesMut::from(bytes)) {
        Ok(Some(item)) => Ok(item),
        Ok(None) => Err(INCOMPLETE.to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn write<C>(codec: &C, packet: C::Item) -> Result<Bytes, String>
where
    C: Encoder<Error = ntex_mqtt::error::EncodeError>,
{
    let mut out = BytesMut::new();
    match codec.encode(packet, &mut out) {
        Ok(()) => Ok(data(&out[..])),
        Err(e) => Err(e.to_string()),
    }
}

pub(crate) fn v3_read(bytes: &[u8]) -> Result<v3::Packet, String> {
    read(&v3::Codec::new(), bytes).map(|(packet, _)| packet)
}

pub(crate) fn v3_write(packet: v3::Packet) -> Result<Bytes, String> {
    write(&v3::Codec::new(), packet)
}

pub(crate) fn v5_read(bytes: &[u8]) -> Result<v5::Packet, String> {
    read(&v5::Codec::new(), bytes).map(|(packet, _)| packet)
}

pub(crate) fn v5_write(packet: v5::Packet) -> Result<Bytes, String> {
    write(&v5::Codec::new(), packet)
}

pub(crate) fn v3_packet(packet: v3::Packet) -> Result<Packet, Fault> {
    use v3::Packet as P;
    let version = Version::V3_1_1;
    let properties = Properties::new();
    Ok(match packet {
        P::Connect(p) => {
            let will = |w: v3::LastWill| -> Result<Will, Fault> {
                Ok(Will {
                    topic: text(w.topic)?,
                    payload: data(w.message),
                    qos: level(w.qos)?,
                    retain: w.retain,
                    properties: Properties::new(),
                })
            };
            Packet::Connect(Box::new(Connect {
                version,
                clean_start: p.clean_session,
                keep_alive: p.keep_alive,
                client_id: text(p.client_id)?,
                will: p.last_will.map(will).transpose()?,
                user_name: p.username.map(text).transpose()?,
                password: p.password.map(data),
                properties,
            }))
        }
        P::ConnectAck(p) => Packet::ConnAck(ConnAck {
            session_present: p.session_present,
            reason: ReasonCode(p.return_code.into()),
            properties,
        }),
        P::Publish(p) => Packet::Publish(publish(
            [p.dup, p.retain],
            p.qos.into(),
            p.topic,
            p.packet_id.map_or(0, |id| id.get()),
            p.payload,
        )?),
        P::PublishAck { packet_id } => Packet::PubAck(plain_ack(packet_id.get())?),
        P::PublishReceived { packet_id } => Packet::PubRec(plain_ack(packet_id.get())?),
        P::PublishRelease { packet_id } => Packet::PubRel(plain_ack(packet_id.get())?),
        P::PublishComplete { packet_id } => Packet::PubComp(plain_ack(packet_id.get())?),
        P::Subscribe {
            packet_id: id,
            topic_filters,
        } => Packet::Subscribe(Subscribe {
            packet_id: packet_id(id.get())?,
            properties,
            subscriptions: topic_filters
                .into_iter()
                .map(|(f, q)| Ok(Subscription::new(filter(f, version)?, level(q)?)))
                .collect::<Result<_, Fault>>()?,
        }),
        P::SubscribeAck {
            packet_id: id,
            status,
        } => Packet::SubAck(SubAck {
            packet_id: packet_id(id.get())?,
            properties,
            reasons: status
                .into_iter()
                .map(|code| match code {
                    v3::SubscribeReturnCode::Success(q) => ReasonCode(q.into()),
                    v3::SubscribeReturnCode::Failure => ReasonCode(0x80),
                })
                .collect(),
        }),
        P::Unsubscribe {
            packet_id: id,
            topic_filters,
        } => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(id.get())?,
            properties,
            filters: filters(topic_filters, version)?,
        }),
        P::UnsubscribeAck { packet_id: id } => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(id.get())?,
            properties,
            reasons: Vec::new(),
        }),
        P::PingRequest => Packet::PingReq,
        P::PingResponse => Packet::PingResp,
        P::Disconnect => Packet::Disconnect(Disconnect::with_reason(ReasonCode(0))),
    })
}

pub(crate) fn v5_packet(packet: v5::Packet) -> Result<Packet, Fault> {
    use v5::Packet as P;
    Ok(match packet {
        P::Connect(p) => Packet::Connect(Box::new(connect(*p)?)),
        P::ConnectAck(p) => Packet::ConnAck(connack(*p)?),
        P::Publish(p) => {
            let packet = publish(
                [p.dup, p.retain],
                p.qos.into(),
                p.topic,
                p.packet_id.map_or(0, |id| id.get()),
                p.payload,
            )?;
            let properties = publish_properties(p.properties)?;
            Packet::Publish(squall_protocol::packet::Publish {
                properties,
                ..packet
            })
        }
        P::PublishAck(p) => Packet::PubAck(first_ack(p)?),
        P::PublishReceived(p) => Packet::PubRec(first_ack(p)?),
        P::PublishRelease(p) => Packet::PubRel(second_ack(p)?),
        P::PublishComplete(p) => Packet::PubComp(second_ack(p)?),
        P::Subscribe(p) => Packet::Subscribe(Subscribe {
            packet_id: packet_id(p.packet_id.get())?,
            properties: List::default()
                .number(p.id, |id| Property::SubscriptionIdentifier(id.get()))
                .users(p.user_properties)?,
            subscriptions: p
                .topic_filters
                .into_iter()
                .map(|(f, options)| subscription(&f, options))
                .collect::<Result<_, Fault>>()?,
        }),
        P::SubscribeAck(p) => Packet::SubAck(SubAck {
            packet_id: packet_id(p.packet_id.get())?,
            properties: ack_properties(p.reason_string, p.properties)?,
            reasons: p.status.into_iter().map(|c| ReasonCode(c.into())).collect(),
        }),
        P::Unsubscribe(p) => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(p.packet_id.get())?,
            properties: List::default().users(p.user_properties)?,
            filters: filters(p.topic_filters, Version::V5_0)?,
        }),
        P::UnsubscribeAck(p) => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(p.packet_id.get())?,
            properties: ack_properties(p.reason_string, p.properties)?,
            reasons: p.status.into_iter().map(|c| ReasonCode(c.into())).collect(),
        }),
        P::PingRequest => Packet::PingReq,
        P::PingResponse => Packet::PingResp,
        P::Disconnect(p) => Packet::Disconnect(Disconnect {
            reason: ReasonCode(p.reason_code.into()),
            properties: List::default()
                .number(
                    p.session_expiry_interval_secs,
                    Property::SessionExpiryInterval,
                )
                .text(p.server_reference, Property::ServerReference)?
                .text(p.reason_string, Property::ReasonString)?
                .users(p.user_properties)?,
        }),
        P::Auth(p) => Packet::Auth(Auth {
            reason: ReasonCode(p.reason_code.into()),
            properties: List::default()
                .text(p.auth_method, Property::AuthenticationMethod)?
                .data(p.auth_data, Property::AuthenticationData)
                .text(p.reason_string, Property::ReasonString)?
                .users(p.user_properties)?,
        }),
    })
}

fn connect(p: v5::Connect) -> Result<Connect, Fault> {
    let properties = List::default()
        .number(
            Some(p.session_expiry_interval_secs),
            Property::SessionExpiryInterval,
        )
        .text(p.auth_method, Property::AuthenticationMethod)?
        .data(p.auth_data, Property::AuthenticationData)
        .number(
            Some(p.request_problem_info.into()),
            Property::RequestProblemInformation,
        )
        .number(
            Some(p.request_response_info.into()),
            Property::RequestResponseInformation,
        )
        .number(p.receive_max, |n| Property::ReceiveMaximum(n.get()))
        .number(Some(p.topic_alias_max), Property::TopicAliasMaximum)
        .number(p.max_packet_size, |n| Property::MaximumPacketSize(n.get()))
        .users(p.user_properties)?;
    Ok(Connect {
        version: Version::V5_0,
        clean_start: p.clean_start,
        keep_alive: p.keep_alive,
        client_id: text(p.client_id)?,
        will: p.last_will.map(will).transpose()?,
        user_name: p.username.map(text).transpose()?,
        password: p.password.map(data),
        properties,
    })
}

fn will(w: v5::LastWill) -> Result<Will, Fault> {
    Ok(Will {
        topic: text(w.topic)?,
        payload: data(w.message),
        qos: level(w.qos)?,
        retain: w.retain,
        properties: List::default()
            .number(w.will_delay_interval_sec, Property::WillDelayInterval)
            .data(w.correlation_data, Property::CorrelationData)
            .number(w.message_expiry_interval, |n| {
                Property::MessageExpiryInterval(n.get())
            })
            .text(w.content_type, Property::ContentType)?
            .number(w.is_utf8_payload, |b| {
                Property::PayloadFormatIndicator(b.into())
            })
            .text(w.response_topic, Property::ResponseTopic)?
            .users(w.user_properties)?,
    })
}

fn connack(p: v5::ConnectAck) -> Result<ConnAck, Fault> {
    Ok(ConnAck {
        session_present: p.session_present,
        reason: ReasonCode(p.reason_code.into()),
        properties: List::default()
            .number(
                p.session_expiry_interval_secs,
                Property::SessionExpiryInterval,
            )
            .number(Some(p.receive_max.get()), Property::ReceiveMaximum)
            .number(Some(p.max_qos.into()), Property::MaximumQoS)
            .number(p.max_packet_size, Property::MaximumPacketSize)
            .text(p.assigned_client_id, Property::AssignedClientIdentifier)?
            .number(Some(p.topic_alias_max), Property::TopicAliasMaximum)
            .number(Some(p.retain_available.into()), Property::RetainAvailable)
            .number(
                Some(p.wildcard_subscription_available.into()),
                Property::WildcardSubscriptionAvailable,
            )
            .number(
                Some(p.subscription_identifiers_available.into()),
                Property::SubscriptionIdentifiersAvailable,
            )
            .number(
                Some(p.shared_subscription_available.into()),
                Property::SharedSubscriptionAvailable,
            )
            .number(p.server_keepalive_sec, Property::ServerKeepAlive)
            .text(p.response_info, Property::ResponseInformation)?
            .text(p.server_reference, Property::ServerReference)?
            .text(p.auth_method, Property::AuthenticationMethod)?
            .data(p.auth_data, Property::AuthenticationData)
            .text(p.reason_string, Property::ReasonString)?
            .users(p.user_properties)?,
    })
}

fn publish_properties(p: v5::PublishProperties) -> Result<Properties, Fault> {
    let list = List::default()
        .number(
            Some(p.is_utf8_payload.into()),
            Property::PayloadFormatIndicator,
        )
        .number(p.message_expiry_interval, |n| {
            Property::MessageExpiryInterval(n.get())
        })
        .number(p.topic_alias, |n| Property::TopicAlias(n.get()))
        .text(p.content_type, Property::ContentType)?
        .text(p.response_topic, Property::ResponseTopic)?
        .data(p.correlation_data, Property::CorrelationData);
    p.subscription_ids
        .into_iter()
        .fold(list, |list, id| {
            list.number(Some(id.get()), Property::SubscriptionIdentifier)
        })
        .users(p.user_properties)
}

fn ack_properties(
    reason: Option<ntex_bytes::ByteString>,
    users: v5::UserProperties,
) -> Result<Properties, Fault> {
    List::default()
        .text(reason, Property::ReasonString)?
        .users(users)
}

fn first_ack(p: v5::PublishAck) -> Result<Ack, Fault> {
    let properties = ack_properties(p.reason_string, p.properties)?;
    ack(p.packet_id.get(), p.reason_code.into(), properties)
}

fn second_ack(p: v5::PublishAck2) -> Result<Ack, Fault> {
    let properties = ack_properties(p.reason_string, p.properties)?;
    ack(p.packet_id.get(), p.reason_code.into(), properties)
}

fn subscription(topic: &str, options: v5::SubscriptionOptions) -> Result<Subscription, Fault> {
    Ok(Subscription {
        filter: filter(topic, Version::V5_0)?,
        qos: level(options.qos)?,
        no_local: options.no_local,
        retain_as_published: options.retain_as_published,
        retain_handling: retain_handling(options.retain_handling.into())?,
    })
}

fn filters(
    list: Vec<ntex_bytes::ByteString>,
    version: Version,
) -> Result<Vec<squall_protocol::topic::TopicFilter>, Fault> {
    list.into_iter().map(|f| filter(f, version)).collect()
}

fn level(theirs: TheirQoS) -> Result<squall_protocol::QoS, Fault> {
    qos(theirs.into())
}
