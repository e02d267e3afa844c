//! Each acknowledgement answers something: PUBACK and PUBREC a PUBLISH of their QoS, PUBCOMP a PUBREL.

use super::{Rule, Step};
use crate::finding::{Cite, Finding};
use squall_protocol::{
    Packet, PacketType, QoS,
    packet::{Ack, Publish},
};
use std::collections::{BTreeMap, BTreeSet};

const UNASKED: Cite = (
    &["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    &["MQTT-4.3.2-4", "MQTT-4.3.3-8"],
);
const COMPLETED: Cite = (&["MQTT-4.3.3-2"], &["MQTT-4.3.3-11"]);

/// What the judged side still has to answer.
#[derive(Debug, Default)]
pub(super) struct Acknowledgements {
    here: Owed,
    /// What came on older connections of the session. It is sent again, so it has not to be answered any more; but no
    /// statement says that it may not.
    earlier: Owed,
    /// What was ever answered in this session: packet type and identifier.
    answered: BTreeSet<(PacketType, u16)>,
    /// The session has been resumed.
    resumed: bool,
}

#[derive(Debug, Default)]
struct Owed {
    /// PUBLISH packets by packet identifier, how many of QoS 1 and of QoS 2: one that is sent again is answered again.
    publishes: BTreeMap<u16, [u32; 2]>,
    /// PUBREL packets by packet identifier.
    releases: BTreeMap<u16, u32>,
}

impl Owed {
    /// Strikes out what this packet answers, if there is such a thing.
    fn answer(&mut self, packet: &Packet, id: u16) -> bool {
        let kind = match packet {
            Packet::PubAck(_) => 0,
            Packet::PubRec(_) => 1,
            _ => return take(self.releases.get_mut(&id)),
        };
        take(self.publishes.get_mut(&id).map(|owed| &mut owed[kind]))
    }
}

impl Rule for Acknowledgements {
    fn turn_to(&mut self, _: u64) {
        let Owed {
            publishes,
            releases,
        } = std::mem::take(&mut self.here);
        for (id, [one, two]) in publishes {
            let earlier = self.earlier.publishes.entry(id).or_default();
            *earlier = [earlier[0] + one, earlier[1] + two];
        }
        for (id, count) in releases {
            *self.earlier.releases.entry(id).or_default() += count;
        }
    }

    fn resume(&mut self, present: bool, certain: bool) {
        self.resumed = present;
        if !present {
            // What it says next it may say before it learns that the session is gone.
            if !certain {
                return;
            }
            self.earlier = Owed::default();
            self.answered.clear();
        }
    }

    fn hears(&mut self, packet: &Packet) {
        match packet {
            Packet::Publish(Publish {
                packet_id: Some(id),
                qos,
                ..
            }) => {
                let owed = self.here.publishes.entry(id.get()).or_default();
                owed[usize::from(*qos == QoS::ExactlyOnce)] += 1;
            }
            Packet::PubRel(ack) => {
                *self.here.releases.entry(ack.packet_id.get()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        let (ack, cite, asks) = match step.packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) => (ack, UNASKED, "PUBLISH"),
            Packet::PubComp(ack) => (ack, COMPLETED, "PUBREL"),
            _ => return,
        };
        let Ack { packet_id, .. } = ack;
        let id = packet_id.get();
        let asked = self.here.answer(step.packet, id)
            || !step.sharp() && self.earlier.answer(step.packet, id);
        // In a resumed session it may say once more what it had said before: no statement forbids that.
        let new = self.answered.insert((step.packet.packet_type(), id));
        let repeated = !step.sharp() && self.resumed && !new;
        if !asked && !repeated {
            let message = format!(
                "{} sent {} {packet_id} without a {asks} that asks for it",
                step.who(),
                step.packet.packet_type(),
            );
            let expected = format!("one acknowledgement for each {asks}");
            broken(step.finding("packet flow", cite, message, expected, None));
        }
    }
}

fn take(count: Option<&mut u32>) -> bool {
    match count {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}
