//! `expect`: what must be true of the whole history.

pub(crate) mod judge;

use crate::{
    construct::{Cast, Doubt, Expect, Observed, kinds},
    diagnostic::quoted,
    raw::{Key, Node, Value},
    reader::Context,
    source::Source,
    suggest,
};
use judge::Judge;
use std::any::Any;

/// Something that must be true of the whole history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Where it stands.
    pub source: Source,
    /// What it is.
    pub kind: ExpectKind,
}

kinds! {
    /// Kinds of expectations.
    ExpectKind of Expect: {
        delivered: Delivered, Receivers, Times;
        will: Will;
        retained: Retained;
        session: Session;
        closed: Closed;
    }
    /// Why it cannot come true in this story.
    fn doubt(&self, cast: &dyn Cast) -> Option<Doubt>;
    /// What somebody has to listen to so that it can be judged.
    fn observe(&self, observed: &mut Observed) -> ();
    /// Whether no history satisfies this and one of the same kind.
    fn excludes_any(&self, other: &dyn Any) -> bool;
    /// One of unknown kind.
    fn any(&self) -> &dyn Any;
    /// Whether it may speak of nothing that happened.
    fn is_optional(&self) -> bool;
    /// Says what is not as it asks for.
    fn judge(&self, judge: &mut Judge<'_, '_>) -> ();
}

impl ExpectKind {
    /// Whether no history satisfies both.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.excludes_any(other.any())
    }

    /// As it is written; `names` are those of the clients.
    pub(crate) fn written(&self, names: &[&str]) -> String {
        let (word, map) = self.map(names);
        format!("{word}: {map}")
    }
}

/// Each is compared with all others.
const MAX_EXPECTATIONS: usize = 1000;

/// The `expect` list at the top.
pub(crate) fn read(cx: &mut Context<'_>, node: &Node) -> Vec<Expectation> {
    let Value::List(items) = &node.value else {
        cx.no_entries(node, "a list of expectations, each beginning with `- `");
        return Vec::new();
    };
    if items.len() > MAX_EXPECTATIONS {
        let message = format!(
            "{} expectations; a scenario has at most {MAX_EXPECTATIONS}",
            items.len()
        );
        let here = &items[MAX_EXPECTATIONS].span;
        cx.refuse(
            here,
            message,
            "here the limit is passed",
            "use topic filters",
        );
        return Vec::new();
    }
    items.iter().filter_map(|item| one(cx, item)).collect()
}

fn one(cx: &mut Context<'_>, node: &Node) -> Option<Expectation> {
    let Value::Map(entries) = &node.value else {
        cx.mismatch(node, "an expectation such as `delivered: {…}`");
        return None;
    };
    let Some((key, body)) = entries.first() else {
        let help = format!("expectations: {}", suggest::listed(words(), "and"));
        cx.refuse(&node.span, "an empty expectation", "empty", help);
        return None;
    };
    if let Some((second, _)) = entries.get(1) {
        let message = format!("{} beside {}", quoted(&second.text), quoted(&key.text));
        let help = match words().any(|word| word == second.text) {
            true => "every expectation is an entry of its own: begin it with `- `".to_owned(),
            false => format!("put it into the braces behind {}", quoted(&key.text)),
        };
        cx.refuse(&second.span, message, "unexpected", help);
    }
    let source = cx.source(key.span.start, &key.span);
    let Some(kind) = KINDS.iter().find(|kind| kind.word == key.text) else {
        unknown(cx, key);
        return None;
    };
    let kind = (kind.read)(cx, body)?;
    Some(Expectation { source, kind })
}

fn unknown(cx: &mut Context<'_>, key: &Key) {
    let message = format!("nobody can expect {}", quoted(&key.text));
    let mut problem = cx.diagnostic(&key.span, message, "unknown expectation");
    problem
        .help
        .extend(suggest::did_you_mean(&key.text, words()));
    let all = suggest::listed(words(), "and");
    cx.push(problem.help(format!("expectations: {all}")));
}
