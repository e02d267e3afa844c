//! `squall pub` and `squall sub`, with the reference broker as a process.

mod ends;
mod publishing;
mod subscribing;

use crate::binary::{Serving, text};
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
};

/// Runs `squall pub` or `squall sub` to its end.
fn squall(arguments: &[&str]) -> Output {
    crate::binary::squall(Path::new("."), arguments)
}

/// A `squall sub` that is subscribed.
struct Sub {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Sub {
    /// Waits until each filter has its SUBACK; with --quiet nothing tells of it.
    fn start(broker: &Serving, filters: usize, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(["sub", broker.url()])
            .args(arguments)
            .arg("--verbose")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let err = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut sub = Self { child, out, err };
        let mut told = String::new();
        // The first line tells of the connection.
        for _ in 0..=filters {
            let before = told.len();
            sub.err.read_line(&mut told).expect("it is text");
            assert_ne!(told.len(), before, "it has ended: {told}");
        }
        assert_eq!(told.matches("subscribed").count(), filters, "{told}");
        sub
    }

    /// The next line but those of details.
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.out.read_line(&mut line).expect("it is text");
            if !line.starts_with("    ") {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("there is a shell").success());
    }

    /// What it still says on both outputs, details aside, and its exit code.
    fn end(mut self) -> (String, String, Option<i32>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        self.out.read_to_end(&mut out).expect("it is readable");
        self.err.read_to_end(&mut err).expect("it is readable");
        let code = self.child.wait().expect("it ends").code();
        let out = text(&out);
        let lines = out.lines().filter(|line| !line.starts_with("    "));
        let out = lines.map(|line| format!("{line}\n")).collect();
        (out, text(&err), code)
    }
}

impl Drop for Sub {
    fn drop(&mut self) {
        // One that has ended is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Publishes one message.
#[track_caller]
fn publish(broker: &Serving, arguments: &[&str]) {
    let output = squall(&[&["pub", broker.url()], arguments].concat());
    crate::binary::ends(&output, 0);
}
