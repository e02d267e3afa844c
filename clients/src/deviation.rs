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
    /// The statements of the standard that it rests on; none where the verdict is no fail.
    #[serde(default)]
    pub statements: Vec<String>,
    /// What the client does, and why that is so.
    pub reason: String,
}

impl Deviation {
    /// Whether it is about this story, told in this version, such as `5.0`.
    #[must_use]
    pub fn is_about(&self, scenario: &str, version: &str) -> bool {
        let mut versions = self.mqtt.iter();
        versions.any(|v| v.as_str() == version)
            && self.scenarios.iter().any(|name| means(name, scenario))
    }
}

/// Whether a name that may hold `*` means this one.
fn means(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, rest)) => name.strip_prefix(before).is_some_and(|name| {
            let ends = name.char_indices().map(|(at, _)| at);
            ends.chain([name.len()]).any(|at| means(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_stars() {
        for (pattern, name, is_meant) in [
            ("client/farewell", "client/farewell", true),
            ("client/farewell", "client/farewell-with-the-will", false),
            ("client/*", "client/farewell", true),
            ("*/farewell*", "client/farewell-with-the-will", true),
            ("client/*t", "client/farewell", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(means(pattern, name), is_meant, "{pattern} {name}");
        }
    }
}
