//! `delivered`: messages reach a client.

use crate::{
    construct::Expect,
    diagnostic::quoted,
    kind::{CLIENT, FILTER, FLAG, Form, Kind, Maybe, Own, PAYLOAD, POSITIVE, at_least},
    reader::{Context, Fields},
    record::{Stands, record},
    source::ClientIx,
    values::Wrong,
};
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;

record! {
    /// Messages reach a client.
    pub struct Delivered, "delivered", check = Self::check {
        /// topic filter of the messages meant
        topic: String = "topic", needed(String::new(), FILTER);
        /// only those with this payload
        payload: Option<Bytes> = "payload", usual(None, Maybe(PAYLOAD));
        /// to whom
        to: ClientIx = "to", needed(0, CLIENT);
        /// how often each of them
        times: Times = part(Times::ExactlyOnce, Often);
        /// first deliveries come in the order of publishing
        in_order: bool = "in_order", usual(false, FLAG);
        /// each comes in this time after it was handed to its publisher
        within: Option<Duration> = "within", usual(None, Maybe(POSITIVE));
    }
}

/// How often each message must arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// 0 or 1 times.
    AtMostOnce,
    /// 1 time or more.
    AtLeastOnce,
    /// 1 time.
    ExactlyOnce,
    /// Not at all.
    Never,
    /// This many deliveries in all.
    Total(u32),
}

record! {
    /// Exactly one of the keys that say how often.
    struct Often, "delivered" {
        /// each reaches the client so often; one of these five is required
        exactly: bool = "exactly", usual(false, ONCE);
        /// each reaches the client once or not at all
        at_most: bool = "at_most", usual(false, ONCE);
        /// each reaches the client once or more often
        at_least: bool = "at_least", usual(false, ONCE);
        /// `true`: none of them reaches the client
        never: bool = "never", usual(false, FLAG);
        /// so many deliveries in all
        count: Option<u32> = "count", usual(None, Maybe(at_least::<u32>(0)));
    }
}

impl Stands<Times> for Often {
    fn value(self, cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Times> {
        let keys = ["exactly", "at_most", "at_least", "never", "count"];
        let mut given = keys.iter().filter_map(|key| fields.entry(key));
        let Some((key, node)) = given.next() else {
            let message = "`delivered` does not say how often";
            let help = "add `exactly: once`, `at_most: once`, `at_least: once`, `never: true` or `count: 3`";
            cx.refuse(&fields.span, message, "how often?", help);
            return None;
        };
        if let Some((second, _)) = given.next() {
            let (one, two) = (quoted(&key.text), quoted(&second.text));
            let message = format!("{one} and {two} contradict each other");
            let problem = cx.diagnostic(&second.span, message, "and this");
            let problem = problem.label(key.span.clone(), "this");
            cx.push(problem.help("keep one of them"));
            return None;
        }
        match key.text.as_str() {
            "exactly" => self.exactly.then_some(Times::ExactlyOnce),
            "at_most" => self.at_most.then_some(Times::AtMostOnce),
            "at_least" => self.at_least.then_some(Times::AtLeastOnce),
            "never" if self.never => Some(Times::Never),
            "never" => {
                let message = "`never: false` does not say how often";
                let help = "write `never: true`, or say how often: `exactly: once`";
                if FLAG.read(cx, node).is_some() {
                    cx.refuse(&node.span, message, "how often?", help);
                }
                None
            }
            _ => self.count.map(Times::Total),
        }
    }

    fn of(times: &Times) -> Self {
        Self {
            exactly: *times == Times::ExactlyOnce,
            at_most: *times == Times::AtMostOnce,
            at_least: *times == Times::AtLeastOnce,
            never: *times == Times::Never,
            count: match times {
                Times::Total(n) => Some(*n),
                _ => None,
            },
        }
    }
}

impl Delivered {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if self.times != Times::Never {
            return true;
        }
        for key in ["in_order", "within"]
            .iter()
            .filter_map(|key| fields.key(key))
        {
            let message = format!("{} of messages that are never delivered", quoted(&key.text));
            cx.refuse(
                &key.span,
                message,
                "contradicts `never`",
                "remove one of them",
            );
        }
        true
    }
}

impl Expect for Delivered {
    const WORD: &'static str = "delivered";
    const MEANING: &'static str = "how often each message whose topic matches reaches a client";
    const EXAMPLE: &'static str = "{ topic: t/#, to: lock, exactly: once }";

    fn excludes(&self, other: &Self) -> bool {
        let subject = |d: &Self| (d.topic.clone(), d.payload.clone(), d.to);
        subject(self) == subject(other) && self.times.excludes(other.times)
    }
}

impl Times {
    /// Whether no history satisfies both. A number of deliveries in all says nothing about each single message, except
    /// when one side allows none.
    fn excludes(self, other: Self) -> bool {
        let some = |times| match times {
            Self::ExactlyOnce | Self::AtLeastOnce => true,
            Self::Total(n) => n > 0,
            Self::AtMostOnce | Self::Never => false,
        };
        match (self, other) {
            (Self::Total(a), Self::Total(b)) => a != b,
            (Self::Never | Self::Total(0), other) | (other, Self::Never | Self::Total(0)) => {
                some(other)
            }
            _ => false,
        }
    }
}

/// The word `once`.
const ONCE: Own<bool> = Own {
    read: |cx, node| {
        cx.scalar(node, "`once`", |s| match s.text.as_str() {
            "once" => Ok(true),
            text => {
                let wrong = Wrong::new(format!("expected `once`, found {}", quoted(text)));
                Err(if text.bytes().all(|b| b.is_ascii_digit()) {
                    wrong.help(format!(
                        "for a number of deliveries in all write `count: {text}`"
                    ))
                } else {
                    wrong
                })
            }
        })
    },
    show: |_, _| "once".into(),
    form: || Form::new("`once`", json!({ "const": "once" })),
};
