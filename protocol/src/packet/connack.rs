//! CONNACK: the server's answer to CONNECT (section 3.2).

use crate::{
    EncodeError, Properties, ReasonCode, Rule, Version, Violation,
    packet::fields::decode_reason,
    properties::Owner,
    wire::{Reader, Writer},
};

/// CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the server has kept session state for this Client Identifier.
    pub session_present: bool,
    /// Connect Reason Code (5.0) or Connect Return code (3.1.1, values 0 to 5).
    pub reason: ReasonCode,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
}

impl ConnAck {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let at = r.offset();
        let flags = r.u8("Connect Acknowledge Flags")?;
        if flags & !1 != 0 {
            // [X-3.1.1-connack-2], [MQTT-3.2.2-1] (5.0)
            let message =
                format!("Connect Acknowledge Flags 0x{flags:02X}: bits 7 to 1 are reserved");
            return Err(r.violation(Rule::ConnAckReservedFlags, at, message));
        }
        let session_present = flags == 1;
        r.explain(|| format!("Session Present {flags}"));
        let reason = decode_reason(r)?;
        if session_present && reason != ReasonCode::SUCCESS {
            // [MQTT-3.2.2-4] (3.1.1), [MQTT-3.2.2-6] (5.0)
            let message = format!("Session Present together with {reason}");
            return Err(r.violation(Rule::SessionPresentWithError, at, message));
        }
        let properties = Properties::decode(r, Owner::Packet)?;
        r.finish()?;
        Ok(Self {
            session_present,
            reason,
            properties,
        })
    }

    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        w.u8(u8::from(self.session_present));
        w.u8(self.reason.0);
        match version {
            Version::V3_1_1 => Ok(()),
            Version::V5_0 => self.properties.encode(w),
        }
    }
}
