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
        if let Some(scenario) = bundled_as(path) {
            scenarios.push(scenario?);
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

/// The bundled scenario that a path names where there is no such file: the commands that repeat runs work anywhere.
fn bundled_as(path: &Path) -> Option<Result<Scenario>> {
    if path.exists() {
        return None;
    }
    let name = path.to_str()?;
    let name = name.strip_prefix("scenarios/").unwrap_or(name);
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    text(name).map(|text| load(name, text))
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
