//! A client that publishes, and sends again what is not acknowledged when it comes back.

use super::{
    scene::{Link, Name, Next},
    *,
};

/// Messages that are under way at a time.
const WINDOW: usize = 8;

pub(super) struct Publisher {
    version: Version,
    name: String,
    random: Random,
    /// Messages that are under way, in the order of sending, and whether PUBREL stands for one.
    flight: Vec<(PacketId, Publish, bool)>,
    last_id: u16,
    number: u64,
    pub(super) acknowledged: BTreeMap<Name, ()>,
    pub(super) sent_again: usize,
    pub(super) returns: u32,
}

impl Publisher {
    pub(super) fn new(version: Version, random: Random) -> Self {
        Self {
            name: format!("publisher-{version}"),
            version,
            random,
            flight: Vec::new(),
            last_id: 0,
            number: 0,
            acknowledged: BTreeMap::new(),
            sent_again: 0,
            returns: 0,
        }
    }

    /// Publishes until nobody is to publish any more and everything was acknowledged.
    pub(super) fn run(mut self, scene: &Scene) -> Self {
        let mut known = false;
        while let Some(mut link) = scene.come_back(self.version, &self.name, &mut known) {
            self.returns += 1;
            self.send_again(&mut link);
            loop {
                let publishing = scene.publishing.load(SeqCst);
                if !publishing && self.flight.is_empty() {
                    return self;
                }
                while publishing && self.flight.len() < WINDOW {
                    self.publish(&mut link);
                }
                match link.next() {
                    Next::Packet(packet) => self.take(scene, &mut link, &packet),
                    Next::Nothing if scene.over.load(SeqCst) => return self,
                    Next::Nothing => {}
                    Next::Ended => break,
                }
            }
        }
        self
    }

    fn publish(&mut self, link: &mut Link) {
        let qos = match self.random.below(2) {
            0 => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        self.number += 1;
        let taken = |id| self.flight.iter().any(|(other, ..)| *other == id);
        let id = loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = PacketId::new(self.last_id).expect("it is not 0");
            if !taken(id) {
                break id;
            }
        };
        let payload = format!("{} {} {}", self.name, self.number, qos.as_u8());
        let publish = Publish {
            qos,
            topic: "load/a".into(),
            packet_id: Some(id),
            ..message(payload.into_bytes())
        };
        // If it is not taken, it is sent again.
        link.send(&Packet::Publish(publish.clone()));
        self.flight.push((id, publish, false));
    }

    /// [MQTT-4.4.0-1]
    fn send_again(&mut self, link: &mut Link) {
        for (id, publish, released) in &self.flight {
            self.sent_again += 1;
            let dup = Publish {
                dup: true,
                ..publish.clone()
            };
            link.send(&match released {
                true => Packet::PubRel(Ack::success(*id)),
                false => Packet::Publish(dup),
            });
        }
    }

    fn take(&mut self, scene: &Scene, link: &mut Link, packet: &Packet) {
        let (Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack)) = packet else {
            return scene.fault(format!("{} was sent {packet:?}", self.name));
        };
        let at = self.flight.iter().position(|(id, ..)| *id == ack.packet_id);
        let Some(at) = at else {
            return scene.fault(format!("{} was sent {packet:?}", self.name));
        };
        if ack.reason.0 >= 0x80 && !matches!(packet, Packet::PubComp(_)) {
            scene.fault(format!("{} was refused: {packet:?}", self.name));
        }
        let qos = self.flight[at].1.qos;
        let mut words = std::str::from_utf8(&self.flight[at].1.payload)
            .expect("it is text")
            .split(' ');
        let number = words
            .nth(1)
            .and_then(|n| n.parse().ok())
            .expect("it has a number");
        let name = (self.name.clone(), number, qos);
        match (packet, qos) {
            (Packet::PubAck(_), QoS::AtLeastOnce) => {
                self.acknowledged.insert(name, ());
                self.flight.remove(at);
            }
            (Packet::PubRec(_), QoS::ExactlyOnce) => {
                self.acknowledged.insert(name, ());
                self.flight[at].2 = true;
                link.send(&Packet::PubRel(Ack::success(ack.packet_id)));
            }
            (Packet::PubComp(_), QoS::ExactlyOnce) if self.flight[at].2 => {
                self.flight.remove(at);
            }
            _ => scene.fault(format!("{} was sent {packet:?}", self.name)),
        }
    }
}
