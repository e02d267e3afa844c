//! `expect`: a scripted client or broker waits for a packet, or for the end of its connection.

use crate::{
    construct::{Act, Shape},
    kind::{Maybe, POSITIVE, STATEMENT, Several},
    packet::{Awaited, Waited},
    reader::{Context, Fields},
    record::record,
    statements::{self, Statement},
    values,
};
use std::time::Duration;

record! {
    /// Waits for one of several things to come, or sees to it that none does.
    pub struct Expect, "an expect step", check = Self::check {
        /// what comes, one of these: a packet with the fields that matter, or `closed`; other packets may come before it, and each packet is expected once
        what: Vec<Awaited> = "expect", needed(Vec::new(), Several { of: "packets", each: Waited, distinct: false });
        /// none of them comes for this long
        never: Option<Duration> = "never", usual(None, Maybe(POSITIVE));
        /// the statements that ask for it: with them it is demanded of any broker (or of any client), without them of the reference pair alone
        statement: Vec<Statement> = "statement", usual(Vec::new(), Several { of: "statements", each: STATEMENT, distinct: true });
    }
}

impl Expect {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let Some(node) = fields.get("statement") {
            statements::check(cx, node, &self.statement);
        }
        true
    }
}

impl Act for Expect {
    const WORD: &'static str = "expect";
    const STEP: &'static str = "an expect step";
    const MEANING: &'static str = "waits for a packet or for the end of the connection (a scripted client or broker), and fails when it does \
        not come in time";
    const EXAMPLE: &'static str = "{ expect: { PUBREC: { id: 1 } } }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = None;
    const WITHIN: Option<Duration> = Some(Duration::from_secs(10));
    const SCRIPTED: bool = true;
    const BROKER: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        let what: Vec<String> = self.what.iter().map(Awaited::told).collect();
        let what = what.join(" or ");
        match self.never {
            Some(time) => format!("expect no {what} for {}", values::told_time(time)),
            None => format!("expect {what}"),
        }
    }
}
