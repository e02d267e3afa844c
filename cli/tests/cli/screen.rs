//! What a person sees: widths, and that nothing from outside harms a terminal.

use crate::binary::{GOOD, ends, folder, squall, text, write};
use std::fs;

/// Escape sequences, C1 controls, and marks that turn a line around.
const HARMFUL: &str = "\u{1b}[31m\u{9b}2J\u{202e}\u{2066}\u{7}";

#[track_caller]
fn is_harmless(what: &str, shown: &[u8]) {
    let shown = text(shown);
    let bad = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(bad), "{what}: {shown:?}");
}

#[test]
fn what_comes_from_files_and_names_is_shown_visibly() {
    let dir = folder();
    let wrong = GOOD.replace("exactly: once", "never: true");
    write(dir.path(), "wrong.yaml", &wrong);
    ends(
        &squall(
            dir.path(),
            &["sim", "wrong.yaml", "--seed", "7", "--mqtt", "5.0"],
        ),
        1,
    );
    let replay = dir
        .path()
        .join("squall-replays/wrong.5.0.seed-7.replay.yaml");
    let recorded = fs::read_to_string(replay).expect("the replay");
    let escaped = r"\e[31m\x9b2J\u202e\u2066\a";
    let set = |key: &str| {
        let lines = recorded.lines().map(|line| match line.split_once(": ") {
            Some((k, _)) if k == key => format!("{key}: \"{escaped}\"\n"),
            _ => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    for key in [
        "trace_hash",
        "squall",
        "name",
        "source",
        "version",
        "world",
        "verdict",
    ] {
        write(dir.path(), "changed.replay.yaml", &set(key));
        for more in [&[][..], &["--trace"], &["--format", "json"]] {
            let arguments = [&["replay", "changed.replay.yaml"][..], more].concat();
            let output = squall(dir.path(), &arguments);
            is_harmless(key, &output.stdout);
            is_harmless(key, &output.stderr);
        }
    }
    let name = format!("{HARMFUL}.yaml");
    let bad = GOOD.replace("meter: connect", "meetr: connect");
    for story in [GOOD, wrong.as_str(), bad.as_str()] {
        write(dir.path(), &name, story);
        for more in [&[][..], &["--format", "json"]] {
            let output = squall(
                dir.path(),
                &[&["sim", &name, "--seed", "1"][..], more].concat(),
            );
            is_harmless("a file's name", &output.stdout);
            is_harmless("a file's name", &output.stderr);
        }
    }
}

#[test]
fn arguments_are_shown_visibly() {
    let dir = folder();
    for arguments in [
        &["sim", HARMFUL][..],
        &["sim", "--mqtt", HARMFUL],
        &["sim", "--seeds", HARMFUL],
        &[HARMFUL],
        &["explain", HARMFUL],
        &["replay", HARMFUL],
        &["conform", HARMFUL],
        &["conform", "mqtt://127.0.0.1:1", "--only", HARMFUL],
        &["decode", HARMFUL],
        &["encode", HARMFUL],
        &["sim", "--html", HARMFUL, HARMFUL],
    ] {
        let output = squall(dir.path(), arguments);
        is_harmless(arguments[0], &output.stderr);
        is_harmless(arguments[0], &output.stdout);
        assert_ne!(output.status.code(), Some(101));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_width_of_the_terminal_is_used() {
    let dir = folder();
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    let binary = env!("CARGO_BIN_EXE_squall");
    for (columns, within) in [(40, 40), (60, 60), (80, 80), (20, 40), (300, 140)] {
        let command = format!(
            "stty rows 24 cols {columns}; {binary} sim wrong.yaml --seed 1 --mqtt 5.0 2>/dev/null"
        );
        let output = std::process::Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env_remove("COLUMNS")
            .env("NO_COLOR", "1")
            .current_dir(dir.path())
            .output()
            .expect("script runs");
        let shown = text(&output.stdout);
        let lines = shown.lines().map(|l| l.trim_end_matches('\r'));
        // A command to be copied is never broken.
        let rows = lines.filter(|l| !l.trim_start().starts_with("replay"));
        let widest = rows.map(|l| l.chars().count()).max().unwrap_or(0);
        assert!(widest <= within, "{columns}: {widest}\n{shown}");
        assert!(widest > within * 3 / 5, "{columns}: {widest}\n{shown}");
    }
}

#[test]
fn more_jobs_than_processors_are_not_started() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let output = squall(
        dir.path(),
        &["sim", "good.yaml", "--seed", "1", "--jobs", "60000"],
    );
    ends(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("60000 jobs were asked for"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_listed_and_explained_fits_the_terminal() {
    let dir = folder();
    let binary = env!("CARGO_BIN_EXE_squall");
    for what in ["explain MQTT-3.3.1-2", "list checks", "list statements"] {
        let command = format!("stty rows 24 cols 50; {binary} {what}");
        let output = std::process::Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(dir.path())
            .output()
            .expect("script runs");
        let shown = text(&output.stdout);
        let widest = shown
            .lines()
            .map(|l| l.trim_end_matches('\r').chars().count())
            .max();
        assert!(
            widest.is_some_and(|w| (30..=50).contains(&w)),
            "{what}: {widest:?}"
        );
    }
}
