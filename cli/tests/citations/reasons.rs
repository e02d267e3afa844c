//! Statements that no line decides, and why.

use crate::ids::Ids;
use serde::Deserialize;
use squall_protocol::Version;
use std::{collections::BTreeMap, fs, path::Path};

/// One of the two that a statement can bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Side {
    Server,
    Client,
}

/// Some of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Reason {
    pub(crate) reason: String,
    pub(crate) by: Side,
    #[serde(flatten)]
    ids: BTreeMap<String, Ids>,
}

impl Reason {
    pub(crate) fn ids(&self, version: Version) -> &[String] {
        self.ids.get(version.as_str()).map_or(&[], |ids| &ids.0)
    }
}

/// All of them, from `reasons.yaml`.
pub(crate) fn reasons() -> Vec<Reason> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/citations/reasons.yaml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
