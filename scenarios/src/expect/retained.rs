//! `retained`: what is retained at the end.

use super::judge::Judge;
use crate::{
    construct::{Expect, Observed},
    kind::{FLAG, Maybe, NAME, PAYLOAD},
    reader::{Context, Fields},
    record::{Stands, record},
};
use bytes::Bytes;
use squall_history::{Cite, words};

const RETAINED: Cite = (
    &["MQTT-3.3.1-6", "MQTT-3.3.1-10"],
    &["MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-9"],
);

record! {
    /// What a fresh subscriber finds at the end.
    pub struct Retained, "retained" {
        /// topic name
        topic: String = "topic", needed(String::new(), NAME);
        /// the payload; nothing when `None`
        payload: Option<Bytes> = part(None, Found);
        /// `true`: it may speak of nothing that happened, which otherwise fails the run
        optional: bool = "optional", usual(false, FLAG);
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

    fn is_optional(&self) -> bool {
        self.optional
    }

    fn judge(&self, judge: &mut Judge<'_, '_>) {
        let (topic, payload) = (&self.topic, self.payload.as_ref());
        // A will that was never published could have been retained too.
        let ever = |n| judge.existed(n) || !judge.model.messages.get(n).wills.is_empty();
        if payload.is_none() && !judge.model.messages.on_topic(topic).any(ever) {
            judge.speaks_of_nothing(format!(
                "nobody published anything to `{topic}` that could have been retained"
            ));
        }
        if judge.found.observer.is_none() {
            return;
        }
        let found = judge.found.retained.get(topic.as_str());
        let found = found.map_or(&[][..], Vec::as_slice);
        let fits = match payload {
            None => found.is_empty(),
            Some(payload) => found.len() == 1 && *found[0].message.payload == *payload,
        };
        if fits {
            return;
        }
        let message = match found {
            [] => format!("a fresh subscriber of `{topic}` found nothing"),
            [one] => format!(
                "a fresh subscriber of `{topic}` found {}",
                words::payload(one.message.payload)
            ),
            more => format!(
                "a fresh subscriber of `{topic}` found {} retained messages",
                more.len()
            ),
        };
        let expected = payload.map_or("nothing is retained".into(), |p| {
            format!("it finds {}", words::payload(p))
        });
        let mut witness: Vec<usize> = judge
            .model
            .packets
            .iter()
            .filter(|p| p.retain && **judge.model.messages.get(p.what).topic == **topic)
            .map(|p| p.ix)
            .collect();
        witness.extend(found.iter().map(|d| d.mark.ix));
        // What is retained shows at the end.
        judge.add(RETAINED, message, expected, witness, true);
    }
}
