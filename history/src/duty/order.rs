//! Acknowledgements go out in the order of what they answer.
//!
//! A client may take its time, and may never answer at all what a connection took away. Out of order is only what is
//! answered after the answer to something that came later on the same connection.

use super::{Duty, Step};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::{Packet, QoS};

const PUBACKS: Cite = (&["MQTT-4.6.0-2"], &["MQTT-4.6.0-2"]);
const PUBRECS: Cite = (&["MQTT-4.6.0-3"], &["MQTT-4.6.0-3"]);
const PUBRELS: Cite = (&["MQTT-4.6.0-4"], &["MQTT-4.6.0-4"]);

/// What came on this connection and waits for its answer, of each kind.
#[derive(Debug, Default)]
pub(super) struct Order {
    one: Queue,
    two: Queue,
    receipts: Queue,
}

/// In the order in which it came.
#[derive(Debug, Default)]
struct Queue(Vec<Waiting>);

#[derive(Debug)]
struct Waiting {
    id: u16,
    /// Its record.
    ix: usize,
    /// The answer to something that came later.
    passed_by: Option<usize>,
}

impl Queue {
    fn came(&mut self, id: u16, ix: usize) {
        self.0.retain(|w| w.id != id);
        self.0.push(Waiting {
            id,
            ix,
            passed_by: None,
        });
    }

    /// The answer goes out. Gives what came, and the answer that went out before its turn, if one did.
    fn answered(&mut self, id: u16, ix: usize) -> Option<[usize; 2]> {
        let at = self.0.iter().position(|w| w.id == id)?;
        let waiting = self.0.remove(at);
        for before in &mut self.0[..at] {
            before.passed_by.get_or_insert(ix);
        }
        Some([waiting.ix, waiting.passed_by?])
    }
}

impl<'a> Duty<'a> for Order {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        let ix = step.record.ix;
        match step.record.seen {
            Seen::Opened => *self = Self::default(),
            Seen::Received(packet) => match packet {
                Packet::Publish(publish) => {
                    let Some(id) = publish.packet_id else { return };
                    match publish.qos {
                        QoS::AtLeastOnce => self.one.came(id.get(), ix),
                        _ => self.two.came(id.get(), ix),
                    }
                }
                Packet::PubRec(ack) if !ack.reason.is_error() => {
                    self.receipts.came(ack.packet_id.get(), ix);
                }
                _ => {}
            },
            Seen::Sent(packet) => {
                let (queue, ack, cite, answers) = match packet {
                    Packet::PubAck(ack) => (&mut self.one, ack, PUBACKS, "the PUBLISH packets"),
                    Packet::PubRec(ack) => (&mut self.two, ack, PUBRECS, "the PUBLISH packets"),
                    Packet::PubRel(ack) => (&mut self.receipts, ack, PUBRELS, "the PUBRECs"),
                    _ => return,
                };
                let id = ack.packet_id.get();
                if let Some([came, before]) = queue.answered(id, ix) {
                    let kind = packet.packet_type();
                    let message = format!(
                        "{} sent {kind} {id} after that for something which came later",
                        step.about.who()
                    );
                    let expected = format!("{kind}s in the order in which {answers} came");
                    let witness = vec![came, before, ix];
                    broken(step.about.finding(cite, message, expected, witness));
                }
            }
            _ => {}
        }
    }
}
