//! `squall conform` against servers that misbehave: it stays small, ends in time with the right exit code, and accuses
//! nobody of what was not seen. Figures are measured from outside, on the built binary, and printed as a table.
//!
//! The short form runs a few checks with short waits. `SQUALL_HOSTILE=1 cargo test --release -p squall --test hostile`
//! runs every check as a user would.
#![cfg(target_os = "linux")]

mod servers;

use serde_json::Value;
use servers::{Serve, Server};
use std::{
    fs::{self, File},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// Memory that no row may take at its peak, in KiB.
const MEMORY: u64 = 150 * 1024;

/// A server and what has to come of it.
struct Row {
    name: &'static str,
    serve: Serve,
    /// Seconds that the short form may take, in a debug build on a busy machine; and the long form in release.
    seconds: [u64; 2],
    /// The exit codes of the short and of the long form.
    code: [i32; 2],
    /// Part of what standard error has to say when the exit code is 3.
    says: &'static str,
    /// Part of the message of every verdict fail; empty where nothing may fail.
    fails: &'static str,
}

const NOTHING: &str = "nothing it says can be judged";
const STRANGER: &str = "is no MQTT server";
/// A check of the long form announces a Maximum Packet Size, which the server then does not keep.
const TOO_LARGE: &str = "where at most 200 are allowed";

macro_rules! rows {
    ($($serve:ident: $short:literal s, $long:literal s, $code:expr, $says:expr, $fails:expr;)*) => {
        const ROWS: &[Row] = &[$(Row {
            name: stringify!($serve),
            serve: servers::$serve,
            seconds: [$short, $long],
            code: $code,
            says: $says,
            fails: $fails,
        }),*];
    };
}

rows! {
    tiny_before_connack: 20 s, 20 s, [3, 3], NOTHING, "";
    kib_before_connack: 20 s, 20 s, [3, 3], NOTHING, "";
    mib_before_connack: 20 s, 20 s, [3, 3], NOTHING, "";
    garbage_before_connack: 20 s, 20 s, [3, 3], STRANGER, "";
    pings_before_connack: 20 s, 20 s, [3, 3], NOTHING, "";
    tiny_after_connack: 60 s, 180 s, [3, 3], NOTHING, "";
    kib_after_connack: 60 s, 180 s, [3, 1], NOTHING, TOO_LARGE;
    mib_after_connack: 40 s, 120 s, [3, 1], NOTHING, TOO_LARGE;
    garbage_after_connack: 40 s, 120 s, [1, 1], "", "the server sent what the standard forbids";
    pings_after_connack: 60 s, 180 s, [3, 3], NOTHING, "";
    tiny_after_disconnect: 60 s, 400 s, [1, 1], "", "";
    kib_after_disconnect: 60 s, 400 s, [1, 1], "", "";
    mib_after_disconnect: 60 s, 400 s, [1, 1], "", "";
    garbage_after_disconnect: 60 s, 400 s, [1, 1], "", "";
    pings_after_disconnect: 60 s, 400 s, [1, 1], "", "";
    endless_connack: 40 s, 120 s, [1, 1], "", "";
    never_reads: 60 s, 400 s, [1, 1], "", "";
    one_byte_a_second: 20 s, 400 s, [3, 3], NOTHING, "";
    half_close: 30 s, 120 s, [3, 3], NOTHING, "";
    resets: 20 s, 60 s, [3, 3], NOTHING, "";
    longest_packet: 40 s, 120 s, [3, 1], NOTHING, TOO_LARGE;
    closes_at_once: 20 s, 60 s, [3, 3], NOTHING, "";
    mute: 20 s, 60 s, [3, 3], NOTHING, "";
    http: 20 s, 20 s, [3, 3], "it answers with HTTP (\"HTTP/1.1 400 Bad Request\")", "";
    tls: 20 s, 20 s, [3, 3], "it answers with TLS (bytes 15 03 01 …)", "";
    ssh: 20 s, 20 s, [3, 3], "it answers with SSH (\"SSH-2.0-\\x1b]0;Open\\x07SSH_9.2\")", "";
    echo: 20 s, 20 s, [3, 3], "it sends back what it is sent", "";
    smtp: 20 s, 20 s, [3, 3], "it greets like SMTP or FTP (\"220 mail.example ESMTP\")", "";
    redis: 20 s, 20 s, [3, 3], "it answers like Redis (\"-ERR unknown command\")", "";
}

/// What a run took and said.
struct Ran {
    code: Option<i32>,
    /// KiB.
    peak: u64,
    took: Duration,
    out: String,
    err: String,
}

/// The most memory that the process has had so far, in KiB; `None` once it is gone.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn conform(row: &Row, long: bool, limit: Duration) -> Ran {
    let server = Server::start(row.serve);
    let dir = tempfile::tempdir().expect("a scratch folder");
    let file = |name: &str| dir.path().join(name);
    let create = |name: &str| File::create(file(name)).expect("it can be written");
    let url = format!("mqtt://{}", server.address);
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["conform", &url, "--format", "json"]);
    for (option, name) in [
        ("--html", "r.html"),
        ("--junit", "r.xml"),
        ("--json", "r.json"),
    ] {
        command.arg(option).arg(file(name));
    }
    if !long {
        let few = "connect/accepted connect/takeover keep-alive/ping will/on-drop vectors/ping";
        command.args(["--timeout", "0.4", "--only"]);
        command.args(few.split(' '));
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(create("out"))
        .stderr(create("err"))
        .spawn()
        .expect("the binary runs");
    let began = Instant::now();
    let mut most = 0;
    let code = loop {
        most = most.max(peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status.code();
        }
        if began.elapsed() > limit || most > 4 * MEMORY {
            child.kill().expect("it can be ended");
            child.wait().expect("it ends");
            break None;
        }
        thread::sleep(Duration::from_millis(3));
    };
    let took = began.elapsed();
    let read = |name: &str| fs::read_to_string(file(name)).unwrap_or_default();
    Ran {
        code,
        peak: most,
        took,
        out: read("out"),
        err: read("err"),
    }
}

/// What is wrong with a run, if anything is.
fn faults(row: &Row, ran: &Ran, long: bool, limit: Duration) -> Vec<String> {
    let code = row.code[usize::from(long)];
    let mut faults = Vec::new();
    if ran.code != Some(code) {
        faults.push(format!(
            "exit code {:?}, not {}: {}",
            ran.code, code, ran.err
        ));
    }
    if ran.peak > MEMORY {
        faults.push(format!("{} KiB of memory", ran.peak));
    }
    if ran.took > limit {
        faults.push(format!("it took {:?}", ran.took));
    }
    // Where a check has seen enough of a server to warn, the results say what there is to say.
    let unknown = row.says != NOTHING || judges_nothing(&ran.out);
    if code == 3 && unknown && !ran.err.contains(row.says) {
        faults.push(format!("standard error lacks `{}`: {}", row.says, ran.err));
    }
    let raw = |c: char| c.is_control() && c != '\n';
    if ran.out.contains(raw) || ran.err.contains(raw) {
        faults.push("a raw control character is printed".to_owned());
    }
    if ran.out.is_empty() {
        if !ran.err.contains(STRANGER) {
            faults.push("no result was printed".to_owned());
        }
        return faults;
    }
    let document: Value = match serde_json::from_str(&ran.out) {
        Ok(document) => document,
        Err(error) => return vec![format!("the JSON cannot be read: {error}")],
    };
    for result in document["results"].as_array().into_iter().flatten() {
        let (verdict, message) = (&result["verdict"], result["message"].as_str().unwrap_or(""));
        let told = format!("{} ({}): {message}", result["check"], result["version"]);
        if verdict == "pass" && !may_pass(row, result) {
            faults.push(format!("pass: {told}"));
        }
        if verdict == "fail" && (row.fails.is_empty() && code != 1 || !message.contains(row.fails))
        {
            faults.push(format!("fail: {told}"));
        }
    }
    faults
}

/// Whether there is no result that says more than inconclusive.
fn judges_nothing(out: &str) -> bool {
    serde_json::from_str::<Value>(out).is_ok_and(|document| {
        let results = document["results"].as_array();
        results.is_some_and(|r| r.iter().all(|r| r["verdict"] == "inconclusive"))
    })
}

/// A server that does as it should until it gets a DISCONNECT passes what needs no more than that.
fn may_pass(row: &Row, _result: &Value) -> bool {
    row.name.ends_with("_after_disconnect")
}

#[test]
fn no_server_fills_the_memory_or_holds_the_run_up() {
    let long = std::env::var_os("SQUALL_HOSTILE").is_some();
    let only = std::env::var("SQUALL_HOSTILE_ROW").unwrap_or_default();
    let wanted = |row: &&Row| row.name.contains(&only);
    let queue = Mutex::new(ROWS.iter().filter(wanted));
    let table = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(row) = queue.lock().expect("nobody panicked").next() else {
                        return;
                    };
                    let limit = Duration::from_secs(row.seconds[usize::from(long)]);
                    let ran = conform(row, long, limit + Duration::from_secs(5));
                    let wrong = faults(row, &ran, long, limit);
                    let line = format!(
                        "{:<26} {:>6.1} MB {:>6.1} s  exit {:?}{}",
                        row.name,
                        ran.peak as f64 / 1024.0,
                        ran.took.as_secs_f64(),
                        ran.code,
                        wrong
                            .iter()
                            .map(|w| format!("\n    {w}"))
                            .collect::<String>()
                    );
                    table
                        .lock()
                        .expect("nobody panicked")
                        .push((line, wrong.len()));
                }
            });
        }
    });
    let mut table = table.into_inner().expect("nobody panicked");
    table.sort();
    let lines: Vec<_> = table.iter().map(|(line, _)| line.as_str()).collect();
    #[expect(clippy::print_stdout, reason = "the figures are what this test is for")]
    {
        println!("{}", lines.join("\n"));
    }
    let wrong: usize = table.iter().map(|(_, wrong)| wrong).sum();
    assert_eq!(wrong, 0, "{}", lines.join("\n"));
}
