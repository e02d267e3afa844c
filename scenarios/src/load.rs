//! The way in for everybody: a text or a file becomes a scenario, or a list of what is wrong with it.
//!
//! Puts the rooms behind it together; neither YAML nor the keys of a scenario are known here.

use super::{
    model::Scenario,
    reader::Room,
    top,
    yaml::{self, MAX_BYTES},
};
use crate::diagnostic::Diagnostic;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    sync::Arc,
};

/// More problems than this are counted, not shown.
const MAX_PROBLEMS: usize = 100;

/// Reads a scenario from text. `name` becomes [`Scenario::name`]; `file` is what messages call the text.
///
/// # Errors
/// Every problem that was found, sorted by position. Never empty.
pub fn load_str(name: &str, file: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    load_str_in(&Room::default(), name, file, text)
}

/// As [`load_str`], for a scenario that has to fit into a room.
///
/// # Errors
/// As [`load_str`].
pub fn load_str_in(
    room: &Room<'_>,
    name: &str,
    file: &str,
    text: &str,
) -> Result<Scenario, Vec<Diagnostic>> {
    let source: Arc<str> = Arc::from(text);
    let (root, mut problems) = yaml::parse(file, &source);
    let scenario = root.and_then(|root| top::read(room, name, file, &source, &root, &mut problems));
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        _ => Err(sorted(problems, file, &source)),
    }
}

/// Reads a scenario file. Its name is its path below `root` without the ending, with `/` between folders; the path
/// itself without the ending when it is not below `root`.
///
/// # Errors
/// When the file cannot be read or is not UTF-8, and as [`load_str`].
pub fn load_file(path: &Path, root: &Path) -> Result<Scenario, Vec<Diagnostic>> {
    load_file_in(&Room::default(), path, root)
}

/// As [`load_file`], for a scenario that has to fit into a room.
///
/// # Errors
/// As [`load_file`].
pub fn load_file_in(
    room: &Room<'_>,
    path: &Path,
    root: &Path,
) -> Result<Scenario, Vec<Diagnostic>> {
    let file = path.display().to_string();
    let fail = |message: String, help: &str| vec![Diagnostic::new(&*file, "", message).help(help)];
    let unreadable = |e: io::Error| {
        fail(
            format!("cannot be read: {e}"),
            "check the path and the permissions",
        )
    };
    let known = fs::metadata(path).map_err(unreadable)?;
    if known.is_dir() {
        let message = "is a folder, not a scenario file";
        return Err(fail(message.into(), "name a file in it"));
    }
    if known.len() > MAX_BYTES as u64 {
        let message = format!(
            "has {} bytes; a scenario has at most {MAX_BYTES}",
            known.len()
        );
        return Err(fail(message, "split it into several scenarios"));
    }
    // The size above is what the file says of itself; a device or a pipe has none.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|e| fail(format!("cannot be read: {e}"), "check the permissions"))?;
    if bytes.len() > MAX_BYTES {
        let message = format!("has more than the {MAX_BYTES} bytes a scenario may have");
        return Err(fail(message, "split it into several scenarios"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => load_str_in(room, &name_of(path, root), &file, text),
        Err(e) => {
            let shown = String::from_utf8_lossy(&bytes);
            let at = e.valid_up_to();
            let byte = bytes.get(at).copied().unwrap_or_default();
            Err(vec![
                Diagnostic::new(file, &*shown, "the file is not UTF-8")
                    .label(at..at + 1, format!("byte 0x{byte:02X} at offset {at}"))
                    .help("save it as UTF-8; binary payloads are written `{hex: \"00ff\"}`"),
            ])
        }
    }
}

fn name_of(path: &Path, root: &Path) -> String {
    let below = path
        .strip_prefix(root)
        .ok()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(path);
    let parts = below.with_extension("");
    let words: Vec<_> = parts
        .components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect();
    words.join("/")
}

/// In the order of the file, without repetitions (an alias shows a mistake at one place several times).
fn sorted(mut problems: Vec<Diagnostic>, file: &str, source: &Arc<str>) -> Vec<Diagnostic> {
    problems.sort_by_key(|d| d.labels.first().map_or(0, |l| l.span.start));
    problems.dedup();
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        problems.truncate(MAX_PROBLEMS);
        problems.push(Diagnostic::new(
            file,
            source.clone(),
            format!("{more} further problems are not shown"),
        ));
    }
    problems
}
