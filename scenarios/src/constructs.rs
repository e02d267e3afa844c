//! All constructs of the language, from their lists: for the manual, and for whoever asks what a word means.

use crate::{
    action::KINDS as ACTIONS,
    construct::Shape,
    expect::KINDS as EXPECTATIONS,
    keys::Told,
    step::{LEAVES, fault::KINDS as FAULTS},
    steps::{PARALLEL, REPEAT, TIMELINE},
};

/// A construct: its word and all that is said of it.
pub(crate) struct Construct {
    pub(crate) word: &'static str,
    /// What it is: [`ACTION`], [`FAULT`], [`STEP`] or [`EXPECTATION`].
    pub(crate) what: &'static str,
    pub(crate) meaning: &'static str,
    /// An entry of a list.
    pub(crate) example: String,
    pub(crate) told: Vec<Told>,
    /// The keys of `expect` beside it.
    pub(crate) outcome: Vec<Told>,
}

pub(crate) const ACTION: &str = "a step of a client";
pub(crate) const FAULT: &str = "a fault";
pub(crate) const STEP: &str = "a step";
pub(crate) const EXPECTATION: &str = "an expectation";

/// Steps that hold other steps: word, meaning, example.
pub(crate) const HOLDERS: [(&str, &str, &str); 3] = [
    (
        PARALLEL,
        "branches at once, each a step or a list of steps; over when all are",
        "[ { app: connect }, { lock: connect } ]",
    ),
    (
        REPEAT,
        "the same steps again and again",
        "{ times: 3, steps: [ { app: { publish: t } } ] }",
    ),
    (
        TIMELINE,
        "steps that begin at times after the timeline began; over when all are",
        "[ { at: 120ms, app: connect } ]",
    ),
];

/// All of them, in the order of the manual.
pub(crate) fn constructs() -> Vec<Construct> {
    let mut all = Vec::new();
    let mut add = |word, what, meaning, example, told| {
        let outcome = Vec::new();
        all.push(Construct {
            word,
            what,
            meaning,
            example,
            told,
            outcome,
        });
    };
    for kind in FAULTS {
        let example = format!("- fault: {}", kind.example);
        add(kind.word, FAULT, kind.meaning, example, (kind.told)());
    }
    for leaf in LEAVES {
        let example = format!("- {}: {}", leaf.word, leaf.example);
        add(leaf.word, STEP, leaf.meaning, example, (leaf.keys)());
    }
    for (word, meaning, example) in HOLDERS {
        let example = format!("- {word}: {example}");
        add(word, STEP, meaning, example, Vec::new());
    }
    for kind in EXPECTATIONS {
        let example = format!("- {}: {}", kind.word, kind.example);
        add(kind.word, EXPECTATION, kind.meaning, example, (kind.told)());
    }
    let actions = ACTIONS.iter().map(|kind| Construct {
        word: kind.word,
        what: ACTION,
        meaning: kind.meaning,
        example: format!("- app: {}", kind.example),
        told: match kind.shape {
            Shape::Word => Vec::new(),
            _ => (kind.told)(),
        },
        outcome: kind.outcome.map_or_else(Vec::new, |outcome| outcome()),
    });
    all.splice(0..0, actions);
    all
}
