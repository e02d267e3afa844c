//! Packets out: encoding, the client's Maximum Packet Size, and the record of what was sent.

use super::{Broker, CloseCause, ConnId, Event, Output};
use bytes::Bytes;
use squall_protocol::{
    Frame, Packet, Properties, Property, ReasonCode, Text, Time, Version, encode,
    packet::{ConnAck, Disconnect},
};

impl Broker {
    /// Sends a packet on an accepted connection; `false` when it is larger than the client takes [MQTT-3.1.2-24]
    /// (5.0) or than MQTT can frame, and nothing was sent.
    pub(super) fn send(&mut self, conn: ConnId, packet: Packet) -> bool {
        let link = self.conns.get(&conn).and_then(|c| c.link.as_ref());
        let Some(link) = link else { return false };
        match encode(&packet, link.version) {
            Ok(bytes) if bytes.len() <= link.maximum_packet_size => {
                self.send_encoded(conn, packet, bytes);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Sends an answer; a client that leaves no room for it cannot be served.
    pub(super) fn answer(&mut self, now: Time, conn: ConnId, packet: Packet) {
        if self.conns.contains_key(&conn) && !self.send(conn, packet) {
            let (reason, cause) = (ReasonCode::PACKET_TOO_LARGE, CloseCause::AnswerTooLarge);
            self.disconnect(now, conn, reason, "", cause);
        }
    }

    /// CONNACK, in the version and size the client asked for: before it is accepted the connection knows neither.
    pub(super) fn send_connack(
        &mut self,
        conn: ConnId,
        version: Version,
        maximum_packet_size: usize,
        ack: ConnAck,
    ) -> bool {
        let packet = Packet::ConnAck(ack);
        match encode(&packet, version) {
            Ok(bytes) if bytes.len() <= maximum_packet_size => {
                self.send_encoded(conn, packet, bytes);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// DISCONNECT with a reason, where there is such a thing: in 5.0, and after CONNACK [MQTT-3.14.0-1] (5.0). In the
    /// largest form that fits [MQTT-3.14.2-3] (5.0).
    pub(super) fn send_disconnect(&mut self, conn: ConnId, reason: ReasonCode, text: &str) {
        let link = self.conns.get(&conn).and_then(|c| c.link.as_ref());
        let Some(link) = link.filter(|l| l.version == Version::V5_0) else {
            return;
        };
        let mut disconnect = Disconnect::with_reason(reason);
        let properties = reason_string(text).filter(|_| link.problem_information);
        if let Some(properties) = properties {
            disconnect.properties = properties;
            if self.send(conn, Packet::Disconnect(disconnect.clone())) {
                return;
            }
            disconnect.properties = Properties::new();
        }
        self.send(conn, Packet::Disconnect(disconnect));
    }

    fn send_encoded(&mut self, conn: ConnId, packet: Packet, bytes: Bytes) {
        if self.observing {
            let bytes = bytes.clone();
            let frame = Frame { packet, bytes };
            self.events.push_back(Event::Sent { conn, frame });
        }
        self.outputs.push_back(Output::Send { conn, bytes });
    }
}

/// A Reason String for people, if there is something to say.
pub(super) fn reason_string(text: &str) -> Option<Properties> {
    if text.is_empty() {
        return None;
    }
    let short: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(REASON_STRING_CHARS)
        .collect();
    Some(Properties::new().with(Property::ReasonString(Text::from(short))))
}

/// Enough for a sentence; a peer's own long strings are not thrown back at it.
const REASON_STRING_CHARS: usize = 200;
