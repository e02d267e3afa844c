//! Every statement that the sources and the scenarios cite is in the catalogue.

use squall_catalogue as catalogue;
use squall_protocol::Version;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn known(id: &str) -> bool {
    Version::ALL
        .into_iter()
        .any(|v| catalogue::find(v, id).is_some())
}

/// Every `MQTT-1.2.3-4` in a text.
fn cited(text: &str) -> Vec<&str> {
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

#[test]
fn no_statement_is_cited_that_does_not_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    for room in ["protocol", "broker", "client", "sim", "conformance"] {
        files(&root.join(room).join("src"), "rs", &mut sources);
    }
    files(&root.join("scenarios"), "yaml", &mut sources);
    let (mut count, mut wrong) = (0, Vec::new());
    for path in sources {
        // Tests may speak of statements that do not exist, to see what happens.
        if path.components().any(|c| c.as_os_str() == "tests") || path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for id in cited(code) {
            count += 1;
            if !known(id) {
                wrong.push(format!("{}: {id}", path.display()));
            }
        }
    }
    assert!(
        count > 500,
        "only {count} citations: are the sources still there?"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_citations_reads() {
    let text = "see [MQTT-3.3.1-2] and MQTT-4.3.3-10, MQTT-5, MQTT-3.3.1- and \"MQTT-2.2.1-3\"";
    assert_eq!(
        cited(text),
        ["MQTT-3.3.1-2", "MQTT-4.3.3-10", "MQTT-2.2.1-3"]
    );
    assert!(known("MQTT-3.3.1-2") && !known("MQTT-3.3.1-222"));
}
