//! The reference of the format, made from the tables of keys.
//!
//! The manual holds these sections between marks; a test holds them to what is said here.

use crate::{
    action::{self, KINDS as ACTIONS},
    broker::BrokerSpec,
    client::{self, WillSpec},
    construct::Shape,
    expect::KINDS as EXPECTATIONS,
    fault::KINDS as FAULTS,
    model::LEAVES,
    record::{self, Told},
    steps, top,
};
use std::fmt::Write as _;

/// The sections by name, in Markdown.
#[must_use]
pub fn sections() -> [(&'static str, String); 8] {
    [
        ("top", top_keys()),
        ("broker", table(&record::told::<BrokerSpec>())),
        ("clients", table(&client::told())),
        ("will", table(&record::told::<WillSpec>())),
        ("actions", actions()),
        ("faults", faults()),
        ("steps", others()),
        ("expectations", expectations()),
    ]
}

fn table(told: &[Told]) -> String {
    let mut text = String::from("| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in told {
        let default = match key.default.as_deref() {
            None => "required".to_owned(),
            Some("none") => "none".into(),
            Some(default) => format!("`{default}`"),
        };
        let version = if key.form.only_5_0 { " (5.0 only)" } else { "" };
        let (name, value, meaning) = (key.name, &key.form.words, key.meaning.trim());
        let _ = writeln!(
            text,
            "| `{name}` | {value} | {default} | {meaning}{version} |"
        );
    }
    text
}

fn construct(meaning: &str, before: &str, example: &str, told: &[Told]) -> String {
    let mut text = format!("{meaning}:\n\n```yaml\n- {before}{example}\n```\n");
    if !told.is_empty() {
        let _ = write!(text, "\n{}", table(told));
    }
    text
}

fn top_keys() -> String {
    let mut text = table(&top::told());
    for part in top::PARTS {
        let default = match part.default {
            None => "required".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let (name, value, meaning) = (part.name, part.value, part.meaning);
        let _ = writeln!(text, "| `{name}` | {value} | {default} | {meaning} |");
    }
    text
}

fn one_action(kind: &action::Kind) -> String {
    let mut told = (kind.told)();
    if kind.shape == Shape::Word {
        told.clear();
    }
    let mut text = construct(kind.meaning, "app: ", kind.example, &told);
    if let Some(outcome) = kind.outcome {
        let _ = write!(text, "\n`expect` beside it:\n\n{}", table(&outcome()));
    }
    text
}

fn actions() -> String {
    let mut text = String::new();
    for kind in ACTIONS {
        let _ = writeln!(text, "#### `{}`\n\n{}", kind.word, one_action(kind));
    }
    let beside = table(&steps::told_beside());
    let _ = write!(text, "#### Beside the name of a client\n\n{beside}");
    text
}

fn faults() -> String {
    let mut entries = Vec::new();
    for kind in FAULTS {
        let entry = construct(kind.meaning, "fault: ", kind.example, &(kind.told)());
        entries.push(format!("#### `{}`\n\n{entry}", kind.word));
    }
    entries.join("\n")
}

fn others() -> String {
    let mut entries = Vec::new();
    for leaf in LEAVES {
        if leaf.word == "fault" {
            continue; // has a section of its own
        }
        let example = format!("{}: ", leaf.word);
        let entry = construct(leaf.meaning, &example, leaf.example, &(leaf.keys)());
        entries.push(format!("#### `{}`\n\n{entry}", leaf.word));
    }
    entries.join("\n")
}

fn expectations() -> String {
    let mut entries = Vec::new();
    for kind in EXPECTATIONS {
        let example = format!("{}: ", kind.word);
        let entry = construct(kind.meaning, &example, kind.example, &(kind.told)());
        entries.push(format!("### `{}`\n\n{entry}", kind.word));
    }
    entries.join("\n")
}
