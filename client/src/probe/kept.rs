//! Packets that are kept until somebody looks at them, within a budget of bytes.

use squall_protocol::{Packet, Properties, Property};

/// The memory that a packet takes in bytes, when it came in `len` bytes: itself, what it shares with nobody, and its
/// list of properties, which can be many times as large as their bytes.
#[must_use]
pub fn weight(packet: &Packet, len: usize) -> usize {
    let properties = match packet {
        Packet::Connect(p) => {
            size_of_val(&**p)
                + list(&p.properties)
                + p.will.as_ref().map_or(0, |will| list(&will.properties))
        }
        Packet::ConnAck(p) => list(&p.properties),
        Packet::Publish(p) => list(&p.properties),
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            list(&p.properties)
        }
        Packet::Subscribe(p) => list(&p.properties),
        Packet::SubAck(p) => list(&p.properties),
        Packet::Unsubscribe(p) => list(&p.properties),
        Packet::UnsubAck(p) => list(&p.properties),
        Packet::Disconnect(p) => list(&p.properties),
        Packet::Auth(p) => list(&p.properties),
        Packet::PingReq | Packet::PingResp => 0,
    };
    // A reason code list is as long as its bytes, and lies beside them.
    size_of::<Packet>() + 2 * len + properties
}

fn list(properties: &Properties) -> usize {
    properties.len() * size_of::<Property>()
}

/// Packets in the order they came, at most [`Self::BUDGET`] bytes of them. Beyond that the first of each type is kept,
/// and the very last, so that what decides a verdict is there however much came with it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    packets: Vec<Packet>,
    weight: usize,
    types: u16,
    /// The newest, if it is not among `packets`.
    last: Option<Packet>,
}

impl Kept {
    /// Bytes of memory for packets.
    pub const BUDGET: usize = 128 * 1024;
    /// A packet that takes more is kept without properties and payload, where it is kept for its type alone.
    const HEAVY: usize = 4 * 1024;

    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a packet that came in `len` bytes.
    pub fn keep(&mut self, packet: Packet, len: usize) {
        let kind = 1 << packet.packet_type() as u8;
        let heavy = weight(&packet, len);
        if self.weight + heavy <= Self::BUDGET {
            self.weight += heavy;
            self.packets.push(packet);
            self.last = None;
        } else {
            let packet = if heavy > Self::HEAVY {
                bare(packet)
            } else {
                packet
            };
            if self.types & kind == 0 {
                self.packets.push(packet);
                self.last = None;
            } else {
                self.last = Some(packet);
            }
        }
        self.types |= kind;
    }

    /// What was kept.
    #[must_use]
    pub fn into_packets(mut self) -> Vec<Packet> {
        self.packets.extend(self.last);
        self.packets
    }
}

/// The packet without what makes it large: type, flags and codes are left. A list of codes keeps its first ones.
fn bare(mut packet: Packet) -> Packet {
    match &mut packet {
        Packet::ConnAck(p) => p.properties = Properties::new(),
        Packet::Publish(p) => {
            p.properties = Properties::new();
            p.payload = bytes::Bytes::new();
            if p.topic.len() > Kept::HEAVY {
                p.topic = squall_protocol::Text::from("");
            }
        }
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            p.properties = Properties::new();
        }
        Packet::SubAck(p) => {
            p.properties = Properties::new();
            p.reasons.truncate(Kept::HEAVY);
        }
        Packet::UnsubAck(p) => {
            p.properties = Properties::new();
            p.reasons.truncate(Kept::HEAVY);
        }
        Packet::Disconnect(p) => p.properties = Properties::new(),
        Packet::Auth(p) => p.properties = Properties::new(),
        // What no server sends, and what has nothing to leave out.
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::PingResp => {}
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::{QoS, ReasonCode, Text, packet::Disconnect, packet::Publish};

    fn publish(payload: usize) -> Packet {
        Packet::Publish(Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: Text::from("a"),
            packet_id: None,
            properties: Properties::new(),
            payload: vec![0; payload].into(),
        })
    }

    #[test]
    fn what_decides_is_kept_after_any_number_of_others() {
        let mut kept = Kept::new();
        for _ in 0..10_000 {
            kept.keep(publish(1000), 1006);
        }
        let end = Packet::Disconnect(Disconnect::with_reason(ReasonCode::SERVER_BUSY));
        kept.keep(end.clone(), 2);
        kept.keep(publish(1), 7);
        kept.keep(publish(2), 8);
        let packets = kept.into_packets();
        assert!(packets.len() < 200, "{} packets", packets.len());
        assert!(packets.contains(&end));
        assert_eq!(packets.last(), Some(&publish(2)));
        assert_eq!(packets.first(), Some(&publish(1000)));
    }

    #[test]
    fn a_heavy_packet_beyond_the_budget_leaves_its_type() {
        let mut kept = Kept::new();
        kept.keep(publish(1_000_000), 1_000_006);
        assert_eq!(kept.into_packets(), [publish(0)]);
    }

    #[test]
    fn properties_weigh_what_they_take() {
        let Packet::Publish(mut fat) = publish(0) else {
            panic!("it is a PUBLISH");
        };
        for _ in 0..1000 {
            fat.properties.push(Property::SubscriptionIdentifier(1));
        }
        assert!(weight(&Packet::Publish(fat), 2006) > 1000 * size_of::<Property>());
    }
}
