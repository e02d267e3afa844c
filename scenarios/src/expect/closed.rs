//! `closed`: connections that the broker ended.

use crate::{
    construct::Expect,
    kind::{CLIENT, Maybe, Reason, at_least},
    reader::{Context, Fields},
    record::record,
    source::ClientIx,
};
use squall_protocol::{PacketType, ReasonCode, Role};

record! {
    /// A client's connections were ended by the broker this often.
    pub struct Closed, "closed", check = Self::check {
        /// whose connections
        client: ClientIx = "client", needed(0, CLIENT);
        /// how often the broker ended them
        times: u32 = "times", always(1, at_least(0));
        /// with which reason code in DISCONNECT
        reason: Option<ReasonCode> = "reason",
            usual(None, Maybe(Reason { packet: PacketType::Disconnect, by: Role::Server }));
    }
}

impl Closed {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (0, Some(key)) = (self.times, fields.key("reason")) {
            let message = "a reason of connections that are never closed";
            cx.refuse(
                &key.span,
                message,
                "contradicts `times: 0`",
                "remove one of them",
            );
        }
        true
    }
}

impl Expect for Closed {
    const WORD: &'static str = "closed";
    const MEANING: &'static str = "how often the broker ended the connections of a client, and why";
    const EXAMPLE: &'static str = "{ client: app, times: 2, reason: Session taken over }";

    fn excludes(&self, other: &Self) -> bool {
        (self.client, self.reason) == (other.client, other.reason) && self.times != other.times
    }
}
