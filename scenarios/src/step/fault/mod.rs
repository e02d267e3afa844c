//! What breaks, or is mended.

mod by;

pub(crate) use by::BY;
pub use by::CutBy;
pub(crate) use cut::{FROM, NTH, sender};
pub(crate) use flap::MAX_FLAPS;
pub(crate) use partition::WAY;

use crate::{
    construct::{Becomes, Break, Happen, kinds},
    diagnostic::quoted,
    keys,
    kind::{Form, Own},
    raw::{Node, Value},
    reader::Context,
    suggest,
};
use serde_json::json;

kinds! {
    /// What can break, or be mended.
    Fault of Break as ($) for_each_fault: {
        cut: Cut, CutPoint;
        partition: Partition, Way;
        heal: Heal;
        flap: Flap;
        disk: Disk, Trouble;
    }
    /// In a few words.
    fn in_words(&self, names: &[&str]) -> String;
    /// How many steps it becomes in a plan, at most; `None` when it stays what it is.
    fn steps(&self) -> Option<usize>;
}

impl Happen for Fault {
    const WORD: &'static str = "fault";
    const MEANING: &'static str = "something breaks, or is mended";
    const EXAMPLE: &'static str = "{ cut: app }";
    const VALUE: Own<Self> = Own {
        read,
        show: |fault, names| fault.map(names).1.to_string(),
        form: || {
            let forms = KINDS.iter().map(|kind| keys::map_of(&(kind.told)()));
            Form::new("map", json!({ "anyOf": forms.collect::<Vec<_>>() }))
        },
    };
    type Value = Own<Self>;

    fn told(&self, names: &[&str]) -> String {
        self.in_words(names)
    }

    fn becomes(&self) -> Becomes {
        let steps = self.steps();
        Becomes {
            steps: steps.unwrap_or(0),
            bytes: 0,
            deeper: steps.is_some(),
        }
    }
}

fn help() -> String {
    let words = suggest::listed(words(), "and");
    format!("faults: {words}, each with whom or what it strikes, such as `{{ cut: app }}`")
}

/// The map after `fault`.
fn read(cx: &mut Context<'_>, node: &Node) -> Option<Fault> {
    let Value::Map(entries) = &node.value else {
        let message = format!("expected a fault, found {}", node.kind());
        cx.refuse(&node.span, message, "not a fault", help());
        return None;
    };
    let mut named = entries
        .iter()
        .filter_map(|(key, _)| Some((key, KINDS.iter().find(|kind| kind.word == key.text)?)));
    let Some((key, kind)) = named.next() else {
        let first = entries.first().map(|(key, _)| key);
        let place = first.map_or_else(|| node.span.clone(), |key| key.span.clone());
        let word = first.map_or("", |key| key.text.as_str());
        let near = entries
            .iter()
            .find_map(|(key, _)| suggest::did_you_mean(&key.text, words()));
        let message = format!("{} is not a fault", quoted(word));
        let mut problem = cx.diagnostic(&place, message, "which fault?");
        problem.help.extend(near);
        cx.push(problem.help(help()));
        return None;
    };
    if let Some((second, _)) = named.next() {
        let (one, two) = (quoted(&key.text), quoted(&second.text));
        let message = format!("{one} and {two} in one step");
        let help = "every fault is a step of its own";
        cx.refuse(&second.span, message, "a second fault", help);
        return None;
    }
    (kind.read)(cx, node)
}
