//! Every statement that the sources and the scenarios cite is in the catalogue; and every one of the catalogue is decided
//! somewhere: in the broker if it binds a server, in the client if it binds a client, or there is a reason why not.

#[path = "../../../protocol/tests/coverage/citations.rs"]
mod citations;
#[path = "../../../protocol/tests/coverage/ids.rs"]
mod ids;
mod reasons;

use citations::{Citations, Fault};
use reasons::{Side, reasons};
use squall_catalogue::{self as catalogue, Actor};
use squall_protocol::Version;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Side {
    const BOTH: [Self; 2] = [Self::Server, Self::Client];

    /// Where its duties are decided.
    const fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Server => &["broker/src", "protocol/src", "transport/src"],
            Self::Client => &["client/src", "protocol/src", "transport/src"],
        }
    }

    const fn is_bound(self, actor: Actor) -> bool {
        match actor {
            Actor::Server => matches!(self, Self::Server),
            Actor::Client => matches!(self, Self::Client),
            Actor::Sender | Actor::Receiver | Actor::Both => true,
        }
    }

    /// The statements that bind it.
    fn duties(self, version: Version) -> impl Iterator<Item = &'static str> {
        let all = catalogue::statements(version).iter();
        all.filter(move |s| self.is_bound(s.actor))
            .map(|s| s.id.as_str())
    }

    /// The statements for which there is a reason why no line decides them.
    fn excused(self, version: Version) -> Vec<String> {
        let own = reasons().into_iter().filter(|reason| reason.by == self);
        own.flat_map(|reason| reason.ids(version).to_vec())
            .collect()
    }
}

#[test]
fn every_statement_is_decided_or_there_is_a_reason() {
    let mut missing = Vec::new();
    for side in Side::BOTH {
        let cited = Citations::below(&root(), side.sources());
        for version in Version::ALL {
            let excused = side.excused(version);
            let open = side.duties(version).filter(|id| {
                cited.files(version, id).is_empty() && !excused.iter().any(|e| e == id)
            });
            missing.extend(open.map(|id| format!("{side:?} {version}: {id}")));
        }
    }
    assert!(
        missing.is_empty(),
        "cite them in the line that decides, or say in reasons.yaml why there is none: {missing:#?}"
    );
}

#[test]
fn there_is_a_reason_only_where_there_has_to_be_one() {
    let mut wrong = Vec::new();
    for side in Side::BOTH {
        let cited = Citations::below(&root(), side.sources());
        for version in Version::ALL {
            let duties: BTreeSet<_> = side.duties(version).collect();
            let mut met = BTreeSet::new();
            for id in side.excused(version) {
                let why = match cited.files(version, &id).first() {
                    _ if !duties.contains(id.as_str()) => "is no duty of it".to_owned(),
                    _ if !met.insert(id.clone()) => "stands there twice".to_owned(),
                    Some(file) => format!("is cited in {file}"),
                    None => continue,
                };
                wrong.push(format!("{side:?} {version}: {id} {why}"));
            }
        }
    }
    let dumb = reasons().into_iter().filter(|r| r.reason.trim().is_empty());
    wrong.extend(dumb.map(|r| format!("{r:?} says nothing")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is asked for is much, and most of it is decided.
#[test]
fn few_statements_need_a_reason() {
    for (side, at_least, at_most) in [(Side::Server, 430, 25), (Side::Client, 260, 20)] {
        let count = |of: fn(Side, Version) -> usize| -> usize {
            Version::ALL.into_iter().map(|v| of(side, v)).sum()
        };
        let duties = count(|side, version| side.duties(version).count());
        let excused = count(|side, version| side.excused(version).len());
        let told = format!("{side:?}: {duties} duties, {excused} with a reason");
        assert!(duties >= at_least && excused <= at_most, "{told}");
    }
}

#[test]
fn no_statement_is_cited_that_does_not_exist() {
    let rooms = [
        "protocol/src",
        "transport/src",
        "broker/src",
        "client/src",
        "history/src",
        "sim/src",
    ];
    let cited = Citations::below(&root(), &rooms);
    let faults: Vec<_> = cited.faults().iter().map(Fault::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let count = cited.count();
    assert!(
        count > 1_000,
        "only {count} citations: are the sources still there?"
    );
}

/// Every `MQTT-1.2.3-4` in a text.
fn ids(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("MQTT-") {
        let tail = &text[at + 5..];
        let end = tail
            .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')
            .unwrap_or(tail.len());
        let number = tail[..end].trim_end_matches(['.', '-']);
        // A section (three parts) and a number after a hyphen; anything else is prose.
        let Some((section, n)) = number.rsplit_once('-') else {
            continue;
        };
        if section.split('.').count() >= 3 && !n.is_empty() {
            found.push(&text[at..at + 5 + number.len()]);
        }
    }
    found
}

fn known(id: &str) -> bool {
    let mut versions = Version::ALL.into_iter();
    versions.any(|version| catalogue::find(version, id).is_some())
}

fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files(&path, ending, into);
        } else if path.extension().is_some_and(|e| e == ending) {
            into.push(path);
        }
    }
}

/// Stories, and checks, which say in code for which version they mean it.
#[test]
fn no_story_and_no_check_cites_what_does_not_exist() {
    let mut all = Vec::new();
    files(&root().join("scenarios"), "yaml", &mut all);
    files(&root().join("conformance/src/check"), "rs", &mut all);
    let (mut count, mut wrong) = (0, Vec::new());
    for path in all {
        let text = fs::read_to_string(&path).expect("a story or a source");
        for id in ids(&text) {
            count += 1;
            if !known(id) {
                wrong.push(format!("{}: {id}", path.display()));
            }
        }
    }
    assert!(count > 500, "only {count} citations");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_citations_reads() {
    let text = "see [MQTT-3.3.1-2] and MQTT-4.3.3-10, MQTT-5, MQTT-3.3.1- and \"MQTT-2.2.1-3\"";
    assert_eq!(ids(text), ["MQTT-3.3.1-2", "MQTT-4.3.3-10", "MQTT-2.2.1-3"]);
    assert!(known("MQTT-3.3.1-2") && !known("MQTT-3.3.1-222"));
}
