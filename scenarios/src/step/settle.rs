//! `settle`: everything drains.

use crate::{
    construct::Happen,
    kind::{Kind, Own, POSITIVE},
    values,
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
    const VALUE: Own<Self> = Own {
        read: |cx, node| POSITIVE.read(cx, node).map(Self),
        show: |time, names| POSITIVE.show(&time.0, names),
        form: || POSITIVE.form(),
    };
    type Value = Own<Self>;

    fn told(&self, _: &[&str]) -> String {
        format!("settle {}", values::told_time(self.0))
    }
}
