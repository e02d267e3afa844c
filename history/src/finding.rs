//! A rule that was broken.

use squall_protocol::Version;

/// A rule that was broken, and the records that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The monitor that speaks, such as `packet flow`.
    pub rule: &'static str,
    /// Statements behind it, in the version of the connection. Empty where a rule is only described.
    pub statements: Vec<&'static str>,
    /// What happened, in one sentence.
    pub message: String,
    /// What should have happened.
    pub expected: String,
    /// The records that prove it, in order; the last one is the guilty packet.
    pub witness: Vec<usize>,
}

/// Statement numbers of a rule: those of 3.1.1 and those of 5.0.
pub type Cite = (&'static [&'static str], &'static [&'static str]);

/// The statements of a rule in a version.
#[must_use]
pub fn cited(version: Version, (v3, v5): Cite) -> Vec<&'static str> {
    match version {
        Version::V3_1_1 => v3.to_vec(),
        Version::V5_0 => v5.to_vec(),
    }
}
