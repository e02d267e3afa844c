//! SUBSCRIBE and UNSUBSCRIBE have packet identifiers that nothing else under way has. What a PUBLISH is given is the
//! monitors' to judge, but for what these two have.

use super::{Duty, Step};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::Packet;
use std::collections::BTreeMap;

const UNUSED: Cite = (&["MQTT-2.3.1-2"], &["MQTT-2.2.1-3"]);

/// What is under way on this connection, by packet identifier: its record.
#[derive(Debug, Default)]
pub(super) struct Identifiers {
    requests: BTreeMap<u16, usize>,
    messages: BTreeMap<u16, usize>,
}

impl<'a> Duty<'a> for Identifiers {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        let ix = step.record.ix;
        let mut taken = |packet: &Packet, id: u16, before: usize| {
            let message = format!(
                "{} gave {} packet identifier {id}, which was in use",
                step.about.who(),
                packet.packet_type()
            );
            let expected = "an identifier that nothing under way has";
            broken(
                step.about
                    .finding(UNUSED, message, expected, vec![before, ix]),
            );
        };
        match step.record.seen {
            Seen::Opened => *self = Self::default(),
            Seen::Sent(packet) => match packet {
                Packet::Subscribe(_) | Packet::Unsubscribe(_) => {
                    let id = match packet {
                        Packet::Subscribe(subscribe) => subscribe.packet_id.get(),
                        Packet::Unsubscribe(unsubscribe) => unsubscribe.packet_id.get(),
                        _ => return,
                    };
                    let before = self.messages.get(&id).copied();
                    if let Some(before) = self.requests.insert(id, ix).or(before) {
                        taken(packet, id, before);
                    }
                }
                Packet::Publish(publish) => {
                    let Some(id) = publish.packet_id else { return };
                    self.messages.insert(id.get(), ix);
                    if let Some(before) = self.requests.get(&id.get()) {
                        taken(packet, id.get(), *before);
                    }
                }
                _ => {}
            },
            Seen::Received(packet) => match packet {
                Packet::SubAck(ack) => drop(self.requests.remove(&ack.packet_id.get())),
                Packet::UnsubAck(ack) => drop(self.requests.remove(&ack.packet_id.get())),
                Packet::PubAck(ack) | Packet::PubComp(ack) => {
                    self.messages.remove(&ack.packet_id.get());
                }
                Packet::PubRec(ack) if ack.reason.is_error() => {
                    self.messages.remove(&ack.packet_id.get());
                }
                _ => {}
            },
            _ => {}
        }
    }
}
