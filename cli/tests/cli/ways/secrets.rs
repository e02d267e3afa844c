//! A password and a private key are shown to nobody: not in a report, not in a trace, a replay file or a message.

use super::{
    brokers::{PASSWORD, PASSWORD_IN_ADDRESS, USER, Way, mosquitto, own},
    certificates::Certificates,
};
use crate::{
    binary::{ends, folder, squall, text, write},
    live::{STORY, wrong_broker},
};
use std::{
    fs,
    io::Read,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// What is looked for, in small letters: a part of the password as text, as hex, as numbers and in base64, wherever it stands;
/// and the longest line of a private key.
fn needles(made: &Certificates) -> Vec<String> {
    let part = "fish/7";
    assert!(PASSWORD.ends_with(part));
    let hex: Vec<String> = part.bytes().map(|byte| format!("{byte:02x}")).collect();
    let numbers: Vec<String> = part.bytes().map(|byte| byte.to_string()).collect();
    let mut needles = vec![
        part.to_owned(),
        "fish%2f7".to_owned(),
        hex.concat(),
        hex.join(" "),
        numbers.join(","),
        numbers.join(", "),
        // "fish/7" in base64 after 0, 1 or 2 bytes, without what depends on others.
        "zmlzac83".to_owned(),
        "zpc2gv".to_owned(),
        "maxnol".to_owned(),
    ];
    for name in ["client.key", "server.key"] {
        let key = fs::read_to_string(made.path(name)).expect("it is there");
        let line = key.lines().max_by_key(|line| line.len()).expect("lines");
        needles.push(line.to_lowercase());
    }
    needles
}

/// Everything that a command has said and written.
fn all(folder: &Path, output: &Output) -> Vec<(String, String)> {
    let mut all = vec![
        ("standard output".to_owned(), text(&output.stdout)),
        ("standard error".to_owned(), text(&output.stderr)),
    ];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let bytes = fs::read(&path).expect("it can be read");
                    all.push((path.display().to_string(), text(&bytes)));
                }
            }
        }
    }
    all
}

/// Looks through all of it; `shown` has to be in each of so many texts at least, so that there was something to be seen.
#[track_caller]
fn shows_no_secret(made: &Certificates, all: &[(String, String)], shown: &str, least: usize) {
    for (name, text) in all {
        let small = text.to_lowercase();
        for needle in needles(made) {
            if let Some(at) = small.find(&needle) {
                let around: String = small[..at + needle.len()].chars().rev().take(200).collect();
                let around: String = around.chars().rev().collect();
                panic!("{name} has {needle}: {around}");
            }
        }
    }
    let seen = all.iter().filter(|(_, text)| text.contains(shown)).count();
    assert!(seen >= least, "{shown} is in {seen} of {} texts", all.len());
}

/// Reports in every format.
const REPORTS: [&str; 5] = ["r.txt", "r.json", "r.xml", "r.html", "r.md"];

fn reported<'a>(mut arguments: Vec<&'a str>, way: &'a Way) -> Vec<&'a str> {
    arguments.extend(REPORTS.iter().flat_map(|name| ["--report", name]));
    arguments.extend(way.flags.iter().map(String::as_str));
    arguments
}

/// The same way, by somebody who says who it is.
fn with_login(way: &Way) -> Way {
    let (scheme, place) = way.url.split_once("://").expect("a scheme");
    Way {
        url: format!("{scheme}://{USER}:{PASSWORD_IN_ADDRESS}@{place}"),
        flags: way.flags.clone(),
    }
}

#[test]
fn a_judgement_shows_neither_password_nor_key() {
    let made = Certificates::new();
    let broker = own(&made, true);
    for way in broker.ways.iter().filter(|way| way.url.contains("://")) {
        let (way, dir) = (with_login(way), folder());
        let arguments = vec![
            "conform",
            &way.url,
            "--all-evidence",
            "--format",
            "json",
            "--only",
            "connect/*",
            "malformed-connect/*",
        ];
        let output = squall(dir.path(), &reported(arguments, &way));
        ends(&output, 0);
        shows_no_secret(&made, &all(dir.path(), &output), "alice:***", 5);
    }
}

#[test]
fn a_finding_and_its_replay_show_no_password() {
    let (made, dir) = (Certificates::new(), folder());
    let way = with_login(&Way {
        url: wrong_broker(),
        flags: Vec::new(),
    });
    write(dir.path(), "story.yaml", STORY);
    let arguments = vec!["live", "story.yaml", "--mqtt", "5.0", "--broker", &way.url];
    let output = squall(dir.path(), &reported(arguments, &way));
    ends(&output, 1);
    shows_no_secret(&made, &all(dir.path(), &output), "alice:***", 2);
    let file = "squall-replays/story.5.0.seed-0.replay.yaml";
    // Who plays it again says the password again.
    for more in [&["--broker", &way.url][..], &["--world", "loop", "--trace"]] {
        let output = squall(dir.path(), &[&["replay", file], more].concat());
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{}",
            text(&output.stderr)
        );
        shows_no_secret(&made, &all(dir.path(), &output), "CONNECT", 1);
    }
}

#[test]
fn whatever_goes_wrong_shows_neither_password_nor_key() {
    let made = Certificates::new();
    let wrong = format!("alice:{PASSWORD_IN_ADDRESS}@127.0.0.1");
    let key = made.named("client.key");
    let nobody = format!("mqtt://{wrong}:1");
    for (arguments, code) in [
        (vec!["conform", &nobody], 3),
        (vec!["live", "--broker", &nobody], 3),
        (vec!["conform", &format!("mqtt://{wrong}:x")], 2),
        (vec!["conform", &format!("mqtts://{wrong}/a")], 2),
        (vec!["conform", &format!("http://{wrong}")], 2),
        (vec!["live", "--broker", &wrong], 2),
        (vec!["proxy", "--listen", "127.0.0.1:0", "--to", &wrong], 2),
        // Files that are not what they should be, one of which is a secret.
        (vec!["conform", "mqtts://127.0.0.1:1", "--ca", &key], 2),
        (
            vec![
                "conform",
                "mqtts://127.0.0.1:1",
                "--insecure",
                "--cert",
                &key,
                "--key",
                &key,
            ],
            2,
        ),
    ] {
        let dir = folder();
        let output = squall(dir.path(), &arguments);
        ends(&output, code);
        shows_no_secret(&made, &all(dir.path(), &output), "", 2);
    }
}

#[test]
fn a_password_that_is_refused_is_not_shown() {
    let (made, dir) = (Certificates::new(), folder());
    let Some(broker) = mosquitto(&made) else {
        return;
    };
    let right = broker.ways.last().expect("ways").url.clone();
    let wrong = right.replace("alice", "bob");
    let output = squall(dir.path(), &["conform", &wrong, "--only", "connect/*"]);
    ends(&output, 3);
    let all = all(dir.path(), &output);
    shows_no_secret(&made, &all, "refuses the user name and the password", 1);
    let (_, place) = right.split_once('@').expect("a login");
    let output = squall(dir.path(), &["conform", &format!("mqtt://{place}")]);
    ends(&output, 3);
    let err = text(&output.stderr);
    assert!(
        err.contains("lets no client in without user name and password"),
        "{err}"
    );
}

/// A proxy, and the line that says where it listens.
fn proxy(to: &Way, more: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["proxy", "--listen", "127.0.0.1:0", "--to", &to.url])
        .args(&to.flags)
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let stdout = child.stdout.as_mut().expect("a pipe");
    let mut line = String::new();
    // The rest is read when it has ended; so much fits into a pipe.
    let mut byte = [0];
    while !line.ends_with('\n') {
        stdout.read_exact(&mut byte).expect("a line");
        line.push(char::from(byte[0]));
    }
    (child, line)
}

#[test]
fn a_proxy_shows_neither_password_nor_key() {
    let made = Certificates::new();
    let broker = own(&made, true);
    let wss = broker.ways.iter().find(|way| way.url.starts_with("wss:"));
    for more in [&[][..], &["--json"]] {
        let dir = folder();
        let (child, line) = proxy(wss.expect("a way"), more);
        let at = line.find("127.0.0.1:").expect(&line);
        let port: String = line[at + 10..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let url = format!("mqtt://{USER}:{PASSWORD_IN_ADDRESS}@127.0.0.1:{port}");
        let told = squall(dir.path(), &["conform", &url, "--only", "connect/accepted"]);
        ends(&told, 0);
        let kill = format!("kill -INT {}", child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("there is a shell").success());
        let output = child.wait_with_output().expect("it ends");
        shows_no_secret(&made, &all(dir.path(), &output), "CONNECT", 1);
    }
}

/// What a broker has to say about its own key is where it is.
#[test]
fn a_broker_does_not_show_its_key() {
    let made = Certificates::new();
    let (key, certificate) = (made.named("server.key"), made.named("server.pem"));
    let tls = ["broker", "--tls-listen", "127.0.0.1:0"];
    for (cert, key) in [
        (&key, &key),
        (&certificate, &certificate),
        (&certificate, &made.named("client.key")),
    ] {
        let mut arguments = tls.to_vec();
        arguments.extend(["--tls-cert", cert, "--tls-key", key]);
        let output = squall(folder().path(), &arguments);
        ends(&output, 2);
        shows_no_secret(
            &made,
            &[("standard error".to_owned(), text(&output.stderr))],
            "PEM",
            0,
        );
    }
}
