//! PUBACK, PUBREC, PUBREL, PUBCOMP: the acknowledgements of QoS 1 and 2 (sections 3.4 to 3.7).
//!
//! The four share one layout: packet identifier, then in 5.0 an optional reason code and optional properties.

use crate::{
    EncodeError, PacketId, Properties, ReasonCode, Version, Violation,
    packet::fields::decode_reason,
    properties::Owner,
    wire::{Reader, Writer},
};

/// What PUBACK, PUBREC, PUBREL and PUBCOMP carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Packet identifier of the flow.
    pub packet_id: PacketId,
    /// Reason code (5.0); [`ReasonCode::SUCCESS`] in 3.1.1.
    pub reason: ReasonCode,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
}

/// PUBACK: QoS 1 delivered.
pub type PubAck = Ack;
/// PUBREC: QoS 2, part 1.
pub type PubRec = Ack;
/// PUBREL: QoS 2, part 2.
pub type PubRel = Ack;
/// PUBCOMP: QoS 2, part 3.
pub type PubComp = Ack;

impl Ack {
    /// A plain success without properties.
    #[must_use]
    pub fn success(packet_id: PacketId) -> Self {
        Self::with_reason(packet_id, ReasonCode::SUCCESS)
    }

    /// The given reason without properties.
    #[must_use]
    pub fn with_reason(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            properties: Properties::new(),
        }
    }
}

impl Ack {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let packet_id = r.packet_id()?;
        let mut ack = Self::success(packet_id);
        if r.version == Version::V5_0 {
            // Remaining Length 2 is 0x00, and below 4 there are no properties [X-5.0-ack-2].
            if r.remaining() > 0 {
                ack.reason = decode_reason(r)?;
            }
            if r.remaining() > 0 {
                ack.properties = Properties::decode(r, Owner::Packet)?;
            }
        }
        r.finish()?;
        Ok(ack)
    }

    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        w.packet_id(self.packet_id);
        let plain = self.properties.is_empty();
        // [X-5.0-ack-1]
        if version == Version::V3_1_1 || plain && self.reason == ReasonCode::SUCCESS {
            return Ok(());
        }
        w.u8(self.reason.0);
        if plain {
            Ok(())
        } else {
            self.properties.encode(w)
        }
    }
}
