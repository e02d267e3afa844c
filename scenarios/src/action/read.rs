//! `read`: a scripted client or broker reads what arrives, or leaves it where it is.

use crate::{
    construct::{Act, Shape},
    kind::FLAG,
    record::record,
};

record! {
    /// Reads what arrives from now on, or leaves it unread.
    pub struct Read, "a read step" {
        /// `false`: what arrives stays unread and unanswered, until `read: true` or the next connection
        read: bool = "read", needed(true, FLAG);
    }
}

impl Act for Read {
    const WORD: &'static str = "read";
    const STEP: &'static str = "a read step";
    const MEANING: &'static str =
        "stops reading what arrives, or goes on with it (a scripted client or broker)";
    const EXAMPLE: &'static str = "{ read: false }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = None;
    const LIMITED: bool = false;
    const SCRIPTED: bool = true;
    const BROKER: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        if self.read { "read" } else { "stop reading" }.into()
    }
}
