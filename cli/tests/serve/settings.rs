//! Settings: flags, files, what is printed, and what is refused.

use super::*;
use std::fs;

/// What is said about a file called `broker.yaml`.
fn said_of(text: &str) -> String {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("broker.yaml");
    fs::write(&path, text).expect("it is written");
    let output = squall(
        &[
            "broker",
            "--print-config",
            "--config",
            path.to_str().unwrap(),
        ],
        b"",
    );
    let (said, code) = told(&output);
    let shown = said.replace(path.to_str().unwrap(), "broker.yaml");
    format!("{text}--- exit code {code}\n{shown}\n")
}

/// Help is as wide as the terminal.
fn help(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args([command, "--help"])
        .env("COLUMNS", "100")
        .output();
    String::from_utf8(output.expect("it runs").stdout).expect("it is text")
}

#[test]
fn the_help_names_every_setting_and_its_default() {
    insta::assert_snapshot!("help", help("broker"));
}

#[test]
fn the_whole_configuration_can_be_printed_and_fed_back() {
    let (printed, code) = told(&squall(&["broker", "--print-config"], b""));
    assert_eq!(code, 0);
    insta::assert_snapshot!("configuration", printed);
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("broker.yaml");
    fs::write(&path, &printed).expect("it is written");
    let again = squall(
        &[
            "broker",
            "--print-config",
            "--config",
            path.to_str().unwrap(),
        ],
        b"",
    );
    assert_eq!(told(&again), (printed, 0));
}

#[test]
fn a_flag_takes_the_place_of_the_same_key_in_the_file() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("broker.yaml");
    let text = "listen: [ 127.0.0.1:1, 127.0.0.1:2 ]\nws-listen: 127.0.0.1:3\nmax-queued: 5\n\
        retain-available: false\nallow-anonymous: true\nserver-keep-alive: 90s\n";
    fs::write(&path, text).expect("it is written");
    let (printed, _) = told(&squall(
        &[
            "broker",
            "--print-config",
            "--config",
            path.to_str().unwrap(),
            "--listen",
            "127.0.0.1:9",
            "--retain-available",
            "--allow-anonymous=false",
            "--server-keep-alive",
            "none",
        ],
        b"",
    ));
    for line in [
        "- 127.0.0.1:9\n",
        "- 127.0.0.1:3\n",
        "max-queued: 5\n",
        "retain-available: true\n",
        "allow-anonymous: false\n",
        "server-keep-alive: none\n",
    ] {
        assert!(printed.contains(line), "{line} is not in\n{printed}");
    }
    assert!(!printed.contains("127.0.0.1:1\n"), "{printed}");
}

#[test]
fn what_is_no_setting_is_told_with_its_place() {
    let said: String = [
        "listen: 127.0.0.1:1883\nmax-queue: 3\n",
        "password: secret\n",
        "max-queued-bytes: 5 MB\n",
        "receive-maximum: 65536\n",
        "listen:\n  - localhost:1883\n",
        "store: a\nstore: b\n",
        "listen: [\n",
        "just text\n",
    ]
    .map(said_of)
    .concat();
    insta::assert_snapshot!("refused_files", said);
}

#[test]
fn what_does_not_go_together_is_told() {
    let folder = tempfile::tempdir().expect("there is room");
    let here = folder.path().to_str().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it is written");
        path.to_str().unwrap().to_owned()
    };
    let users = file("users", "alice:secret\n");
    let rules = file("rules", "all allow both #\nall may publish #\n");
    let mut said = String::new();
    for arguments in [
        &["--config", "/nowhere/broker.yaml"][..],
        &["--tls-listen", "127.0.0.1:0"],
        &["--tls-listen", "127.0.0.1:0", "--tls-cert", "a.pem"],
        &["--tls-cert", "a.pem", "--tls-key", "b.pem"],
        &["--client-ca", "ca.pem"],
        &["--certificate-is-user"],
        &["--password-file", "/nowhere/users"],
        &["--password-file", &users],
        &["--access-file", &rules],
        &["--store", here],
        &["--store", "/nowhere/store"],
        &["--receive-maximum", "70000"],
        &["--max-queued-bytes", "5MB"],
        &["--maximum-qos", "3"],
        &["--connect-timeout", "30"],
        &["--server-keep-alive", "20h"],
        &["--retain-available", "false"],
        &["--response-information", "answers/%x"],
    ] {
        let all = [&["broker"], arguments].concat();
        let (told, code) = told(&squall(&all, b""));
        said += &format!("$ squall {}\n{told}exit code {code}\n\n", all.join(" "));
    }
    insta::assert_snapshot!("refused_settings", said.replace(here, "HERE"));
}

#[test]
fn limits_that_are_said_hold() {
    let served = Served::with(&[
        "--receive-maximum",
        "7",
        "--maximum-qos=1",
        "--max-connections",
        "4",
    ]);
    // One more than these is heard.
    let four = ["a", "b", "c", "d"].map(|name| served.greet(hello(Version::V5_0, name)));
    let ack = &four[0].1;
    assert_eq!(ack.properties.receive_maximum(), Some(7));
    assert_eq!(ack.properties.maximum_qos(), Some(1));
    let (_, ack) = served.greet(hello(Version::V5_0, "e"));
    assert_eq!(ack.reason, ReasonCode::SERVER_BUSY);
}

#[test]
fn clients_are_sent_to_another_server() {
    let served = Served::with(&["--redirect", "other.example:1883"]);
    let (_, ack) = served.greet(hello(Version::V5_0, "a"));
    assert_eq!(ack.reason, ReasonCode::USE_ANOTHER_SERVER);
    assert_eq!(
        ack.properties.server_reference().as_deref(),
        Some("other.example:1883")
    );
    let served = Served::with(&[
        "--redirect-at-shutdown",
        "other.example:1883",
        "--redirect-for-good",
    ]);
    let mut client = served.dial(Version::V5_0, "a", Properties::new());
    served.signal("TERM");
    let Some(Packet::Disconnect(told)) = client.next() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(told.reason, ReasonCode::SERVER_MOVED);
}

#[test]
fn response_information_is_for_those_who_ask() {
    let served = Served::with(&["--response-information", "answers/%c"]);
    let mut asks = hello(Version::V5_0, "a");
    asks.properties
        .push(Property::RequestResponseInformation(1));
    let (_, ack) = served.greet(asks);
    let told = ack.properties.response_information();
    assert_eq!(told.as_deref(), Some("answers/a"));
}

#[test]
fn the_manual_names_settings_that_there_are() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/serving.md");
    let manual = fs::read_to_string(manual).expect("it is there");
    let help = help("broker") + &help("passwd");
    let is_flag = |flag: &str| {
        help.match_indices(flag).any(|(at, _)| {
            let after = help[at + flag.len()..].chars().next();
            after.is_none_or(|c| !c.is_alphanumeric() && c != '-')
        })
    };
    let part = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    let flags = manual
        .split(part)
        .filter(|word| word.len() > 3 && word.starts_with("--"));
    let flags: Vec<_> = flags
        .filter(|word| word.chars().any(char::is_alphabetic))
        .collect();
    let first = |row: &str| {
        row.strip_prefix("| `")
            .and_then(|row| Some(row.split_once(" |")?.0.to_owned()))
    };
    let limits = manual.split_once("## Limits").expect("there are limits").1;
    let limits: Vec<_> = limits.lines().filter_map(first).collect();
    let keys = limits.iter().flat_map(|cell| cell.split([',', '`', ' ']));
    let limits = keys.filter(|key| !key.is_empty());
    let all: Vec<_> = limits
        .map(|key| format!("--{key}"))
        .chain(flags.iter().map(|flag| (*flag).to_owned()))
        .collect();
    assert!(all.len() > 50, "{all:?}");
    let wrong: Vec<_> = all.iter().filter(|flag| !is_flag(flag)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
