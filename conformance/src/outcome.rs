//! What a check says in the end, and the one place where doubt turns a failure into a warning.

use crate::catalogue;
use squall_history::form;
use squall_protocol::{Packet, Version, Violation};
use squall_reports::Verdict;

/// What a check found.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    /// The statements it rests on; empty means those of the check.
    pub(crate) cites: Vec<&'static str>,
    /// Doubt in the catalogue does not touch it: it is about what the receiver of such a packet does.
    certain: bool,
    /// The packet of the server where it went wrong, to be marked in the evidence.
    pub(crate) guilty: Option<Box<Packet>>,
    /// A packet that the server sent shows it, so it stands whatever becomes of the server.
    pub(crate) proven: bool,
    /// The server sent so much, or so long a packet, that the check did not come to its question.
    pub(crate) blocked: bool,
    /// The connection ended, or none could be had, where the check was about something else: it may be asked again.
    pub(crate) interrupted: bool,
}

/// A check ends with an outcome; `?` ends it early.
pub(crate) type Judged = Result<Outcome, Outcome>;

impl Outcome {
    pub(crate) fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        let message = message.into();
        let cites = Vec::new();
        Self {
            verdict,
            message,
            cites,
            certain: false,
            guilty: None,
            proven: false,
            blocked: false,
            interrupted: false,
        }
    }

    /// The same, whatever doubt the catalogue has: the doubt is about something else than what was found.
    pub(crate) fn beyond_doubt(mut self) -> Self {
        self.certain = true;
        self
    }

    /// The same, with the packet where it went wrong.
    pub(crate) fn showing(mut self, packet: &Packet) -> Self {
        self.guilty = Some(Box::new(packet.clone()));
        self.proven = true;
        self
    }

    /// What the check may go on with, if anything: nothing when it is a verdict about the server.
    pub(crate) fn is_inconclusive(&self) -> bool {
        self.verdict == Verdict::Inconclusive
    }

    /// The same, resting on these statements alone.
    pub(crate) fn citing(mut self, cites: &[&'static str]) -> Self {
        self.cites = cites.to_vec();
        self
    }

    /// What the server sent breaks the standard by itself, whatever the check was about.
    pub(crate) fn violation(violation: &Violation) -> Self {
        let message = format!("the server sent what the standard forbids: {violation}");
        let cites = form::broken_by_server(violation);
        let mut outcome = Self::new(Verdict::Fail, message).citing(&cites);
        outcome.proven = true;
        outcome.certain = form::breaks_format(violation.rule);
        match outcome.cites.is_empty() {
            // A rule without a statement in this version is no ground for a failure.
            true => Self {
                verdict: Verdict::Warn,
                ..outcome
            },
            false => outcome,
        }
    }

    /// A failure stays one only if a statement it rests on can be graded.
    pub(crate) fn graded(mut self, version: Version, own: &[&'static str]) -> Self {
        let cites = if self.cites.is_empty() {
            own
        } else {
            &self.cites[..]
        };
        if self.verdict != Verdict::Fail || self.certain {
            return self;
        }
        let doubts: Vec<Option<String>> = cites
            .iter()
            .map(|id| match catalogue::find(version, id) {
                Some(statement) => statement.why_not_gradable(),
                None => Some(format!("{id} is not in the catalogue")),
            })
            .collect();
        if doubts.iter().all(Option::is_some) {
            self.verdict = Verdict::Warn;
            if let Some(Some(doubt)) = doubts.first() {
                self.message = format!("{} (a warning, because {doubt})", self.message);
            }
        }
        self
    }
}

pub(crate) fn pass(message: impl Into<String>) -> Judged {
    Ok(Outcome::new(Verdict::Pass, message))
}

pub(crate) fn fail(message: impl Into<String>) -> Judged {
    Ok(Outcome::new(Verdict::Fail, message))
}

pub(crate) fn fail_on(cites: &[&'static str], message: impl Into<String>) -> Judged {
    Ok(Outcome::new(Verdict::Fail, message).citing(cites))
}

/// A failure with the packet that shows it.
pub(crate) fn fail_at(packet: &Packet, message: impl Into<String>) -> Judged {
    Ok(Outcome::new(Verdict::Fail, message).showing(packet))
}

pub(crate) fn warn(message: impl Into<String>) -> Judged {
    Ok(Outcome::new(Verdict::Warn, message))
}

pub(crate) fn not_applicable(message: impl Into<String>) -> Outcome {
    Outcome::new(Verdict::NotApplicable, message)
}

pub(crate) fn inconclusive(message: impl Into<String>) -> Outcome {
    Outcome::new(Verdict::Inconclusive, message)
}

/// Inconclusive because the connection ended, or could not be had, in the middle of something else.
pub(crate) fn interrupted(message: impl Into<String>) -> Outcome {
    Outcome {
        interrupted: true,
        ..inconclusive(message)
    }
}

/// Inconclusive because of what the server sent beyond measure; never a ground for blaming it for what is missing.
pub(crate) fn blocked(message: impl Into<String>) -> Outcome {
    Outcome {
        blocked: true,
        ..inconclusive(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::Role;

    fn failed_on(version: Version, ids: &[&'static str]) -> Verdict {
        Outcome::new(Verdict::Fail, "x")
            .graded(version, ids)
            .verdict
    }

    #[test]
    fn one_gradable_statement_is_enough_for_a_failure() {
        let v5 = Version::V5_0;
        assert_eq!(failed_on(v5, &["MQTT-3.3.1-4"]), Verdict::Fail);
        assert_eq!(failed_on(v5, &["MQTT-3.3.2-2"]), Verdict::Warn);
        assert_eq!(
            failed_on(v5, &["MQTT-3.3.2-2", "MQTT-3.3.1-4"]),
            Verdict::Fail
        );
        assert_eq!(failed_on(v5, &["X-5.0-topic-1"]), Verdict::Warn);
        assert_eq!(failed_on(v5, &["MQTT-0.0.0-0"]), Verdict::Warn);
    }

    #[test]
    fn a_doubt_is_told() {
        let outcome = Outcome::new(Verdict::Fail, "it stayed open");
        let graded = outcome.graded(Version::V5_0, &["MQTT-3.3.2-2"]);
        assert!(
            graded
                .message
                .starts_with("it stayed open (a warning, because ")
        );
    }

    /// What is said of a server that sends these bytes.
    fn sent(version: Version, bytes: &'static [u8]) -> Outcome {
        let bytes = bytes::Bytes::from_static(bytes);
        let violation = squall_protocol::decode_one(&bytes, Role::Server, Some(version))
            .expect_err("it breaks a rule");
        Outcome::violation(&violation).graded(version, &[])
    }

    #[test]
    fn a_server_that_sends_what_cannot_be_read_fails() {
        for (version, bytes) in [
            (Version::V3_1_1, &b"\x40\x03\0\x01\0"[..]),
            (Version::V3_1_1, b"\x20\x01\0"),
            (Version::V3_1_1, b"\x82\x06\0\x01\0\x01a\0"),
            (Version::V5_0, b"\x30\x04\0\x05a\0"),
            (Version::V5_0, b"\x40\x82\0\0\x01"),
            (Version::V5_0, b"\x30\x06\0\x01a\x02\x11\0"),
        ] {
            let outcome = sent(version, bytes);
            assert_eq!(outcome.verdict, Verdict::Fail, "{outcome:?}");
        }
    }

    #[test]
    fn what_the_standard_leaves_in_doubt_is_a_warning() {
        // Two Payload Format Indicators in a PUBLISH: the text forbids it for the will only.
        let outcome = sent(Version::V5_0, b"\x30\x08\0\x01a\x04\x01\0\x01\0");
        assert_eq!(outcome.verdict, Verdict::Warn, "{outcome:?}");
    }
}
