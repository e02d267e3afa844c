//! SUBACK: the server's answer to SUBSCRIBE (section 3.9).

use crate::{
    EncodeError, PacketId, Properties, ReasonCode, Version, Violation,
    packet::fields::decode_reasons,
    properties::Owner,
    wire::{Reader, Writer},
};

/// SUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// Packet identifier of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
    /// One reason code (5.0) or return code (3.1.1: 0, 1, 2, 0x80) per topic filter, in order.
    pub reasons: Vec<ReasonCode>,
}

impl SubAck {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let packet_id = r.packet_id()?;
        let properties = Properties::decode(r, Owner::Packet)?;
        let reasons = decode_reasons(r)?;
        Ok(Self {
            packet_id,
            properties,
            reasons,
        })
    }

    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        w.packet_id(self.packet_id);
        if version == Version::V5_0 {
            self.properties.encode(w)?;
        }
        self.reasons.iter().for_each(|reason| w.u8(reason.0));
        Ok(())
    }
}
