//! The scenarios that come with the binary, and those on disk.

use crate::exit::{CliError, Result};
use squall_catalogue as catalogue;
use squall_sim::plan::OBSERVER;
use squall_sim::scenario::{self, model::Scenario};
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
        let files =
            scenario::find(std::slice::from_ref(path)).map_err(CliError::from_diagnostics)?;
        let root = if path.is_dir() {
            path.as_path()
        } else {
            path.parent().unwrap_or(Path::new(""))
        };
        for file in files {
            if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                continue; // named twice
            }
            match scenario::load_file(&file, root) {
                Ok(scenario) => {
                    fits_in(&scenario)?;
                    scenarios.push(scenario);
                }
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

/// What only this room can ask: the catalogue is not known where scenarios are read, and replay files may name the
/// observer.
fn fits_in(scenario: &Scenario) -> Result<()> {
    if scenario.clients.iter().any(|c| c.name == OBSERVER) {
        let message = format!(
            "{}: `{OBSERVER}` is the name of a client that Squall adds itself",
            scenario.file
        );
        return Err(CliError::input(message).help("give the client another name"));
    }
    let known = |id: &&String| {
        scenario
            .versions
            .iter()
            .any(|v| catalogue::find(*v, id).is_some())
    };
    match scenario.statements.iter().find(|id| !known(id)) {
        None => Ok(()),
        Some(id) => {
            let versions: Vec<&str> = scenario.versions.iter().map(|v| v.as_str()).collect();
            let message = format!(
                "{}: {id} is no statement of MQTT {}",
                scenario.file,
                versions.join(" or ")
            );
            Err(CliError::input(message).help("`squall list statements` shows all of them"))
        }
    }
}

/// The scenarios that come with the binary.
pub(crate) fn bundled() -> Result<Vec<Scenario>> {
    let load = |(name, text): &(&str, &str)| {
        scenario::load_str(name, &format!("scenarios/{name}.yaml"), text)
    };
    BUNDLED
        .iter()
        .map(load)
        .collect::<std::result::Result<_, _>>()
        .map_err(CliError::from_diagnostics)
}

/// The text of a bundled scenario.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    BUNDLED
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, text)| *text)
}
