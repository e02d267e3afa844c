//! `broker`: it goes down, and comes back.

use crate::{
    construct::Happen,
    diagnostic::quoted,
    keys::map_of,
    kind::{Form, Own, Words},
    raw::{Node, Value},
    reader::Context,
    record::{self, Record, Told, record},
};
use serde_json::json;

/// The broker goes down, or comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It goes down.
    Crash(Crash),
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

record! {
    /// The map of a crash.
    struct Keys, "a crash" {
        /// `kill`: its process ends, every connection with it, and who dials is refused; `power_loss`: its machine falls silent, nobody is told, who dials gets no answer, and what the disk had not made durable may be lost
        how: Crash = "crash", needed(Crash::Kill, CRASH);
    }
}

const CRASH: Words<Crash> = Words {
    expected: "`kill` or `power_loss`",
    words: &[("kill", Crash::Kill), ("power_loss", Crash::PowerLoss)],
};

const RESTART: &str = "restart";

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
            Self::Crash(how) => {
                record::written(&Keys { how: *how }, &Keys::empty(), &[]).to_string()
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
            Self::Crash(Crash::Kill) => "broker: crash by kill",
            Self::Crash(Crash::PowerLoss) => "broker: crash by power loss",
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
        _ => record::read(cx, node, Keys::empty()).map(|keys| Life::Crash(keys.how)),
    }
}
