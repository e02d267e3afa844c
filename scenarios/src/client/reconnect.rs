//! Dialling again after an unwanted end.

use crate::{
    kind::{Form, Kind, POSITIVE, map},
    raw::{Node, Value},
    reader::{Context, Fields},
    record::record,
};
use serde_json::json;
use std::time::Duration;

record! {
    /// Waiting times between dials, doubling from `first` to `max`.
    #[derive(Copy)]
    pub struct ReconnectSpec, "reconnect", check = Self::check {
        /// before the first new dial
        first: Duration = "first", always(Duration::from_secs(1), POSITIVE);
        /// the longest wait
        max: Duration = "max", always(Duration::from_secs(30), POSITIVE);
    }
}

impl ReconnectSpec {
    fn check(&mut self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        match fields.get("max") {
            Some(node) if self.max < self.first && POSITIVE.read(cx, node).is_some() => {
                let message = "the longest wait is shorter than the first";
                let help = "waiting times double from `first` to `max`";
                cx.refuse(&node.span, message, "less than `first`", help);
            }
            Some(_) => {}
            None => self.max = self.max.max(self.first),
        }
        true
    }
}

/// One time for every wait, or a map.
pub(super) struct Reconnect;

impl Kind for Reconnect {
    type Value = ReconnectSpec;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<ReconnectSpec> {
        if matches!(node.value, Value::Text(_)) {
            let always = |time| ReconnectSpec {
                first: time,
                max: time,
            };
            return POSITIVE.read(cx, node).map(always);
        }
        map().read(cx, node)
    }

    fn show(&self, value: &ReconnectSpec, names: &[&str]) -> String {
        map().show(value, names)
    }

    fn form(&self) -> Form {
        let forms = [POSITIVE.form().schema, map::<ReconnectSpec>().form().schema];
        Form::new("duration, more than 0, or map", json!({ "anyOf": forms }))
    }
}
