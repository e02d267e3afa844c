//! What a scripted broker answers by itself.

use crate::{Config, offer};
use squall_protocol::{
    Packet, PacketType, Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{Ack, ConnAck, Connect, SubAck, Subscribe, UnsubAck, Unsubscribe},
};
use std::collections::BTreeSet;

/// Which packets of a client a scripted broker answers by itself, and how. As it begins: all, with what a server says
/// that knows no sessions and takes everything within its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK and PINGRESP that it does not send.
    pub withheld: BTreeSet<PacketType>,
    /// What PUBACK and PUBREC say (5.0).
    pub reason: ReasonCode,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            withheld: BTreeSet::new(),
            reason: ReasonCode::SUCCESS,
        }
    }
}

impl Answers {
    /// The answer to a packet, if it is one that is not withheld. `assigned` is the Client Identifier of who has none.
    pub(crate) fn to(
        &self,
        packet: &Packet,
        version: Version,
        config: &Config,
        assigned: &str,
    ) -> Option<Packet> {
        let five = version == Version::V5_0;
        let reason = if five {
            self.reason
        } else {
            ReasonCode::SUCCESS
        };
        let answer = match packet {
            Packet::Connect(connect) => Packet::ConnAck(connack(connect, config, assigned)),
            Packet::Publish(p) => match p.qos {
                QoS::AtMostOnce => return None,
                QoS::AtLeastOnce => Packet::PubAck(Ack::with_reason(p.packet_id?, reason)),
                QoS::ExactlyOnce => Packet::PubRec(Ack::with_reason(p.packet_id?, reason)),
            },
            Packet::PubRec(received) if received.reason.is_error() => return None,
            Packet::PubRec(received) => Packet::PubRel(Ack::success(received.packet_id)),
            Packet::PubRel(released) => Packet::PubComp(Ack::success(released.packet_id)),
            Packet::Subscribe(subscribe) => Packet::SubAck(granted(subscribe, config)),
            Packet::Unsubscribe(unsubscribe) => Packet::UnsubAck(ended(unsubscribe, five)),
            Packet::PingReq => Packet::PingResp,
            _ => return None,
        };
        (!self.withheld.contains(&answer.packet_type())).then_some(answer)
    }
}

fn connack(connect: &Connect, config: &Config, assigned: &str) -> ConnAck {
    let mut properties = Properties::new();
    if connect.version == Version::V5_0 {
        if connect.client_id.is_empty() {
            // [MQTT-3.1.3-6], [MQTT-3.1.3-7], [MQTT-3.2.2-16] (5.0)
            properties.push(Property::AssignedClientIdentifier(Text::from(assigned)));
        }
        let limit = offer::server_keep_alive(config, connect.keep_alive);
        if let Some(limit) = limit {
            properties.push(Property::ServerKeepAlive(limit));
        }
        offer::announce(config, &mut properties);
    }
    ConnAck {
        // It knows no sessions.
        session_present: false,
        reason: ReasonCode::SUCCESS,
        properties,
    }
}

fn granted(subscribe: &Subscribe, config: &Config) -> SubAck {
    let each = subscribe.subscriptions.iter();
    let reasons = each.map(|s| ReasonCode(s.qos.min(config.maximum_qos).as_u8()));
    SubAck {
        packet_id: subscribe.packet_id,
        properties: Properties::new(),
        reasons: reasons.collect(),
    }
}

fn ended(unsubscribe: &Unsubscribe, five: bool) -> UnsubAck {
    let each = unsubscribe.filters.iter().filter(|_| five);
    UnsubAck {
        packet_id: unsubscribe.packet_id,
        properties: Properties::new(),
        reasons: each.map(|_| ReasonCode::SUCCESS).collect(),
    }
}
