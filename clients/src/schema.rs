//! `clients/schema.json` is what the types read: made of them, and held to them.

use crate::{Operation, Report};
use schemars::generate::SchemaSettings;
use serde_json::json;
use std::{fs, path::Path};

/// Both directions as one JSON schema, with a line break at the end.
fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let operation = generator.subschema_for::<Operation>();
    let report = generator.subschema_for::<Report>();
    let defs = generator.take_definitions(true);
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lines between Squall and an adapter of an MQTT client",
        "description": "Squall writes objects of $defs/Operation, an adapter answers with objects of $defs/Report.",
        "anyOf": [operation, report],
        "$defs": defs,
    });
    format!("{whole:#}\n")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the variable asks a test to write what it makes"
)]
fn the_schema_says_what_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
    let made = schema();
    if std::env::var("SQUALL_REWRITE").is_ok() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "clients/schema.json is out of date: SQUALL_REWRITE=1 cargo test -p squall-clients --lib"
    );
}
