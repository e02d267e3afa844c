//! `squall explain`: one statement, check or scenario in full.

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
use squall_scenarios::nearest;
use std::fmt::Write as _;

pub(crate) fn run(args: &Explain) -> Result<Ending> {
    let id = args.id.trim().trim_start_matches('[').trim_end_matches(']');
    let text = statement(id)
        .or_else(|| statement(&id.to_uppercase()))
        .or_else(|| check(id))
        .or_else(|| scenario(id));
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
        .collect();
    let error = CliError::input(format!("`{id}` is no statement, check or scenario"));
    match nearest(id, names.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`? `squall list` shows all of them")),
        None => error.help("`squall list statements`, `squall list checks` and `squall list scenarios` show all of them"),
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
