//! The format as a JSON schema, for editors that check and complete while somebody writes.
//!
//! It follows the tables of keys. What one key has to do with another, and who is declared where, only the reader knows:
//! whatever the reader takes the schema takes too, but not the other way round.

use crate::{
    action::{KINDS as ACTIONS, Kind as Action},
    broker::BrokerSpec,
    client::{self, LinkChange},
    construct::Shape,
    constructs::HOLDERS,
    expect::KINDS as EXPECTATIONS,
    keys::map_of,
    kind::Kind,
    record,
    step::LEAVES,
    steps, top,
};
use serde_json::{Map, Value as Json, json};

/// The schema as a JSON document (draft 2020-12), with a line break at the end.
#[must_use]
pub fn schema() -> String {
    let mut schema = map_of(&top::told());
    let parts = [
        ("network", record::map::<LinkChange>().form().schema),
        ("links", named(record::map::<LinkChange>().form().schema)),
        ("broker", record::map::<BrokerSpec>().form().schema),
        ("clients", named(nothing_or(map_of(&client::told())))),
        ("steps", steps_of()),
        ("expect", expect()),
    ];
    let told = top::parts();
    for (name, mut part) in parts {
        let meaning = told.iter().find(|p| p.name == name);
        part["description"] = meaning.map_or("", |p| p.meaning).into();
        schema["properties"][name] = part;
    }
    if let Some(needed) = schema["required"].as_array_mut() {
        let required = told.iter().filter(|part| part.default.is_none());
        needed.extend(required.map(|part| Json::from(part.name)));
    }
    schema["$defs"] = json!({ "step": step() });
    let mut whole = Map::new();
    whole.insert(
        "$schema".into(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    whole.insert("title".into(), "A scenario of Squall".into());
    if let Json::Object(schema) = schema {
        whole.extend(schema);
    }
    format!("{:#}\n", Json::Object(whole))
}

fn named(each: Json) -> Json {
    json!({ "type": "object", "additionalProperties": each })
}

fn nothing_or(schema: Json) -> Json {
    json!({ "anyOf": [{ "type": "null" }, schema] })
}

/// A list of steps.
fn steps_of() -> Json {
    json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" } })
}

fn step() -> Json {
    let at = json!({ "type": "string", "description": "in a timeline: when it begins, after the timeline began" });
    let mut kinds = vec![client_step(&at), broker_step(&at)];
    let mut one = |word: &str, meaning: &str, mut schema: Json| {
        schema["description"] = meaning.into();
        kinds.push(json!({
            "type": "object",
            "properties": { word: schema, "at": at.clone() },
            "required": [word],
            "additionalProperties": false,
        }));
    };
    for leaf in LEAVES {
        one(leaf.word, leaf.meaning, (leaf.form)().schema);
    }
    let branch = json!({ "anyOf": [steps_of(), { "$ref": "#/$defs/step" }] });
    let branches = json!({ "type": "array", "minItems": 1, "items": branch });
    let repeat = json!({
        "type": "object",
        "properties": { "times": { "type": "integer", "minimum": 1 }, "steps": steps_of() },
        "required": ["times", "steps"],
        "additionalProperties": false,
    });
    for ((word, meaning, _), schema) in HOLDERS.into_iter().zip([branches, repeat, steps_of()]) {
        one(word, meaning, schema);
    }
    json!({ "anyOf": kinds })
}

/// A step of a client: whoever is declared is a key.
fn client_step(at: &Json) -> Json {
    let beside = map_of(&steps::told_beside());
    let mut properties = beside["properties"].clone();
    properties["at"] = at.clone();
    let outcomes = ACTIONS.iter().filter_map(|kind| kind.outcome);
    let outcomes: Vec<Json> = outcomes.map(|told| map_of(&told())).collect();
    properties["expect"] = json!({ "anyOf": outcomes, "description": "what must come of it" });
    let words = top::reserved().join("|").replace('.', "\\.");
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { format!("^(?!({words})$)"): { "anyOf": ACTIONS.iter().map(action).collect::<Vec<_>>() } },
        "additionalProperties": false,
        "minProperties": 1,
    })
}

/// A step of a scripted broker.
fn broker_step(at: &Json) -> Json {
    let beside = map_of(&steps::told_beside());
    let mut properties = beside["properties"].clone();
    properties["at"] = at.clone();
    let own = ACTIONS.iter().filter(|kind| kind.broker);
    properties["broker"] = json!({
        "anyOf": own.map(action).collect::<Vec<_>>(),
        "description": "a scripted broker does something",
    });
    json!({
        "type": "object",
        "properties": properties,
        "required": ["broker"],
        "additionalProperties": false,
    })
}

fn action(kind: &Action) -> Json {
    let told = map_of(&(kind.told)());
    let inside = |schema: Json| {
        json!({
            "type": "object",
            "properties": { kind.word: schema },
            "required": [kind.word],
            "additionalProperties": false,
        })
    };
    let word = json!({ "const": kind.word });
    let mut schema = match kind.shape {
        Shape::Word => json!({ "anyOf": [word, inside(json!({}))] }),
        Shape::Optional => json!({ "anyOf": [word, inside(nothing_or(told))] }),
        Shape::Inside => inside(told),
        Shape::Beside => told,
    };
    schema["description"] = kind.meaning.into();
    schema
}

fn expect() -> Json {
    let one = |kind: &crate::construct::Kind<crate::model::ExpectKind>| {
        let mut map = map_of(&(kind.told)());
        map["description"] = kind.meaning.into();
        json!({
            "type": "object",
            "properties": { kind.word: map },
            "required": [kind.word],
            "additionalProperties": false,
        })
    };
    let kinds: Vec<Json> = EXPECTATIONS.iter().map(one).collect();
    json!({ "type": "array", "items": { "anyOf": kinds } })
}
