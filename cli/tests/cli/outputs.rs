//! Files and streams that results go to: what cannot be written, and what must not be lost with it.

use crate::binary::{GOOD, Serving, ends, folder, json, squall, text, write};
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

fn wrong() -> String {
    GOOD.replace("exactly: once", "never: true")
}

/// Runs a shell command in which `squall` is the binary.
#[cfg(unix)]
fn shell(folder: &Path, command: &str) -> Output {
    let binary = env!("CARGO_BIN_EXE_squall");
    Command::new("bash")
        .args(["-c", &format!("squall() {{ {binary} \"$@\"; }}\n{command}")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs")
}

#[cfg(unix)]
#[test]
fn an_output_that_is_no_ordinary_file_stays_what_it_is() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    write(dir.path(), "target.html", "old");
    std::os::unix::fs::symlink(dir.path().join("target.html"), dir.path().join("link.html"))
        .expect("a link");
    let arguments = [
        "sim",
        "good.yaml",
        "--seed",
        "1",
        "--html",
        "link.html",
        "--json",
        "/dev/null",
        "--junit",
        "/dev/null",
    ];
    ends(&squall(dir.path(), &arguments), 0);
    let link = fs::symlink_metadata(dir.path().join("link.html")).expect("it is there");
    assert!(link.is_symlink());
    assert!(
        fs::read_to_string(dir.path().join("target.html"))
            .expect("a page")
            .contains("<html")
    );
    let device = fs::symlink_metadata("/dev/null").expect("it is there");
    assert!(!device.is_file());
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_any_work() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let long = "x".repeat(300);
    let cases: [(&[&str], &str); 6] = [
        (&["--html", "no/folder.html"], "there is no folder no"),
        (&["--html", "."], "it is a folder"),
        (&["--junit", &long], "too long"),
        (&["--json", "a", "--junit", "./a"], "two outputs"),
        (&["--json", "good.yaml"], "read in the same run"),
        (&["--json", "-"], "no file here"),
    ];
    for (outputs, expected) in cases {
        let sweep = &["sim", "good.yaml", "--seeds", "0..100000000"][..];
        let output = squall(dir.path(), &[sweep, outputs].concat());
        ends(&output, 2);
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{said}");
    }
    let left = fs::read_dir(dir.path()).expect("it can be read").count();
    assert_eq!(left, 1, "nothing is left beside the story");
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_system_is_refused_before_any_work() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let sweep = ["sim", "good.yaml", "--seeds", "0..100000000"];
    let output = squall(
        dir.path(),
        &[&sweep[..], &["--html", "/proc/a.html"]].concat(),
    );
    ends(&output, 2);
    let said = text(&output.stderr);
    assert!(said.contains("cannot write /proc/a.html"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn verdicts_are_not_lost_with_a_side_output() {
    let dir = folder();
    write(dir.path(), "wrong.yaml", &wrong());
    write(dir.path(), "good.yaml", GOOD);
    // Folder for replays, files, what is named on standard error. A full disk is noticed when it is written to.
    let cases = [
        (&["--replays", "/proc/replays"][..], "/proc/replays"),
        (&["--replays", "good.yaml"], "good.yaml"),
        (&["--junit", "/dev/full"], "/dev/full"),
        (&["--json", "/dev/full", "--html", "page.html"], "/dev/full"),
    ];
    for (outputs, named) in cases {
        let run = ["sim", "wrong.yaml", "--seed", "17", "--mqtt", "5.0"];
        let output = squall(dir.path(), &[&run[..], outputs].concat());
        ends(&output, 1);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(out.contains("✗ FAIL"), "{out}");
        assert!(
            out.contains("replay    squall "),
            "a command repeats it: {out}"
        );
        assert!(err.contains("cannot write") && err.contains(named), "{err}");
        let good = squall(
            dir.path(),
            &[&["sim", "good.yaml", "--seed", "17"][..], outputs].concat(),
        );
        // Nothing failed that could have been written down; a file that was asked for is missing all the same.
        ends(&good, if outputs[0] == "--replays" { 0 } else { 2 });
    }
    let page = fs::read_to_string(dir.path().join("page.html")).expect("the other is there");
    assert!(page.contains("</html>"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_message() {
    let dir = folder();
    write(dir.path(), "wrong.yaml", &wrong());
    write(dir.path(), "good.yaml", GOOD);
    for (command, code) in [
        ("squall list checks >/dev/full", 2),
        ("squall explain MQTT-3.3.1-2 >/dev/full", 2),
        ("squall --help >/dev/full", 2),
        ("squall sim good.yaml --seed 1 >/dev/full", 2),
        ("squall sim wrong.yaml --seed 1 >/dev/full", 1),
        ("squall sim wrong.yaml --seed 1 --format json >/dev/full", 1),
        (
            "squall sim good.yaml --seeds 0..500 --format json >/dev/full",
            2,
        ),
        ("squall decode c000 >/dev/full", 2),
    ] {
        let output = shell(dir.path(), command);
        ends(&output, code);
        let said = text(&output.stderr);
        let messages = said.lines().filter(|l| l.starts_with("error: "));
        assert_eq!(messages.count(), 1, "{command}: {said}");
        assert!(said.contains("No space left"), "{command}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_panics_when_standard_error_cannot_be_written() {
    let dir = folder();
    write(dir.path(), "wrong.yaml", &wrong());
    for (command, code) in [
        ("squall sim wrong.yaml --seed 1 2>/dev/full", 1),
        ("squall sim wrong.yaml --seed 1 2>&-", 1),
        ("squall sim nowhere.yaml 2>/dev/full", 2),
        ("squall sim --jobs 60000 wrong.yaml --seed 1 2>/dev/full", 1),
        ("squall dance 2>/dev/full", 2),
        ("squall conform mqtt://127.0.0.1:1 2>/dev/full", 3),
        ("squall conform 2>/dev/full", 2),
        ("squall decode zz 2>/dev/full", 2),
        ("squall encode '{}' 2>/dev/full", 2),
        ("squall broker --listen 203.0.113.1:1 2>/dev/full", 2),
        ("squall explain nothing 2>/dev/full", 2),
    ] {
        let output = shell(dir.path(), command);
        assert_eq!(output.status.code(), Some(code), "{command}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = folder();
    write(dir.path(), "wrong.yaml", &wrong());
    write(dir.path(), "good.yaml", GOOD);
    for (command, code) in [
        ("squall list statements | head -1", 0),
        ("squall sim wrong.yaml --seeds 0..50 | head -1", 1),
        ("squall sim wrong.yaml --seeds 0..50 2>&1 | head -1", 1),
        (
            "squall sim wrong.yaml --seeds 0..50 --format json | head -1",
            1,
        ),
        (
            "squall replay squall-replays/*5.0.seed-0* --trace | head -1",
            1,
        ),
        ("squall --help | head -1", 0),
    ] {
        let output = shell(dir.path(), &format!("{command}; exit ${{PIPESTATUS[0]}}"));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("error:"),
            "{command}: {said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_sweep_that_nobody_reads_ends() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let command = "squall sim good.yaml --seeds 0..100000000 --format json | head -c 100";
    let output = shell(dir.path(), command);
    assert!(
        text(&output.stdout).starts_with("{"),
        "{}",
        text(&output.stdout)
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_reads_is_refused_and_one_that_is_read_is_written() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let output = shell(
        dir.path(),
        "mkfifo p; squall sim good.yaml --seed 1 --json p",
    );
    ends(&output, 2);
    assert!(text(&output.stderr).contains("nobody has begun to read"));
    let read = shell(
        dir.path(),
        "squall sim good.yaml --seed 1 --json p >out & cat p; wait",
    );
    assert_eq!(json(&read)["summary"]["pass"], 2);
}

#[test]
fn json_in_a_file_is_the_same_as_on_standard_output() {
    let dir = folder();
    write(dir.path(), "wrong.yaml", &wrong());
    let run = ["sim", "wrong.yaml", "--seeds", "0..40", "--format", "json"];
    let output = squall(dir.path(), &[&run[..], &["--json", "all.json"]].concat());
    ends(&output, 1);
    let file = fs::read(dir.path().join("all.json")).expect("it is there");
    assert_eq!(text(&file), text(&output.stdout));
    let results = json(&output)["results"].as_array().expect("a list").len();
    assert_eq!(results, 80, "40 seeds in two versions");
}

/// `--report` takes the format from the ending, and writes what the flag of that format writes.
#[test]
fn a_report_has_the_format_of_its_ending() {
    let dir = folder();
    write(dir.path(), "wrong.yaml", &wrong());
    let run = ["sim", "wrong.yaml", "--seeds", "0..3", "--format", "json"];
    let files = [
        "--json", "a.json", "--junit", "a.xml", "--html", "a.html", "--report", "b.json",
        "--report", "b.XML", "--report", "b.html", "--report", "b.txt", "--report", "c.json",
    ];
    let output = squall(dir.path(), &[&run[..], &files].concat());
    ends(&output, 1);
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("it is there");
    assert_eq!(read("b.json"), text(&output.stdout));
    for (flag, report) in [
        ("a.json", "b.json"),
        ("a.xml", "b.XML"),
        ("a.html", "b.html"),
        ("a.json", "c.json"),
    ] {
        assert!(read(flag) == read(report), "{flag} and {report}");
    }
    assert!(read("b.txt").contains("✗ FAIL"));
}

#[test]
fn an_ending_that_no_format_has_is_refused_before_any_work() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    for (command, name) in [
        (
            &["sim", "good.yaml", "--seeds", "0..100000000"][..],
            "a.pdf",
        ),
        (&["verify"], "report"),
        (&["conform", "mqtt://127.0.0.1:1"], "a.json.gz"),
        (&["replay", "nowhere.yaml"], "-"),
    ] {
        let output = squall(dir.path(), &[command, &["--report", name]].concat());
        ends(&output, 2);
        let said = text(&output.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains(&format!("invalid value '{name}' for '--report <FILE>'")),
            "{said}"
        );
        for ending in [".txt (", ".json (", ".xml (", ".html ("] {
            assert!(said.contains(ending), "{said}");
        }
    }
    let left = fs::read_dir(dir.path()).expect("it can be read").count();
    assert_eq!(left, 1, "nothing is left beside the story");
}

/// There is one JSON document: on standard output, in a file, and by whatever flag; and it begins with its version. Two
/// runs differ in times alone.
#[test]
fn every_way_to_json_gives_the_same_document() {
    let dir = folder();
    let broker = Serving::start();
    write(dir.path(), "wrong.yaml", &wrong());
    ends(
        &squall(dir.path(), &["sim", "wrong.yaml", "--seed", "1"]),
        1,
    );
    let conform = ["conform", broker.url(), "--only", "connect/accepted"];
    for (command, code) in [
        (&["sim", "wrong.yaml", "--seeds", "0..3"][..], 1),
        (&conform, 0),
        (
            &["replay", "squall-replays/wrong.5.0.seed-1.replay.yaml"],
            1,
        ),
    ] {
        let more = ["--format", "json", "--json", "a.json", "--report", "b.json"];
        let output = squall(dir.path(), &[command, &more].concat());
        ends(&output, code);
        for name in ["a.json", "b.json"] {
            let file = fs::read(dir.path().join(name)).expect("it is there");
            assert!(file == output.stdout, "{command:?}: {name}");
        }
        let alone = squall(dir.path(), &[command, &["--json", "c.json"]].concat());
        ends(&alone, code);
        let file = fs::read_to_string(dir.path().join("c.json")).expect("it is there");
        assert!(
            file.starts_with("{\n\"squall_results\": 1,\n\"tool\": "),
            "{file}"
        );
        assert_eq!(
            timeless(&file),
            timeless(&text(&output.stdout)),
            "{command:?}"
        );
    }
}

/// A document without what differs between two runs: the time, and how long things took.
fn timeless(document: &str) -> serde_json::Value {
    let mut document = serde_json::from_str(document).expect("it is JSON");
    without_times(&mut document);
    document
}

fn without_times(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(values) => values.iter_mut().for_each(without_times),
        serde_json::Value::Object(keys) => {
            for key in [
                "generated",
                "duration_ms",
                "runs_per_second",
                "virtual_seconds_per_second",
            ] {
                keys.remove(key);
            }
            keys.values_mut().for_each(without_times);
        }
        _ => {}
    }
}
