//! The reference of the format, made from the tables of keys.
//!
//! The manual holds these sections between marks; a test holds them to what is said here.

use crate::{
    broker::BrokerSpec,
    client::{self, WillSpec},
    constructs::{ACTION, Construct, EXPECTATION, FAULT, HOLDERS, STEP, constructs},
    record::{self, Told},
    steps,
    store::StoreSpec,
    top,
};
use std::fmt::Write as _;

/// The sections by name, in Markdown.
#[must_use]
pub fn sections() -> [(&'static str, String); 9] {
    [
        ("top", top_keys()),
        ("broker", table(&record::told::<BrokerSpec>())),
        ("store", table(&record::told::<StoreSpec>())),
        ("clients", table(&client::told())),
        ("will", table(&record::told::<WillSpec>())),
        ("actions", actions()),
        ("faults", all(FAULT, "####", &[])),
        ("steps", others()),
        ("expectations", all(EXPECTATION, "###", &[])),
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

fn top_keys() -> String {
    let mut told = top::told();
    told.extend(top::parts());
    table(&told)
}

/// All constructs that are `what`, each below a heading.
fn all(what: &str, heading: &str, but: &[&str]) -> String {
    let all = constructs().into_iter();
    let meant = all.filter(|one| one.what == what && !but.contains(&one.word));
    let entries: Vec<String> = meant.map(|one| entry(&one, heading)).collect();
    entries.join("\n")
}

fn entry(one: &Construct, heading: &str) -> String {
    let Construct {
        word,
        meaning,
        example,
        ..
    } = one;
    let mut text = format!("{heading} `{word}`\n\n{meaning}:\n\n```yaml\n{example}\n```\n");
    if !one.told.is_empty() {
        let _ = write!(text, "\n{}", table(&one.told));
    }
    if !one.outcome.is_empty() {
        let _ = write!(text, "\n`expect` beside it:\n\n{}", table(&one.outcome));
    }
    text
}

fn actions() -> String {
    let beside = table(&steps::told_beside());
    let actions = all(ACTION, "####", &[]);
    format!("{actions}\n#### Beside the name of a client\n\n{beside}")
}

/// Faults have a section of their own, and what holds other steps is told in the text.
fn others() -> String {
    let holders = HOLDERS.map(|(word, ..)| word);
    let but: Vec<&str> = holders.into_iter().chain(["fault"]).collect();
    all(STEP, "####", &but)
}
