//! Runs the binary in a scratch folder and looks at what came of it.

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

pub(crate) const GOOD: &str = "\
title: A reading reaches the ledger
network: { latency: 1ms..20ms, loss: 2% }
clients:
  meter: { clean_start: false, session_expiry: 1h }
  ledger: {}
steps:
  - ledger: connect
  - ledger: { subscribe: readings, qos: 1 }
  - meter: connect
  - meter: { publish: readings, payload: one, qos: 1 }
  - settle: 5s
expect:
  - delivered: { topic: readings, to: ledger, exactly: once }
";

pub(crate) fn squall(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("it can be written");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

#[track_caller]
pub(crate) fn ends(output: &Output, code: i32) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout:\n{out}\nstderr:\n{err}"
    );
}
