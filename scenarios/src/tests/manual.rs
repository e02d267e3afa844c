//! The manual and the schema say what the language is. `SQUALL_REWRITE=1 cargo test -p squall-scenarios` rewrites both.

use super::{with_expect, with_steps};
use crate::{action, expect, fault, load_str, reference::sections, schema, step::LEAVES};
use std::{fs, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Holds a file to what it has to be, or makes it so.
#[expect(
    clippy::disallowed_methods,
    reason = "asks whoever runs the test, and decides nothing but whether a file is rewritten"
)]
fn hold(file: &str, wanted: &str) {
    let path = root().join(file);
    if std::env::var("SQUALL_REWRITE").is_ok() {
        fs::write(&path, wanted).expect("the source tree can be written");
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    let first = is.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        is == wanted,
        "{file} is not what the language says: {first:#?}; rewrite it with SQUALL_REWRITE=1"
    );
}

#[test]
fn the_manual_says_what_the_tables_say() {
    let mut manual = fs::read_to_string(root().join("README.md")).expect("it is there");
    for (name, section) in sections() {
        let (begin, end) = (
            format!("<!-- begin {name} -->\n"),
            format!("<!-- end {name} -->"),
        );
        let from = manual
            .find(&begin)
            .map(|at| at + begin.len())
            .expect(&begin);
        let to = manual.find(&end).expect(&end);
        manual.replace_range(from..to, &format!("\n{section}\n"));
    }
    hold("README.md", &manual);
}

#[test]
fn the_schema_says_what_the_tables_say() {
    hold("schema.json", &schema());
}

#[test]
fn every_example_is_good() {
    let good = |text: String| {
        if let Err(problems) = load_str("name", "file.yaml", &text) {
            panic!("{}", problems[0].render(false));
        }
    };
    let kept = "  - app: { connect: { will: { topic: t } } }\n  - lock: { connect: { will: { topic: t } } }\n";
    for kind in action::KINDS {
        let text = with_steps(&format!("{kept}  - app: {}", kind.example));
        good(match kind.scripted {
            true => text.replace("  app: {}", "  app: { scripted: true }"),
            false => text,
        });
    }
    for kind in fault::KINDS {
        let text = with_steps(&format!("  - fault: {}", kind.example));
        good(text.replace("\nclients:", "\nbroker: { store: true }\nclients:"));
    }
    for leaf in LEAVES {
        good(with_steps(&format!("  - {}: {}", leaf.word, leaf.example)));
    }
    for kind in expect::KINDS {
        let text = with_expect(&format!("  - {}: {}", kind.word, kind.example));
        good(text.replace("  lock: {}", "  lock: { will: { topic: t } }"));
    }
}
