//! Lists of statements, as people write them.

use serde::Deserialize;

/// Identifiers one after another; `MQTT-1.5.3-1..3` are three.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Ids(pub(crate) Vec<String>);

impl From<String> for Ids {
    fn from(text: String) -> Self {
        Self(text.split_whitespace().flat_map(expand).collect())
    }
}

fn expand(word: &str) -> Vec<String> {
    let range = word.split_once("..").and_then(|(from, to)| {
        let (stem, from) = from.rsplit_once('-')?;
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        Some((from..=to).map(|n| format!("{stem}-{n}")).collect())
    });
    range.unwrap_or_else(|| vec![word.to_owned()])
}

#[test]
fn a_range_is_every_statement_in_it() {
    let Ids(ids) = Ids::from("MQTT-1.5.3-2..4 X-5.0-flow-1".to_owned());
    assert_eq!(
        ids,
        [
            "MQTT-1.5.3-2",
            "MQTT-1.5.3-3",
            "MQTT-1.5.3-4",
            "X-5.0-flow-1"
        ]
    );
}
