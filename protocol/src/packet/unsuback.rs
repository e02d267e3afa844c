//! UNSUBACK: the server's answer to UNSUBSCRIBE (section 3.11).

use crate::{
    EncodeError, PacketId, Properties, ReasonCode, Version, Violation,
    packet::fields::decode_reasons,
    properties::Owner,
    wire::{Reader, Writer},
};

/// UNSUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck {
    /// Packet identifier of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
    /// One reason code per topic filter, in order (5.0; empty in 3.1.1).
    pub reasons: Vec<ReasonCode>,
}

impl UnsubAck {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let packet_id = r.packet_id()?;
        let properties = Properties::decode(r, Owner::Packet)?;
        let reasons = match r.version {
            Version::V3_1_1 => Vec::new(),
            Version::V5_0 => decode_reasons(r)?,
        };
        r.finish()?;
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
            self.reasons.iter().for_each(|reason| w.u8(reason.0));
        }
        Ok(())
    }
}
