//! A rule that was broken.

use squall_protocol::Version;

/// Findings that are kept; the first is nearly always the cause of the others.
const MOST: usize = 10;

/// A rule that was broken, and the records that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The monitor or oracle that speaks, such as `packet flow`.
    pub rule: &'static str,
    /// Statements of the standard that say so, in the version of the connection. Empty where a rule is only described.
    pub statements: Vec<&'static str>,
    /// What happened, in one sentence.
    pub message: String,
    /// What should have happened.
    pub expected: String,
    /// The records that prove it; a monitor's last one is the guilty packet.
    pub witness: Vec<usize>,
    /// Something did not happen. In a history that was broken off this proves nothing: it might have happened later.
    pub absence: bool,
    /// The demand that was not met, in the numbering of whoever made it; none where the standard demands it.
    pub demand: Option<usize>,
}

/// Findings in the order in which they were made, as far as anybody will read them.
#[derive(Debug)]
pub struct Findings {
    list: Vec<Finding>,
    /// Whether a thing that did not happen counts.
    absence: bool,
}

impl Findings {
    /// An empty list. `whole`: the history was not broken off, so that what did not happen counts.
    #[must_use]
    pub const fn new(whole: bool) -> Self {
        Self {
            list: Vec::new(),
            absence: whole,
        }
    }

    /// Nothing more is kept: whoever looks for more may stop.
    #[must_use]
    pub fn full(&self) -> bool {
        self.list.len() >= MOST
    }

    /// What did not happen counts no more: it might have happened later.
    pub const fn break_off(&mut self) {
        self.absence = false;
    }

    /// Keeps the finding, if it counts and there is room.
    pub fn push(&mut self, finding: Finding) {
        if !self.full() && (self.absence || !finding.absence) {
            self.list.push(finding);
        }
    }

    /// What was kept.
    #[must_use]
    pub fn into_list(self) -> Vec<Finding> {
        self.list
    }
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
