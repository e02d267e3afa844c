//! What is known about a client that comes with Squall: verdicts of stories, and why they are right.

use crate::values;
use serde::Deserialize;
use squall_protocol::Version;

/// A verdict that is known, and why it is right.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The stories: names as `squall list scenarios` has them, with `*` for any text.
    pub scenarios: Vec<String>,
    /// In each of these versions.
    #[serde(deserialize_with = "values::versions::deserialize")]
    pub mqtt: Vec<Version>,
    /// What is found, as reports write it: `fail`, `warn` or `inconclusive`.
    pub verdict: String,
    /// Not each run shows it: it may also be pass or inconclusive.
    #[serde(default)]
    pub sometimes: bool,
    /// The statements of the standard that it rests on; none where the verdict is no fail.
    #[serde(default)]
    pub statements: Vec<String>,
    /// What the client does, and why that is so.
    pub reason: String,
}
