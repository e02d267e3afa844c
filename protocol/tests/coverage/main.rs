//! Which statements of the standard this crate judges, and where: every one of both catalogues is in `classes.yaml`,
//! and those that a codec, the topic rules, the flow state or the encoder can judge are cited in the source.

mod catalogue;
mod citations;
mod ids;

use catalogue::{Catalogue, Class, Classes};
use citations::{Citations, Fault};
use squall_protocol::Version;
use std::{fmt::Write, path::Path};

fn of_this_crate() -> Citations {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    Citations::below(&src, &[""])
}

#[test]
fn every_statement_is_classified_once() {
    let classes = Classes::load();
    for version in Version::ALL {
        let catalogue = Catalogue::load(version);
        let mut listed: Vec<&str> = classes.all(version).map(|(id, _)| id).collect();
        listed.sort_unstable();
        let twice: Vec<_> = listed.windows(2).filter(|w| w[0] == w[1]).collect();
        assert!(twice.is_empty(), "MQTT {version}, listed twice: {twice:?}");
        let unknown: Vec<_> = listed
            .iter()
            .filter(|id| catalogue.get(id).is_none())
            .collect();
        assert!(
            unknown.is_empty(),
            "MQTT {version}, not in the catalogue: {unknown:?}"
        );
        let missing = catalogue
            .statements()
            .filter(|s| classes.of(version, &s.id).is_none());
        let missing: Vec<_> = missing.map(|s| &s.id).collect();
        assert!(
            missing.is_empty(),
            "MQTT {version}, add to classes.yaml: {missing:?}"
        );
    }
}

#[test]
fn every_cited_statement_exists() {
    let citations = of_this_crate();
    assert!(
        citations.count() > 400,
        "only {} citations: is the source still there?",
        citations.count()
    );
    let faults = citations.faults();
    let lines: Vec<_> = faults.iter().map(Fault::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn every_statement_that_is_judged_here_is_cited() {
    let (classes, citations) = (Classes::load(), of_this_crate());
    for version in Version::ALL {
        let uncited: Vec<_> = classes
            .all(version)
            .filter(|(id, class)| class.is_judged() && citations.files(version, id).is_empty())
            .map(|(id, _)| id)
            .collect();
        assert!(
            uncited.is_empty(),
            "MQTT {version}, cite where the rule is decided: {uncited:?}"
        );
    }
}

/// The coverage, section by section.
#[test]
fn coverage() {
    let (classes, citations) = (Classes::load(), of_this_crate());
    let mut text = String::new();
    for version in Version::ALL {
        totals(&mut text, version, &classes, &citations);
    }
    for version in Version::ALL {
        let catalogue = Catalogue::load(version);
        let mut section = "";
        for statement in catalogue.in_order() {
            let Some(Class::Judged(by)) = classes.of(version, &statement.id) else {
                continue;
            };
            if section != statement.section {
                section = &statement.section;
                writeln!(text, "\nMQTT {version}, {section}").unwrap();
            }
            let files = citations.files(version, &statement.id).join(" ");
            let (id, level) = (&statement.id, &statement.level);
            writeln!(text, "  {id:<18} {level:<10} {by:<8} {files}").unwrap();
            writeln!(text, "    {}", statement.says).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

fn totals(text: &mut String, version: Version, classes: &Classes, citations: &Citations) {
    writeln!(text, "MQTT {version}").unwrap();
    for group in classes.judged() {
        let ids = group.ids(version);
        let cited = ids
            .iter()
            .filter(|id| !citations.files(version, id).is_empty());
        let (by, what) = (&group.by, &group.what);
        writeln!(
            text,
            "  {by:<8} {} of {} statements cited: {what}",
            cited.count(),
            ids.len()
        )
        .unwrap();
    }
    for group in classes.elsewhere() {
        match group.ids(version).len() {
            0 => {}
            n => writeln!(text, "  not here {n}: {}", group.reason).unwrap(),
        }
    }
}
