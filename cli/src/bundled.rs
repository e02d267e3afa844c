//! The scenarios that come with the binary, and those on disk.

use crate::exit::{CliError, Result};
use squall_catalogue as catalogue;
use squall_protocol::Version;
use squall_scenarios::plan::OBSERVER;
use squall_scenarios::{Room, diagnostic::Diagnostic, did_you_mean, model::Scenario};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// Reads the named files and folders, or the bundled scenarios when nothing is named.
pub(crate) fn scenarios(paths: &[PathBuf]) -> Result<Vec<Scenario>> {
    if paths.is_empty() {
        return bundled();
    }
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let mut scenarios = Vec::new();
    for path in paths {
        if let Some(named) = bundled_as(path) {
            scenarios.extend(named?);
            continue;
        }
        let files = match squall_scenarios::find(std::slice::from_ref(path)) {
            Ok(files) => files,
            Err(_) if !path.exists() => {
                problems.push(nothing_there(path));
                continue;
            }
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        let root = if path.is_dir() {
            path.as_path()
        } else {
            path.parent().unwrap_or(Path::new(""))
        };
        for file in files {
            if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                continue; // named twice
            }
            match squall_scenarios::load_file_in(&ROOM, &file, root) {
                Ok(scenario) => scenarios.push(scenario),
                Err(found) => problems.extend(found),
            }
        }
    }
    if problems.is_empty() {
        Ok(scenarios)
    } else {
        Err(CliError::from_diagnostics(problems))
    }
}

/// Neither a file nor a scenario that comes with Squall.
fn nothing_there(path: &Path) -> Diagnostic {
    let name = path.display().to_string();
    let bundled = BUNDLED.iter().map(|(name, _)| *name);
    let help = match did_you_mean(&name, bundled) {
        Some(near) => near,
        None => "check the spelling of the path; `squall list scenarios` has the names of those that come with Squall"
            .to_owned(),
    };
    Diagnostic::new(&*name, "", "does not exist").help(help)
}

/// What only this room knows: the catalogue, and that runs add a client of their own, which replay files may name.
const ROOM: Room<'static> = Room {
    statements: Some(statements),
    taken: &[(OBSERVER, "Squall adds a client with this name itself")],
};

fn statements(version: Version) -> Vec<&'static str> {
    let all = catalogue::statements(version).iter();
    all.flat_map(|s| std::iter::once(&s.id).chain(&s.aka))
        .map(String::as_str)
        .collect()
}

/// The scenarios that come with the binary.
pub(crate) fn bundled() -> Result<Vec<Scenario>> {
    BUNDLED
        .iter()
        .map(|(name, text)| load(name, text))
        .collect()
}

/// The bundled scenarios that a path names where there is no such file: one, or all of a folder. The commands that repeat
/// runs work anywhere, and so do those of the manual.
fn bundled_as(path: &Path) -> Option<Result<Vec<Scenario>>> {
    if path.exists() {
        return None;
    }
    let name = path.to_str()?;
    let name = name
        .strip_prefix("scenarios")
        .unwrap_or(name)
        .trim_matches('/');
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let within = |one: &str| {
        let rest = one.strip_prefix(name);
        name.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let named: Vec<_> = BUNDLED.iter().filter(|(one, _)| within(one)).collect();
    let load = |(name, text): &(&'static str, &'static str)| load(name, text);
    (!named.is_empty()).then(|| named.into_iter().map(load).collect())
}

fn load(name: &str, text: &str) -> Result<Scenario> {
    squall_scenarios::load_str(name, &format!("scenarios/{name}.yaml"), text)
        .map_err(CliError::from_diagnostics)
}

/// The text of a bundled scenario.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    BUNDLED
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, text)| *text)
}
