//! `retained`: what is retained at the end.

use crate::{
    construct::{Expect, Observed},
    kind::{FLAG, Maybe, NAME, PAYLOAD},
    reader::{Context, Fields},
    record::{Stands, record},
};
use bytes::Bytes;

record! {
    /// What a fresh subscriber finds at the end.
    pub struct Retained, "retained" {
        /// topic name
        topic: String = "topic", needed(String::new(), NAME);
        /// the payload; nothing when `None`
        payload: Option<Bytes> = part(None, Found);
    }
}

record! {
    /// A payload, or nothing.
    struct Found, "retained" {
        /// what is found; one of `payload` and `none` is required
        payload: Option<Bytes> = "payload", usual(None, Maybe(PAYLOAD));
        /// `true`: nothing is found
        none: Option<bool> = "none", usual(None, Maybe(FLAG));
    }
}

impl Stands<Option<Bytes>> for Found {
    fn value(self, cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Option<Bytes>> {
        let (payload, none) = (fields.key("payload"), fields.key("none"));
        let (span, message, label, help) = match (payload, none, self.payload, self.none) {
            (Some(_), Some(key), ..) => {
                let message = "`none` and a payload contradict each other";
                (&key.span, message, "and none?", "keep one of them")
            }
            (Some(key), None, Some(payload), _) => {
                if payload.is_empty() {
                    // [MQTT-3.3.1-11] (3.1.1), [MQTT-3.3.1-7] (5.0)
                    let message = "a retained message is never empty: an empty one removes it";
                    cx.refuse(&key.span, message, "empty", "write `none: true`");
                }
                return Some(Some(payload));
            }
            (None, Some(_), _, Some(true)) => return Some(None),
            (None, Some(key), _, Some(false)) => {
                let message = "`none: false` does not say what is retained";
                (&key.span, message, "then what?", "add the `payload`")
            }
            (None, None, ..) => {
                let message = "`retained` does not say what is found";
                (
                    &fields.span,
                    message,
                    "what?",
                    "add `payload: …`, or `none: true`",
                )
            }
            // Noted already.
            _ => return None,
        };
        cx.refuse(span, message, label, help);
        None
    }

    fn of(value: &Option<Bytes>) -> Self {
        Self {
            payload: value.clone(),
            none: value.is_none().then_some(true),
        }
    }
}

impl Expect for Retained {
    const WORD: &'static str = "retained";
    const MEANING: &'static str = "what a fresh subscriber finds at the end";
    const EXAMPLE: &'static str = "{ topic: locks/1/state, payload: offline }";

    fn excludes(&self, other: &Self) -> bool {
        self.topic == other.topic && self.payload != other.payload
    }

    fn observe(&self, observed: &mut Observed) {
        observed.retained.push(self.topic.clone());
    }
}
