//! Finding scenario files in folders.
//!
//! Names and folders only; nothing is opened.

use crate::diagnostic::Diagnostic;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Scenario files among `paths`: files as they are, folders searched through for `*.yaml` and `*.yml`. Sorted and
/// without repetitions. Names that begin with a dot, replay files (`*.replay.yaml`), and links to folders, are passed
/// over in a search.
///
/// # Errors
/// For each path that does not exist or cannot be read, and for each folder without any scenario.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let fail = |message: String, help: &str| {
            Diagnostic::new(path.display().to_string(), "", message).help(help)
        };
        let before = found.len();
        match fs::metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                problems.push(fail(
                    "does not exist".into(),
                    "check the spelling of the path",
                ));
            }
            Err(e) => problems.push(fail(
                format!("cannot be read: {e}"),
                "check the permissions",
            )),
            Ok(m) if m.is_dir() => match search(path, &mut found) {
                Err((at, e)) => problems.push(fail(
                    format!("cannot be searched: {}: {e}", at.display()),
                    "check the permissions",
                )),
                Ok(()) if found.len() == before => problems.push(fail(
                    "holds no scenario".into(),
                    "scenario files end in .yaml or .yml; folders below are searched too",
                )),
                Ok(()) => {}
            },
            Ok(_) => found.push(path.clone()),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether a name is that of a scenario, and not of a replay file that lies beside it.
fn is_scenario(path: &Path) -> bool {
    let ending = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    ending && !path.to_string_lossy().ends_with(".replay.yaml")
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let here = |e| (folder.clone(), e);
        for entry in fs::read_dir(&folder).map_err(here)? {
            let entry = entry.map_err(here)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if entry.file_type().map_err(here)?.is_dir() {
                folders.push(path);
            } else if is_scenario(&path) && path.is_file() {
                found.push(path);
            }
        }
    }
    Ok(())
}
