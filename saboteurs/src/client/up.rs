//! What becomes of what the client sends.

use super::{Habit as H, Memory, Out, written};
use bytes::{Bytes, BytesMut};
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{Ack, Connect, Publish},
};
use std::time::Duration;

/// How late a late acknowledgement is.
const LATE: Duration = Duration::from_millis(1500);
/// How late a client is that takes its time over everything.
const VERY_LATE: Duration = Duration::from_secs(12);
/// Between two pieces of a packet.
const PAUSE: Duration = Duration::from_millis(20);

impl Memory {
    /// What goes out in place of a packet.
    pub(crate) fn up(&mut self, version: Version, packet: Packet) -> Vec<Out> {
        let packets = self.changed(version, packet);
        let mut out = Vec::new();
        for packet in packets {
            let after = self.after(&packet);
            let bytes = self.bytes(&packet, version);
            if self.habit == H::InPieces {
                let half = bytes.len() / 2;
                for bytes in [bytes.slice(..half), bytes.slice(half..)] {
                    out.push(Out {
                        after: PAUSE,
                        bytes,
                    });
                }
            } else {
                out.push(Out { after, bytes });
            }
        }
        out
    }

    fn after(&self, packet: &Packet) -> Duration {
        if self.habit == H::EverythingLate && !matches!(packet, Packet::PingReq) {
            return VERY_LATE;
        }
        let late = matches!(
            (self.habit, packet),
            (
                H::AcknowledgesLate,
                Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_)
            ) | (H::PubRelsLate, Packet::PubRel(_))
        );
        if late { LATE } else { Duration::ZERO }
    }

    fn bytes(&self, packet: &Packet, version: Version) -> Bytes {
        let bytes = written(packet, version);
        match (self.habit, packet) {
            (H::SubscribeFlags, Packet::Subscribe(_)) => {
                let mut bytes = BytesMut::from(&bytes[..]);
                bytes[0] &= 0xF0;
                bytes.freeze()
            }
            (H::IdentifierZero, Packet::Publish(publish)) if publish.packet_id.is_some() => {
                let mut bytes = BytesMut::from(&bytes[..]);
                let length = bytes[1..].iter().take_while(|b| **b & 0x80 != 0).count() + 2;
                let at = length + 2 + publish.topic.len();
                bytes[at..at + 2].fill(0);
                bytes.freeze()
            }
            _ => bytes,
        }
    }

    fn changed(&mut self, version: Version, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::Connect(connect) => self.connect(version, *connect),
            Packet::Publish(publish) => self.publish(version, publish),
            Packet::PubAck(ack) => {
                self.ack(Packet::PubAck, ack, [H::PubAckLost, H::PubAcksSwapped])
            }
            Packet::PubRec(ack) if self.habit == H::PubAckForTwo => vec![Packet::PubAck(ack)],
            Packet::PubRec(ack) => {
                self.ack(Packet::PubRec, ack, [H::PubRecLost, H::PubRecsSwapped])
            }
            Packet::PubRel(mut ack) => {
                if self.habit == H::ResentNever && !self.ids.contains_key(&ack.packet_id.get()) {
                    return Vec::new();
                }
                ack.packet_id = self.scattered(ack.packet_id);
                self.ack(Packet::PubRel, ack, [H::PubRelLost, H::PubRelsSwapped])
            }
            Packet::PubComp(_) if self.habit == H::PubCompLost => Vec::new(),
            Packet::PingReq if self.habit == H::PingsLost => Vec::new(),
            Packet::Disconnect(_) if self.habit == H::LeavesWithoutAWord => Vec::new(),
            Packet::Disconnect(_) if self.habit == H::PingAfterDisconnect => {
                vec![packet, Packet::PingReq]
            }
            Packet::Subscribe(mut subscribe) => {
                subscribe.packet_id = self.request(subscribe.packet_id);
                self.told(version, &mut subscribe.properties);
                self.and_ping(Packet::Subscribe(subscribe))
            }
            Packet::Unsubscribe(mut unsubscribe) => {
                unsubscribe.packet_id = self.request(unsubscribe.packet_id);
                self.told(version, &mut unsubscribe.properties);
                self.and_ping(Packet::Unsubscribe(unsubscribe))
            }
            other => vec![other],
        }
    }

    fn and_ping(&self, packet: Packet) -> Vec<Packet> {
        match self.habit {
            H::PingsOften => vec![packet, Packet::PingReq],
            _ => vec![packet],
        }
    }

    fn told(&self, version: Version, properties: &mut Properties) {
        if self.habit == H::UserProperties && version == Version::V5_0 {
            properties.push(Property::UserProperty("who".into(), "me".into()));
        }
    }

    fn connect(&mut self, version: Version, mut connect: Connect) -> Vec<Packet> {
        if self.habit == H::SaysEverything && version == Version::V5_0 {
            let p = &mut connect.properties;
            if p.receive_maximum().is_none() {
                p.push(Property::ReceiveMaximum(u16::MAX));
            }
            p.push(Property::MaximumPacketSize(1 << 20));
            p.push(Property::TopicAliasMaximum(0));
            p.push(Property::RequestResponseInformation(0));
            p.push(Property::RequestProblemInformation(1));
            p.push(Property::UserProperty("who".into(), "me".into()));
        }
        self.told(version, &mut connect.properties);
        let clean = connect.clean_start;
        let packet = Packet::Connect(Box::new(connect));
        match self.habit {
            H::ConnectTwice => vec![packet.clone(), packet],
            H::PingBeforeConnect => vec![Packet::PingReq, packet],
            H::OldInNewSession if clean => {
                let old = self
                    .open
                    .take()
                    .map(|old| Packet::Publish(Publish { dup: true, ..old }));
                std::iter::once(packet).chain(old).collect()
            }
            _ => vec![packet],
        }
    }

    fn publish(&mut self, version: Version, mut publish: Publish) -> Vec<Packet> {
        let five = version == Version::V5_0;
        let Some(id) = publish.packet_id else {
            return self.message(five, publish);
        };
        let again = publish.dup;
        self.open = Some(publish.clone());
        match self.habit {
            H::DupMissing => publish.dup = false,
            H::DupAtFirst => publish.dup = true,
            H::OneIdentifier => publish.packet_id = self.known(id, 1),
            H::ResentAsNew if again => {
                publish.dup = false;
                publish.packet_id = self.known(id, id.get() ^ 0x4000);
            }
            H::ResentNever if again => return Vec::new(),
            // What was published on this connection goes on as it is.
            H::ResentNever => drop(self.known(id, id.get())),
            H::ResentTurned if again => {
                self.again.push(Packet::Publish(publish));
                if self.again.len() < 2 {
                    return Vec::new();
                }
                return std::mem::take(&mut self.again).into_iter().rev().collect();
            }
            H::ResentAtOnce => {
                let dup = Publish {
                    dup: true,
                    ..publish.clone()
                };
                return vec![Packet::Publish(publish), Packet::Publish(dup)];
            }
            H::PubRelEarly if publish.qos == QoS::ExactlyOnce => {
                let ack = Ack::success(id);
                return vec![Packet::Publish(publish), Packet::PubRel(ack)];
            }
            H::IdentifiersScattered => publish.packet_id = Some(self.scattered(id)),
            _ => {}
        }
        self.message(five, publish)
    }

    /// What is the same for messages of every QoS.
    fn message(&self, five: bool, mut publish: Publish) -> Vec<Packet> {
        match self.habit {
            H::WildcardInTopic => {
                publish.topic = Text::from(format!("{}/#", publish.topic).as_str());
            }
            H::AliasTooLarge if five => publish.properties.push(Property::TopicAlias(1000)),
            H::IdentifierInPublish if five => {
                publish.properties.push(Property::SubscriptionIdentifier(1));
            }
            H::UserProperties if five => {
                let property = Property::UserProperty("who".into(), "me".into());
                publish.properties.push(property);
            }
            _ => {}
        }
        self.and_ping(Packet::Publish(publish))
    }

    fn ack(
        &mut self,
        make: fn(Ack) -> Packet,
        mut ack: Ack,
        [lost, swapped]: [H; 2],
    ) -> Vec<Packet> {
        let is_puback = lost == H::PubAckLost;
        match self.habit {
            habit if habit == lost => return Vec::new(),
            habit if habit == swapped => {
                let Some(held) = self.held.take() else {
                    self.held = Some(make(ack));
                    return Vec::new();
                };
                return vec![make(ack), held];
            }
            H::PubAckTwice if is_puback => return vec![make(ack.clone()), make(ack)],
            H::PubAckShifted if is_puback => ack.packet_id = ack.packet_id.next(),
            H::ReservedCode if lost != H::PubRelLost => ack.reason = ReasonCode(0x01),
            _ => {}
        }
        self.and_ping(make(ack))
    }

    /// Another identifier in the place of this one, which is remembered.
    fn known(&mut self, id: PacketId, other: u16) -> Option<PacketId> {
        self.ids.insert(other, id);
        PacketId::new(other)
    }

    fn scattered(&mut self, id: PacketId) -> PacketId {
        if self.habit != H::IdentifiersScattered {
            return id;
        }
        // 31,337 has no divisor in common with 65,535, so each identifier gets another one.
        let other = u32::from(id.get() - 1) * 31_337 % 65_535 + 1;
        let other = u16::try_from(other).unwrap_or(1);
        self.known(id, other).unwrap_or(id)
    }

    fn request(&mut self, id: PacketId) -> PacketId {
        match self.habit {
            H::RequestsShareAnIdentifier => {
                self.requests.push(id);
                PacketId::new(9).unwrap_or(id)
            }
            _ => self.scattered(id),
        }
    }
}
