//! The catalogues of statements, and who judges which.

use crate::ids::Ids;
use serde::Deserialize;
use squall_catalogue::Statement;
use squall_protocol::Version;
use std::{collections::BTreeMap, fs, path::Path};

/// The statements of one version.
pub(crate) struct Catalogue(Version);

impl Catalogue {
    pub(crate) const fn load(version: Version) -> Self {
        Self(version)
    }

    /// The numbered ones, then the others.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &'static Statement> {
        squall_catalogue::statements(self.0).iter()
    }

    /// By section; within one, the numbered ones first.
    pub(crate) fn in_order(&self) -> Vec<&'static Statement> {
        let mut all: Vec<_> = self.statements().collect();
        all.sort_by_key(|s| {
            let number = s.section.split(' ').next().unwrap_or_default();
            let number = number.split('.').map(|n| n.parse().unwrap_or(0));
            (number.collect::<Vec<u32>>(), &s.section)
        });
        all
    }

    pub(crate) fn get(&self, id: &str) -> Option<&'static Statement> {
        self.statements().find(|s| s.id == id)
    }
}

/// Who judges a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class<'a> {
    /// A part of this crate, by its name.
    Judged(&'a str),
    /// Somebody else.
    Elsewhere,
}

impl Class<'_> {
    pub(crate) const fn is_judged(self) -> bool {
        matches!(self, Self::Judged(_))
    }
}

/// `classes.yaml`.
#[derive(Debug, Deserialize)]
pub(crate) struct Classes {
    judged: Vec<Judged>,
    elsewhere: Vec<Elsewhere>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Judged {
    pub(crate) by: String,
    pub(crate) what: String,
    #[serde(flatten)]
    ids: BTreeMap<String, Ids>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Elsewhere {
    pub(crate) reason: String,
    #[serde(flatten)]
    ids: BTreeMap<String, Ids>,
}

impl Judged {
    pub(crate) fn ids(&self, version: Version) -> &[String] {
        self.ids.get(version.as_str()).map_or(&[], |ids| &ids.0)
    }
}

impl Elsewhere {
    pub(crate) fn ids(&self, version: Version) -> &[String] {
        self.ids.get(version.as_str()).map_or(&[], |ids| &ids.0)
    }
}

impl Classes {
    pub(crate) fn load() -> Self {
        read("tests/coverage/classes.yaml")
    }

    pub(crate) fn judged(&self) -> &[Judged] {
        &self.judged
    }

    pub(crate) fn elsewhere(&self) -> &[Elsewhere] {
        &self.elsewhere
    }

    /// Every statement of a version that is listed.
    pub(crate) fn all(&self, version: Version) -> impl Iterator<Item = (&str, Class<'_>)> {
        let judged = self.judged.iter().flat_map(move |group| {
            let ids = group.ids(version).iter();
            ids.map(|id| (id.as_str(), Class::Judged(&group.by)))
        });
        let elsewhere = self
            .elsewhere
            .iter()
            .flat_map(move |group| group.ids(version));
        judged.chain(elsewhere.map(|id| (id.as_str(), Class::Elsewhere)))
    }

    pub(crate) fn of(&self, version: Version, id: &str) -> Option<Class<'_>> {
        self.all(version)
            .find(|(listed, _)| *listed == id)
            .map(|(_, class)| class)
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
