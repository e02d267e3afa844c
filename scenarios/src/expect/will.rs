//! `will`: how often a will is published.

use crate::{
    construct::{Cast, Doubt, Expect, Observed},
    diagnostic::quoted,
    kind::{CLIENT, Form, Maybe, Own, POSITIVE},
    reader::{Context, Fields},
    record::record,
    source::ClientIx,
    values::{self, Wrong},
};
use serde_json::json;
use std::time::Duration;

record! {
    /// A client's will is published this often in the whole story.
    pub struct Will, "will", check = Self::check {
        /// whose will
        of: ClientIx = "of", needed(0, CLIENT);
        /// how often it is published in the whole story
        published: u32 = "published", needed(1, PUBLISHED);
        /// not earlier than this after the end of the connection
        after: Option<Duration> = "after", usual(None, Maybe(POSITIVE));
    }
}

impl Will {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (0, Some(key)) = (self.published, fields.key("after")) {
            let message = "`after` of a will that is never published";
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

impl Expect for Will {
    const WORD: &'static str = "will";
    const MEANING: &'static str = "how often the will of a client is published, and how late";
    const EXAMPLE: &'static str = "{ of: lock, published: once, after: 5s }";

    fn excludes(&self, other: &Self) -> bool {
        self.of == other.of && self.published != other.published
    }

    /// It is expected of a client that never has one.
    fn doubt(&self, cast: &dyn Cast) -> Option<Doubt> {
        if self.published == 0 || cast.has_will(self.of) {
            return None;
        }
        Some(Doubt {
            message: format!(
                "{} has no will that could be published",
                quoted(cast.name(self.of))
            ),
            label: "cannot come true",
            help: "add `will: {topic: …}` to the client",
        })
    }

    fn observe(&self, observed: &mut Observed) {
        observed.wills.push(self.of);
    }
}

/// `once`, `never` or a number.
const PUBLISHED: Own<u32> = Own {
    read: |cx, node| {
        cx.scalar(node, "`once`, `never` or a number", |s| {
            match s.text.as_str() {
                "once" => Ok(1),
                "never" => Ok(0),
                _ => values::number(s, 0, u32::MAX.into())
                    .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
                    .map_err(|_| {
                        let text = quoted(&s.text);
                        Wrong::new(format!("{text} is not `once`, `never` or a number"))
                    }),
            }
        })
    },
    show: |times, _| match times {
        0 => "never".into(),
        1 => "once".into(),
        n => n.to_string(),
    },
    form: || {
        let number = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
        let schema = json!({ "anyOf": [{ "enum": ["once", "never"] }, number] });
        Form::new("`once`, `never` or a number", schema)
    },
};
