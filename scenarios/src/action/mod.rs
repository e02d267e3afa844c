//! What clients do.

use crate::{
    client::{ClientSpec, ConnectSpec},
    construct::{Act, Series, Shape},
    diagnostic::quoted,
    raw::{Node, Scalar, Span, Value},
    reader::{Context, Fields},
    record::{self, Record as _, Told},
    suggest,
    written::Map,
};
use std::time::Duration;

/// Everything that can be said with one kind of action.
pub(crate) struct Kind {
    pub(crate) word: &'static str,
    pub(crate) step: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) example: &'static str,
    pub(crate) shape: Shape,
    pub(crate) within: Option<Duration>,
    pub(crate) limited: bool,
    pub(crate) scripted: bool,
    pub(crate) broker: bool,
    pub(crate) told: fn() -> Vec<Told>,
    pub(crate) outcome: Option<fn() -> Vec<Told>>,
    keys: fn() -> Vec<&'static str>,
    read: fn(&mut Context<'_>, &Said<'_>) -> Option<Done>,
}

/// What is done, and whether there are several of it.
pub(crate) type Done = (Action, Option<Series>);

/// What a step says of an action.
struct Said<'s> {
    /// The map of the action, unless its word stands alone.
    fields: Option<Fields<'s>>,
    /// `expect` beside it.
    expect: Option<&'s Node>,
    /// What the client puts into CONNECT.
    connect: &'s ConnectSpec,
}

macro_rules! actions {
    ($($file:ident: $name:ident $(, $more:ident)*;)+) => {
        $(mod $file;
        pub use $file::{$name $(, $more)*};)+

        /// What a client can do.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
        }

        /// All kinds, in the order in which messages list them.
        pub(crate) const KINDS: &[Kind] = &[
            $(Kind {
                word: $name::WORD,
                step: $name::STEP,
                meaning: $name::MEANING,
                example: $name::EXAMPLE,
                shape: $name::SHAPE,
                within: $name::WITHIN,
                limited: $name::LIMITED,
                scripted: $name::SCRIPTED,
                broker: $name::BROKER,
                told: record::told::<<$name as Act>::Keys>,
                outcome: $name::OUTCOME,
                keys: record::names::<<$name as Act>::Keys>,
                read: |cx, said| {
                    let (action, series) = read::<$name>(cx, said)?;
                    Some((Action::$name(action), series))
                },
            },)+
        ];

        impl Action {
            /// The kind it is of.
            pub(crate) fn kind(&self) -> &'static Kind {
                let word = match self {
                    $(Self::$name(_) => $name::WORD,)+
                };
                KINDS.iter().find(|kind| kind.word == word).expect("every action is in the list")
            }

            /// As it is written after the name of a client who puts this into CONNECT.
            pub(crate) fn written(&self, connect: &ConnectSpec, names: &[&str]) -> String {
                match self {
                    $(Self::$name(one) => write(one, connect, names),)+
                }
            }

            /// What `expect` beside it says.
            pub(crate) fn expected(&self) -> Map {
                match self {
                    $(Self::$name(one) => one.expected(),)+
                }
            }

            /// In a few words.
            pub(crate) fn told(&self) -> String {
                match self {
                    $(Self::$name(one) => one.told(),)+
                }
            }

            /// What a client does that has not connected yet, where that is wrong.
            pub(crate) const fn too_early(&self) -> Option<&'static str> {
                match self {
                    $(Self::$name(_) => $name::TOO_EARLY,)+
                }
            }

            /// The `n`th of a series.
            pub(crate) fn numbered(&self, n: u32) -> Self {
                match self {
                    $(Self::$name(one) => Self::$name(one.numbered(n)),)+
                }
            }
        }
    };
}

actions! {
    connect: Connect, ConnectExpect;
    disconnect: Disconnect;
    drop: Drop;
    subscribe: Subscribe;
    unsubscribe: Unsubscribe;
    publish: Publish, MessageSpec;
    receive: Receive, MessagePattern;
    silent: Silent;
    dial: Dial;
    send: Send;
    expect: Expect;
    ack: Acknowledge, Acknowledging;
    read: Read;
}

/// The words of all kinds.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.word)
}

fn known(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.word == word)
}

/// Who does something.
#[derive(Clone, Copy)]
pub(crate) enum Actor<'s> {
    Client(&'s ClientSpec),
    /// A scripted broker.
    Broker,
}

impl Actor<'_> {
    /// Refuses what it does not do.
    fn allows(self, cx: &mut Context<'_>, body: &Node, kind: &Kind) -> bool {
        let word = quoted(kind.word);
        let (message, label, help) = match self {
            Self::Client(client) if kind.scripted && !client.scripted => (
                format!("{word} is for scripted clients"),
                "this client keeps to the standard by itself",
                format!("declare it so: `{}: {{ scripted: true }}`", client.name),
            ),
            Self::Broker if !kind.broker => {
                let words = KINDS
                    .iter()
                    .filter(|kind| kind.broker)
                    .map(|kind| kind.word);
                (
                    format!("a broker does not {word}"),
                    "something that clients do",
                    format!("it can {}", suggest::listed(words, "and")),
                )
            }
            _ => return true,
        };
        cx.refuse(&body.span, message, label, help);
        false
    }
}

/// Which action stands after the name of who does it; what it is, and whether there are several of it. `None` after noting why it is none.
pub(crate) fn one(
    cx: &mut Context<'_>,
    body: &Node,
    expect: Option<&Node>,
    actor: Actor<'_>,
) -> Option<(&'static Kind, Option<Done>)> {
    let (kind, fields) = which(cx, body)?;
    if !actor.allows(cx, body, kind) {
        return None;
    }
    let usual = ConnectSpec::empty();
    let said = Said {
        fields,
        expect: expect.filter(|_| kind.outcome.is_some()),
        connect: match actor {
            Actor::Client(client) => &client.connect,
            Actor::Broker => &usual,
        },
    };
    cx.by_broker = matches!(actor, Actor::Broker);
    let done = (kind.read)(cx, &said);
    cx.by_broker = false;
    Some((kind, done))
}

/// Which kind it is, and its map unless it is a single word.
fn which<'n>(cx: &mut Context<'_>, body: &'n Node) -> Option<(&'static Kind, Option<Fields<'n>>)> {
    match &body.value {
        Value::Text(Scalar { text, .. }) => match known(text) {
            Some(kind) if matches!(kind.shape, Shape::Word | Shape::Optional) => Some((kind, None)),
            Some(kind) => {
                let message = format!("{} needs to say what", quoted(kind.word));
                let help = format!("write `{}`", kind.example);
                cx.refuse(&body.span, message, "not complete", help);
                None
            }
            None => {
                unknown(cx, &body.span, text);
                None
            }
        },
        Value::Map(entries) => {
            let mut actions = entries
                .iter()
                .filter_map(|(key, _)| Some((key, known(&key.text)?)));
            let Some((key, kind)) = actions.next() else {
                match entries.first() {
                    Some((key, _)) => unknown(cx, &key.span, &key.text),
                    None => cx.refuse(&body.span, "the client does nothing", "empty", all()),
                }
                return None;
            };
            if let Some((second, _)) = actions.next() {
                let (one, two) = (quoted(&key.text), quoted(&second.text));
                let message = format!("{one} and {two} in one step");
                let help = "every step is one action: begin another with `- `";
                cx.refuse(&second.span, message, "a second action", help);
                return None;
            }
            let keys = match kind.shape {
                Shape::Beside => (kind.keys)(),
                _ => vec![kind.word],
            };
            Some((kind, Some(Fields::open(cx, body, kind.step, &keys)?)))
        }
        _ => {
            let listed = suggest::listed(words(), "and");
            cx.mismatch(body, &format!("what the client does: {listed}"));
            None
        }
    }
}

fn all() -> String {
    format!("actions: {}", suggest::listed(words(), "and"))
}

fn unknown(cx: &mut Context<'_>, span: &Span, word: &str) {
    let message = format!("a client cannot {}", quoted(word));
    let mut problem = cx.diagnostic(span, message, "unknown action");
    problem.help.extend(suggest::did_you_mean(word, words()));
    cx.push(problem.help(all()));
}

fn read<A: Act>(cx: &mut Context<'_>, said: &Said<'_>) -> Option<(A, Option<Series>)> {
    let usual = A::usual(said.connect);
    let keys = match (&said.fields, A::SHAPE) {
        (None, _) | (_, Shape::Word) => usual,
        (Some(fields), Shape::Beside) => record::fill(cx, fields, usual)?,
        (Some(fields), shape) => match fields.get(A::WORD)? {
            node if shape == Shape::Optional && matches!(node.value, Value::Null) => usual,
            node => record::read(cx, node, usual)?,
        },
    };
    let series = A::series(&keys);
    let mut action = A::from(keys);
    if let Some(node) = said.expect {
        action.expect(cx, node);
    }
    Some((action, series))
}

fn write<A: Act>(action: &A, connect: &ConnectSpec, names: &[&str]) -> String {
    let keys = record::written(&A::Keys::from(action.clone()), &A::usual(connect), names);
    match A::SHAPE {
        Shape::Word => A::WORD.into(),
        Shape::Optional if keys.is_empty() => A::WORD.into(),
        Shape::Beside => keys.to_string(),
        Shape::Optional | Shape::Inside => format!("{{ {}: {keys} }}", A::WORD),
    }
}
