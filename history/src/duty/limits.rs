//! What the server announced in CONNACK is kept (5.0).

use super::{Duty, Step};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::{
    Packet, QoS, encode,
    packet::{ConnAck, Publish},
};
use std::collections::BTreeSet;

const QOS: Cite = (&[], &["MQTT-3.2.2-11"]);
const RETAIN: Cite = (&[], &["MQTT-3.2.2-14"]);
const SIZE: Cite = (&[], &["MQTT-3.2.2-15"]);
const ALIAS: Cite = (&[], &["MQTT-3.2.2-17", "MQTT-3.3.2-9"]);
const NO_ALIAS: Cite = (&[], &["MQTT-3.2.2-18"]);
const WINDOW: Cite = (&[], &["MQTT-3.3.4-7"]);

/// What is under way on this connection.
#[derive(Debug, Default)]
pub(super) struct Limits {
    in_flight: BTreeSet<u16>,
}

impl<'a> Duty<'a> for Limits {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        if !step.about.five() {
            return;
        }
        match step.record.seen {
            Seen::Opened => self.in_flight.clear(),
            Seen::Received(packet) => match packet {
                Packet::PubAck(ack) | Packet::PubComp(ack) => {
                    self.in_flight.remove(&ack.packet_id.get());
                }
                Packet::PubRec(ack) if ack.reason.is_error() => {
                    self.in_flight.remove(&ack.packet_id.get());
                }
                _ => {}
            },
            Seen::Sent(packet) => {
                if let Packet::Publish(publish) = packet
                    && let Some(id) = publish.packet_id
                {
                    self.in_flight.insert(id.get());
                }
                if let (Some((_, _, ack)), true) = (step.wire.accepted, step.wire.knows()) {
                    self.hold(step, ack, packet, broken);
                }
            }
            _ => {}
        }
    }
}

impl Limits {
    /// Holds what the client sent against what it knows of the server.
    fn hold(
        &self,
        step: &Step<'_, '_>,
        ack: &ConnAck,
        packet: &Packet,
        broken: &mut dyn FnMut(Finding),
    ) {
        let (about, offer) = (&step.about, &ack.properties);
        let connack = step.wire.accepted.map(|(ix, ..)| ix);
        let mut say = |cite, what: String, expected: String| {
            let witness = connack.into_iter().chain([step.record.ix]).collect();
            let message = format!("{} sent {what}", about.who());
            broken(about.finding(cite, message, expected, witness));
        };
        if let Some(most) = offer.maximum_packet_size()
            && let Ok(bytes) = encode(packet, about.version)
            && bytes.len() > most as usize
        {
            let what = format!("a {} of {} bytes", packet.packet_type(), bytes.len());
            say(
                SIZE,
                what,
                format!("at most {most} bytes, the server's Maximum Packet Size"),
            );
        }
        let Packet::Publish(publish) = packet else {
            return;
        };
        for (cite, what, expected) in of_message(ack, publish) {
            say(cite, what, expected);
        }
        let window = usize::from(offer.receive_maximum().unwrap_or(u16::MAX));
        if publish.qos != QoS::AtMostOnce && self.in_flight.len() > window {
            let what = format!(
                "message number {} without an acknowledgement",
                self.in_flight.len()
            );
            say(
                WINDOW,
                what,
                format!("at most {window}, the server's Receive Maximum"),
            );
        }
    }
}

/// What of a message goes beyond the offer.
fn of_message(ack: &ConnAck, publish: &Publish) -> Vec<(Cite, String, String)> {
    let offer = &ack.properties;
    let mut wrong = Vec::new();
    if let Some(most) = offer.maximum_qos()
        && publish.qos.as_u8() > most
    {
        wrong.push((
            QOS,
            format!("a PUBLISH with QoS {}", publish.qos),
            format!("at most QoS {most}, the server's Maximum QoS"),
        ));
    }
    if publish.retain && offer.retain_available() == Some(0) {
        wrong.push((
            RETAIN,
            "a PUBLISH with RETAIN 1".to_owned(),
            "RETAIN 0: the server keeps no retained messages".to_owned(),
        ));
    }
    let most = offer.topic_alias_maximum().unwrap_or(0);
    if let Some(alias) = publish.properties.topic_alias()
        && alias > most
    {
        wrong.push((
            if most == 0 { NO_ALIAS } else { ALIAS },
            format!("a PUBLISH with Topic Alias {alias}"),
            format!("at most {most}, the server's Topic Alias Maximum"),
        ));
    }
    wrong
}
