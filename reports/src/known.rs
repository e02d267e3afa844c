//! Results held against what is known beforehand, whoever knows it: verdicts that are expected, with their reasons.

use crate::model::{SimResult, Verdict};

/// A verdict that is known, and why it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// What is found.
    pub verdict: Verdict,
    /// Not each run shows it: it may also be pass or inconclusive.
    pub sometimes: bool,
    /// Why.
    pub reason: &'a str,
}

impl Known<'_> {
    fn allows(&self, verdict: Verdict) -> bool {
        let not_seen = matches!(verdict, Verdict::Pass | Verdict::Inconclusive);
        verdict == self.verdict || self.sometimes && not_seen
    }
}

/// How results differ from what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Results that are neither pass nor known, in words.
    pub unknown: Vec<String>,
    /// What is known and was not seen, although somebody looked, in words.
    pub unseen: Vec<String>,
    /// Results of verdict fail that are known.
    pub known_fails: usize,
}

impl Comparison {
    /// Whether everything is as it is known.
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.unknown.is_empty() && self.unseen.is_empty()
    }

    /// Adds a result that is called so. Gives the reason to be written into it, where it is known. `shows_nothing`: nobody
    /// looked, so that it differs from nothing.
    pub fn add(
        &mut self,
        name: &str,
        verdict: Verdict,
        known: Option<Known<'_>>,
        shows_nothing: bool,
    ) -> Option<String> {
        match known {
            Some(known) if known.allows(verdict) => {
                self.known_fails += usize::from(verdict == Verdict::Fail);
                return (verdict != Verdict::Pass).then(|| known.reason.trim().to_owned());
            }
            _ if shows_nothing => {}
            Some(known) => {
                let unseen = format!("{name} {verdict}, not {}", known.verdict);
                self.unseen.push(unseen);
            }
            None if verdict == Verdict::Pass => {}
            None => self.unknown.push(format!("{name} {verdict}")),
        }
        None
    }

    /// Adds the result of a story that is listed as `story`, and writes the reason into it. One that was not told shows
    /// nothing: neither what is known, nor that it is not so.
    pub fn add_story(&mut self, story: &str, result: &mut SimResult, known: Option<Known<'_>>) {
        let name = format!("{story} {} seed {}", result.version, result.seed);
        let not_told = result.verdict == Verdict::NotApplicable;
        result.known = self.add(&name, result.verdict, known, not_told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_and_what_is_known_has_its_reason() {
        let mut compared = Comparison::default();
        let known = |verdict, sometimes| Known {
            verdict,
            sometimes,
            reason: "it forgets. ",
        };
        let always = Some(known(Verdict::Fail, false));
        let at_times = Some(known(Verdict::Fail, true));
        let reason = Some("it forgets.".to_owned());
        for (name, verdict, known, shows_nothing, expected) in [
            ("a", Verdict::Fail, always, false, &reason),
            ("b", Verdict::Pass, None, false, &None),
            // What nobody looked at differs from nothing.
            ("c", Verdict::NotApplicable, always, true, &None),
            ("d", Verdict::NotApplicable, None, true, &None),
            ("e", Verdict::NotApplicable, None, false, &None),
            ("f", Verdict::Pass, always, false, &None),
            ("g", Verdict::Warn, None, false, &None),
            // What is not seen in each run may pass, or prove nothing.
            ("h", Verdict::Pass, at_times, false, &None),
            ("i", Verdict::Inconclusive, at_times, false, &reason),
            ("j", Verdict::Warn, at_times, false, &None),
        ] {
            let said = compared.add(name, verdict, known, shows_nothing);
            assert_eq!(&said, expected, "{name}");
        }
        assert!(!compared.is_equal());
        assert_eq!(compared.known_fails, 1);
        assert_eq!(compared.unknown, ["e n/a", "g warn"]);
        assert_eq!(compared.unseen, ["f pass, not fail", "j warn, not fail"]);
    }
}
