//! `connect`: a client dials.

use crate::{
    client::ConnectSpec,
    construct::{Act, Shape},
    kind::{FLAG, Maybe, Reason},
    raw::Node,
    reader::{Context, Fields},
    record::{self, Record, Told, record},
    written::Map,
};
use squall_protocol::{PacketType, ReasonCode, Role};

/// Dials and sends CONNECT; over when CONNACK came or the attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The CONNECT, the client's defaults already merged in.
    pub connect: ConnectSpec,
    /// What must come of it.
    pub expect: ConnectExpect,
}

record! {
    /// What must come of a connect step.
    #[derive(Copy, Default)]
    pub struct ConnectExpect, "what a connect step expects", check = Self::check {
        /// the Session Present flag
        session_present: Option<bool> = "session_present", usual(None, Maybe(FLAG));
        /// a refusal with this code; without it the client must be accepted
        reason: Option<ReasonCode> = "reason",
            usual(None, Maybe(Reason { packet: PacketType::ConnAck, by: Role::Server }));
    }
}

impl ConnectExpect {
    fn check(&mut self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        // Success is what a connect step expects anyway.
        self.reason = self.reason.filter(|code| *code != ReasonCode::SUCCESS);
        if let (Some(true), Some(code), Some(key)) =
            (self.session_present, self.reason, fields.key("reason"))
        {
            // [MQTT-3.2.2-4] (3.1.1), [MQTT-3.2.2-6] (5.0)
            let message = format!("a refusal ({code}) never says that a session is present");
            let label = "contradicts `session_present: true`";
            cx.contradicts(key, message, label);
        }
        true
    }
}

impl From<ConnectSpec> for Connect {
    fn from(connect: ConnectSpec) -> Self {
        Self {
            connect,
            expect: ConnectExpect::default(),
        }
    }
}

impl From<Connect> for ConnectSpec {
    fn from(step: Connect) -> Self {
        step.connect
    }
}

impl Act for Connect {
    const WORD: &'static str = "connect";
    const STEP: &'static str = "a connect step";
    const MEANING: &'static str = "dials and sends CONNECT; over when CONNACK came or the attempt failed. The map changes what \
        the client's CONNECT holds; `none` leaves out what the client has";
    const EXAMPLE: &'static str = "{ connect: { clean_start: false } }";
    const SHAPE: Shape = Shape::Optional;
    const TOO_EARLY: Option<&'static str> = None;
    const OUTCOME: Option<fn() -> Vec<Told>> = Some(record::told::<ConnectExpect>);
    type Keys = ConnectSpec;

    fn usual(connect: &ConnectSpec) -> ConnectSpec {
        connect.clone()
    }

    fn told(&self) -> String {
        "connect".into()
    }

    fn expect(&mut self, cx: &mut Context<'_>, node: &Node) {
        if let Some(expect) = record::read(cx, node, ConnectExpect::empty()) {
            self.expect = expect;
        }
    }

    fn expected(&self) -> Map {
        record::written(&self.expect, &ConnectExpect::empty(), &[])
    }
}
