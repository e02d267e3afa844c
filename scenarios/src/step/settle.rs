//! `settle`: everything drains.

use crate::{
    construct::Happen,
    describe,
    kind::{Form, Kind, POSITIVE},
    raw::Node,
    reader::Context,
};
use std::time::Duration;

/// Every fault is healed, loss ends, and this much time passes so that everything drains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle(pub Duration);

impl Happen for Settle {
    const WORD: &'static str = "settle";
    const MEANING: &'static str = "every fault is healed, loss ends, what waits for a retransmission is sent at once, and this much \
        time passes so that everything drains. A story that ends with it is also judged for what must arrive in the end: \
        messages to clients that are connected throughout its second half, and flows that must finish";
    const EXAMPLE: &'static str = "30s";

    fn read(cx: &mut Context<'_>, node: &Node) -> Option<Self> {
        POSITIVE.read(cx, node).map(Self)
    }

    fn written(&self, names: &[&str]) -> String {
        POSITIVE.show(&self.0, names)
    }

    fn told(&self, _: &[&str]) -> String {
        format!("settle {}", describe::ms(self.0))
    }

    fn form() -> Form {
        POSITIVE.form()
    }
}
