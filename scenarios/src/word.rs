//! What a word of the language means, wherever it may stand: from the same tables as the manual, for whoever asks on a
//! command line.

use crate::{
    action::KINDS as ACTIONS,
    broker::BrokerSpec,
    client::{self, LinkChange, WillSpec},
    construct::Shape,
    expect::KINDS as EXPECTATIONS,
    fault::KINDS as FAULTS,
    model::LEAVES,
    record::{self, Told},
    steps::{self, PARALLEL, REPEAT, TIMELINE},
    top,
};
use std::collections::BTreeSet;

/// One meaning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What kind of word it is, such as `a fault`, or ``a key of `publish` ``.
    pub what: String,
    /// What it says.
    pub meaning: String,
    /// How it is written; absent for keys.
    pub example: Option<String>,
    /// Of a key its own value and default; otherwise all keys it may have.
    pub keys: Vec<Key>,
    /// The keys of `expect` beside it.
    pub outcome: Vec<Key>,
}

/// A key of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// How it is called.
    pub name: &'static str,
    /// What it may be set to, in a few words.
    pub value: String,
    /// What it is where nothing is said; `None` when it has to be said.
    pub default: Option<String>,
    /// What it says.
    pub meaning: String,
}

impl From<Told> for Key {
    fn from(told: Told) -> Self {
        let version = if told.form.only_5_0 {
            " (5.0 only)"
        } else {
            ""
        };
        Self {
            name: told.name,
            value: told.form.words,
            default: told.default,
            meaning: format!("{}{version}", told.meaning.trim()),
        }
    }
}

fn keys(told: Vec<Told>) -> Vec<Key> {
    told.into_iter().map(Key::from).collect()
}

/// A construct: its word and all that is said of it.
struct Construct {
    word: &'static str,
    of: Meaning,
}

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

/// All constructs, in the order of the manual.
fn constructs() -> Vec<Construct> {
    let one = |word, what: &str, meaning: &str, example: String, told: Vec<Told>| Construct {
        word,
        of: Meaning {
            what: what.to_owned(),
            meaning: meaning.to_owned(),
            example: Some(example),
            keys: keys(told),
            outcome: Vec::new(),
        },
    };
    let mut all = Vec::new();
    for kind in ACTIONS {
        let told = match kind.shape {
            Shape::Word => Vec::new(),
            _ => (kind.told)(),
        };
        let example = format!("- app: {}", kind.example);
        let mut action = one(kind.word, "a step of a client", kind.meaning, example, told);
        action.of.outcome = kind
            .outcome
            .map_or_else(Vec::new, |outcome| keys(outcome()));
        all.push(action);
    }
    for kind in FAULTS {
        let example = format!("- fault: {}", kind.example);
        all.push(one(
            kind.word,
            "a fault",
            kind.meaning,
            example,
            (kind.told)(),
        ));
    }
    for leaf in LEAVES {
        let example = format!("- {}: {}", leaf.word, leaf.example);
        all.push(one(
            leaf.word,
            "a step",
            leaf.meaning,
            example,
            (leaf.keys)(),
        ));
    }
    for (word, meaning, example) in HOLDERS {
        let example = format!("- {word}: {example}");
        all.push(one(word, "a step", meaning, example, Vec::new()));
    }
    for kind in EXPECTATIONS {
        let example = format!("- {}: {}", kind.word, kind.example);
        all.push(one(
            kind.word,
            "an expectation",
            kind.meaning,
            example,
            (kind.told)(),
        ));
    }
    all
}

/// The maps that have keys and are no construct, with what their keys are keys of.
fn maps() -> Vec<(String, Vec<Key>)> {
    let parts = top::PARTS.iter().map(|part| Key {
        name: part.name,
        value: part.value.to_owned(),
        default: part.default.map(str::to_owned),
        meaning: part.meaning.to_owned(),
    });
    let mut file = keys(top::told());
    file.extend(parts);
    vec![
        ("a file".to_owned(), file),
        (
            "`network` and `links`".to_owned(),
            keys(record::told::<LinkChange>()),
        ),
        ("`broker`".to_owned(), keys(record::told::<BrokerSpec>())),
        ("a client".to_owned(), keys(client::told())),
        (
            "a client's `will`".to_owned(),
            keys(record::told::<WillSpec>()),
        ),
        ("a step of a client".to_owned(), keys(steps::told_beside())),
    ]
}

/// Every meaning a word has in the language: as a step, a fault, an expectation, and as a key of something; none for a word
/// that is not of the language.
#[must_use]
pub fn explain(word: &str) -> Vec<Meaning> {
    let constructs = constructs();
    let mut places = maps();
    for construct in &constructs {
        let place = format!("`{}`, {}", construct.word, construct.of.what);
        // The key that a construct begins with is told with the construct.
        let begins = |key: &&Key| key.name == construct.word;
        let keys = construct.of.keys.iter().filter(|key| !begins(key));
        places.push((place, keys.cloned().collect()));
        if !construct.of.outcome.is_empty() {
            let place = format!("`expect` beside `{}`", construct.word);
            places.push((place, construct.of.outcome.clone()));
        }
    }
    let is_it = |construct: Construct| (construct.word == word).then_some(construct.of);
    let mut found: Vec<Meaning> = constructs.into_iter().filter_map(is_it).collect();
    let as_construct = found.len();
    for (place, keys) in places {
        for key in keys.into_iter().filter(|key| key.name == word) {
            // The same key of several maps is one meaning.
            let same = found[as_construct..]
                .iter_mut()
                .find(|m| m.keys == [key.clone()]);
            match same {
                Some(meaning) => meaning.what += &format!("; of {place}"),
                None => found.push(Meaning {
                    what: format!("a key of {place}"),
                    meaning: key.meaning.clone(),
                    example: None,
                    keys: vec![key],
                    outcome: Vec::new(),
                }),
            }
        }
    }
    found
}

/// All words that [`explain`] knows, in alphabetical order.
#[must_use]
pub fn words() -> Vec<&'static str> {
    let constructs = constructs();
    let of_constructs = constructs.iter().flat_map(|construct| {
        let keys = construct.of.keys.iter().chain(&construct.of.outcome);
        std::iter::once(construct.word).chain(keys.map(|key| key.name))
    });
    let maps = maps();
    let of_maps = maps
        .iter()
        .flat_map(|(_, keys)| keys.iter().map(|key| key.name));
    let all: BTreeSet<&str> = of_constructs.chain(of_maps).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_str;

    #[test]
    fn every_word_has_a_meaning_and_no_other_word_has() {
        let words = words();
        for word in [
            "publish",
            "cut",
            "settle",
            "parallel",
            "delivered",
            "session_expiry",
            "loss",
            "seeds",
            "within",
        ] {
            assert!(words.contains(&word), "{word}");
        }
        for word in words {
            let meanings = explain(word);
            assert!(!meanings.is_empty(), "{word}");
            for meaning in meanings {
                assert!(!meaning.meaning.is_empty(), "{word}: {meaning:?}");
            }
        }
        assert_eq!(explain("nonsense"), []);
    }

    #[test]
    fn a_word_has_all_of_its_meanings() {
        let kinds = |word| -> Vec<String> { explain(word).into_iter().map(|m| m.what).collect() };
        let will = kinds("will");
        assert!(will.contains(&"an expectation".to_owned()), "{will:?}");
        assert!(
            will.iter()
                .any(|what| what.starts_with("a key of a client")),
            "{will:?}"
        );
        let published = explain("published");
        assert_eq!(published[0].what, "a key of `will`, an expectation");
        let publish = explain("publish");
        let only_5_0 = publish[0]
            .keys
            .iter()
            .filter(|k| k.meaning.ends_with("(5.0 only)"));
        assert!(only_5_0.count() > 0, "{publish:?}");
        assert_eq!(publish.len(), 1, "its own key is told with it: {publish:?}");
    }

    #[test]
    fn examples_of_steps_that_hold_steps_are_good() {
        for (word, _, example) in HOLDERS {
            let text = format!(
                "title: t\nclients: {{ app: {{}}, lock: {{}} }}\nsteps:\n  - app: connect\n  - lock: connect\n  - {word}: {example}\n"
            );
            if let Err(problems) = load_str("t", "t.yaml", &text) {
                panic!("{}", problems[0].render(false));
            }
        }
    }
}
