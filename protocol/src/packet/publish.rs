//! PUBLISH: an application message (section 3.3).

use crate::{
    EncodeError, PacketId, Properties, QoS, Rule, Text, Version, Violation,
    packet::decode_topic_name,
    properties::Owner,
    wire::{Reader, Writer},
};
use bytes::Bytes;

/// PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// DUP: this may be a re-delivery of an earlier attempt.
    pub dup: bool,
    /// Quality of Service.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// Topic Name; empty only in 5.0, where a Topic Alias stands for it.
    pub topic: Text,
    /// Packet identifier; present exactly when the QoS is 1 or 2.
    pub packet_id: Option<PacketId>,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
    /// Application message; may be empty.
    pub payload: Bytes,
}

impl Publish {
    /// `flags` are the low four bits of the first byte; the fixed header was checked already.
    pub(super) fn decode(r: &mut Reader<'_>, flags: u8) -> Result<Self, Violation> {
        let qos = QoS::from_bits(flags >> 1 & 3)
            .ok_or_else(|| r.violation(Rule::PublishQoS3, 0, "both QoS bits are set"))?;
        let at = r.offset();
        // [MQTT-3.3.2-1]
        let topic = decode_topic_name(r, "Topic Name", r.version == Version::V5_0)?;
        // [MQTT-2.3.1-5] (3.1.1), [MQTT-2.2.1-2] (5.0)
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(r.packet_id()?),
        };
        let properties = Properties::decode(r, Owner::Packet)?;
        if topic.is_empty() && properties.topic_alias().is_none() {
            // [X-5.0-publish-1]
            let message = "the Topic Name is empty and there is no Topic Alias";
            return Err(r.violation(Rule::TopicNameAndAliasMissing, at, message));
        }
        let payload = r.rest("Payload");
        Ok(Self {
            dup: flags & DUP != 0,
            qos,
            retain: flags & RETAIN != 0,
            topic,
            packet_id,
            properties,
            payload,
        })
    }

    /// The low four bits of the first byte.
    pub(super) fn flags(&self) -> u8 {
        let dup = if self.dup { DUP } else { 0 };
        let retain = if self.retain { RETAIN } else { 0 };
        dup | self.qos.as_u8() << 1 | retain
    }

    /// The packet identifier is written when the QoS asks for one, as 0 where there is none.
    pub(super) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.binary(self.topic.as_bytes())?;
        if self.qos != QoS::AtMostOnce {
            w.u16(self.packet_id.map_or(0, PacketId::get));
        }
        if version == Version::V5_0 {
            self.properties.encode(w)?;
        }
        w.raw(&self.payload);
        Ok(())
    }
}

pub(super) const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;
