//! What is to be known of the keys of a map, and maps as JSON schemas.

use crate::kind::Form;
use serde_json::{Map, Value as Json, json};

/// What is to be known of a key.
pub(crate) struct Told {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) form: Form,
    /// `None` when the key must be there.
    pub(crate) default: Option<String>,
}

/// A map with these keys and no other.
pub(crate) fn map_of(told: &[Told]) -> Json {
    let mut properties = Map::new();
    for key in told {
        properties.insert(key.name.into(), described(key));
    }
    let needed: Vec<&str> = told
        .iter()
        .filter(|key| key.default.is_none())
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

fn described(key: &Told) -> Json {
    let version = if key.form.only_5_0 { " (5.0 only)" } else { "" };
    let mut schema = key.form.schema.clone();
    if let Some(schema) = schema.as_object_mut() {
        let text = format!("{}{version}", key.meaning.trim());
        schema.insert("description".into(), text.into());
    }
    schema
}
