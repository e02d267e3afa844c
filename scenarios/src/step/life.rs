//! `broker`: it goes down, and comes back.

use crate::{
    construct::Happen,
    diagnostic::quoted,
    keys::map_of,
    kind::{Form, Own, Words},
    raw::{Node, Value},
    reader::{Context, Fields},
    record::{self, Record, Told, record},
};
use serde_json::json;

/// The broker goes down, or comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It goes down, and this becomes of what its disk had not made durable.
    Crash(Crash, Unsynced),
    /// It begins again, with what its store has.
    Restart,
}

/// How the broker goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Its process is killed. The machine lives on: what was sent still arrives, then the end of each connection; who
    /// dials is refused; what was written to the disk is there.
    Kill,
    /// The power fails. Nobody is told; who dials gets no answer; what the disk had not made durable may be lost. What
    /// comes on an old connection after the restart is answered with a reset.
    PowerLoss,
}

/// What becomes of what was written and not made durable when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// Chance decides for each write: it is lost, torn or kept.
    Any,
    /// All of it is lost.
    Lost,
    /// Of each write some sectors are there and others are not.
    Torn,
    /// All of it is there.
    Kept,
}

record! {
    /// The map of a crash.
    struct Keys, "a crash", check = Self::check {
        /// `kill`: its process ends, every connection with it, and who dials is refused; `power_loss`: its machine falls silent, nobody is told, who dials gets no answer, and what the disk had not made durable may be lost
        how: Crash = "crash", needed(Crash::Kill, CRASH);
        /// what becomes of what the disk had not made durable when the power failed: all of it is `lost`, or each write is `torn`, or it is `kept`; or `any` of these, as chance has it
        unsynced: Unsynced = "unsynced", usual(Unsynced::Any, UNSYNCED);
    }
}

const CRASH: Words<Crash> = Words {
    expected: "`kill` or `power_loss`",
    words: &[("kill", Crash::Kill), ("power_loss", Crash::PowerLoss)],
};

const UNSYNCED: Words<Unsynced> = Words {
    expected: "`any`, `lost`, `torn` or `kept`",
    words: &[
        ("any", Unsynced::Any),
        ("lost", Unsynced::Lost),
        ("torn", Unsynced::Torn),
        ("kept", Unsynced::Kept),
    ],
};

const RESTART: &str = "restart";

impl Keys {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        let Some(key) = fields.key("unsynced") else {
            return true;
        };
        if self.how == Crash::Kill {
            let message = "what a process has written is there although it was killed";
            let help = "remove it, or write `crash: power_loss`";
            cx.refuse(&key.span, message, "nothing is lost", help);
        } else if !cx.broker_stored {
            let help = "give it one with `broker: { store: true }`";
            let message = "a broker without a store has no disk";
            cx.refuse(&key.span, message, "there is none", help);
        }
        true
    }
}

impl Life {
    /// Whether this is what stands after `broker`, right or wrong, and not what a scripted broker does.
    pub(crate) fn is_meant(node: &Node) -> bool {
        match &node.value {
            Value::Text(scalar) => scalar.text == RESTART,
            Value::Map(entries) => entries.iter().any(|(key, _)| key.text == "crash"),
            _ => false,
        }
    }
}

impl Happen for Life {
    const WORD: &'static str = "broker";
    const MEANING: &'static str = "the broker goes down (`{ crash: kill }`, `{ crash: power_loss }`), or comes back (`restart`) with what its \
        `store` has; over at once";
    const EXAMPLE: &'static str = "{ crash: kill }";
    const VALUE: Own<Self> = Own {
        read,
        show: |life, _| match life {
            Self::Restart => RESTART.into(),
            Self::Crash(how, unsynced) => {
                let (how, unsynced) = (*how, *unsynced);
                record::written(&Keys { how, unsynced }, &Keys::empty(), &[]).to_string()
            }
        },
        form: || {
            let crash = map_of(&record::told::<Keys>());
            let schema = json!({ "anyOf": [crash, { "const": RESTART }] });
            Form::new("map, or `restart`", schema)
        },
    };
    type Value = Own<Self>;

    fn told(&self, _: &[&str]) -> String {
        self.in_words().into()
    }

    fn keys() -> Vec<Told> {
        record::told::<Keys>()
    }
}

impl Life {
    /// In a few words.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Crash(Crash::Kill, _) => "broker: crash by kill",
            Self::Crash(Crash::PowerLoss, unsynced) => match unsynced {
                Unsynced::Any => "broker: crash by power loss",
                Unsynced::Lost => "broker: crash by power loss with unsynced writes lost",
                Unsynced::Torn => "broker: crash by power loss with unsynced writes torn",
                Unsynced::Kept => "broker: crash by power loss with unsynced writes kept",
            },
            Self::Restart => "broker: restart",
        }
    }
}

fn read(cx: &mut Context<'_>, node: &Node) -> Option<Life> {
    if cx.broker_scripted {
        let message = "a scripted broker keeps nothing that a crash could take from it";
        let help = "end its connections with `broker: drop`, and let it say what it has forgotten";
        cx.refuse(&node.span, message, "no meaning here", help);
        return None;
    }
    match &node.value {
        Value::Text(scalar) if scalar.text == RESTART => Some(Life::Restart),
        Value::Text(scalar) => {
            let message = format!("{} is nothing that a broker does", quoted(&scalar.text));
            let help = "write `broker: restart`, or `broker: { crash: kill }`";
            cx.refuse(&node.span, message, "not known", help);
            None
        }
        _ => record::read(cx, node, Keys::empty()).map(|keys| Life::Crash(keys.how, keys.unsynced)),
    }
}
