//! The binary as people use it: what it prints, where, and how it ends.

use serde_json::Value;
use std::{
    fs,
    io::Read,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const GOOD: &str = "\
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

fn squall(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("it can be written");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

#[track_caller]
fn ends(output: &Output, code: i32) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout:\n{out}\nstderr:\n{err}"
    );
}

#[test]
fn bad_yaml_is_shown_where_it_is_bad() {
    let dir = folder();
    write(
        dir.path(),
        "bad.yaml",
        &GOOD.replace("  - meter: connect", "  - meetr: connect"),
    );
    let output = squall(dir.path(), &["sim", "bad.yaml"]);
    ends(&output, 2);
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!("bad_yaml", text(&output.stderr));
}

#[test]
fn a_missing_scenario_file_is_named() {
    let output = squall(folder().path(), &["sim", "nowhere.yaml"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("nowhere.yaml"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn wrong_arguments_end_with_code_2() {
    let dir = folder();
    for arguments in [
        &["sim", "--seeds", "9..3"][..],
        &["sim", "--jobs", "0"],
        &["conform"],
        &["dance"],
    ] {
        ends(&squall(dir.path(), arguments), 2);
    }
}

#[test]
fn sim_json_has_one_hash_for_a_seed_whatever_the_jobs_and_the_world() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let run = |more: &[&str]| {
        let arguments = [
            &["sim", "good.yaml", "--seeds", "3..6", "--format", "json"][..],
            more,
        ]
        .concat();
        let output = squall(dir.path(), &arguments);
        ends(&output, 0);
        let results = json(&output)["results"].as_array().expect("a list").clone();
        let row = |r: &Value| {
            (
                r["version"].clone(),
                r["seed"].clone(),
                r["trace_hash"].clone(),
                r["verdict"].clone(),
            )
        };
        results.iter().map(row).collect::<Vec<_>>()
    };
    let one = run(&["--jobs", "1"]);
    assert_eq!(one.len(), 6, "3 seeds in 2 versions");
    assert!(
        one.iter()
            .all(|r| r.3 == "pass" && r.2.as_str().is_some_and(|h| h.len() == 64))
    );
    assert_eq!(one, run(&["--jobs", "2"]));
    assert_eq!(one, run(&["--world", "turmoil"]));
    assert_eq!(run(&["--mqtt", "5.0"]).len(), 3);
}

#[test]
fn a_failing_run_prints_its_seed_and_a_command_that_repeats_it() {
    let dir = folder();
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    let output = squall(
        dir.path(),
        &["sim", "wrong.yaml", "--seed", "17", "--mqtt", "5.0"],
    );
    ends(&output, 1);
    let screen = text(&output.stdout);
    let command = screen
        .lines()
        .find_map(|l| l.split_once("squall replay "))
        .expect("a replay command")
        .1;
    assert!(screen.contains("17"), "{screen}");
    let file = command.trim();
    let recorded = fs::read_to_string(dir.path().join(file)).expect("the file it names");
    let again = squall(dir.path(), &["replay", file, "--format", "json"]);
    ends(&again, 1);
    let hash = json(&again)["results"][0]["trace_hash"]
        .as_str()
        .expect("a hash")
        .to_owned();
    assert!(recorded.contains(&hash), "the recorded hash is {hash}");
    assert!(
        text(&again.stderr).contains("record for record"),
        "{}",
        text(&again.stderr)
    );
    let other_world = squall(
        dir.path(),
        &["replay", file, "--world", "turmoil", "--format", "json"],
    );
    ends(&other_world, 1);
    assert_eq!(
        json(&other_world)["results"][0]["trace_hash"],
        hash.as_str()
    );
    let trace = squall(dir.path(), &["replay", file, "--trace"]);
    assert!(
        text(&trace.stdout).lines().count() > 20,
        "{}",
        text(&trace.stdout)
    );
}

#[test]
fn a_file_that_is_no_replay_is_refused() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let output = squall(dir.path(), &["replay", "good.yaml"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("no replay file"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn an_unknown_check_gets_a_suggestion() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("mqtt://{}", listener.local_addr().expect("its address"));
    let output = squall(
        folder().path(),
        &["conform", &url, "--only", "conect/*", "--timeout", "0.2"],
    );
    ends(&output, 2);
    let err = text(&output.stderr);
    assert!(
        err.contains("conect/*") && err.contains("list checks"),
        "{err}"
    );
}

#[test]
fn a_closed_port_is_unreachable() {
    // Bound but not listening: nobody else can take the port, and whoever dials it is refused.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a free port");
    let closed = socket.local_addr().expect("its address");
    let output = squall(folder().path(), &["conform", &format!("mqtt://{closed}")]);
    ends(&output, 3);
    assert!(
        text(&output.stderr).contains("refused"),
        "{}",
        text(&output.stderr)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_url_of_another_kind_is_bad_input() {
    for url in ["http://127.0.0.1", "mqtt://", "mqtt://host:99999"] {
        ends(&squall(folder().path(), &["conform", url]), 2);
    }
}

#[test]
fn a_port_that_accepts_and_says_nothing_is_reported_in_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("mqtt://{}", listener.local_addr().expect("its address"));
    let keeper = thread::spawn(move || {
        // Holds every connection open for longer than the run may take.
        let mut held = Vec::new();
        listener.set_nonblocking(true).expect("it can be told");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) && held.len() < 2 {
            held.extend(listener.accept());
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_secs(8));
    });
    let began = Instant::now();
    let output = squall(
        folder().path(),
        &["conform", &url, "--timeout", "0.3", "--format", "json"],
    );
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "it took {:?}",
        began.elapsed()
    );
    ends(&output, 3);
    let results = json(&output)["results"].as_array().expect("a list").clone();
    assert!(!results.is_empty() && results.iter().all(|r| r["verdict"] != "pass"));
    assert!(
        text(&output.stderr).contains("accepts connections"),
        "{}",
        text(&output.stderr)
    );
    drop(keeper);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_sweep_with_what_was_found() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["sim", "good.yaml", "--seeds", "0..100000000"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // It has begun once it says how much there is to do.
    let mut first = [0; 1];
    child
        .stderr
        .as_mut()
        .expect("a pipe")
        .read_exact(&mut first)
        .expect("a line of progress");
    thread::sleep(Duration::from_millis(300));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    ends(&output, 130);
    assert!(
        text(&output.stdout).contains("Ctrl-C"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn list_and_explain_know_each_other() {
    let dir = folder();
    for what in ["scenarios", "checks", "statements"] {
        let output = squall(dir.path(), &["list", what, "--format", "json"]);
        ends(&output, 0);
        let rows = json(&output).as_array().expect("a list").clone();
        let key = if what == "checks" {
            "check"
        } else if what == "scenarios" {
            "name"
        } else {
            "id"
        };
        let id = rows
            .last()
            .and_then(|r| r[key].as_str())
            .expect("a name")
            .to_owned();
        let explained = squall(dir.path(), &["explain", &id]);
        ends(&explained, 0);
        assert!(
            text(&explained.stdout).contains(&id),
            "{}",
            text(&explained.stdout)
        );
    }
    let unknown = squall(dir.path(), &["explain", "MQTT-3.3.1-222"]);
    ends(&unknown, 2);
    assert!(
        text(&unknown.stderr).contains("did you mean"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn a_statement_is_explained_in_both_versions() {
    let output = squall(folder().path(), &["explain", "[MQTT-3.3.1-1]"]);
    ends(&output, 0);
    let screen = text(&output.stdout);
    assert!(
        screen.contains("MQTT 3.1.1") && screen.contains("MQTT 5.0"),
        "{screen}"
    );
}

#[test]
fn the_broker_serves_and_says_where() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["broker", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    let url = line
        .trim()
        .rsplit(' ')
        .next()
        .expect("an address")
        .to_owned();
    let output = squall(
        folder().path(),
        &["conform", &url, "--only", "connect", "--format", "json"],
    );
    let report = json(&output);
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    ends(&output, 0);
    assert_eq!(report["target"], url.as_str());
    assert!(
        report["summary"]["pass"].as_u64().is_some_and(|n| n > 0),
        "{report}"
    );
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
    let output = squall(
        dir.path(),
        &[
            "sim",
            "good.yaml",
            "--seeds",
            "0..100000000",
            "--html",
            "no/folder.html",
        ],
    );
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("there is no folder no"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn replay_files_are_not_taken_for_scenarios() {
    let dir = folder();
    write(
        dir.path(),
        "wrong.yaml",
        &GOOD.replace("exactly: once", "never: true"),
    );
    ends(&squall(dir.path(), &["sim", ".", "--seed", "1"]), 1);
    assert!(dir.path().join("squall-replays").is_dir());
    ends(&squall(dir.path(), &["sim", ".", "--seed", "1"]), 1);
}

#[test]
fn a_scenario_cites_statements_that_exist() {
    let dir = folder();
    write(
        dir.path(),
        "cites.yaml",
        &format!("statements: [MQTT-9.9.9-9]\n{GOOD}"),
    );
    let output = squall(dir.path(), &["sim", "cites.yaml"]);
    ends(&output, 2);
    assert!(
        text(&output.stderr).contains("MQTT-9.9.9-9 is no statement"),
        "{}",
        text(&output.stderr)
    );
}

/// An unknown statement hides nothing, and everything has its place.
#[test]
fn problems_of_all_files_are_told_together() {
    let dir = folder();
    let first = GOOD.replace("meter", "squall-observer");
    let first = format!("statements: [MQTT-4.3.3-1, MQTT-4.3.3-91]\n{first}");
    write(dir.path(), "a.yaml", &first);
    write(dir.path(), "b.yaml", &format!("limt: 5s\n{GOOD}"));
    let output = squall(dir.path(), &["sim", "a.yaml", "missing.yaml", "b.yaml"]);
    ends(&output, 2);
    let told = text(&output.stderr);
    for part in [
        "MQTT-4.3.3-91 is no statement of MQTT",
        "a.yaml:1:28",
        "did you mean `MQTT-4.3.3-",
        "`squall-observer` cannot be the name of a client",
        "does not exist",
        "b.yaml:1:1",
        "did you mean `limit`?",
    ] {
        assert!(told.contains(part), "no {part} in:\n{told}");
    }
}

#[test]
fn a_scenario_named_twice_runs_once() {
    let dir = folder();
    write(dir.path(), "good.yaml", GOOD);
    let output = squall(
        dir.path(),
        &[
            "sim",
            "good.yaml",
            "./good.yaml",
            "--seed",
            "1",
            "--format",
            "json",
        ],
    );
    ends(&output, 0);
    assert_eq!(
        json(&output)["summary"]["total"],
        2,
        "one seed in two versions"
    );
}

#[test]
fn a_server_that_only_answers_connect_is_not_all_good() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = stream;
                let mut bytes = [0; 4096];
                let n = stream.read(&mut bytes).unwrap_or(0);
                // Byte 8 of a CONNECT is the protocol level.
                let connack: &[u8] = if n > 8 && bytes[8] == 5 {
                    &[0x20, 3, 0, 0, 0]
                } else {
                    &[0x20, 2, 0, 0]
                };
                if std::io::Write::write_all(&mut stream, connack).is_ok() {
                    while stream.read(&mut bytes).is_ok_and(|n| n > 0) {}
                }
            });
        }
    });
    let url = format!("mqtt://{address}");
    // The target may also stand behind the wanted checks.
    let output = squall(
        folder().path(),
        &[
            "conform",
            "--timeout",
            "0.2",
            "--only",
            "qos",
            "connect/accepted",
            &url,
        ],
    );
    ends(&output, 3);
    assert!(
        text(&output.stderr).contains("nothing it says can be judged"),
        "{}",
        text(&output.stderr)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_is_an_error() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let status = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["list", "checks"])
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .expect("the binary runs");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_story_without_end_is_stopped() {
    let dir = folder();
    let endless = "\
title: A client that is refused by the network dials for ever
limit: 1000000h
clients: { a: {}, b: { reconnect: 1ms } }
steps:
  - a: connect
  - b: connect
  - fault: { flap: b, every: 1ms..2ms, for: 20s }
  - wait: 900000h
";
    // Keep alive alone makes millions of packets in a hundred years.
    write(dir.path(), "endless.yaml", endless);
    let output = squall(
        dir.path(),
        &[
            "sim",
            "endless.yaml",
            "--seed",
            "0",
            "--mqtt",
            "5.0",
            "--format",
            "json",
        ],
    );
    ends(&output, 1);
    let message = json(&output)["results"][0]["findings"].to_string();
    assert!(message.contains("things had happened"), "{message}");
}
