//! How a target is tested.

use crate::target::file::Lack;
use squall_protocol::Version;
use std::time::Duration;

/// How a target is tested.
#[derive(Clone, Debug)]
pub struct Options {
    /// The versions to test; both by default.
    pub versions: Vec<Version>,
    /// Names of checks, `*` for any text; all checks when empty.
    pub only: Vec<String>,
    /// How many checks run at once, at least 1; 16 by default.
    pub jobs: usize,
    /// The longest time one check may take at a target next door; 12 s by default. A slower target has 200 of its round
    /// trips more, at most 2 minutes.
    pub timeout: Duration,
    /// How long a check waits at least for one thing that has to come; 3 s by default. A slower target has 10 of its
    /// round trips, at most 30 s.
    pub wait: Duration,
    /// How long the first CONNECT of a version waits for its answer; 5 s by default.
    pub first_answer: Duration,
    /// What is documented as missing at the target: checks that need it are not asked.
    pub lacks: Vec<Lack>,
    /// Whether results that nobody has to look at keep their packets too; not by default, as most results are such.
    pub all_evidence: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            versions: Version::ALL.to_vec(),
            only: Vec::new(),
            jobs: 16,
            timeout: Duration::from_secs(12),
            wait: Duration::from_secs(3),
            first_answer: Duration::from_secs(5),
            lacks: Vec::new(),
            all_evidence: false,
        }
    }
}
