//! The citations in sources.
//!
//! In comments a statement stands in brackets, and the versions it is cited for after it:
//! `[MQTT-2.3.1-2], [MQTT-2.3.1-4] (3.1.1), [MQTT-2.2.1-3] (5.0)`; without a version it is cited for every version that
//! has it. In the tables it stands in quotes after `v3` or `v5`. An `X-` identifier says its version itself.

use squall_protocol::Version;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

/// One citation.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    id: String,
    /// The version it is said to be of.
    version: Option<Version>,
}

/// A citation of what does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    file: String,
    id: String,
    version: Option<Version>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not in the catalogue", self.file, self.id)?;
        match self.version {
            Some(version) => write!(f, " of MQTT {version}"),
            None => Ok(()),
        }
    }
}

/// All citations, by file.
pub(crate) struct Citations(BTreeMap<String, Vec<Citation>>);

impl Citations {
    /// Those in the sources below these folders of a root.
    pub(crate) fn below(root: &Path, folders: &[&str]) -> Self {
        let mut files = BTreeMap::new();
        for folder in folders {
            read_folder(root, &root.join(folder), &mut files);
        }
        Self(files)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// The files that cite a statement for a version.
    pub(crate) fn files(&self, version: Version, id: &str) -> Vec<&str> {
        let cites = |c: &Citation| c.id == id && c.version.is_none_or(|v| v == version);
        let files = self.0.iter().filter(|(_, all)| all.iter().any(cites));
        files.map(|(file, _)| file.as_str()).collect()
    }

    /// Citations of what is in no catalogue, or not in that of the version they name.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let exists = |c: &Citation| {
            let said = |v: &Version| c.version.is_none_or(|said| said == *v);
            let mut versions = Version::ALL.into_iter().filter(said);
            versions.any(|v| squall_catalogue::statements(v).iter().any(|s| s.id == c.id))
        };
        let all = self
            .0
            .iter()
            .flat_map(|(file, all)| all.iter().map(move |c| (file, c)));
        all.filter(|(_, c)| !exists(c))
            .map(|(file, c)| Fault {
                file: file.clone(),
                id: c.id.clone(),
                version: c.version,
            })
            .collect()
    }
}

/// The sources below a folder, by their names below the root. Tests may speak of statements as they like.
fn read_folder(root: &Path, folder: &Path, into: &mut BTreeMap<String, Vec<Citation>>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && !path.ends_with("tests") {
            read_folder(root, &path, into);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = untested(&text);
            let file = path.strip_prefix(root).expect("below the root");
            let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
            into.insert(parts.join("/"), cited(code));
        }
    }
}

/// A source without the tests at its end.
fn untested(text: &str) -> &str {
    let tests = text.match_indices("#[cfg(test)]").find(|(at, mark)| {
        let item = text[at + mark.len()..].lines().nth(1).unwrap_or_default();
        item.starts_with("mod ") && item.ends_with('{')
    });
    tests.map_or(text, |(at, _)| &text[..at])
}

fn cited(text: &str) -> Vec<Citation> {
    let starts: BTreeSet<usize> = ["MQTT-", "X-3.1.1-", "X-5.0-"]
        .iter()
        .flat_map(|start| text.match_indices(start).map(|(at, _)| at))
        .collect();
    let ids = starts
        .into_iter()
        .filter_map(|at| Some((at, id_at(&text[at..])?)));
    ids.map(|(at, id)| Citation {
        id: id.to_owned(),
        version: Version::ALL
            .into_iter()
            .find(|v| id.starts_with(&format!("X-{v}-")))
            .or_else(|| match text[..at].ends_with('"') {
                true => column(&text[..at]),
                false => version_behind(&text[at + id.len()..]),
            }),
    })
    .collect()
}

/// The identifier of a statement at the beginning of a text.
fn id_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
    let id = text[..end.unwrap_or(text.len())].trim_end_matches(['.', '-']);
    let (stem, number) = id.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let is_section = !id.starts_with("MQTT-") || stem.split('.').count() == 3;
    (is_number && is_section).then_some(id)
}

/// In a table: the column it stands in.
fn column(before: &str) -> Option<Version> {
    let last = |version: &str| {
        let ends = [" ", "[", "_"].map(|end| before.rfind(&format!("{version}{end}")));
        ends.into_iter().flatten().max()
    };
    match (last("v3"), last("v5")) {
        (Some(v3), Some(v5)) if v3 > v5 => Some(Version::V3_1_1),
        (Some(_), None) => Some(Version::V3_1_1),
        (_, Some(_)) => Some(Version::V5_0),
        (None, None) => None,
    }
}

/// In a comment: the version after it and what stands in one list with it.
fn version_behind(mut text: &str) -> Option<Version> {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || "],[/".contains(c));
        text = text.strip_prefix("and ").unwrap_or(text);
        match id_at(text) {
            Some(id) if text.starts_with("MQTT-") || text.starts_with("X-") => {
                text = &text[id.len()..]
            }
            _ => break,
        }
    }
    let is = |version: &Version| {
        text.strip_prefix('(')
            .is_some_and(|t| t.starts_with(version.as_str()))
    };
    Version::ALL.into_iter().find(is)
}

#[test]
fn citations_are_read_with_their_versions() {
    let comment = "// DUP [MQTT-2.3.1-2],\n    /// [X-3.1.1-pid-1] (3.1.1), [MQTT-2.2.1-3] (5.0, of a client). MQTT-5, [MQTT-1.5.3-3].";
    let (v3, v5) = (Some(Version::V3_1_1), Some(Version::V5_0));
    let read: Vec<_> = cited(comment)
        .into_iter()
        .map(|c| (c.id, c.version))
        .collect();
    let is = |(id, version): (&str, _)| (id.to_owned(), version);
    let expected = [
        ("MQTT-2.3.1-2", v3),
        ("X-3.1.1-pid-1", v3),
        ("MQTT-2.2.1-3", v5),
        ("MQTT-1.5.3-3", None),
    ];
    assert_eq!(read, expected.map(is));
    let table = "[Publish] v3 [\"MQTT-3.3.1-2\", \"MQTT-3.3.2-1\"] v5 [\"X-5.0-utf8-1\"]; \
        v3[\"MQTT-2.3.1-1\"], v5[\"MQTT-2.2.1-3\"], v3_1_1: &[\"MQTT-4.7.1-3\"], v5_0: &[\"MQTT-4.7.1-2\"]";
    let read: Vec<_> = cited(table)
        .into_iter()
        .map(|c| (c.id, c.version))
        .collect();
    let expected = [
        ("MQTT-3.3.1-2", v3),
        ("MQTT-3.3.2-1", v3),
        ("X-5.0-utf8-1", v5),
        ("MQTT-2.3.1-1", v3),
        ("MQTT-2.2.1-3", v5),
        ("MQTT-4.7.1-3", v3),
        ("MQTT-4.7.1-2", v5),
    ];
    assert_eq!(read, expected.map(is));
}

#[test]
fn a_citation_of_what_does_not_exist_is_found() {
    let text =
        "[MQTT-3.3.1-222], [MQTT-3.3.1-13] (3.1.1), [X-5.0-nothing-1], [MQTT-3.3.1-13] (5.0)";
    let citations = Citations([("a.rs".to_owned(), cited(text))].into());
    let faults = citations.faults();
    let lines: Vec<_> = faults.iter().map(Fault::to_string).collect();
    assert_eq!(
        lines,
        [
            "a.rs: MQTT-3.3.1-222 is not in the catalogue of MQTT 3.1.1",
            "a.rs: MQTT-3.3.1-13 is not in the catalogue of MQTT 3.1.1",
            "a.rs: X-5.0-nothing-1 is not in the catalogue of MQTT 5.0",
        ]
    );
}

#[test]
fn only_tests_at_the_end_are_left_out() {
    let text = "mod a;\n#[cfg(test)]\nmod tests;\nfn f() {}\n#[cfg(test)]\nmod more {\n}\n";
    assert!(
        untested(text).ends_with("fn f() {}\n"),
        "{}",
        untested(text)
    );
}
