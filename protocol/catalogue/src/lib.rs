//! The catalogue of normative statements, compiled in: what MQTT 3.1.1 and 5.0 ask for, as data.
//!
//! Wording is our own and the OASIS text decides. Knows no checks; it says how far a statement may be graded.

use serde::Deserialize;
use squall_protocol::Version;
use std::{fmt, sync::LazyLock};

/// One statement of the standard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Number as in appendix B, or `X-<version>-<topic>-<n>` for a requirement without a number.
    pub id: String,
    /// Other printed forms of the same number.
    #[serde(default)]
    pub aka: Vec<String>,
    /// Section number and short title.
    pub section: String,
    /// How strong it is.
    pub level: Level,
    /// What an unnumbered requirement rests on; `None` for a numbered one.
    pub basis: Option<Basis>,
    /// Who is bound.
    pub actor: Actor,
    /// The requirement in one sentence.
    pub says: String,
    /// The best way to see it from outside.
    pub observe: Observe,
    /// Further ways.
    #[serde(default)]
    pub observe_also: Vec<Observe>,
    /// Features it depends on.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Stimulus and expected reaction.
    pub probe: Option<String>,
    /// Packets that tell of the error, with the codes that fit.
    #[serde(default)]
    pub reason: Vec<ReasonRule>,
    /// Duty to close the connection in the error case.
    pub close: Option<CloseDuty>,
    /// Whether closing without a packet is right.
    pub bare_close: Option<BareClose>,
    /// Why it cannot be seen, or needs a simulator.
    pub why: Option<String>,
    /// Doubt: such a statement is never graded as a plain failure.
    pub unsure: Option<String>,
}

/// The word of RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the words of RFC 2119")]
pub enum Level {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "MUST NOT")]
    MustNot,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "MAY")]
    May,
}

impl Level {
    /// `MUST`, `MUST NOT`, `SHOULD` or `MAY`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an unnumbered requirement rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The text has a word of RFC 2119.
    Keyword,
    /// The text calls it a Protocol Error or a Malformed Packet.
    Error,
    /// Stated as a fact; the level is our reading.
    Descriptive,
}

/// Who is bound by a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the roles of the standard")]
pub enum Actor {
    Server,
    Client,
    Sender,
    Receiver,
    Both,
}

/// How a statement can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observe {
    /// By a client that probes a server.
    ServerProbe,
    /// By a server that probes a client.
    ClientProbe,
    /// With simulated time or network.
    Simulator,
    /// Not at all.
    Unobservable,
}

/// A packet that tells of an error, with the codes that fit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonRule {
    /// Name of the packet, such as `DISCONNECT`.
    pub packet: String,
    /// Codes that fit, such as `0x81`.
    pub codes: Vec<String>,
    /// How strongly sending it is asked for.
    pub level: Level,
}

impl ReasonRule {
    /// The codes as numbers.
    pub fn values(&self) -> impl Iterator<Item = u8> + '_ {
        self.codes
            .iter()
            .filter_map(|code| u8::from_str_radix(code.trim_start_matches("0x"), 16).ok())
    }
}

/// Duty to close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseDuty {
    /// It has to be closed.
    Must,
    /// It should be closed.
    Should,
    /// It may be closed.
    May,
    /// The text names no reaction.
    Unsettled,
}

/// Whether closing without saying why is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BareClose {
    /// Yes.
    Allowed,
    /// No: the packet with the code is a MUST.
    NotAllowed,
    /// Nothing may be sent first.
    Required,
}

impl Statement {
    /// Whether breaking it is a failure: a MUST or MUST NOT of the text itself, without a doubt noted and with its
    /// reaction settled. Anything else is at most a warning.
    #[must_use]
    pub fn gradable(&self) -> bool {
        self.why_not_gradable().is_none()
    }

    /// Why breaking it is at most a warning; `None` when it is a failure.
    #[must_use]
    pub fn why_not_gradable(&self) -> Option<String> {
        if let Some(doubt) = &self.unsure {
            return Some(format!("the standard leaves room: {doubt}"));
        }
        if self.basis == Some(Basis::Descriptive) {
            return Some("the standard states it without a MUST".to_owned());
        }
        if self.close == Some(CloseDuty::Unsettled) {
            return Some("the standard names no reaction".to_owned());
        }
        match self.level {
            Level::Must | Level::MustNot => None,
            level => Some(format!("it is a {}", level.as_str())),
        }
    }

    /// Whether it has a number of its own in the standard.
    #[must_use]
    pub const fn is_numbered(&self) -> bool {
        self.basis.is_none()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "spec")]
    _spec: String,
    #[serde(rename = "document")]
    _document: String,
    #[serde(rename = "format")]
    _format: u32,
    counts: Counts,
    statements: Vec<Statement>,
    also: Vec<Statement>,
}

#[derive(Deserialize)]
struct Counts {
    statements: usize,
    also: usize,
}

fn parse(name: &str, source: &str) -> Vec<Statement> {
    let document: Document = serde_yaml::from_str(source)
        .unwrap_or_else(|error| panic!("the catalogue {name} that is compiled in: {error}"));
    let (numbered, also) = (document.counts.statements, document.counts.also);
    assert_eq!(numbered, document.statements.len(), "counts in {name}");
    assert_eq!(also, document.also.len(), "counts in {name}");
    let mut all = document.statements;
    all.extend(document.also);
    all
}

static V3_1_1: LazyLock<Vec<Statement>> =
    LazyLock::new(|| parse("mqtt-3.1.1.yaml", include_str!("../mqtt-3.1.1.yaml")));
static V5_0: LazyLock<Vec<Statement>> =
    LazyLock::new(|| parse("mqtt-5.0.yaml", include_str!("../mqtt-5.0.yaml")));

/// All statements of a version: the numbered ones in order, then the others.
#[must_use]
pub fn statements(version: Version) -> &'static [Statement] {
    match version {
        Version::V3_1_1 => &V3_1_1,
        Version::V5_0 => &V5_0,
    }
}

/// The statement with this number (or another printed form of it) in this version.
#[must_use]
pub fn find(version: Version, id: &str) -> Option<&'static Statement> {
    statements(version)
        .iter()
        .find(|s| s.id == id || s.aka.iter().any(|other| other == id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(version: Version) -> (usize, usize) {
        let numbered = statements(version)
            .iter()
            .filter(|s| s.is_numbered())
            .count();
        (numbered, statements(version).len() - numbered)
    }

    #[test]
    fn every_statement_of_both_versions_is_there() {
        assert_eq!(counts(Version::V3_1_1), (141, 46));
        assert_eq!(counts(Version::V5_0), (251, 150));
    }

    #[test]
    fn numbers_are_found_also_by_their_other_printed_form() {
        assert_eq!(
            find(Version::V5_0, "MQTT-4.2-1").unwrap().id,
            "MQTT-4.2.0-1"
        );
        assert_eq!(
            find(Version::V3_1_1, "MQTT-3.1.2.7").unwrap().id,
            "MQTT-3.1.2-7"
        );
        assert!(find(Version::V3_1_1, "MQTT-9.9.9-9").is_none());
    }

    #[test]
    fn numbers_are_unique_and_every_code_is_a_number() {
        for version in Version::ALL {
            let mut ids: Vec<_> = statements(version).iter().map(|s| &s.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), statements(version).len());
            for rule in statements(version).iter().flat_map(|s| &s.reason) {
                assert_eq!(rule.values().count(), rule.codes.len(), "{rule:?}");
            }
        }
    }

    #[test]
    fn doubt_description_and_should_are_never_a_failure() {
        let grade = |version, id| find(version, id).unwrap().gradable();
        assert!(grade(Version::V5_0, "MQTT-3.3.1-4"));
        assert!(
            !grade(Version::V5_0, "MQTT-3.3.2-2"),
            "the reaction is not settled"
        );
        assert!(!grade(Version::V3_1_1, "X-3.1.1-topic-1"), "descriptive");
        assert!(
            !grade(Version::V3_1_1, "X-3.1.1-disconnect-1"),
            "only a SHOULD"
        );
    }
}
