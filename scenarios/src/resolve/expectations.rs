//! `expect`: what must be true of the whole history.

use super::{Context, Fields};
use crate::diagnostic::quoted;
use crate::{
    model::{ExpectKind, Expectation, Times},
    raw::{Key, Node, Scalar, Value},
    suggest,
    values::{self as v, Kind, Wrong},
};
use squall_protocol::{PacketType, Role};

/// Each is compared with all others.
const MAX_EXPECTATIONS: usize = 1000;
const KINDS: &[&str] = &["delivered", "will", "retained", "session", "closed"];

/// How often a will is published.
const PUBLISHED: Kind<u32> = Kind {
    expected: "`once`, `never` or a number",
    read: |s| match s.text.as_str() {
        "once" => Ok(1),
        "never" => Ok(0),
        _ => v::number(s, 0, u32::MAX.into())
            .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
            .map_err(|_| {
                Wrong::new(format!(
                    "{} is not `once`, `never` or a number",
                    quoted(&s.text)
                ))
            }),
    },
};

/// The `expect` list at the top.
pub(super) fn all(cx: &mut Context<'_>, node: &Node) -> Vec<Expectation> {
    let Value::List(items) = &node.value else {
        cx.no_entries(node, "a list of expectations, each beginning with `- `");
        return Vec::new();
    };
    if items.len() > MAX_EXPECTATIONS {
        let message = format!(
            "{} expectations; a scenario has at most {MAX_EXPECTATIONS}",
            items.len()
        );
        cx.refuse(
            &items[MAX_EXPECTATIONS].span,
            message,
            "here the limit is passed",
            "use topic filters",
        );
        return Vec::new();
    }
    items
        .iter()
        .filter_map(|item| expectation(cx, item))
        .collect()
}

fn expectation(cx: &mut Context<'_>, node: &Node) -> Option<Expectation> {
    let kinds = suggest::listed(KINDS.iter().copied(), "and");
    let Value::Map(entries) = &node.value else {
        cx.mismatch(node, "an expectation such as `delivered: {…}`");
        return None;
    };
    let Some((key, body)) = entries.first() else {
        cx.refuse(
            &node.span,
            "an empty expectation",
            "empty",
            format!("expectations: {kinds}"),
        );
        return None;
    };
    if let Some((second, _)) = entries.get(1) {
        let message = format!("{} beside {}", quoted(&second.text), quoted(&key.text));
        let help = match KINDS.contains(&second.text.as_str()) {
            true => "every expectation is an entry of its own: begin it with `- `".to_owned(),
            false => format!("put it into the braces behind {}", quoted(&key.text)),
        };
        cx.refuse(&second.span, message, "unexpected", help);
    }
    let source = cx.source(key.span.start, &key.span);
    let kind = match key.text.as_str() {
        "delivered" => delivered(cx, body),
        "will" => will(cx, body),
        "retained" => retained(cx, body),
        "session" => session(cx, body),
        "closed" => closed(cx, body),
        _ => {
            unknown(cx, key, &kinds);
            None
        }
    };
    Some(Expectation {
        source,
        kind: kind?,
    })
}

fn unknown(cx: &mut Context<'_>, key: &Key, kinds: &str) {
    let mut problem = cx.diagnostic(
        &key.span,
        format!("nobody can expect {}", quoted(&key.text)),
        "unknown expectation",
    );
    problem
        .help
        .extend(suggest::did_you_mean(&key.text, KINDS.iter().copied()));
    problem.help.push(format!("expectations: {kinds}"));
    cx.push(problem);
}

fn delivered(cx: &mut Context<'_>, node: &Node) -> Option<ExpectKind> {
    let keys = [
        "topic", "payload", "to", "exactly", "at_most", "at_least", "never", "count", "in_order",
        "within",
    ];
    let fields = Fields::open(cx, node, "delivered", &keys)?;
    let topic = fields
        .need(cx, "topic")
        .and_then(|node| cx.filter(node, false));
    let payload = fields.get("payload").and_then(|node| cx.payload(node));
    let to = fields.need(cx, "to").and_then(|node| cx.client(node));
    let times = times(cx, &fields);
    let in_order = fields.flag(cx, "in_order");
    let within = fields.value(cx, "within", v::POSITIVE);
    if times == Some(Times::Never) {
        for key in ["in_order", "within"] {
            if let Some(key) = fields.key(key) {
                let message = format!("{} of messages that are never delivered", quoted(&key.text));
                cx.refuse(
                    &key.span,
                    message,
                    "contradicts `never`",
                    "remove one of them",
                );
            }
        }
    }
    Some(ExpectKind::Delivered {
        topic: topic?,
        payload,
        to: to?,
        times: times?,
        in_order,
        within,
    })
}

/// Exactly one of the keys that say how often.
fn times(cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Times> {
    let keys = ["exactly", "at_most", "at_least", "never", "count"];
    let mut given = keys
        .iter()
        .filter_map(|key| Some((fields.key(key)?, fields.get(key)?)));
    let Some((key, node)) = given.next() else {
        let help =
            "add `exactly: once`, `at_most: once`, `at_least: once`, `never: true` or `count: 3`";
        cx.refuse(
            &fields.span,
            "`delivered` does not say how often",
            "how often?",
            help,
        );
        return None;
    };
    if let Some((second, _)) = given.next() {
        let message = format!(
            "{} and {} contradict each other",
            quoted(&key.text),
            quoted(&second.text)
        );
        let problem = cx
            .diagnostic(&second.span, message, "and this")
            .label(key.span.clone(), "this");
        cx.push(problem.help("keep one of them"));
        return None;
    }
    match key.text.as_str() {
        "exactly" => cx.scalar(node, "`once`", once).map(|()| Times::ExactlyOnce),
        "at_most" => cx.scalar(node, "`once`", once).map(|()| Times::AtMostOnce),
        "at_least" => cx.scalar(node, "`once`", once).map(|()| Times::AtLeastOnce),
        "never" => match cx.value(node, v::BOOL)? {
            true => Some(Times::Never),
            false => {
                let help = "write `never: true`, or say how often: `exactly: once`";
                cx.refuse(
                    &node.span,
                    "`never: false` does not say how often",
                    "how often?",
                    help,
                );
                None
            }
        },
        _ => cx
            .number(node, 0, u32::MAX.into())
            .and_then(|n| u32::try_from(n).ok())
            .map(Times::Total),
    }
}

fn once(s: &Scalar) -> Result<(), Wrong> {
    match s.text.as_str() {
        "once" => Ok(()),
        text => {
            let wrong = Wrong::new(format!("expected `once`, found {}", quoted(text)));
            let number = text.bytes().all(|b| b.is_ascii_digit());
            Err(if number {
                wrong.help(format!(
                    "for a number of deliveries in all write `count: {text}`"
                ))
            } else {
                wrong
            })
        }
    }
}

fn will(cx: &mut Context<'_>, node: &Node) -> Option<ExpectKind> {
    let fields = Fields::open(cx, node, "will", &["of", "published", "after"])?;
    let of = fields.need(cx, "of").and_then(|node| cx.client(node));
    let published = fields
        .need(cx, "published")
        .and_then(|node| cx.value(node, PUBLISHED));
    let after = fields.value(cx, "after", v::POSITIVE);
    if let (Some(0), Some(key)) = (published, fields.key("after")) {
        cx.refuse(
            &key.span,
            "`after` of a will that is never published",
            "contradicts `never`",
            "remove one of them",
        );
    }
    Some(ExpectKind::Will {
        of: of?,
        published: published?,
        after,
    })
}

fn retained(cx: &mut Context<'_>, node: &Node) -> Option<ExpectKind> {
    let fields = Fields::open(cx, node, "retained", &["topic", "payload", "none"])?;
    let topic = fields
        .need(cx, "topic")
        .and_then(|node| cx.value(node, v::NAME));
    let payload = fields.get("payload").map(|node| cx.payload(node));
    let none = fields.value(cx, "none", v::BOOL);
    match (payload, none, fields.key("none")) {
        (Some(_), _, Some(key)) => {
            cx.refuse(
                &key.span,
                "`none` and a payload contradict each other",
                "and none?",
                "keep one of them",
            );
            None
        }
        (Some(payload), _, None) => {
            let payload = payload?;
            if let (true, Some(key)) = (payload.is_empty(), fields.key("payload")) {
                // [MQTT-3.3.1-11] (3.1.1), [MQTT-3.3.1-7] (5.0)
                let message = "a retained message is never empty: an empty one removes it";
                cx.refuse(&key.span, message, "empty", "write `none: true`");
            }
            Some(ExpectKind::Retained {
                topic: topic?,
                payload: Some(payload),
            })
        }
        (None, Some(true), _) => Some(ExpectKind::Retained {
            topic: topic?,
            payload: None,
        }),
        (None, Some(false), Some(key)) => {
            cx.refuse(
                &key.span,
                "`none: false` does not say what is retained",
                "then what?",
                "add the `payload`",
            );
            None
        }
        _ => {
            if fields.key("none").is_none() {
                let help = "add `payload: …`, or `none: true`";
                cx.refuse(
                    &fields.span,
                    "`retained` does not say what is found",
                    "what?",
                    help,
                );
            }
            None
        }
    }
}

fn session(cx: &mut Context<'_>, node: &Node) -> Option<ExpectKind> {
    let fields = Fields::open(cx, node, "session", &["of", "present"])?;
    let of = fields.need(cx, "of").and_then(|node| cx.client(node));
    let present = fields
        .need(cx, "present")
        .map(|node| cx.values(node, "flags", v::BOOL, false));
    Some(ExpectKind::Session {
        of: of?,
        present: present?,
    })
}

fn closed(cx: &mut Context<'_>, node: &Node) -> Option<ExpectKind> {
    let fields = Fields::open(cx, node, "closed", &["client", "times", "reason"])?;
    let client = fields.need(cx, "client").and_then(|node| cx.client(node));
    let times = fields
        .number(cx, "times", 0, u32::MAX.into())
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(1);
    let reason = fields
        .get("reason")
        .and_then(|node| cx.reason(node, &[PacketType::Disconnect], Role::Server));
    if let (0, Some(key)) = (times, fields.key("reason")) {
        cx.refuse(
            &key.span,
            "a reason of connections that are never closed",
            "contradicts `times: 0`",
            "remove one of them",
        );
    }
    Some(ExpectKind::Closed {
        client: client?,
        times,
        reason,
    })
}
