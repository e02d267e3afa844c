//! The section of `docs/clients.md` that is made from the files in `clients/`: what was found out about each client.

use crate::{listing, listing_names};
use std::{fmt::Write, fs, path::Path};

const BEGIN: &str = "<!-- From here on made from the files in clients/ -->\n";

fn section() -> String {
    let mut text = String::new();
    for name in listing_names() {
        let listing = listing(name).expect("it is in the list").expect(name);
        let (library, version) = (&listing.library, &listing.version);
        writeln!(text, "\n### {library} {version}\n").unwrap();
        writeln!(
            text,
            "`squall live --client {name} --known`. {}\n",
            listing.told
        )
        .unwrap();
        if listing.deviations.is_empty() {
            writeln!(text, "Nothing is known against it.").unwrap();
            continue;
        }
        writeln!(text, "| stories | MQTT | verdict | what | statements |").unwrap();
        writeln!(text, "| --- | --- | --- | --- | --- |").unwrap();
        for one in &listing.deviations {
            let stories: Vec<String> = one.scenarios.iter().map(|s| format!("`{s}`")).collect();
            let versions: Vec<&str> = one.mqtt.iter().map(|v| v.as_str()).collect();
            let row = [
                stories.join(", "),
                versions.join(", "),
                one.verdict.clone(),
                one.reason.trim().replace('|', "\\|"),
                one.statements.join(", "),
            ];
            writeln!(text, "| {} |", row.join(" | ")).unwrap();
        }
    }
    text
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the variable asks a test to write what it makes"
)]
fn the_page_says_what_the_files_know() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md");
    let kept = fs::read_to_string(&path).unwrap();
    let (before, _) = kept.split_once(BEGIN).expect("where the section begins");
    let made = format!("{before}{BEGIN}{}", section());
    if std::env::var("SQUALL_REWRITE").is_ok() {
        fs::write(&path, &made).unwrap();
        return;
    }
    assert!(
        kept == made,
        "docs/clients.md is out of date: SQUALL_REWRITE=1 cargo test -p squall-clients --lib"
    );
}
