//! Dialling again after an unwanted end.

use crate::{
    kind::{Form, Kind, Own, POSITIVE},
    raw::Value,
    reader::{Context, Fields},
    record::{self, record},
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
pub(super) const RECONNECT: Own<ReconnectSpec> = Own {
    read: |cx, node| match node.value {
        Value::Text(_) => {
            let time = POSITIVE.read(cx, node)?;
            let (first, max) = (time, time);
            Some(ReconnectSpec { first, max })
        }
        _ => record::map().read(cx, node),
    },
    show: |value, names| record::map().show(value, names),
    form: || {
        let map = record::map::<ReconnectSpec>();
        let forms = [POSITIVE.form().schema, map.form().schema];
        Form::new("duration, more than 0, or map", json!({ "anyOf": forms }))
    },
};
