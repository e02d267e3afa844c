//! docs/brokers.md says what the target files say.

use squall_conformance::{Deviation, TargetFile, bundled_target, target_names};
use squall_protocol::Version;
use squall_reports::Verdict;
use std::{env, fs, path::Path};

const MARK: &str = "<!-- made from conformance/targets -->\n";

/// What is known about a product, as a section.
fn section(name: &str, file: &TargetFile) -> String {
    let tested = file.tested.as_deref().unwrap_or("an unknown day");
    let mut text = format!(
        "\n### {} {}\n\n`squall conform --target {name}`, last on {tested}: {} results fail.\n",
        file.product,
        file.version,
        file.fails()
    );
    for lack in &file.lacks {
        text += &format!("\nNot asked for: {}.\n", lack.reason);
    }
    text += "\n| statements | MQTT | checks | what it does |\n| --- | --- | --- | --- |\n";
    for fail in file
        .deviations
        .iter()
        .filter(|d| d.verdict == Verdict::Fail)
    {
        let statements = fail.statements.iter().map(|s| format!("[{s}]"));
        text += &format!(
            "| {} | {} | {} | {} |\n",
            statements.collect::<Vec<_>>().join(" "),
            versions(fail),
            checks(fail),
            fail.reason
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .replace('|', "\\|")
        );
    }
    let warnings: Vec<String> = file
        .deviations
        .iter()
        .filter(|d| d.verdict == Verdict::Warn)
        .map(|d| format!("{} ({})", checks(d), versions(d)))
        .collect();
    if !warnings.is_empty() {
        text += &format!("\nWarnings: {}.\n", warnings.join("; "));
    }
    text
}

fn versions(deviation: &Deviation) -> String {
    let names: Vec<&str> = deviation
        .versions
        .iter()
        .map(|v: &Version| v.as_str())
        .collect();
    names.join(" ")
}

fn checks(deviation: &Deviation) -> String {
    let names: Vec<String> = deviation.checks.iter().map(|c| format!("`{c}`")).collect();
    names.join(" ")
}

#[test]
fn the_page_about_brokers_says_what_the_target_files_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/brokers.md");
    let page = fs::read_to_string(&path).unwrap();
    let (words, made) = page.split_once(MARK).unwrap();
    let mut expected = String::new();
    for name in target_names() {
        expected += &section(name, &bundled_target(name).unwrap().unwrap());
    }
    if env::var_os("SQUALL_REWRITE").is_some() {
        fs::write(&path, format!("{words}{MARK}{expected}")).unwrap();
        return;
    }
    assert_eq!(made, expected, "SQUALL_REWRITE=1 makes it anew");
}
