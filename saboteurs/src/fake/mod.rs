//! Servers that answer without being brokers: what a judge may not take for one.

mod table;

pub use table::Fake;

use crate::{ConnectionId, Output, Server};
use bytes::Bytes;
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, QoS, ReasonCode, Role, Text, Version, encode,
    packet::{Ack, ConnAck, Publish, SubAck, Subscribe, UnsubAck},
};
use std::collections::BTreeMap;

/// One connection of a fake server.
#[derive(Debug)]
struct Talk {
    decoder: Decoder,
    greeted: bool,
    subscribed: bool,
}

/// A server that only pretends.
#[derive(Debug)]
pub struct FakeServer {
    fake: Fake,
    talks: BTreeMap<ConnectionId, Talk>,
    out: Vec<Output>,
}

impl FakeServer {
    /// A server of this kind.
    #[must_use]
    pub const fn new(fake: Fake) -> Self {
        Self {
            fake,
            talks: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    fn say(&mut self, id: ConnectionId, bytes: impl Into<Bytes>) {
        self.out.push(Output::Send(id, bytes.into()));
    }

    fn send(&mut self, id: ConnectionId, packet: &Packet) {
        let version = self.talks.get(&id).and_then(|talk| talk.decoder.version());
        if let Ok(bytes) = encode(packet, version.unwrap_or(Version::V3_1_1)) {
            self.say(id, bytes);
        }
    }

    fn close(&mut self, id: ConnectionId) {
        self.talks.remove(&id);
        self.out.push(Output::Close(id));
    }

    /// Answers that need no packet to be read.
    fn blind(&mut self, id: ConnectionId, bytes: &[u8]) -> bool {
        let is_first = self
            .talks
            .get_mut(&id)
            .is_some_and(|t| !std::mem::replace(&mut t.greeted, true));
        match self.fake {
            Fake::Silent | Fake::Banner => {}
            Fake::ClosesAtOnce => self.close(id),
            Fake::ByteEcho => self.say(id, Bytes::copy_from_slice(bytes)),
            Fake::Http => {
                self.say(
                    id,
                    &b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..],
                );
                self.close(id);
            }
            Fake::Noise => self.say(id, &b"\x8F\x13\x00\xFF\x42\x42\x42\x42\x42\x42"[..]),
            Fake::CannedConnAck => {
                if is_first {
                    self.say(id, &b"\x20\x02\x00\x00"[..]);
                }
            }
            _ => return false,
        }
        true
    }

    fn answer(&mut self, id: ConnectionId, packet: Packet) {
        let accepted = |reason| {
            Packet::ConnAck(ConnAck {
                session_present: false,
                reason,
                properties: Properties::new(),
            })
        };
        let success = accepted(ReasonCode::SUCCESS);
        match (self.fake, packet) {
            (Fake::RefusesAll, Packet::Connect(connect)) => {
                let reason = match connect.version {
                    Version::V3_1_1 => ReasonCode(5),
                    Version::V5_0 => ReasonCode::NOT_AUTHORIZED,
                };
                self.send(id, &accepted(reason));
                self.close(id);
            }
            (Fake::ConnAckThenCloses, Packet::Connect(_)) => {
                self.send(id, &success);
                self.close(id);
            }
            (Fake::ConnAckAlways, _) | (_, Packet::Connect(_)) => self.send(id, &success),
            (_, Packet::PingReq) => self.send(id, &Packet::PingResp),
            (Fake::PingsOnly, _) => {}
            (_, Packet::Disconnect(_)) => self.close(id),
            (_, Packet::Subscribe(subscribe)) => self.subscribed(id, &subscribe),
            (_, Packet::Unsubscribe(unsubscribe)) => {
                let unsuback = UnsubAck {
                    packet_id: unsubscribe.packet_id,
                    properties: Properties::new(),
                    reasons: vec![ReasonCode::SUCCESS; unsubscribe.filters.len()],
                };
                self.send(id, &Packet::UnsubAck(unsuback));
            }
            (_, Packet::Publish(publish)) => self.published(id, publish),
            (_, Packet::PubRec(ack)) => {
                self.send(id, &Packet::PubRel(Ack::success(ack.packet_id)));
            }
            (_, Packet::PubRel(ack)) => {
                self.send(id, &Packet::PubComp(Ack::success(ack.packet_id)));
            }
            _ => {}
        }
    }

    fn subscribed(&mut self, id: ConnectionId, subscribe: &Subscribe) {
        if let Some(talk) = self.talks.get_mut(&id) {
            talk.subscribed = true;
        }
        let granted = subscribe.subscriptions.iter();
        let suback = SubAck {
            packet_id: subscribe.packet_id,
            properties: Properties::new(),
            reasons: granted.map(|s| ReasonCode(s.qos.as_u8())).collect(),
        };
        self.send(id, &Packet::SubAck(suback));
        let count = match self.fake {
            Fake::Parrot => 1,
            Fake::Flood => 1_000,
            _ => 0,
        };
        for i in 0..count {
            let topic = match subscribe.subscriptions.first() {
                Some(s) if self.fake == Fake::Parrot => Text::from(s.filter.as_str()),
                _ => Text::from("flood"),
            };
            let publish = Publish {
                dup: false,
                qos: QoS::AtMostOnce,
                retain: false,
                topic,
                packet_id: None,
                properties: Properties::new(),
                payload: format!("{i}").into_bytes().into(),
            };
            self.send(id, &Packet::Publish(publish));
        }
    }

    fn published(&mut self, id: ConnectionId, publish: Publish) {
        let ack = |id: PacketId| Ack::success(id);
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(number)) => self.send(id, &Packet::PubAck(ack(number))),
            (QoS::ExactlyOnce, Some(number)) => self.send(id, &Packet::PubRec(ack(number))),
            _ => {}
        }
        match self.fake {
            Fake::AcksAndEchoes => self.send(id, &Packet::Publish(publish)),
            Fake::Hub => {
                let everybody: Vec<_> = self.talks.keys().copied().collect();
                for other in everybody {
                    self.send(other, &Packet::Publish(publish.clone()));
                }
            }
            Fake::Forgetful => {
                let first = self.talks.iter().find(|(_, talk)| talk.subscribed);
                let plain = Publish {
                    dup: false,
                    qos: QoS::AtMostOnce,
                    packet_id: None,
                    ..publish
                };
                if let Some(first) = first.map(|(id, _)| *id) {
                    self.send(first, &Packet::Publish(plain));
                }
            }
            _ => {}
        }
    }
}

impl Server for FakeServer {
    fn opened(&mut self, _now: u64, id: ConnectionId) {
        let talk = Talk {
            decoder: Decoder::new(Role::Client),
            greeted: false,
            subscribed: false,
        };
        self.talks.insert(id, talk);
        if self.fake == Fake::Banner {
            self.say(id, &b"SSH-2.0-OpenSSH_9.6\r\n"[..]);
        }
    }

    fn received(&mut self, _now: u64, id: ConnectionId, bytes: &[u8]) {
        if !self.talks.contains_key(&id) || self.blind(id, bytes) {
            return;
        }
        let Some(talk) = self.talks.get_mut(&id) else {
            return;
        };
        talk.decoder.push(bytes);
        while let Some(talk) = self.talks.get_mut(&id) {
            match talk.decoder.next_frame() {
                Ok(Some(frame)) if self.fake == Fake::NextType => {
                    let mut answer = frame.bytes.to_vec();
                    answer[0] = (answer[0] & 0xF0).wrapping_add(0x10);
                    self.say(id, answer);
                }
                Ok(Some(frame)) => self.answer(id, frame.packet),
                Ok(None) => return,
                Err(_) => return self.close(id),
            }
        }
    }

    fn closed(&mut self, _now: u64, id: ConnectionId) {
        self.talks.remove(&id);
    }

    fn passed(&mut self, _now: u64) {}

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }
}
