//! `rumqttc`, its codec of 3.1.1.

use crate::{
    Fault,
    translate::{data, filter, packet_id, plain_ack, publish, qos, text},
};
use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::v4;
use squall_protocol::{
    Packet, Properties, ReasonCode, Version,
    packet::{
        ConnAck, Connect, Disconnect, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe, Will,
    },
};

pub(crate) fn read(bytes: &[u8]) -> Result<v4::Packet, String> {
    v4::Packet::read(&mut BytesMut::from(bytes), usize::MAX).map_err(|e| e.to_string())
}

pub(crate) fn write(packet: &v4::Packet) -> Result<Bytes, String> {
    let mut out = BytesMut::new();
    match packet.write(&mut out, usize::MAX) {
        Ok(_) => Ok(out.freeze()),
        Err(e) => Err(e.to_string()),
    }
}

pub(crate) fn packet(packet: v4::Packet) -> Result<Packet, Fault> {
    use v4::Packet as P;
    let properties = Properties::new();
    Ok(match packet {
        P::Connect(p) => Packet::Connect(Box::new(connect(p)?)),
        P::ConnAck(p) => Packet::ConnAck(ConnAck {
            session_present: p.session_present,
            reason: ReasonCode(p.code as u8),
            properties,
        }),
        P::Publish(p) => Packet::Publish(publish(
            [p.dup, p.retain],
            p.qos as u8,
            p.topic,
            p.pkid,
            p.payload,
        )?),
        P::PubAck(p) => Packet::PubAck(plain_ack(p.pkid)?),
        P::PubRec(p) => Packet::PubRec(plain_ack(p.pkid)?),
        P::PubRel(p) => Packet::PubRel(plain_ack(p.pkid)?),
        P::PubComp(p) => Packet::PubComp(plain_ack(p.pkid)?),
        P::Subscribe(p) => Packet::Subscribe(Subscribe {
            packet_id: packet_id(p.pkid)?,
            properties,
            subscriptions: p
                .filters
                .into_iter()
                .map(|f| {
                    Ok(Subscription::new(
                        filter(f.path, Version::V3_1_1)?,
                        qos(f.qos as u8)?,
                    ))
                })
                .collect::<Result<_, Fault>>()?,
        }),
        P::SubAck(p) => Packet::SubAck(SubAck {
            packet_id: packet_id(p.pkid)?,
            properties,
            reasons: p
                .return_codes
                .into_iter()
                .map(|code| match code {
                    v4::SubscribeReasonCode::Success(level) => ReasonCode(level as u8),
                    v4::SubscribeReasonCode::Failure => ReasonCode(0x80),
                })
                .collect(),
        }),
        P::Unsubscribe(p) => Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(p.pkid)?,
            properties,
            filters: p
                .topics
                .into_iter()
                .map(|f| filter(f, Version::V3_1_1))
                .collect::<Result<_, Fault>>()?,
        }),
        P::UnsubAck(p) => Packet::UnsubAck(UnsubAck {
            packet_id: packet_id(p.pkid)?,
            properties,
            reasons: Vec::new(),
        }),
        P::PingReq => Packet::PingReq,
        P::PingResp => Packet::PingResp,
        P::Disconnect => Packet::Disconnect(Disconnect::with_reason(ReasonCode(0))),
    })
}

/// An empty user name or password is none: it has strings where the standard has optional fields.
fn connect(p: v4::Connect) -> Result<Connect, Fault> {
    let (user_name, password) = p
        .login
        .map_or_else(Default::default, |login| (login.username, login.password));
    let will = |w: v4::LastWill| -> Result<Will, Fault> {
        Ok(Will {
            topic: text(w.topic)?,
            payload: w.message,
            qos: qos(w.qos as u8)?,
            retain: w.retain,
            properties: Properties::new(),
        })
    };
    Ok(Connect {
        version: match p.protocol {
            rumqttc::mqttbytes::Protocol::V4 => Version::V3_1_1,
            rumqttc::mqttbytes::Protocol::V5 => Version::V5_0,
        },
        clean_start: p.clean_session,
        keep_alive: p.keep_alive,
        client_id: text(p.client_id)?,
        will: p.last_will.map(will).transpose()?,
        user_name: Some(text(user_name)?).filter(|name| !name.is_empty()),
        password: Some(data(password)).filter(|password| !password.is_empty()),
        properties: Properties::new(),
    })
}
