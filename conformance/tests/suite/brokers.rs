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
        "\n### {} {}\n\n`squall conform --target {name}` and `squall live --target {name}`, last on {tested}: {} results of \
         checks and {} of stories fail.\n",
        file.product,
        file.version,
        file.fails(),
        file.story_fails()
    );
    for lack in &file.lacks {
        text += &format!("\nNot asked for: {}.\n", lack.reason);
    }
    text +=
        "\n| statements | MQTT | checks and stories | what it does |\n| --- | --- | --- | --- |\n";
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
            names(fail),
            what(fail)
        );
    }
    let warnings: Vec<String> = file
        .deviations
        .iter()
        .filter(|d| d.verdict == Verdict::Warn)
        .map(|d| format!("{} ({})", names(d), versions(d)))
        .collect();
    if !warnings.is_empty() {
        text += &format!("\nWarnings: {}.\n", warnings.join("; "));
    }
    let open: Vec<String> = file
        .deviations
        .iter()
        .filter(|d| d.verdict == Verdict::Inconclusive && !d.scenarios.is_empty())
        .map(|d| format!("{} ({}): {}", names(d), versions(d), d.reason))
        .collect();
    if !open.is_empty() {
        let open = open.join(" ");
        let open = open.split_whitespace().collect::<Vec<_>>().join(" ");
        text += &format!("\nStories that prove nothing here: {open}\n");
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

/// What the target does.
fn what(fail: &Deviation) -> String {
    let words: Vec<_> = fail.reason.split_whitespace().collect();
    let reason = words.join(" ").replace('|', "\\|");
    match fail.sometimes {
        true => format!("Not in each run: {reason}"),
        false => reason,
    }
}

/// Checks and stories by name.
fn names(deviation: &Deviation) -> String {
    let checks = deviation.checks.iter().map(|name| format!("`{name}`"));
    let stories = deviation.scenarios.iter();
    let stories = stories.map(|name| format!("story `{name}`"));
    checks.chain(stories).collect::<Vec<_>>().join(" ")
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
