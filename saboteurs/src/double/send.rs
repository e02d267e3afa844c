//! From packets to bytes: sizes, what may be said besides, and when it goes out.

use super::{
    core::{Double, Later, Output},
    repair,
    state::ConnectionId,
};
use crate::{Decoy, Switch};
use bytes::{Bytes, BytesMut};
use squall_protocol::{
    Packet, PacketType, Properties, Property, PropertyId, ReasonCode, Version, encode,
};

impl Double {
    /// Sends a packet, unless the connection is gone.
    pub(super) fn send(&mut self, id: ConnectionId, mut packet: Packet) {
        // A connection that is about to be closed gets nothing more, least of all a PUBLISH without a CONNACK.
        if self.connections.get(&id).is_none_or(|c| c.deaf) {
            return;
        }
        let version = self.version(id);
        if version == Version::V5_0 {
            self.say_more(id, &mut packet);
        }
        let Ok(bytes) = encode(&packet, version) else {
            return;
        };
        let bytes = self.spoil(&packet, version, bytes);
        let is_publish = packet.packet_type() == PacketType::Publish;
        let fits = self.fits(id, bytes.len());
        let forced = self.wrong(Switch::ReasonStringTooLarge)
            || self.wrong(Switch::UserPropertyTooLarge)
            || self.wrong(Switch::MaximumPacketSizeIgnored);
        // A PUBLISH was measured before [MQTT-3.1.2-24]; what has to be sent and does not fit ends the connection.
        if !is_publish && !fits && !forced {
            let connection = self.connections.get_mut(&id).expect("it is there");
            connection.deaf = true;
            return self.later(0, Later::HangUp(id));
        }
        if self.wrong(Switch::KeepAliveSetBySending) {
            let now = self.now;
            self.connections.get_mut(&id).expect("it is there").heard = now;
        }
        self.emit(id, packet.packet_type(), bytes);
    }

    /// Whether a packet of so many bytes is within the client's Maximum Packet Size.
    pub(super) fn fits(&self, id: ConnectionId, len: usize) -> bool {
        let max = self
            .connections
            .get(&id)
            .and_then(|c| c.maximum_packet_size);
        max.is_none_or(|max| len <= max as usize)
    }

    /// Reason Strings and User Properties: what may be said, and what has to be left out.
    fn say_more(&mut self, id: ConnectionId, packet: &mut Packet) {
        let connection = &self.connections[&id];
        let limited = connection.maximum_packet_size.is_some();
        let asked = connection.problem_information;
        let always = matches!(packet, Packet::ConnAck(_) | Packet::Disconnect(_));
        let is_ack = matches!(
            packet,
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_)
        );
        let ways = self.ways;
        let Some(properties) = properties(packet) else {
            return;
        };
        let reason = |text: &str| Property::ReasonString(text.into());
        if ways.odd(Decoy::ChattyAcks) && asked && !always {
            properties.set(reason("done"));
            properties.push(Property::UserProperty("double".into(), "odd".into()));
        }
        if !asked && !always {
            // [MQTT-3.1.2-29]
            properties.remove(PropertyId::REASON_STRING);
            properties.remove(PropertyId::USER_PROPERTY);
            if ways.wrong(Switch::ProblemInformationIgnored) {
                properties.set(reason("for your information"));
            }
        }
        if is_ack
            && ways.wrong(Switch::AckReasonTwice)
            && let Some(first) = properties.get(PropertyId::REASON_STRING).cloned()
        {
            properties.push(first);
        }
        if limited && ways.wrong(Switch::ReasonStringTooLarge) {
            properties.set(reason(&"why ".repeat(200)));
        }
        if limited && ways.wrong(Switch::UserPropertyTooLarge) {
            let value = "more ".repeat(200);
            properties.push(Property::UserProperty(
                "double".into(),
                value.as_str().into(),
            ));
        }
        if ways.wrong(Switch::ReasonStringTooLarge) || ways.wrong(Switch::UserPropertyTooLarge) {
            return;
        }
        // [MQTT-3.4.2-2] and its like: what is said besides gives way to the client's Maximum Packet Size.
        for extra in [PropertyId::REASON_STRING, PropertyId::USER_PROPERTY] {
            let len = encode(packet, Version::V5_0).map_or(0, |bytes| bytes.len());
            if !self.fits(id, len)
                && let Some(properties) = self::properties(packet)
            {
                properties.remove(extra);
            }
        }
    }

    /// Faults of writing.
    fn spoil(&self, packet: &Packet, version: Version, bytes: Bytes) -> Bytes {
        let ways = self.ways;
        let header = 1 + bytes[1..].iter().take_while(|b| **b & 0x80 != 0).count() + 1;
        let body = &bytes[header..];
        let five = version == Version::V5_0;
        match packet {
            Packet::PingResp if ways.wrong(Switch::PingRespWithBody) => {
                repair::packet(bytes[0], &[0])
            }
            Packet::PubRel(_) if ways.wrong(Switch::PubRelFlagsWrong) => repair::packet(0x60, body),
            Packet::SubAck(s)
                if five && s.properties.is_empty() && ways.wrong(Switch::PropertyLengthMissing) =>
            {
                repair::packet(bytes[0], &[&body[..2], &body[3..]].concat())
            }
            Packet::ConnAck(_) if ways.wrong(Switch::ConnAckReservedFlags) => {
                repair::packet(bytes[0], &[&[body[0] | 2], &body[1..]].concat())
            }
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_)
                if five && body.len() == 2 && ways.odd(Decoy::LongAcks) =>
            {
                repair::packet(bytes[0], &[body, &[0, 0]].concat())
            }
            Packet::Publish(publish) => self.spoil_publish(publish, five, &bytes, header),
            _ => bytes,
        }
    }

    fn spoil_publish(
        &self,
        publish: &squall_protocol::packet::Publish,
        five: bool,
        bytes: &Bytes,
        header: usize,
    ) -> Bytes {
        let ways = self.ways;
        let mut body = BytesMut::from(&bytes[header..]);
        let topic_end = 2 + publish.topic.len();
        if ways.wrong(Switch::TopicNameBroken) && !publish.topic.is_ascii() {
            body[topic_end - 1] = 0xFF;
        }
        let mut break_text = |text: Option<squall_protocol::Text>| {
            let text = text.filter(|text| !text.is_ascii())?;
            let at = body
                .windows(text.len())
                .position(|window| window == text.as_bytes())?;
            body[at + text.len() - 1] = 0xFF;
            Some(())
        };
        if ways.wrong(Switch::ContentTypeBroken) {
            break_text(publish.properties.content_type());
        }
        if ways.wrong(Switch::ResponseTopicBroken) {
            break_text(publish.properties.response_topic());
        }
        if ways.wrong(Switch::Qos0WithId) && publish.packet_id.is_none() {
            let rest = body.split_off(topic_end);
            body.extend_from_slice(&[0, 7]);
            body.extend_from_slice(&rest);
        }
        let packet = repair::packet(bytes[0], &body);
        if five && ways.wrong(Switch::RemainingLengthPadded) && header == 2 {
            let mut padded = BytesMut::from(&[packet[0], packet[1] | 0x80, 0][..]);
            padded.extend_from_slice(&packet[2..]);
            return padded.freeze();
        }
        packet
    }

    /// Puts bytes out, now or when oddities have it.
    pub(super) fn emit(&mut self, id: ConnectionId, packet: PacketType, bytes: Bytes) {
        use PacketType as P;
        if packet == P::PubAck && self.odd(Decoy::AcksReversed) {
            // Newest first: what is held goes after.
            let connection = self.connections.get_mut(&id).expect("it is there");
            let before = std::mem::take(&mut connection.held);
            connection.held.extend_from_slice(&bytes);
            connection.held.extend_from_slice(&before);
            if before.is_empty() {
                self.later(50, Later::AcksReversed(id));
            }
            return;
        }
        if self.odd(Decoy::Coalesced) {
            let connection = self.connections.get_mut(&id).expect("it is there");
            let is_first = connection.held.is_empty();
            connection.held.extend_from_slice(&bytes);
            if is_first {
                self.later(20, Later::Flush(id));
            }
            return;
        }
        if self.odd(Decoy::ByteByByte) {
            let bytes = (0..bytes.len()).map(|i| Output::Send(id, bytes.slice(i..=i)));
            return self.out.extend(bytes);
        }
        let delay = match packet {
            _ if self.odd(Decoy::EverythingLate) => 300,
            P::PubAck | P::PubRec if self.odd(Decoy::AcksLate) => 300,
            P::SubAck if self.odd(Decoy::SubAckLate) => 300,
            P::PingResp if self.odd(Decoy::PingRespLate) => 700,
            _ => 0,
        };
        if delay > 0 {
            return self.later(delay, Later::Send(id, bytes));
        }
        self.out.push(Output::Send(id, bytes));
    }

    /// Writes what was held back for one write.
    pub(super) fn flush(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let held = std::mem::take(&mut connection.held).freeze();
        if !held.is_empty() {
            self.out.push(Output::Send(id, held));
        }
    }

    pub(super) fn flush_acks(&mut self, id: ConnectionId) {
        self.flush(id);
    }

    /// Closes the connection after what was sent; it has to be forgotten already.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let delay = if self.odd(Decoy::EverythingLate) {
            300
        } else {
            0
        };
        if delay > 0 {
            return self.later(delay, Later::Close(id));
        }
        self.out.push(Output::Close(id));
    }

    /// An acknowledgement with a reason, which 3.1.1 does not see.
    pub(super) fn ack(
        id: u16,
        reason: ReasonCode,
        why: &str,
    ) -> Option<squall_protocol::packet::Ack> {
        let packet_id = squall_protocol::PacketId::new(id)?;
        let mut ack = squall_protocol::packet::Ack::with_reason(packet_id, reason);
        if !why.is_empty() {
            ack.properties.push(Property::ReasonString(why.into()));
        }
        Some(ack)
    }
}

/// The properties of a packet in which a Reason String may stand.
fn properties(packet: &mut Packet) -> Option<&mut Properties> {
    match packet {
        Packet::ConnAck(p) => Some(&mut p.properties),
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            Some(&mut p.properties)
        }
        Packet::SubAck(p) => Some(&mut p.properties),
        Packet::UnsubAck(p) => Some(&mut p.properties),
        Packet::Disconnect(p) => Some(&mut p.properties),
        _ => None,
    }
}
