//! The checks, a file a section of the standard. A check is an async function over a context, with what it is about in a
//! constant beside it, and a line in its file's list; the registry is the lists of the files, one after the other.

mod wire;

use crate::{
    catalogue::{self, Statement},
    cx::Cx,
    outcome::Judged,
};
use squall_protocol::{Version, packet::ConnAck};
use std::{fmt, future::Future, pin::Pin};

/// A check and what it is about.
pub struct Check {
    /// `group/kebab-name`.
    pub id: &'static str,
    /// What it is about, in a sentence.
    pub title: &'static str,
    /// What the standard asks for here.
    pub expected: &'static str,
    /// Statements it judges in 3.1.1, the main one first; empty when it is not about 3.1.1.
    pub v3_1_1: &'static [&'static str],
    /// Statements it judges in 5.0, the main one first; empty when it is not about 5.0.
    pub v5_0: &'static [&'static str],
    /// Features without which it is not applicable.
    pub needs: &'static [Need],
    pub(crate) run: Run,
}

/// The body of a check.
pub(crate) type Run = for<'a> fn(&'a Cx) -> Pin<Box<dyn Future<Output = Judged> + 'a>>;

impl Check {
    /// Statements it judges in this version.
    #[must_use]
    pub const fn statements(&self, version: Version) -> &'static [&'static str] {
        match version {
            Version::V3_1_1 => self.v3_1_1,
            Version::V5_0 => self.v5_0,
        }
    }

    /// Whether it judges anything in this version.
    #[must_use]
    pub const fn applies_to(&self, version: Version) -> bool {
        !self.statements(version).is_empty()
    }

    /// Whether what it sends can reach others: a server may forward a message that it should have refused.
    pub(crate) fn disturbs(&self) -> bool {
        self.id.starts_with("vectors/")
    }

    /// The versions it is about, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = Version> + '_ {
        Version::ALL.into_iter().filter(|v| self.applies_to(*v))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("id", &self.id)
            .field("v3_1_1", &self.v3_1_1)
            .field("v5_0", &self.v5_0)
            .finish_non_exhaustive()
    }
}

/// A feature that a server may lack, and in 5.0 says so in CONNACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// QoS 1.
    Qos1,
    /// QoS 2.
    Qos2,
    /// Retained messages.
    Retain,
    /// Wildcard subscriptions.
    Wildcard,
    /// Subscription identifiers.
    SubscriptionIdentifiers,
    /// Shared subscriptions.
    Shared,
    /// Topic aliases from client to server.
    TopicAlias,
}

impl Need {
    /// What in the CONNACK says that the server lacks it; `None` when it offers it.
    pub(crate) fn lacking(self, connack: &ConnAck) -> Option<String> {
        let p = &connack.properties;
        let off = |name: &str, value: Option<u8>| {
            (value == Some(0)).then(|| format!("the server announces {name} 0"))
        };
        let qos = |least: u8| {
            let max = p.maximum_qos().filter(|max| *max < least)?;
            Some(format!("the server announces Maximum QoS {max}"))
        };
        match self {
            Self::Qos1 => qos(1),
            Self::Qos2 => qos(2),
            Self::Retain => off("Retain Available", p.retain_available()),
            Self::Wildcard => off(
                "Wildcard Subscription Available",
                p.wildcard_subscription_available(),
            ),
            Self::SubscriptionIdentifiers => off(
                "Subscription Identifiers Available",
                p.subscription_identifiers_available(),
            ),
            Self::Shared => off(
                "Shared Subscription Available",
                p.shared_subscription_available(),
            ),
            Self::TopicAlias => match p.topic_alias_maximum() {
                None => Some("the server announces no Topic Alias Maximum".to_owned()),
                Some(0) => Some("the server announces Topic Alias Maximum 0".to_owned()),
                Some(_) => None,
            },
        }
    }
}

macro_rules! sections {
    ($($section:ident),+ $(,)?) => {
        $(mod $section;)+

        /// One table a file.
        const TABLES: &[&[Check]] = &[$($section::CHECKS),+];
    };
}

// Each is a file.
sections! {
    connect,
    client_id,
    malformed_connect,
    malformed,
    qos,
    resume,
    subscribe,
    topic,
    retained,
    session,
    takeover,
    will,
    will_end,
    keep_alive,
    flow,
    alias,
    forward,
    shared,
    // The last, because they run when the others are done.
    vectors,
}

/// Reads the data that checks share, so that none of them does it while others measure time.
pub(crate) fn prepare() {
    for version in Version::ALL {
        let _ = catalogue::statements(version);
    }
    vectors::prepare();
}

/// Every check, in order of the registry.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    TABLES.iter().copied().flatten()
}

/// A check with the statements it judges; `None` when no check has this name.
#[must_use]
pub fn explain(id: &str) -> Option<Explanation> {
    let check = checks().find(|check| check.id == id)?;
    let statements = check
        .versions()
        .flat_map(|version| {
            check
                .statements(version)
                .iter()
                .map(move |id| (version, *id))
        })
        .filter_map(|(version, id)| Some((version, catalogue::find(version, id)?)))
        .collect();
    Some(Explanation { check, statements })
}

/// What there is to say about a check.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The check.
    pub check: &'static Check,
    /// Its statements, by version.
    pub statements: Vec<(Version, &'static Statement)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_statement_is_in_the_catalogue_of_its_version() {
        for check in checks() {
            for version in check.versions() {
                for id in check.statements(version) {
                    assert!(
                        catalogue::find(version, id).is_some(),
                        "{}: {id} ({version})",
                        check.id
                    );
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_every_check_is_about_something() {
        let names: BTreeSet<_> = checks().map(|c| c.id).collect();
        assert_eq!(names.len(), checks().count());
        for check in checks() {
            let (group, name) = check.id.split_once('/').expect(check.id);
            let kebab = |s: &str| {
                s.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            assert!(kebab(group) && kebab(name), "{}", check.id);
            assert!(
                check.versions().next().is_some(),
                "{} is about no version",
                check.id
            );
            assert!(
                !check.title.is_empty() && !check.expected.is_empty(),
                "{}",
                check.id
            );
        }
    }

    /// The text of each file of checks.
    fn sources() -> Vec<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check");
        let files = std::fs::read_dir(folder).expect("the folder of checks");
        let paths = files.map(|file| file.expect("a file of checks").path());
        let rust = paths.filter(|path| path.extension().is_some_and(|e| e == "rs"));
        rust.map(|path| std::fs::read_to_string(path).expect("a text"))
            .collect()
    }

    #[test]
    fn every_check_that_is_written_is_listed() {
        let sources = sources();
        let lists = sources
            .iter()
            .filter(|s| s.contains("const CHECKS:"))
            .count();
        // This file names them in this test.
        assert_eq!(lists - 1, TABLES.len(), "a file is not in the registry");
        let names: BTreeSet<_> = checks().map(|c| c.id).collect();
        let mut written = BTreeSet::new();
        for source in &sources {
            for line in source.lines().map(str::trim_start) {
                let begins = ["id: \"", "closes!(\"", "refuses!(\"", "\""];
                let rest = begins.iter().find_map(|begin| line.strip_prefix(begin));
                let name = rest.and_then(|rest| Some(rest.split_once("\",")?.0));
                let kebab =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c);
                written.extend(name.filter(|n| n.contains('/') && n.chars().all(kebab)));
            }
        }
        let unlisted: Vec<_> = written
            .iter()
            .filter(|name| !names.contains(*name))
            .collect();
        assert!(
            unlisted.is_empty(),
            "not in the list of their file: {unlisted:?}"
        );
        let unseen = names
            .iter()
            .filter(|n| !written.contains(*n) && !n.starts_with("vectors/"));
        let unseen: Vec<_> = unseen.collect();
        assert!(unseen.is_empty(), "this test does not see {unseen:?}");
    }

    #[test]
    fn the_registry_has_the_breadth_that_is_promised() {
        assert!(checks().filter(|c| c.applies_to(Version::V3_1_1)).count() >= 40);
        assert!(checks().filter(|c| c.applies_to(Version::V5_0)).count() >= 40);
    }

    #[test]
    fn an_explanation_has_all_statements() {
        for check in checks() {
            let explanation = explain(check.id).expect(check.id);
            assert_eq!(
                explanation.statements.len(),
                check.v3_1_1.len() + check.v5_0.len()
            );
        }
        assert!(explain("no/such-check").is_none());
    }
}
