//! `wait`: time passes.

use crate::{
    construct::Happen,
    describe,
    kind::{Form, Kind, POSITIVE},
    raw::Node,
    reader::Context,
};
use std::time::Duration;

/// Virtual time passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Happen for Wait {
    const WORD: &'static str = "wait";
    const MEANING: &'static str = "virtual time passes";
    const EXAMPLE: &'static str = "3s";

    fn read(cx: &mut Context<'_>, node: &Node) -> Option<Self> {
        POSITIVE.read(cx, node).map(Self)
    }

    fn written(&self, names: &[&str]) -> String {
        POSITIVE.show(&self.0, names)
    }

    fn told(&self, _: &[&str]) -> String {
        format!("wait {}", describe::ms(self.0))
    }

    fn form() -> Form {
        POSITIVE.form()
    }
}
