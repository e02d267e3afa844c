//! `expect`: what must be true of the whole history.

mod closed;
mod delivered;
mod retained;
mod session;
mod will;

pub use closed::Closed;
pub use delivered::{Delivered, Times};
pub use retained::Retained;
pub use session::Session;
pub use will::Will;

use crate::{
    construct::{Cast, Doubt, Expect, Observed},
    diagnostic::quoted,
    raw::{Key, Node, Value},
    reader::Context,
    record::{self, Record, Told},
    source::Source,
    suggest,
};

/// Something that must be true of the whole history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Where it stands.
    pub source: Source,
    /// What it is.
    pub kind: ExpectKind,
}

/// Everything that can be said with one kind of expectation.
pub(crate) struct Kind {
    pub(crate) word: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) example: &'static str,
    pub(crate) told: fn() -> Vec<Told>,
    read: fn(&mut Context<'_>, &Node) -> Option<ExpectKind>,
}

macro_rules! expectations {
    ($($name:ident),+ $(,)?) => {
        /// Kinds of expectations.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum ExpectKind {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
        }

        /// All kinds, in the order in which messages list them.
        pub(crate) const KINDS: &[Kind] = &[
            $(Kind {
                word: $name::WORD,
                meaning: $name::MEANING,
                example: $name::EXAMPLE,
                told: record::told::<$name>,
                read: |cx, node| record::read(cx, node, $name::empty()).map(ExpectKind::$name),
            },)+
        ];

        impl ExpectKind {
            /// Whether no history satisfies both.
            pub(crate) fn excludes(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$name(a), Self::$name(b)) => a.excludes(b),)+
                    _ => false,
                }
            }

            /// Why it cannot come true in this story.
            pub(crate) fn doubt(&self, cast: &dyn Cast) -> Option<Doubt> {
                match self {
                    $(Self::$name(one) => one.doubt(cast),)+
                }
            }

            /// What somebody has to listen to so that it can be judged.
            pub(crate) fn observe(&self, observed: &mut Observed) {
                match self {
                    $(Self::$name(one) => one.observe(observed),)+
                }
            }

            /// As it is written; `names` are those of the clients.
            pub(crate) fn written(&self, names: &[&str]) -> String {
                match self {
                    $(Self::$name(one) => {
                        format!("{}: {}", $name::WORD, record::written(one, &$name::empty(), names))
                    })+
                }
            }
        }
    };
}

expectations![Delivered, Will, Retained, Session, Closed];

/// Each is compared with all others.
const MAX_EXPECTATIONS: usize = 1000;

fn words() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.word)
}

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
