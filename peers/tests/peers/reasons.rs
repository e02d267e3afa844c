//! Why we accept valid vectors that a peer refuses or misreads: the reader of `reasons.yaml`.

use serde::Deserialize;

/// Why it is right to accept some valid vectors that a peer refuses or misreads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    pub(crate) why: String,
    /// Names of crates.
    pub(crate) peers: Vec<String>,
    /// Names, or beginnings of names that end with `*`.
    pub(crate) vectors: Vec<String>,
}

impl Reason {
    /// Whether it is about this peer and this vector.
    pub(crate) fn covers(&self, peer: &str, name: &str) -> bool {
        self.peers.iter().any(|p| p == peer) && self.vectors.iter().any(|v| matches(v, name))
    }
}

/// Whether a name of `reasons.yaml` stands for this vector.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// `reasons.yaml`.
pub(crate) fn reasons() -> Vec<Reason> {
    serde_yaml::from_str(include_str!("reasons.yaml")).expect("reasons.yaml")
}
