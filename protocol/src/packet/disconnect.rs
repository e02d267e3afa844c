//! DISCONNECT: the last packet of a connection (section 3.14).

use crate::{
    EncodeError, Properties, ReasonCode, Version, Violation,
    packet::fields::{check_reason, decode_reason},
    properties::Owner,
    wire::{Reader, Writer},
};

/// DISCONNECT. In 3.1.1 only a client sends it and it carries nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Disconnect Reason Code (5.0); [`ReasonCode::NORMAL_DISCONNECTION`] in 3.1.1.
    pub reason: ReasonCode,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
}

impl Disconnect {
    /// The given reason without properties.
    #[must_use]
    pub fn with_reason(reason: ReasonCode) -> Self {
        Self {
            reason,
            properties: Properties::new(),
        }
    }
}

impl Disconnect {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let mut disconnect = Self::with_reason(ReasonCode::NORMAL_DISCONNECTION);
        if r.version == Version::V5_0 {
            // Remaining Length 0 is 0x00, and below 2 there are no properties [X-5.0-disconnect-2].
            if r.remaining() == 0 {
                check_reason(r, disconnect.reason, r.offset())?;
            } else {
                disconnect.reason = decode_reason(r)?;
            }
            if r.remaining() > 0 {
                disconnect.properties = Properties::decode(r, Owner::Packet)?;
            }
        }
        r.finish()?;
        Ok(disconnect)
    }

    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        let plain = self.properties.is_empty();
        if version == Version::V3_1_1 || plain && self.reason == ReasonCode::NORMAL_DISCONNECTION {
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
