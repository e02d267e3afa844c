//! `squall explain`: one statement, check, scenario or word of the scenario language in full, or the language's schema.

use crate::{
    args::Explain,
    bundled,
    exit::{CliError, Ending, Result},
    screen,
};
use squall_conformance::{
    catalogue::{self, Statement},
    checks,
};
use squall_protocol::Version;
use squall_scenarios::{Key, Meaning, nearest, schema, words};
use std::fmt::Write as _;

pub(crate) fn run(args: &Explain) -> Result<Ending> {
    let Some(id) = &args.id else {
        // Nothing but an identifier or `--schema` is taken.
        screen::say(&schema())?;
        return Ok(Ending::Good);
    };
    let id = id.trim().trim_start_matches('[').trim_end_matches(']');
    let text = statement(id)
        .or_else(|| statement(&id.to_uppercase()))
        .or_else(|| check(id))
        .or_else(|| word(id));
    // A scenario is there to be copied: its lines stay as they are.
    if let (None, Some(story)) = (&text, scenario(id)) {
        screen::say(&story)?;
        return Ok(Ending::Good);
    }
    match text {
        Some(text) => {
            screen::tell(&text)?;
            Ok(Ending::Good)
        }
        None => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> CliError {
    let statements = Version::ALL
        .into_iter()
        .flat_map(|v| catalogue::statements(v).iter().map(|s| s.id.clone()));
    let scenarios = bundled::BUNDLED.iter().map(|(name, _)| (*name).to_owned());
    let names: Vec<String> = statements
        .chain(checks().map(|c| c.id.to_owned()))
        .chain(scenarios)
        .chain(words().into_iter().map(str::to_owned))
        .collect();
    let error = CliError::input(format!(
        "`{id}` is no statement, check, scenario or word of scenarios"
    ));
    match nearest(id, names.iter().map(String::as_str)) {
        Some(near) => error.help(format!(
            "did you mean `{near}`? `squall list` shows all of them"
        )),
        None => {
            error.help("`squall list` shows all of them: statements, checks, scenarios or words")
        }
    }
}

fn statement(id: &str) -> Option<String> {
    let found: Vec<(Version, &Statement)> = Version::ALL
        .into_iter()
        .filter_map(|v| Some((v, catalogue::find(v, id)?)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let mut text = String::new();
    for (version, s) in found {
        let _ = writeln!(
            text,
            "[{}] MQTT {version}, section {}, {}",
            s.id,
            s.section,
            s.level.as_str()
        );
        let _ = writeln!(text, "  {}", s.says);
        if let Some(probe) = &s.probe {
            let _ = writeln!(text, "  How it shows: {probe}");
        }
        if let Some(doubt) = s.why_not_gradable() {
            let _ = writeln!(text, "  Never a plain fail: {doubt}");
        }
        let judges: Vec<&str> = checks()
            .filter(|c| c.statements(version).contains(&s.id.as_str()))
            .map(|c| c.id)
            .collect();
        if !judges.is_empty() {
            let _ = writeln!(text, "  Checks: {}", judges.join(", "));
        }
        text.push('\n');
    }
    text.push_str("The words are Squall's; the OASIS text decides.\n");
    Some(text)
}

fn check(id: &str) -> Option<String> {
    let check = checks().find(|c| c.id == id)?;
    let mut text = format!(
        "check {}\n  {}\n  Asks for: {}\n",
        check.id, check.title, check.expected
    );
    for version in check.versions() {
        for id in check.statements(version) {
            let says = catalogue::find(version, id).map_or("", |s| s.says.as_str());
            let _ = writeln!(text, "  MQTT {version} [{id}] {says}");
        }
    }
    let _ = writeln!(text, "Run it with: squall conform URL --only {}", check.id);
    Some(text)
}

fn scenario(id: &str) -> Option<String> {
    let name = id
        .trim_start_matches("scenarios/")
        .trim_end_matches(".yaml");
    Some(format!("# scenarios/{name}.yaml\n{}", bundled::text(name)?))
}

/// A word of the scenario language, with all of its meanings.
fn word(id: &str) -> Option<String> {
    let meanings = squall_scenarios::explain(id);
    let told: Vec<String> = meanings.iter().map(|meaning| one(id, meaning)).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

fn one(word: &str, meaning: &Meaning) -> String {
    let mut text = format!("{word}: {}\n  {}\n", meaning.what, meaning.meaning);
    match &meaning.example {
        Some(example) => {
            let _ = writeln!(text, "  {example}");
            text += &keys("keys", &meaning.keys);
        }
        None => {
            for key in &meaning.keys {
                let _ = writeln!(text, "  {}; {}", key.value, default(key));
            }
        }
    }
    text + &keys("keys of `expect` beside it", &meaning.outcome)
}

fn keys(heading: &str, keys: &[Key]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let width = keys.iter().map(|key| key.name.len()).max().unwrap_or(0);
    let mut text = format!("  {heading}\n");
    for key in keys {
        let meaning = match key.meaning == key.value {
            true => String::new(),
            false => format!(": {}", key.meaning),
        };
        let (name, value) = (key.name, &key.value);
        let _ = writeln!(
            text,
            "    {name:width$}  {value}; {}{meaning}",
            default(key)
        );
    }
    text
}

fn default(key: &Key) -> String {
    match key.default.as_deref() {
        None => "required".to_owned(),
        Some("none") => "none if not said".to_owned(),
        Some(default) => format!("`{default}` if not said"),
    }
}
