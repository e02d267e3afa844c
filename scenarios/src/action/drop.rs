//! `drop`: a client, or a scripted broker, drops the connection.

use crate::{
    construct::{Act, Shape},
    record::record,
};

record! {
    /// Drops the connection without DISCONNECT.
    pub struct Drop, "a drop step" {}
}

impl Act for Drop {
    const WORD: &'static str = "drop";
    const STEP: &'static str = "a drop step";
    const MEANING: &'static str = "drops the connection without DISCONNECT";
    const EXAMPLE: &'static str = "drop";
    const SHAPE: Shape = Shape::Word;
    const TOO_EARLY: Option<&'static str> = Some("drops its connection");
    const BROKER: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        "drop".into()
    }
}
