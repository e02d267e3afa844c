//! What becomes of what is sent to the client.

use super::{Habit as H, Memory, written};
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, PropertyId, Version,
    packet::{Ack, ConnAck},
};

/// Only clients send it.
const fn is_of_clients(packet: &Packet) -> bool {
    matches!(
        packet,
        Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq
    )
}

impl Memory {
    /// What reaches the client of a packet.
    pub(crate) fn down(&mut self, version: Version, packet: Packet) -> Bytes {
        let packet = match packet {
            // A client that sees no such packet does what one does that takes no notice of it.
            ref only if self.reads_on() && is_of_clients(only) => return Bytes::new(),
            Packet::ConnAck(mut ack) => {
                self.overheard(&mut ack);
                self.assumed(&mut ack);
                Packet::ConnAck(ack)
            }
            Packet::Publish(_) if self.habit == H::EveryThirdIgnored && self.every(3) => {
                return Bytes::new();
            }
            Packet::PubAck(ack) | Packet::PubRec(ack)
                if self.habit == H::RefusalsUnheard && ack.reason.is_error() =>
            {
                return Bytes::new();
            }
            Packet::Publish(ref publish) if self.habit == H::ReleasesOnce => {
                self.coming.extend(publish.packet_id);
                packet
            }
            Packet::PubRel(ack) if self.habit == H::ReleasesOnce => {
                if !self.coming.remove(&ack.packet_id) {
                    return Bytes::new();
                }
                Packet::PubRel(ack)
            }
            Packet::PubAck(ack) => Packet::PubAck(self.back(ack, true)),
            Packet::PubRec(ack) => Packet::PubRec(self.back(ack, false)),
            Packet::PubComp(ack) => Packet::PubComp(self.back(ack, true)),
            Packet::SubAck(mut ack) => {
                ack.packet_id = self.asked(ack.packet_id);
                Packet::SubAck(ack)
            }
            Packet::UnsubAck(mut ack) => {
                ack.packet_id = self.asked(ack.packet_id);
                Packet::UnsubAck(ack)
            }
            other => other,
        };
        written(&packet, version)
    }

    /// Whether it takes no notice of what is no packet of a server.
    pub(crate) fn reads_on(&self) -> bool {
        self.habit == H::ReadsOn
    }

    /// What the client assumes of its session.
    fn assumed(&mut self, ack: &mut ConnAck) {
        if !matches!(self.habit, H::SessionBelieved | H::SessionHeldOn) {
            return;
        }
        let first = std::mem::replace(&mut self.count, 1) == 0;
        match (self.habit, first) {
            // Later it has one.
            (H::SessionBelieved, true) => ack.session_present = false,
            (H::SessionHeldOn, false) => ack.session_present = true,
            _ => {}
        }
    }

    /// What the client takes no notice of.
    fn overheard(&self, ack: &mut ConnAck) {
        let property = match self.habit {
            H::OwnKeepAlive => PropertyId::SERVER_KEEP_ALIVE,
            H::OwnReceiveMaximum => PropertyId::RECEIVE_MAXIMUM,
            H::OwnPacketSize => PropertyId::MAXIMUM_PACKET_SIZE,
            H::OwnQos => PropertyId::MAXIMUM_QOS,
            H::OwnRetain => PropertyId::RETAIN_AVAILABLE,
            _ => return,
        };
        ack.properties.remove(property);
    }

    fn back(&mut self, mut ack: Ack, ends: bool) -> Ack {
        if ends {
            self.open = None;
        }
        ack.packet_id = self.was(ack.packet_id);
        ack
    }

    fn was(&self, id: PacketId) -> PacketId {
        self.ids.get(&id.get()).copied().unwrap_or(id)
    }

    fn asked(&mut self, id: PacketId) -> PacketId {
        match self.habit {
            H::RequestsShareAnIdentifier if !self.requests.is_empty() => self.requests.remove(0),
            _ => self.was(id),
        }
    }
}
