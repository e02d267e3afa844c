//! Packets out: encoding, the client's Maximum Packet Size, and the record of what was sent.

use super::{Broker, Client, CloseCause, ConnId, Event, Output, why};
use squall_protocol::{
    Frame, Packet, Properties, ReasonCode, Version, encode,
    packet::{ConnAck, Connect, Disconnect},
};

impl Broker {
    /// Sends a packet on an accepted connection; `false` when it is larger than the client takes [MQTT-3.1.2-24]
    /// (5.0) or than MQTT can frame, and nothing was sent.
    pub(super) fn send(&mut self, conn: ConnId, packet: Packet) -> bool {
        let link = self.conns.link(conn);
        self.send_within(conn, link.version, link.maximum_packet_size, packet)
    }

    /// Sends an answer, with a Reason String if it says no; an error when the client leaves no room for it.
    pub(super) fn answer(&mut self, client: Client, packet: Packet) -> Result<(), CloseCause> {
        let link = self.conns.link(client.conn);
        // [MQTT-3.1.2-29] (5.0)
        let wanted = link.version == Version::V5_0 && link.problem_information;
        if let Some(explained) = why::explained(&packet).filter(|_| wanted)
            && self.send(client.conn, explained)
        {
            return Ok(());
        }
        match self.send(client.conn, packet) {
            true => Ok(()),
            false => Err(CloseCause::AnswerTooLarge),
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
        self.send_within(conn, version, maximum_packet_size, Packet::ConnAck(ack))
    }

    /// DISCONNECT with a reason, where there is such a thing: in 5.0, and after CONNACK [MQTT-3.14.0-1] (5.0). In the
    /// largest form that fits [MQTT-3.14.2-3] (5.0).
    pub(super) fn send_disconnect(&mut self, conn: ConnId, reason: ReasonCode, text: &str) {
        let link = self.conns.get(&conn).and_then(|c| c.link.as_ref());
        let Some(link) = link.filter(|l| l.version == Version::V5_0) else {
            return;
        };
        let mut disconnect = Disconnect::with_reason(reason);
        let properties = why::reason_string(text).filter(|_| link.problem_information);
        if let Some(properties) = properties {
            disconnect.properties = properties;
            if self.send(conn, Packet::Disconnect(disconnect.clone())) {
                return;
            }
            disconnect.properties = Properties::new();
        }
        self.send(conn, Packet::Disconnect(disconnect));
    }

    pub(super) fn send_within(
        &mut self,
        conn: ConnId,
        version: Version,
        maximum_packet_size: usize,
        packet: Packet,
    ) -> bool {
        let encoded = encode(&packet, version).ok();
        let Some(bytes) = encoded.filter(|bytes| bytes.len() <= maximum_packet_size) else {
            return false;
        };
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.sent(bytes.len());
        }
        if self.observing.includes(&packet) {
            let bytes = bytes.clone();
            let frame = Frame { packet, bytes };
            self.events.push_back(Event::Sent { conn, frame });
        }
        self.outputs.push_back(Output::Send { conn, bytes });
        true
    }
}

/// The client's Maximum Packet Size; without one there is no limit.
pub(super) fn maximum_packet_size(connect: &Connect) -> usize {
    let maximum = connect.properties.maximum_packet_size();
    maximum.map_or(usize::MAX, |bytes| {
        usize::try_from(bytes).unwrap_or(usize::MAX)
    })
}
