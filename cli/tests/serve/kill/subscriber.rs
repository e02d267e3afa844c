//! A client that reads, and keeps what it has to keep of QoS 2 while it is away.

use super::{
    scene::{Link, Name, Next},
    *,
};
use std::collections::BTreeSet;

pub(super) struct Subscriber {
    version: Version,
    name: String,
    random: Random,
    /// Packet identifiers between PUBREC and PUBREL.
    taken: BTreeSet<PacketId>,
    subscribed: bool,
    pub(super) again: usize,
    pub(super) returns: u32,
}

impl Subscriber {
    pub(super) fn new(version: Version, random: Random) -> Self {
        Self {
            name: format!("subscriber-{version}"),
            version,
            random,
            taken: BTreeSet::new(),
            subscribed: false,
            again: 0,
            returns: 0,
        }
    }

    /// Reads until the story is over.
    pub(super) fn run(mut self, scene: &Scene) -> Self {
        let mut known = false;
        while let Some(mut link) = scene.come_back(self.version, &self.name, &mut known) {
            self.returns += 1;
            if !self.subscribed {
                self.subscribe(&mut link);
            }
            loop {
                match link.next() {
                    Next::Packet(packet) => self.take(scene, &mut link, packet),
                    Next::Nothing if scene.over.load(SeqCst) => return self,
                    Next::Nothing => {}
                    Next::Ended => break,
                }
            }
        }
        self
    }

    fn subscribe(&self, link: &mut Link) {
        let filter = TopicFilter::parse_v5("load/#").expect("a filter");
        link.send(&Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, QoS::ExactlyOnce)],
        }));
    }

    fn take(&mut self, scene: &Scene, link: &mut Link, packet: Packet) {
        match packet {
            Packet::SubAck(ack) if ack.reasons[0].0 == 2 => {
                if !std::mem::replace(&mut self.subscribed, true) {
                    scene.subscribed.fetch_add(1, SeqCst);
                }
            }
            Packet::Publish(publish) => {
                self.again += usize::from(publish.dup);
                let id = publish.packet_id.expect("QoS 1 or 2");
                let two = publish.qos == QoS::ExactlyOnce;
                if !two || self.taken.insert(id) {
                    scene.deliver(&self.name, name(&publish));
                }
                // One that is slow now and then has more under way.
                if self.random.below(200) == 0 {
                    sleep(Duration::from_millis(self.random.below(20)));
                }
                link.send(&match two {
                    true => Packet::PubRec(Ack::success(id)),
                    false => Packet::PubAck(Ack::success(id)),
                });
            }
            Packet::PubRel(ack) => {
                self.taken.remove(&ack.packet_id);
                link.send(&Packet::PubComp(Ack::success(ack.packet_id)));
            }
            other => scene.fault(format!("{} was sent {other:?}", self.name)),
        }
    }
}

/// Which message it is.
fn name(publish: &Publish) -> Name {
    let text = std::str::from_utf8(&publish.payload).expect("it is text");
    let mut words = text.split(' ');
    let from = words.next().unwrap_or_default().to_owned();
    let number = words.next().and_then(|n| n.parse().ok());
    let qos = words
        .next()
        .and_then(|n| n.parse().ok())
        .and_then(QoS::from_bits);
    (
        from,
        number.expect("it has a number"),
        qos.expect("it has a QoS"),
    )
}
