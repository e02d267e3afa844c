//! A rule that was broken.

use squall_protocol::Version;

/// Findings that are kept; the first is nearly always the cause of the others.
const MOST: usize = 10;

/// A rule that was broken, and the records that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The monitor or oracle that speaks, such as `packet flow`.
    pub rule: &'static str,
    /// Statements of the standard that say so, in the version of the connection (see `version`). Empty where a rule is only described.
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
    /// The version whose statements these are; `None` for the one that everybody speaks but those who speak another.
    pub version: Option<Version>,
}

impl Finding {
    /// What it is recognised by.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint<'_> {
        Fingerprint {
            rule: self.rule,
            statements: &self.statements,
            // Nobody sent what did not happen.
            guilty: self.witness.last().copied().filter(|_| !self.absence),
        }
    }
}

/// What a finding is recognised by, or a verdict that somebody else has given: who speaks, what for, and the packet that
/// broke it. Packets are numbered alike in whatever is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint<'f> {
    /// The monitor, oracle or check that speaks.
    pub rule: &'f str,
    /// The statements that it names.
    pub statements: &'f [&'static str],
    /// The record in which the guilty packet was seen, if one packet is guilty.
    pub guilty: Option<usize>,
}

impl Fingerprint<'_> {
    /// Whether both come of one cause, as far as can be told: they show the same packet, or name the same statement. Who
    /// was told of one learns nothing new from the other.
    #[must_use]
    pub fn same_cause(&self, other: &Self) -> bool {
        let packet = self.guilty.is_some() && self.guilty == other.guilty;
        packet || self.statements.iter().any(|s| other.statements.contains(s))
    }
}

/// Of findings of one cause the first, which has the first guilty packet.
#[must_use]
pub fn one_for_each_cause(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let known = |k: &Finding| k.fingerprint().same_cause(&finding.fingerprint());
        if !kept.iter().any(known) {
            kept.push(finding);
        }
    }
    kept
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

    /// Keeps the finding, if it counts, nobody has said the same of the same packet, and there is room.
    pub fn push(&mut self, finding: Finding) {
        if !self.full() && (self.absence || !finding.absence) && !self.repeats(&finding) {
            self.list.push(finding);
        }
    }

    /// A demand speaks for itself, and so does what did not happen.
    fn repeats(&self, finding: &Finding) -> bool {
        let print = finding.fingerprint();
        let same = |kept: &Finding| kept.demand.is_none() && kept.fingerprint() == print;
        print.guilty.is_some() && finding.demand.is_none() && self.list.iter().any(same)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &'static str, statement: &'static str, guilty: usize) -> Finding {
        Finding {
            rule,
            statements: vec![statement],
            message: String::new(),
            expected: String::new(),
            witness: vec![0, guilty],
            absence: false,
            demand: None,
            version: None,
        }
    }

    #[test]
    fn one_packet_or_one_statement_is_one_cause() {
        let all = vec![
            finding("message", "A", 5),
            finding("no invention", "B", 5),
            finding("message", "A", 7),
            finding("order", "C", 7),
        ];
        let kept = one_for_each_cause(all);
        let told: Vec<_> = kept.iter().map(|f| (f.rule, f.witness[1])).collect();
        assert_eq!(told, [("message", 5), ("order", 7)]);
    }

    #[test]
    fn what_did_not_happen_has_no_guilty_packet() {
        let absent = |statement| Finding {
            absence: true,
            ..finding("due", statement, 5)
        };
        assert_eq!(one_for_each_cause(vec![absent("A"), absent("B")]).len(), 2);
    }

    #[test]
    fn the_same_is_said_once_of_the_same_packet_and_demands_speak_for_themselves() {
        let demand = |n| Finding {
            demand: Some(n),
            ..finding("count", "A", 5)
        };
        let mut findings = Findings::new(true);
        for finding in [
            finding("order", "A", 5),
            finding("order", "A", 5),
            finding("order", "A", 6),
            finding("shared", "A", 6),
            demand(0),
            demand(1),
        ] {
            findings.push(finding);
        }
        assert_eq!(findings.into_list().len(), 5);
    }
}
