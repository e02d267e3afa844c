//! A sweep takes no more memory for more runs.
#![cfg(target_os = "linux")]

use crate::binary::{GOOD, folder, write};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

const TINY: &str = "\
title: Somebody comes and goes
clients: { a: {} }
steps:
  - a: connect
  - a: disconnect
";

/// Peak resident memory of a command in KiB, looked at until it ends.
fn peak(folder: &Path, arguments: &[&str]) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("it can be asked").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        thread::sleep(Duration::from_millis(2));
    }
    peak
}

#[test]
fn runs_that_passed_are_forgotten() {
    let dir = folder();
    write(dir.path(), "tiny.yaml", TINY);
    let outputs = [
        "--format", "json", "--json", "a.json", "--junit", "a.xml", "--html", "a.html",
    ];
    let sweep = |seeds: &str| {
        let sweep = ["sim", "tiny.yaml", "--mqtt", "5.0", "--seeds", seeds];
        peak(dir.path(), &[&sweep[..], &outputs].concat())
    };
    let (few, many) = (sweep("0..1000"), sweep("0..20000"));
    // What a run took when each was kept, half a KiB, would be 10 MiB.
    assert!(many < few + 3 * 1024, "{few} KiB and {many} KiB");
}

#[test]
fn runs_that_failed_are_kept_within_bounds() {
    let dir = folder();
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    let sweep = |seeds: &str| {
        let sweep = ["sim", "wrong.yaml", "--mqtt", "5.0", "--seeds", seeds];
        peak(dir.path(), &[&sweep[..], &["--html", "a.html"]].concat())
    };
    let (few, many) = (sweep("0..600"), sweep("0..4000"));
    assert!(many < few + 3 * 1024, "{few} KiB and {many} KiB");
}
