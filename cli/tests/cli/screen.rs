//! What a person sees: widths, and that nothing from outside harms a terminal.

use crate::binary::{GOOD, ends, folder, squall, text, write};

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
