//! SUBACK and UNSUBACK answer a request of their packet identifier, once, with a code for each of its filters.

use super::{Rule, Step};
use crate::finding::{Cite, Finding};
use squall_protocol::{Packet, PacketType};
use std::collections::BTreeMap;

const SUBACK: Cite = (&["MQTT-3.8.4-2"], &["MQTT-3.8.4-2"]);
const SUBACK_CODES: Cite = (&["MQTT-3.8.4-5"], &["MQTT-3.8.4-6"]);
const UNSUBACK: Cite = (&["MQTT-3.10.4-4"], &["MQTT-3.10.4-4"]);
const UNSUBACK_CODES: Cite = (&[], &["MQTT-3.11.3-2"]);

/// Requests of one packet identifier that are remembered.
const MOST: usize = 64;

/// The requests of a client on this connection that are not answered: how many filters each has.
#[derive(Debug, Default)]
pub(super) struct Requests {
    subscribes: BTreeMap<u16, Vec<usize>>,
    unsubscribes: BTreeMap<u16, Vec<usize>>,
}

impl Rule for Requests {
    fn turn_to(&mut self, _: u64) {
        *self = Self::default();
    }

    fn hears(&mut self, packet: &Packet) {
        let (requests, id, filters) = match packet {
            Packet::Subscribe(s) => (&mut self.subscribes, s.packet_id, s.subscriptions.len()),
            Packet::Unsubscribe(u) => (&mut self.unsubscribes, u.packet_id, u.filters.len()),
            _ => return,
        };
        let open = requests.entry(id.get()).or_default();
        // Who asks more often under one identifier is answered as often, or not; memory has its bounds.
        if open.len() < MOST {
            open.push(filters);
        }
    }

    fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        let (requests, id, codes, request, answer, many) = match step.packet {
            Packet::SubAck(ack) => (
                &mut self.subscribes,
                ack.packet_id.get(),
                Some(ack.reasons.len()),
                PacketType::Subscribe,
                SUBACK,
                SUBACK_CODES,
            ),
            // In 3.1.1 UNSUBACK has no codes.
            Packet::UnsubAck(ack) => (
                &mut self.unsubscribes,
                ack.packet_id.get(),
                Some(ack.reasons.len()).filter(|_| step.five()),
                PacketType::Unsubscribe,
                UNSUBACK,
                UNSUBACK_CODES,
            ),
            _ => return,
        };
        let packet = step.packet.packet_type();
        let open = requests.get_mut(&id).filter(|open| !open.is_empty());
        let Some(open) = open else {
            let message = format!(
                "{} sent {packet} {id}, and no {request} waits for it",
                step.who()
            );
            let expected = format!("one {packet} for each {request}, with its packet identifier");
            return broken(step.finding("packet flow", answer, message, expected, None));
        };
        // Of several with one identifier nobody can say which is answered.
        let alone = open.len() == 1;
        let filters = open.remove(0);
        if let Some(codes) = codes.filter(|codes| *codes != filters && alone) {
            let message = format!("{} sent {packet} {id} with {codes} codes", step.who());
            let expected = format!("{filters}, one for each filter of the {request}");
            broken(step.finding("packet flow", many, message, expected, None));
        }
    }
}
