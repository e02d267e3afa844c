//! `wait`: time passes.

use crate::{
    construct::Happen,
    kind::{Kind, Own, POSITIVE},
    values,
};
use std::time::Duration;

/// Virtual time passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Happen for Wait {
    const WORD: &'static str = "wait";
    const MEANING: &'static str = "virtual time passes";
    const EXAMPLE: &'static str = "3s";
    const VALUE: Own<Self> = Own {
        read: |cx, node| POSITIVE.read(cx, node).map(Self),
        show: |time, names| POSITIVE.show(&time.0, names),
        form: || POSITIVE.form(),
    };
    type Value = Own<Self>;

    fn told(&self, _: &[&str]) -> String {
        format!("wait {}", values::told_time(self.0))
    }
}
