//! `disconnect`: a client leaves.

use crate::{
    construct::{Act, Shape},
    kind::{EXPIRY, Maybe, Reason, only_5},
    record::record,
};
use squall_protocol::{PacketType, ReasonCode, Role};

record! {
    /// Sends DISCONNECT and closes.
    pub struct Disconnect, "disconnect" {
        /// reason code
        reason: ReasonCode = "reason",
            usual(ReasonCode::NORMAL_DISCONNECTION, Reason { packet: PacketType::Disconnect, by: Role::Client });
        /// Session Expiry Interval, in the model in seconds
        session_expiry: Option<u32> = "session_expiry",
            usual(None, Maybe(only_5("Session Expiry Interval in DISCONNECT", EXPIRY)));
    }
}

impl Act for Disconnect {
    const WORD: &'static str = "disconnect";
    const STEP: &'static str = "a disconnect step";
    const MEANING: &'static str = "sends DISCONNECT and closes";
    const EXAMPLE: &'static str = "{ disconnect: { reason: 0x04, session_expiry: 1h } }";
    const SHAPE: Shape = Shape::Optional;
    const TOO_EARLY: Option<&'static str> = Some("disconnects");
    type Keys = Self;

    fn told(&self) -> String {
        format!("disconnect {}", self.reason)
    }
}
