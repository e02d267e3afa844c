//! AUTH: enhanced authentication (5.0, section 3.15).

use crate::{
    EncodeError, Properties, ReasonCode, Rule, Violation,
    packet::fields::{check_reason, decode_reason},
    properties::Owner,
    wire::{Reader, Writer},
};

/// AUTH (5.0 only).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Authenticate Reason Code.
    pub reason: ReasonCode,
    /// Properties.
    pub properties: Properties,
}

impl Auth {
    /// The given reason without properties.
    #[must_use]
    pub const fn with_reason(reason: ReasonCode) -> Self {
        Self {
            reason,
            properties: Properties::new(),
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        // Remaining Length 0 is 0x00 without properties [X-5.0-auth-4].
        if r.remaining() == 0 {
            check_reason(r, ReasonCode::SUCCESS, r.offset())?;
            return Ok(Self::with_reason(ReasonCode::SUCCESS));
        }
        let reason = decode_reason(r)?;
        let at = r.offset();
        let properties = Properties::decode(r, Owner::Packet)?;
        r.finish()?;
        if properties.authentication_method().is_none() {
            // [X-5.0-auth-3]
            return Err(r.violation(
                Rule::AuthenticationMethodMissing,
                at,
                "no Authentication Method",
            ));
        }
        Ok(Self { reason, properties })
    }

    pub(super) fn encode(&self, w: &mut impl Writer) -> Result<(), EncodeError> {
        if self.reason == ReasonCode::SUCCESS && self.properties.is_empty() {
            return Ok(());
        }
        w.u8(self.reason.0);
        self.properties.encode(w)
    }
}
