//! Verdicts, and counts of them.

use serde::{Deserialize, Serialize};
use std::{fmt, iter::Sum};

/// What was found about one check or one simulated run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// What the standard asks for was seen.
    Pass,
    /// A MUST or MUST NOT was broken, or a scenario's guarantee was not kept.
    Fail,
    /// A SHOULD was not followed, or the standard leaves room for doubt.
    Warn,
    /// The target does not offer the feature.
    #[serde(rename = "n/a")]
    NotApplicable,
    /// It could not be found out; the message says why.
    Inconclusive,
}

impl Verdict {
    /// All, in the order reports count them.
    pub const ALL: [Self; 5] = [
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::NotApplicable,
        Self::Inconclusive,
    ];

    /// `pass`, `fail`, `warn`, `n/a` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::NotApplicable => "n/a",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// One character that tells verdicts apart where colour is missing.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Pass => '✓',
            Self::Fail => '✗',
            Self::Warn => '!',
            Self::NotApplicable => '–',
            Self::Inconclusive => '?',
        }
    }

    /// Whether a reader has to look at it: fail, inconclusive and warn.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Fail | Self::Inconclusive | Self::Warn)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many results have each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of results.
    pub total: u64,
    /// Verdict pass.
    pub pass: u64,
    /// Verdict fail.
    pub fail: u64,
    /// Verdict warn.
    pub warn: u64,
    /// Verdict n/a.
    #[serde(rename = "n/a")]
    pub not_applicable: u64,
    /// Verdict inconclusive.
    pub inconclusive: u64,
}

impl FromIterator<Verdict> for Summary {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut counts = Self::default();
        verdicts.into_iter().for_each(|verdict| counts.add(verdict));
        counts
    }
}

impl Summary {
    /// Counts one more result.
    pub const fn add(&mut self, verdict: Verdict) {
        self.total += 1;
        *match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Warn => &mut self.warn,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Inconclusive => &mut self.inconclusive,
        } += 1;
    }

    /// The count of one verdict.
    #[must_use]
    pub const fn of(&self, verdict: Verdict) -> u64 {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Fail => self.fail,
            Verdict::Warn => self.warn,
            Verdict::NotApplicable => self.not_applicable,
            Verdict::Inconclusive => self.inconclusive,
        }
    }

    /// The worst verdict counted, in the order fail, inconclusive, warn, pass, n/a. Nothing at all is inconclusive:
    /// no result is not a good result.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.fail > 0 {
            Verdict::Fail
        } else if self.inconclusive > 0 || self.total == 0 {
            Verdict::Inconclusive
        } else if self.warn > 0 {
            Verdict::Warn
        } else if self.pass > 0 {
            Verdict::Pass
        } else {
            Verdict::NotApplicable
        }
    }
}

impl Sum for Summary {
    fn sum<I: Iterator<Item = Self>>(summaries: I) -> Self {
        summaries.fold(Self::default(), |sum, next| Self {
            total: sum.total + next.total,
            pass: sum.pass + next.pass,
            fail: sum.fail + next.fail,
            warn: sum.warn + next.warn,
            not_applicable: sum.not_applicable + next.not_applicable,
            inconclusive: sum.inconclusive + next.inconclusive,
        })
    }
}
