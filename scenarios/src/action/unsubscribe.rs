//! `unsubscribe`: a client unsubscribes.

use crate::{
    construct::{Act, Shape},
    kind::FILTERS,
    record::record,
};

record! {
    /// Sends UNSUBSCRIBE; over when UNSUBACK came or the connection is gone.
    pub struct Unsubscribe, "an unsubscribe step" {
        /// topic filters
        filters: Vec<String> = "unsubscribe", needed(Vec::new(), FILTERS);
    }
}

impl Act for Unsubscribe {
    const WORD: &'static str = "unsubscribe";
    const STEP: &'static str = "an unsubscribe step";
    const MEANING: &'static str =
        "sends UNSUBSCRIBE; over when UNSUBACK came or the connection is gone";
    const EXAMPLE: &'static str = "{ unsubscribe: a/b }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = Some("unsubscribes");
    type Keys = Self;

    fn told(&self) -> String {
        format!("unsubscribe {}", self.filters.join(", "))
    }
}
