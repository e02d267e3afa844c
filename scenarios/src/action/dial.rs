//! `dial`: a scripted client opens a connection.

use crate::{
    construct::{Act, Shape},
    record::record,
};

record! {
    /// Opens a connection and says nothing on it.
    pub struct Dial, "a dial step" {}
}

impl Act for Dial {
    const WORD: &'static str = "dial";
    const STEP: &'static str = "a dial step";
    const MEANING: &'static str = "opens a connection and says nothing on it (a scripted client)";
    const EXAMPLE: &'static str = "dial";
    const SHAPE: Shape = Shape::Word;
    const TOO_EARLY: Option<&'static str> = None;
    const LIMITED: bool = false;
    const SCRIPTED: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        "dial".into()
    }
}
