//! What a word of the language means, wherever it may stand: from the same tables as the manual, for whoever asks on a
//! command line.

use crate::{
    broker::BrokerSpec,
    client::{self, LinkChange, WillSpec},
    constructs::constructs,
    record::{self, Told},
    steps,
    store::StoreSpec,
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

/// The maps that have keys and are no construct, with what their keys are keys of.
fn maps() -> Vec<(String, Vec<Key>)> {
    let mut file = top::told();
    file.extend(top::parts());
    vec![
        ("a file".to_owned(), keys(file)),
        (
            "`network` and `links`".to_owned(),
            keys(record::told::<LinkChange>()),
        ),
        ("`broker`".to_owned(), keys(record::told::<BrokerSpec>())),
        ("`store`".to_owned(), keys(record::told::<StoreSpec>())),
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
    let mut places = maps();
    let mut found = Vec::new();
    for construct in constructs() {
        let (is_it, name) = (construct.word == word, construct.word);
        let own = keys(construct.told);
        let outcome = keys(construct.outcome);
        // The key that a construct begins with is told with the construct.
        let others = own.iter().filter(|key| key.name != name);
        let place = format!("`{name}`, {}", construct.what);
        places.push((place, others.cloned().collect()));
        if !outcome.is_empty() {
            places.push((format!("`expect` beside `{name}`"), outcome.clone()));
        }
        if is_it {
            found.push(Meaning {
                what: construct.what.to_owned(),
                meaning: construct.meaning.to_owned(),
                example: Some(construct.example),
                keys: own,
                outcome,
            });
        }
    }
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
    let mut all: BTreeSet<&str> = BTreeSet::new();
    for construct in constructs() {
        let keys = construct.told.iter().chain(&construct.outcome);
        all.extend(keys.map(|key| key.name).chain([construct.word]));
    }
    let maps = maps();
    all.extend(
        maps.iter()
            .flat_map(|(_, keys)| keys.iter().map(|key| key.name)),
    );
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{constructs::HOLDERS, load_str};

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
