//! Signals: what was found is given, and the exit code says which signal it was.
#![cfg(unix)]

use crate::binary::{GOOD, Serving, ends, folder, json, text, write};
use std::{
    fs,
    io::Read,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

fn start(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// Waits until it has begun: it says how much there is to do.
fn begun(child: &mut Child) {
    let mut first = [0; 1];
    let stderr = child.stderr.as_mut().expect("a pipe");
    stderr.read_exact(&mut first).expect("a line of progress");
}

fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
}

/// Sends a signal, and gives what came of it and how long that took.
fn end(child: Child, name: &str) -> (Output, Duration) {
    signal(&child, name);
    let began = Instant::now();
    let output = child.wait_with_output().expect("it ends");
    (output, began.elapsed())
}

#[test]
fn a_signal_ends_a_sweep_with_what_was_found() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    for (name, code, word) in [
        ("INT", 130, "Ctrl-C"),
        ("TERM", 143, "SIGTERM"),
        ("HUP", 129, "SIGHUP"),
    ] {
        let arguments = ["sim", "good.yaml", "--seeds", "0..100000000"];
        let mut child = start(dir.path(), &arguments);
        begun(&mut child);
        thread::sleep(Duration::from_millis(300));
        let (output, _) = end(child, name);
        ends(&output, code);
        let out = text(&output.stdout);
        assert!(out.contains("✓ pass") && out.contains(word), "{out}");
    }
}

#[test]
fn a_signal_ends_stories_told_live_and_cleans_up() {
    let (dir, broker) = (folder(), Serving::start());
    let long = GOOD.replace("settle: 5s", "settle: 50s");
    write(dir.path(), "long.yaml", &long);
    let mut child = start(dir.path(), &["live", "long.yaml", "--broker", broker.url()]);
    begun(&mut child);
    thread::sleep(Duration::from_millis(500));
    let (output, took) = end(child, "TERM");
    ends(&output, 143);
    assert!(took < Duration::from_secs(8), "it took {took:?}");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains("SIGTERM, after 0 of 2 runs"), "{out}");
    assert!(!err.contains("left on"), "{err}");
}

#[test]
fn every_output_is_whole_after_a_signal() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    for (moment, name) in ["TERM", "INT", "HUP", "TERM", "TERM"]
        .into_iter()
        .enumerate()
    {
        let files = ["--json", "a.json", "--junit", "a.xml", "--html", "a.html"];
        let sweep = [
            "sim",
            "good.yaml",
            "wrong.yaml",
            "--seeds",
            "0..100000000",
            "--format",
            "json",
        ];
        let mut child = start(dir.path(), &[&sweep[..], &files].concat());
        begun(&mut child);
        // The pipe is read, or the sweep would wait for its reader.
        let mut stdout = child.stdout.take().expect("a pipe");
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            stdout.read_to_end(&mut all).map(|_| all)
        });
        thread::sleep(Duration::from_millis(70 * moment as u64));
        let (mut output, took) = end(child, name);
        output.stdout = reader.join().expect("it reads").expect("to the end");
        assert!(took < Duration::from_secs(8), "it took {took:?}");
        assert!(matches!(output.status.code(), Some(129 | 130 | 143)));
        let document = json(&output);
        assert!(
            document["interrupted"].is_string(),
            "{}",
            document["summary"]
        );
        let results = document["results"].as_array().expect("a list").len();
        assert_eq!(document["summary"]["total"], results);
        let at = |name: &str| fs::read_to_string(dir.path().join(name)).expect("it is there");
        assert_eq!(at("a.json"), text(&output.stdout));
        let junit = quick_junit::Report::deserialize_from_str(&at("a.xml")).expect("it is JUnit");
        assert!(junit.errors >= 1, "an interrupted sweep is no success");
        assert!(at("a.html").trim_end().ends_with("</html>"));
        for name in ["a.json", "a.xml", "a.html"] {
            fs::remove_file(dir.path().join(name)).expect("it can be removed");
        }
    }
}

/// One run that takes long must not keep the results of the others back.
#[test]
fn a_long_run_is_given_up() {
    let dir = folder();
    let long = "\
title: Four clients ping each second for a thousand hours
limit: 100000h
clients: { a: { keep_alive: 1s }, b: { keep_alive: 1s }, c: { keep_alive: 1s }, d: { keep_alive: 1s } }
steps:
  - a: connect
  - b: connect
  - c: connect
  - d: connect
  - wait: 1000h
";
    write(dir.path(), "long.yaml", long);
    for world in ["loop", "turmoil"] {
        let arguments = [
            "sim",
            "long.yaml",
            "--seeds",
            "0..9",
            "--world",
            world,
            "--format",
            "json",
        ];
        let mut child = start(dir.path(), &arguments);
        begun(&mut child);
        thread::sleep(Duration::from_millis(100));
        let (output, took) = end(child, "TERM");
        ends(&output, 143);
        assert!(json(&output)["results"].is_array());
        assert!(took < Duration::from_secs(8), "{world}: it took {took:?}");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let sweep = [
        "sim",
        "good.yaml",
        "--seeds",
        "0..100000000",
        "--format",
        "json",
    ];
    let mut child = start(dir.path(), &sweep);
    begun(&mut child);
    // Nobody reads standard output: it cannot come to its end in order.
    thread::sleep(Duration::from_millis(1_500));
    signal(&child, "TERM");
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("it can be asked").is_none());
    signal(&child, "INT");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(143), "the first signal is the reason");
}

#[cfg(target_os = "linux")]
#[test]
fn hanging_up_is_ignored_under_nohup() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let mut child = Command::new("nohup")
        .arg(env!("CARGO_BIN_EXE_squall"))
        .args(["sim", "good.yaml", "--seeds", "0..100000000"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nohup runs");
    begun(&mut child);
    thread::sleep(Duration::from_millis(300));
    signal(&child, "HUP");
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("it can be asked").is_none());
    let (output, _) = end(child, "TERM");
    ends(&output, 143);
}
