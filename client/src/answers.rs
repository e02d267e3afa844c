//! What a scripted client answers by itself.

use squall_protocol::{Packet, PacketType, QoS, ReasonCode, packet::Ack};
use std::collections::BTreeSet;

/// Which acknowledgements a scripted client sends by itself, and what they say. As it begins: all, with Success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// PUBACK, PUBREC, PUBREL and PUBCOMP that it does not send.
    pub withheld: BTreeSet<PacketType>,
    /// What PUBACK and PUBREC say (5.0).
    pub reason: ReasonCode,
}

impl Answers {
    /// The packets that acknowledge.
    pub const ALL: [PacketType; 4] = [
        PacketType::PubAck,
        PacketType::PubRec,
        PacketType::PubRel,
        PacketType::PubComp,
    ];

    /// No acknowledgement at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            withheld: Self::ALL.into(),
            ..Self::default()
        }
    }

    /// The answer to a packet, if it is one that is not withheld.
    pub(crate) fn to(&self, packet: &Packet, five: bool) -> Option<Packet> {
        let reason = if five {
            self.reason
        } else {
            ReasonCode::SUCCESS
        };
        let answer = match packet {
            Packet::Publish(p) => match p.qos {
                QoS::AtMostOnce => return None,
                QoS::AtLeastOnce => Packet::PubAck(Ack::with_reason(p.packet_id?, reason)),
                QoS::ExactlyOnce => Packet::PubRec(Ack::with_reason(p.packet_id?, reason)),
            },
            Packet::PubRec(received) => Packet::PubRel(Ack::success(received.packet_id)),
            Packet::PubRel(released) => Packet::PubComp(Ack::success(released.packet_id)),
            _ => return None,
        };
        (!self.withheld.contains(&answer.packet_type())).then_some(answer)
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            withheld: BTreeSet::new(),
            reason: ReasonCode::SUCCESS,
        }
    }
}
