//! The house is in order: what may use what, files that use each other, how long they are, what each says it is.

mod circles;
mod functions;
mod words;

use circles::{Source, circles, sources};
use functions::functions;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use words::texts;

/// The rooms from the bottom to the top. A room uses those below it, never one on its own floor or above.
const FLOORS: &[&[&str]] = &[
    &["protocol", "reports"],
    &[
        "protocol/catalogue",
        "protocol/vectors",
        "transport",
        "clients",
    ],
    &["history", "broker", "client"],
    &["scenarios", "saboteurs"],
    &["sim", "conformance"],
    &["cli"],
];

/// Lines after which a file is asked what it is two of.
const LONG: usize = 500;

/// Lines of a function that can still be seen whole.
const LONG_FUNCTION: usize = 60;
/// Longer functions that stay, with the most lines they may have.
const KNOWN_LONG_FUNCTIONS: &[(&str, &str, usize)] = &include!("known_long_functions.in");

/// Files that still say where something stands when they mean when it comes.
const KNOWN_PLACES: &[&str] = &include!("known_places.in");
/// Files that still have another word for a fault that somebody planted.
const KNOWN_FLAWS: &[&str] = &include!("known_flaws.in");

fn root() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().unwrap().to_path_buf()
}

/// The rooms that a room's manifest names as dependencies, without those of its tests.
fn uses(room: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\n[dependencies]").unwrap_or_default();
    let own = rest.split("\n[").next().unwrap_or_default();
    let names = own.lines().filter_map(|line| {
        let name = line.split(['.', ' ', '=']).next()?.trim();
        name.strip_prefix("squall-")
    });
    names.map(str::to_owned).collect()
}

fn all_sources() -> Vec<Source> {
    let rooms = FLOORS.iter().copied().flatten();
    rooms
        .flat_map(|room| sources(&root(), &format!("{room}/src")))
        .collect()
}

#[test]
fn every_room_has_a_floor_and_nothing_points_up() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest
        .split_once("members = [")
        .unwrap()
        .1
        .split(']')
        .next()
        .unwrap();
    let mut members: Vec<_> = members
        .split(',')
        .map(|m| m.trim().trim_matches('"'))
        .collect();
    members.sort_unstable();
    let mut rooms: Vec<_> = FLOORS.iter().copied().flatten().copied().collect();
    rooms.sort_unstable();
    assert_eq!(
        members, rooms,
        "each member of the workspace stands on one floor"
    );
    let mut floor_of = BTreeMap::new();
    for (floor, rooms) in FLOORS.iter().enumerate() {
        for room in *rooms {
            floor_of.insert(room.rsplit('/').next().unwrap(), floor);
        }
    }
    let mut wrong = Vec::new();
    for room in rooms {
        let own = floor_of[room.rsplit('/').next().unwrap()];
        let up = uses(room)
            .into_iter()
            .filter(|used| floor_of[used.as_str()] >= own);
        wrong.extend(up.map(|used| format!("{room} uses {used}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(uses("cli").len() > 5, "dependencies are read");
}

#[test]
fn the_judge_knows_nobody() {
    for stranger in ["broker", "client", "scenarios", "sim"] {
        assert!(
            !uses("history").contains(&stranger.to_owned()),
            "history uses {stranger}"
        );
    }
}

#[test]
fn no_two_files_use_each_other() {
    let found = circles(&all_sources());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for source in all_sources() {
        let lines = source.text.lines().count();
        if lines > LONG {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
        let is_test = source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
        if !is_test && !source.text.starts_with("//!") {
            wrong.push(format!("{} does not say what it is", source.path));
        }
        for name in ["utils", "helpers", "common", "util", "helper"] {
            if source.path.ends_with(&format!("/{name}.rs"))
                || source.path.contains(&format!("/{name}/"))
            {
                wrong.push(format!("{} has a name that says nothing", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn functions_can_be_seen_whole() {
    let mut wrong = Vec::new();
    let sources = all_sources();
    let mut met = vec![false; KNOWN_LONG_FUNCTIONS.len()];
    for source in &sources {
        for function in functions(source) {
            let (path, name, lines) = (&source.path, function.name, function.lines);
            let known = KNOWN_LONG_FUNCTIONS
                .iter()
                .position(|(p, n, _)| p == path && *n == name);
            match known {
                None if lines > LONG_FUNCTION => {
                    wrong.push(format!("{path}: `{name}` has {lines} lines"));
                }
                Some(at) if lines > LONG_FUNCTION => {
                    met[at] = true;
                    let most = KNOWN_LONG_FUNCTIONS[at].2;
                    if lines > most {
                        wrong.push(format!(
                            "{path}: `{name}` has {lines} lines, more than {most}"
                        ));
                    }
                }
                _ => {}
            }
        }
    }
    for ((path, name, _), met) in KNOWN_LONG_FUNCTIONS.iter().zip(met) {
        if !met {
            wrong.push(format!("{path}: `{name}` is short now, or gone"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Holds all texts to words that are not used, but for files that are known to.
#[track_caller]
fn nobody_says(unwanted: &[&str], instead: &str, known: &[&str], free: impl Fn(&str) -> bool) {
    let mut wrong = Vec::new();
    let mut met = Vec::new();
    for text in texts(&root()).iter().filter(|text| !free(&text.path)) {
        let found = text.lines_with(unwanted);
        if found.is_empty() {
            continue;
        }
        match known.iter().find(|path| **path == text.path) {
            Some(path) => met.push(*path),
            None => wrong.extend(
                found
                    .iter()
                    .map(|(line, said)| format!("{}:{line}: {said}", text.path)),
            ),
        }
    }
    let gone = known.iter().filter(|path| !met.contains(*path));
    wrong.extend(gone.map(|path| format!("{path} does not say it any more")));
    assert!(wrong.is_empty(), "say {instead}: {wrong:#?}");
}

#[test]
fn what_comes_later_comes_after() {
    let tidy = |path: &str| path.starts_with("cli/tests/tidy/");
    let instead = "`after` or `before`; what stands for something, says which";
    nobody_says(&["behind", "in front of"], instead, KNOWN_PLACES, tidy);
}

#[test]
fn a_planted_fault_has_one_name() {
    let words = [
        "flaw",
        "flaws",
        "sabotage",
        "sabotages",
        "sabotaged",
        "defect",
        "defects",
    ];
    let free = |path: &str| path.starts_with("cli/tests/tidy/") || path.starts_with("saboteurs/");
    let instead = "`fault` for what was planted, in `saboteurs`, and `bug` for what was not";
    nobody_says(&words, instead, KNOWN_FLAWS, free);
}
