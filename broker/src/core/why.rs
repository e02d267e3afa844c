//! What an answer that says no says to people: Reason Strings, where they may stand.

use squall_protocol::{Packet, PacketType, Properties, Property, ReasonCode, Text, packet::Ack};

/// A failing answer, with a Reason String; `None` for an answer that fails nothing. Whether the client wants one
/// [MQTT-3.1.2-29] and has room for it [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.6.2-2], [MQTT-3.7.2-2], [MQTT-3.9.2-1]
/// (5.0) is not known here.
pub(super) fn explained(packet: &Packet) -> Option<Packet> {
    let reason = match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            ack.reason
        }
        // It has one for all its filters.
        Packet::SubAck(ack) => *ack.reasons.iter().find(|reason| reason.is_error())?,
        _ => return None,
    };
    let properties = reason_string(why(packet.packet_type(), reason)?)?;
    Some(with(packet.clone(), properties))
}

fn why(packet: PacketType, reason: ReasonCode) -> Option<&'static str> {
    Some(match (packet, reason) {
        (PacketType::SubAck, ReasonCode::NOT_AUTHORIZED) => {
            "the client may not be sent all that a topic filter matches"
        }
        (PacketType::SubAck, ReasonCode::QUOTA_EXCEEDED) => "there is no room for a subscription",
        (_, ReasonCode::NOT_AUTHORIZED) => "the client may not publish to this topic",
        (_, ReasonCode::TOPIC_NAME_INVALID) => {
            "clients may not publish to topics that begin with $"
        }
        (_, ReasonCode::QUOTA_EXCEEDED) => "there is no room for the message",
        (_, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND) => {
            "the packet identifier belongs to no message that is under way"
        }
        _ => return None,
    })
}

fn with(packet: Packet, properties: Properties) -> Packet {
    let ack = |ack: Ack| Ack {
        properties: properties.clone(),
        ..ack
    };
    match packet {
        Packet::PubAck(a) => Packet::PubAck(ack(a)),
        Packet::PubRec(a) => Packet::PubRec(ack(a)),
        Packet::PubRel(a) => Packet::PubRel(ack(a)),
        Packet::PubComp(a) => Packet::PubComp(ack(a)),
        Packet::SubAck(mut a) => {
            a.properties = properties;
            Packet::SubAck(a)
        }
        other => other,
    }
}

/// A Reason String for people, if there is something to say.
pub(super) fn reason_string(text: &str) -> Option<Properties> {
    if text.is_empty() {
        return None;
    }
    let short: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(REASON_STRING_CHARS)
        .collect();
    Some(Properties::new().with(Property::ReasonString(Text::from(short))))
}

/// Enough for a sentence; a peer's own long strings are not thrown back at it.
const REASON_STRING_CHARS: usize = 200;
