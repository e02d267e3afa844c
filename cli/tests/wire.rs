//! `squall decode` and `squall encode` as people use them.

use serde_json::Value;
use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

fn squall_with(input: &[u8], arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A command that does not read its input closes it early.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn squall(arguments: &[&str]) -> Output {
    squall_with(b"", arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a command that ends with this code.
#[track_caller]
fn out(output: &Output, code: i32) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    out
}

/// Standard error of a command that found its input bad.
#[track_caller]
fn refused(output: &Output) -> String {
    let _ = out(output, 2);
    assert!(output.stdout.is_empty());
    text(&output.stderr)
}

fn objects(output: &str) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).expect("one object a line");
    output.lines().map(read).collect()
}

const CONNECT: &str = "10 23 0004 4d515454 05 ce 003c 05 11 0000000a 0001 63 02 01 00 0001 74 0001 ff 0001 75 0002 7077";
const PUBLISH: &str = "32 12 0001 61 0007 0a 23 0001 26 0001 6b 0001 76 6869";

#[test]
fn packets_are_shown_field_by_field() {
    insta::assert_snapshot!("connect", out(&squall(&["decode", CONNECT]), 0));
    insta::assert_snapshot!("publish", out(&squall(&["decode", PUBLISH]), 0));
    let suback = "90 06 0001 00 00 02 87";
    insta::assert_snapshot!("suback", out(&squall(&["decode", suback]), 0));
    let subscribe = "82 0d 0001 0003 612f2b 02 0002 2f23 01";
    insta::assert_snapshot!(
        "subscribe",
        out(&squall(&["decode", subscribe, "--mqtt", "3.1.1"]), 0)
    );
}

#[test]
fn a_violation_is_shown_at_its_byte_with_what_was_read_before() {
    let broken = "30 08 0001 61 03 0b 8001 21";
    insta::assert_snapshot!(
        "violation",
        out(&squall(&["decode", broken, "--mqtt", "5.0"]), 1)
    );
    let short = "90 03 0001 00";
    insta::assert_snapshot!("other_version", out(&squall(&["decode", short]), 1));
    let ping = ["decode", "c0 00", "--from", "server"];
    insta::assert_snapshot!("other_end", out(&squall(&ping), 1));
}

#[test]
fn json_has_one_object_a_packet() {
    let stream = format!("{CONNECT} {PUBLISH} 36 03 0001 61 c000");
    let objects = objects(&out(&squall(&["decode", &stream, "--format", "json"]), 1));
    assert_eq!(objects.len(), 4);
    let [connect, publish, broken, ping] = &objects[..] else {
        panic!("four packets")
    };
    assert_eq!(connect["packet"], "CONNECT");
    assert_eq!(connect["fields"]["will"]["payload"]["hex"], "ff");
    assert_eq!(
        (&publish["valid"], &publish["violation"], &publish["offset"]),
        (&true.into(), &Value::Null, &37.into())
    );
    assert_eq!(publish["fields"]["properties"][0]["topic_alias"], 1);
    insta::assert_json_snapshot!("broken", broken);
    // What comes after a broken packet of known length is read as well.
    assert_eq!(
        (&ping["packet"], &ping["valid"]),
        (&"PINGREQ".into(), &true.into())
    );
}

#[test]
fn bytes_come_as_hex_file_or_standard_input() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    fs::write(path("raw.bin"), [0x30, 3, 0, 1, b'a']).expect("it can be written");
    fs::write(path("hex.txt"), "30 03\n0001 61\n").expect("it can be written");
    let wanted = out(
        &squall(&["decode", "0x30,0x03,0x00,0x01,0x61", "--mqtt", "3.1.1"]),
        0,
    );
    for arguments in [
        vec!["decode", "3003000161", "--mqtt", "3.1.1"],
        vec!["decode", "30", "03", "0001", "61", "--mqtt", "3.1.1"],
        vec!["decode", &path("raw.bin"), "--mqtt", "3.1.1"],
        vec!["decode", &path("hex.txt"), "--mqtt", "3.1.1"],
    ] {
        assert_eq!(out(&squall(&arguments), 0), wanted, "{arguments:?}");
    }
    let piped = squall_with(b"\x30\x03\x00\x01a", &["decode", "-", "--mqtt", "3.1.1"]);
    assert_eq!(out(&piped, 0), wanted);
}

#[test]
fn input_that_is_no_bytes_is_refused_with_advice() {
    let pcap = squall_with(&[0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0], &["decode", "-"]);
    assert!(refused(&pcap).contains("Follow TCP Stream"));
    assert!(refused(&squall(&["decode", "300"])).contains("half a byte"));
    // Nothing of this is guessed at.
    for arguments in [
        &["decode", "30", "0O"][..],
        &["decode", "<30", "00>"],
        &["decode", "-", "-"],
        &["decode", "one.bin", "two.bin"],
        &["decode", ""],
    ] {
        let said = refused(&squall(arguments));
        assert!(said.contains("hex"), "{said}");
    }
    let dump = b"MAQAAWEA\n";
    assert!(refused(&squall_with(dump, &["decode", "-"])).contains("is text, and not in hex"));
    assert!(refused(&squall(&["decode", "-"])).contains("no bytes"));
    let missing = refused(&squall(&["decode", "no-such-file"]));
    assert!(missing.contains("no-such-file") && missing.contains("hex digits"));
    assert!(refused(&squall(&["decode", "c000", "--from", "me"])).contains("neither client nor"));
}

#[test]
fn what_was_decoded_is_encoded_again() {
    let stream = format!("{CONNECT} {PUBLISH} c000");
    let json = out(&squall(&["decode", &stream, "--format", "json"]), 0);
    let again = squall_with(json.as_bytes(), &["encode", "-"]);
    let plain = |hex: &str| hex.replace(' ', "");
    assert_eq!(
        out(&again, 0),
        format!("{}\n{}\nc000\n", plain(CONNECT), plain(PUBLISH))
    );
    let raw = squall_with(json.as_bytes(), &["encode", "-", "--raw"]);
    assert_eq!(raw.stdout.len(), 37 + 20 + 2);
    assert_eq!(
        out(
            &squall_with(&raw.stdout, &["decode", "-", "--format", "json"]),
            0
        ),
        json
    );
}

#[test]
fn a_stream_with_broken_packets_is_written_as_it_was() {
    let stream = "3005000161 0078 8006 0001 0001 61 00 c000";
    let json = out(&squall(&["decode", stream, "--format", "json"]), 1);
    let again = squall_with(json.as_bytes(), &["encode", "-"]);
    assert_eq!(out(&again, 0).replace('\n', ""), stream.replace(' ', ""));
    assert!(text(&again.stderr).contains("packet 2: was refused"));
    let by_hand = squall(&["encode", r#"{"hex": "30 ff ff ff ff"}"#]);
    assert_eq!(out(&by_hand, 0), "30ffffffff\n");
}

#[test]
fn a_note_says_which_rule_is_broken_from_this_end() {
    let note = |object: &str| {
        let encoded = squall(&["encode", object]);
        let _ = out(&encoded, 0);
        text(&encoded.stderr)
    };
    let publish = |from: &str, id: u32| {
        let fields = format!(
            r#"{{"topic_name": "a", "payload": "", "properties": [{{"subscription_identifier": {id}}}]}}"#
        );
        note(&format!(
            r#"{{"packet": "PUBLISH", {from} "fields": {fields}}}"#
        ))
    };
    assert_eq!(publish("", 1), "");
    assert!(publish("", 0).contains("X-5.0-subid-1"));
    assert!(publish(r#""from": "client","#, 1).contains("MQTT-3.3.4-6"));
}

#[test]
fn the_version_is_assumed_aloud() {
    let publish = "3006 0001 61 00 6869";
    assert!(out(&squall(&["decode", publish]), 0).contains("MQTT 5.0 (assumed) from client"));
    // A CONNACK of two bytes can only be of 3.1.1.
    let connack = out(&squall(&["decode", "20020000"]), 0);
    assert!(connack.contains("MQTT 3.1.1 from server"), "{connack}");
    let told = squall(&[
        "decode",
        "100c 0004 4d515454 04 02 003c 0000",
        "--mqtt",
        "5.0",
    ]);
    assert!(out(&told, 0).contains("MQTT 3.1.1 from client"));
    assert!(text(&told.stderr).contains("whatever --mqtt 5.0 says"));
    let stream = out(&squall(&["decode", "3003000161 3003000161"]), 1);
    assert_eq!(stream.matches("--mqtt 3.1.1").count(), 1, "{stream}");
}

#[test]
fn where_a_broken_stream_goes_on_is_said() {
    let lost = out(&squall(&["decode", "30ffffffffff c000 c000"]), 1);
    assert!(
        lost.contains("the 10 bytes from here on are not read"),
        "{lost}"
    );
    let cut = out(&squall(&["decode", "3004 0001"]), 1);
    assert!(cut.contains("after 4 of 6 bytes"), "{cut}");
}

#[test]
fn packets_may_be_written_by_hand() {
    let puback = r#"{"packet": "puback", "fields": {"packet_identifier": 7}}"#;
    let encoded = squall(&["encode", puback, "--mqtt", "3.1.1"]);
    assert_eq!(out(&encoded, 0), "40020007\n");
    let list = r#"[{"packet": "PINGREQ"}, {"packet": "DISCONNECT", "mqtt": "5.0", "fields": {"reason_code": "0x04"}}]"#;
    assert_eq!(out(&squall(&["encode", list]), 0), "c000\ne00104\n");
    let wildcard = r##"{"packet": "PUBLISH", "fields": {"topic_name": "a/#", "payload": ""}}"##;
    let encoded = squall(&["encode", wildcard]);
    assert_eq!(out(&encoded, 0), "30060003612f2300\n");
    assert!(text(&encoded.stderr).contains("MQTT-3.3.2-2"));
}

#[test]
fn json_that_is_no_packet_is_refused_with_its_place() {
    let mut all = String::new();
    for json in [
        "{",
        "7",
        "[]",
        r#"{"packet": "PUBLISHED"}"#,
        r#"{"fields": {}}"#,
        r#"{"packet": "PINGREQ", "feilds": {}}"#,
        r#"{"packet": "PINGREQ", "mqtt": "4"}"#,
        r#"{"packet": "PUBACK", "fields": {"packet_id": 7}}"#,
        "{\"packet\": \"PINGREQ\"}\n  {\"packet\": \"PUBACK\", \"fields\": {\"packet_identifier\": 0}}",
        r#"{"packet": "PUBLISH", "valid": false, "fields": {}}"#,
        r#"{"packet": "PINGREQ", "from": "me"}"#,
        r#"{"packet": "CONNECT", "mqtt": "3.1.1", "fields": {"protocol_version": 5, "keep_alive": 0, "client_identifier": ""}}"#,
        r#"{"packet": "PUBACK", "fields": {"packet_identifier": 1, "packet_identifier": 2}}"#,
        "[{\"packet\": \"PINGREQ\"},\n\n  {\"packet\": \"PINGREX\"}]",
        r#"{"packet": "AUTH", "mqtt": "3.1.1"}"#,
    ] {
        let said = refused(&squall_with(json.as_bytes(), &["encode", "-"]));
        all += &format!("{json}\n{said}\n");
    }
    let escape = r#"{"packet": "\u009b31m\u202e", "fields": {"\u001b[31m": 1}}"#;
    all += &refused(&squall_with(escape.as_bytes(), &["encode", "-"]));
    assert!(!all.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
    insta::assert_snapshot!("bad_json", all);
}
