//! In the end every packet has its answer, and what a resumed session had under way was sent again.

use super::{Duty, Ending, Step};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::{Packet, PacketType, QoS, Time};
use std::collections::BTreeMap;

const PUBACK: Cite = (
    &["MQTT-4.3.2-2", "MQTT-4.5.0-2"],
    &["MQTT-4.3.2-4", "MQTT-4.5.0-2"],
);
const PUBREC: Cite = (
    &["MQTT-4.3.3-2", "MQTT-4.5.0-2"],
    &["MQTT-4.3.3-8", "MQTT-4.5.0-2"],
);
const PUBREL: Cite = (&["MQTT-4.3.3-1"], &["MQTT-4.3.3-4"]);
const PUBCOMP: Cite = (&["MQTT-4.3.3-2"], &["MQTT-4.3.3-11"]);
const RESEND: Cite = (&["MQTT-4.4.0-1"], &["MQTT-4.4.0-1"]);

/// What the client has still to do.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Answers to what came on this connection, by kind and identifier: what asks for it, and when it came.
    answers: BTreeMap<(PacketType, u16), (usize, Time)>,
    /// Messages of the session that were sent and have no last acknowledgement: the record, and the connection on which
    /// they were last taken up.
    flows: BTreeMap<u16, (usize, u64)>,
}

impl<'a> Duty<'a> for Owed {
    fn see(&mut self, step: &Step<'_, 'a>, _: &mut dyn FnMut(Finding)) {
        match step.record.seen {
            Seen::Opened => self.answers.clear(),
            Seen::Sent(packet) => self.sent(step, packet),
            Seen::Received(packet) => self.received(step, packet),
            _ => {}
        }
    }

    fn finish(&mut self, ending: &Ending<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        let (Some(settled), false, Some((_, accepted, ack))) =
            (ending.settled, ending.wire.over, ending.wire.accepted)
        else {
            return;
        };
        let who = ending.about.who();
        for ((kind, id), (ix, since)) in &self.answers {
            let (cite, asks) = match kind {
                PacketType::PubAck => (PUBACK, "PUBLISH"),
                PacketType::PubRec => (PUBREC, "PUBLISH"),
                PacketType::PubRel => (PUBREL, "PUBREC"),
                _ => (PUBCOMP, "PUBREL"),
            };
            if *since <= settled {
                let message = format!("{who} never answered {asks} {id} with {kind}");
                let expected = format!("{kind}, as the connection stayed open");
                broken(absent(ending, cite, message, expected, *ix));
            }
        }
        if !ack.session_present || accepted > settled {
            return;
        }
        for (id, (ix, conn)) in &self.flows {
            if *conn != ending.wire.conn {
                let message = format!(
                    "{who} never went on with packet {id}, which was not acknowledged when its connection ended"
                );
                let expected = "it is sent again when the session is resumed".to_owned();
                broken(absent(ending, RESEND, message, expected, *ix));
            }
        }
    }
}

fn absent(
    ending: &Ending<'_, '_>,
    cite: Cite,
    message: String,
    expected: String,
    ix: usize,
) -> Finding {
    Finding {
        absence: true,
        ..ending.about.finding(cite, message, expected, vec![ix])
    }
}

impl Owed {
    fn sent(&mut self, step: &Step<'_, '_>, packet: &Packet) {
        let (ix, conn) = (step.record.ix, step.record.end.conn);
        match packet {
            Packet::Connect(connect) if connect.clean_start => self.flows.clear(),
            Packet::Publish(publish) => {
                if let Some(id) = publish.packet_id {
                    self.flows.insert(id.get(), (ix, conn));
                }
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => {
                self.answers
                    .remove(&(packet.packet_type(), ack.packet_id.get()));
            }
            Packet::PubRel(ack) => {
                let id = ack.packet_id.get();
                self.answers.remove(&(PacketType::PubRel, id));
                if let Some(flow) = self.flows.get_mut(&id) {
                    flow.1 = conn;
                }
            }
            _ => {}
        }
    }

    fn received(&mut self, step: &Step<'_, '_>, packet: &Packet) {
        let came = (step.record.ix, step.record.at);
        let (kind, id) = match packet {
            Packet::ConnAck(ack) => {
                // What was sent before the answer is of the new session.
                if !ack.reason.is_error() && !ack.session_present {
                    let conn = step.record.end.conn;
                    self.flows.retain(|_, (_, of)| *of == conn);
                }
                return;
            }
            Packet::Publish(publish) => {
                let Some(id) = publish.packet_id else { return };
                let kind = match publish.qos {
                    QoS::AtLeastOnce => PacketType::PubAck,
                    _ => PacketType::PubRec,
                };
                (kind, id)
            }
            Packet::PubRel(ack) => (PacketType::PubComp, ack.packet_id),
            Packet::PubRec(ack) if !ack.reason.is_error() => {
                // A client that does not know it has to answer nothing.
                if !self.flows.contains_key(&ack.packet_id.get()) {
                    return;
                }
                (PacketType::PubRel, ack.packet_id)
            }
            Packet::PubAck(ack) | Packet::PubComp(ack) | Packet::PubRec(ack) => {
                let id = ack.packet_id.get();
                self.flows.remove(&id);
                // Whatever came twice has been answered.
                self.answers.remove(&(PacketType::PubRel, id));
                return;
            }
            _ => return,
        };
        self.answers.entry((kind, id.get())).or_insert(came);
    }
}
