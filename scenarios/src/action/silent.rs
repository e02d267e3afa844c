//! `silent`: a client hears nothing.

use crate::{
    construct::{Act, Shape},
    kind::POSITIVE,
    record::record,
    values,
};
use std::time::Duration;

record! {
    /// Nothing may be delivered to the client for this long.
    pub struct Silent, "a silent step" {
        /// for how long
        lasts: Duration = "silent", needed(Duration::ZERO, POSITIVE);
    }
}

impl Act for Silent {
    const WORD: &'static str = "silent";
    const STEP: &'static str = "a silent step";
    const MEANING: &'static str = "nothing may be delivered to it for that long";
    const EXAMPLE: &'static str = "{ silent: 2s }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = None;
    /// It is over when its time is; a limit could only contradict it.
    const LIMITED: bool = false;
    type Keys = Self;

    fn told(&self) -> String {
        format!("silent {}", values::told_time(self.lasts))
    }
}
