//! The durable store of the reference broker, and the disk that it is on.

use crate::{
    kind::{DURATIONS, FLAG, Form, Kind, Own},
    raw::Value,
    record::{self, Record, record},
};
use serde_json::json;
use std::time::Duration;

record! {
    /// A durable store: what the broker has acknowledged survives a crash.
    #[derive(Copy)]
    pub struct StoreSpec, "a store" {
        /// how long the disk takes to make durable what was written to it
        sync: (Duration, Duration) = "sync", usual((Duration::from_millis(1), Duration::from_millis(5)), DURATIONS);
    }
}

/// `true`, `false`, or a map.
pub(crate) const STORE: Own<Option<StoreSpec>> = Own {
    read: |cx, node| match &node.value {
        Value::Map(_) => record::read(cx, node, StoreSpec::empty()).map(Some),
        _ => {
            let there = FLAG.read(cx, node)?;
            Some(there.then(StoreSpec::empty))
        }
    },
    show: |store, _| match store {
        None => "false".into(),
        Some(store) if *store == StoreSpec::empty() => "true".into(),
        Some(store) => record::written(store, &StoreSpec::empty(), &[]).to_string(),
    },
    form: || {
        let map = record::map::<StoreSpec>().form();
        let schema = json!({ "anyOf": [FLAG.form().schema, map.schema] });
        Form::new("flag, or a map", schema)
    },
};
