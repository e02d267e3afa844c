//! PUBLISH: an application message, from a client to the server or from the server to a client (section 3.3).
//!
//! | bytes | field | 3.1.1 | 5.0 |
//! | --- | --- | --- | --- |
//! | 1 | `0011 D QQ R` | packet type 3, DUP, QoS, RETAIN | the same |
//! | 1 to 4 | Remaining Length | may be padded | shortest form only |
//! | 2 + n | Topic Name | 1 to 65,535 bytes | may be empty if there is a Topic Alias |
//! | 2 | Packet Identifier | with QoS 1 and 2 | the same |
//! | 1 to 4 + n | properties | – | always, at least a Property Length of 0 |
//! | rest | Payload | any bytes, or none | the same |
//!
//! QoS 0 has no answer. QoS 1 is answered by PUBACK, QoS 2 by PUBREC, then PUBREL and PUBCOMP; all carry the Packet
//! Identifier of this packet. Sent again in a resumed session, it keeps its identifier and has DUP set; a QoS 0
//! message is never sent again, so DUP means nothing there and must be 0.
//!
//! RETAIN from a client asks the server to keep the message (or, with an empty payload, to forget the kept one); from
//! the server it says that the message was kept, or in 5.0, with Retain As Published, what the publisher said.
//!
//! Properties of 5.0, each at most once unless it says so: Payload Format Indicator (1 promises a payload in UTF-8),
//! Message Expiry Interval, Topic Alias (not 0), Response Topic (a topic name without wildcards), Correlation Data,
//! Content Type, User Property (any number), Subscription Identifier (from the server only, one for each subscription
//! that matched). A server passes Payload Format Indicator and Response Topic on unaltered [MQTT-3.3.2-4],
//! [MQTT-3.3.2-15], so only a client is blamed for what they say.
//!
//! Not judged here, because it takes more than one packet: whether the identifier is free, whether the alias is known
//! and within the receiver's Topic Alias Maximum, whether QoS and RETAIN are among what the server offers.

use crate::{
    EncodeError, PacketId, Properties, QoS, Rule, Text, Version, Violation,
    packet::fields::{check_payload_format, fill_topic_name},
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
    #[inline]
    pub(super) fn decode(r: &mut Reader<'_>, flags: u8) -> Result<Self, Violation> {
        let qos = QoS::from_bits(flags >> 1 & 3)
            .ok_or_else(|| r.violation(Rule::PublishQoS3, 0, "both QoS bits are set"))?;
        let at = r.offset();
        // UTF-8 [MQTT-3.3.2-1], no wildcard [MQTT-3.3.2-2], not empty [MQTT-4.7.3-1]
        let mut topic = Text::new();
        fill_topic_name(r, &mut topic, "Topic Name", r.version == Version::V5_0)?;
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
        let at = r.offset();
        let payload = r.rest("Payload");
        // [X-5.0-publish-3]
        check_payload_format(r, &properties, &payload, at)?;
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

    /// Everything before the payload. The packet identifier is written when the QoS asks for one, as 0 where
    /// there is none.
    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        w.binary(self.topic.as_bytes())?;
        if self.qos != QoS::AtMostOnce {
            w.u16(self.packet_id.map_or(0, PacketId::get));
        }
        if version == Version::V5_0 {
            self.properties.encode(w)?;
        }
        Ok(())
    }
}

/// The faults of the flags, which can be told from the first byte alone.
pub(crate) fn check_flags(flags: u8) -> Result<(), (Rule, &'static str)> {
    match flags >> 1 & 3 {
        // [MQTT-3.3.1-4]
        3 => Err((Rule::PublishQoS3, "both QoS bits are set")),
        // [MQTT-3.3.1-2], [MQTT-4.3.1-1]
        0 if flags & DUP != 0 => Err((Rule::DupWithQoS0, "DUP is set with QoS 0")),
        _ => Ok(()),
    }
}

const DUP: u8 = 0x08;
const RETAIN: u8 = 0x01;
