//! `flap`: seeded random cuts.

use super::by::{BY, CutBy};
use crate::{
    construct::Break,
    kind::{CLIENT, DURATIONS, FLAG, POSITIVE, called},
    reader::{Context, Fields},
    record::record,
    source::ClientIx,
};
use std::time::Duration;

record! {
    /// Seeded random cuts. Becomes a timeline in the plan.
    pub struct Flap, "a flap", check = Self::check {
        /// whose connection is cut again and again
        client: ClientIx = "flap", needed(0, CLIENT);
        /// shortest and longest time between two cuts
        every: (Duration, Duration) = "every", needed((Duration::MAX, Duration::MAX), DURATIONS);
        /// for how long
        lasts: Duration = "for", needed(Duration::MAX, POSITIVE);
        /// how each cut is made, as in `cut`
        by: CutBy = "by", always(CutBy::Reset, BY);
        /// `true`: it may come to nothing, which otherwise fails the run or the sweep
        optional: bool = "optional", usual(false, FLAG);
    }
}

/// More cuts than this in one step are not planned, however short their distance.
pub(crate) const MAX_FLAPS: usize = 10_000;

impl Flap {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (true, Some(node)) = (self.every.0.is_zero(), fields.get("every")) {
            let help = "the shortest distance is `1ms`";
            cx.refuse(&node.span, "two cuts at one time", "begins with 0", help);
        }
        true
    }
}

impl Break for Flap {
    const WORD: &'static str = "flap";
    const MEANING: &'static str = "seeded random cuts for a while";
    const EXAMPLE: &'static str = "{ flap: app, every: 2s..6s, for: 30s }";

    fn in_words(&self, names: &[&str]) -> String {
        format!("flap {}", called(self.client, names))
    }

    fn steps(&self) -> Option<usize> {
        let cuts = self.lasts.as_millis() / self.every.0.as_millis().max(1);
        Some(usize::try_from(cuts).unwrap_or(usize::MAX).min(MAX_FLAPS))
    }
}
