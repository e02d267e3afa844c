//! `squall decode` and `squall encode` on input of any size: how much memory they take, and how they end.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What one call may take.
const BUDGET: usize = 150_000_000;
/// No call takes nearly as long, on any machine.
const LONG: Duration = Duration::from_secs(120);

/// How a call ended.
struct Ended {
    code: Option<i32>,
    /// The most memory it had, in bytes.
    peak: usize,
    /// The beginning of standard output.
    out: String,
    err: String,
}

/// Runs it, with standard output in a file, and looks at its memory until it ends.
fn run(arguments: &[&str], stdin: Stdio) -> Ended {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("out");
    let stdout = File::create(&path).expect("it can be written");
    let mut ended = run_into(arguments, stdin, stdout);
    let beginning = File::open(&path).expect("it is there").take(10_000);
    let mut bytes = Vec::new();
    let mut beginning = beginning;
    beginning.read_to_end(&mut bytes).expect("it can be read");
    ended.out = String::from_utf8_lossy(&bytes).into_owned();
    ended
}

fn run_into(arguments: &[&str], stdin: Stdio, stdout: File) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let begun = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        // A process that has ended has no memory, so the last look counts.
        let now = fs::read_to_string(&status).unwrap_or_default();
        let line = now.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        peak = kib
            .and_then(|n| n.parse::<usize>().ok())
            .map_or(peak, |kib| 1024 * kib);
        if let Some(status) = child.try_wait().expect("it is ours") {
            break status.code();
        }
        if begun.elapsed() > LONG {
            child.kill().expect("it is ours");
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let mut err = String::new();
    let stderr = child.stderr.as_mut().expect("it is piped");
    stderr.read_to_string(&mut err).expect("it is text");
    Ended {
        code,
        peak,
        out: String::new(),
        err,
    }
}

/// Runs it on a file.
#[track_caller]
fn on(arguments: &[&str], file: &Path) -> Ended {
    let file = file.to_str().expect("it is text");
    let mut all = vec![arguments[0], file];
    all.extend(&arguments[1..]);
    let ended = run(&all, Stdio::null());
    assert!(ended.peak < BUDGET, "{} bytes for {all:?}", ended.peak);
    ended
}

/// A file that begins so and goes on with zeros, of which the disk knows nothing.
fn sparse(dir: &tempfile::TempDir, head: &[u8], len: u64) -> std::path::PathBuf {
    let path = dir.path().join("sparse");
    let mut file = File::create(&path).expect("it can be written");
    file.write_all(head).expect("it can be written");
    file.set_len(len).expect("it can be long");
    path
}

#[test]
fn input_without_an_end_ends() {
    for format in ["text", "json"] {
        let zeros = on(&["decode", "--format", format], Path::new("/dev/zero"));
        assert_eq!(zeros.code, Some(1), "{}", zeros.err);
        assert!(
            zeros
                .err
                .contains("stopped at byte 2000, after 1000 packets"),
            "{}",
            zeros.err
        );
        let random = on(&["decode", "--format", format], Path::new("/dev/urandom"));
        // What it begins with decides whether there is an end of it to be seen.
        assert!(matches!(random.code, Some(1 | 2)), "{}", random.err);
    }
    let piped = run(
        &["decode", "-"],
        File::open("/dev/zero").expect("Linux has it").into(),
    );
    assert_eq!((piped.code, piped.peak < BUDGET), (Some(1), true));
    let zeros = on(&["encode"], Path::new("/dev/zero"));
    assert_eq!(zeros.code, Some(2));
    assert!(zeros.err.contains("no JSON"), "{}", zeros.err);
}

/// A PUBLISH of 3.1.1 with the largest payload there is.
const LARGEST: u64 = 268_435_460;

#[test]
fn the_largest_packet_is_shown_with_its_payload_cut() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let file = sparse(&dir, b"\x30\xFF\xFF\xFF\x7F\x00\x01t", LARGEST);
    let shown = on(&["decode", "--mqtt", "3.1.1"], &file);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(shown.out.contains("✓ PUBLISH"), "{}", shown.out);
    assert!(
        shown.out.contains("268435452 bytes, not all of them read"),
        "{}",
        shown.out
    );
    let json = on(&["decode", "--mqtt", "3.1.1", "--format", "json"], &file);
    assert_eq!((json.code, json.out.as_str()), (Some(2), ""));
    assert!(
        json.err
            .contains("more than 1048576 is not printed as JSON"),
        "{}",
        json.err
    );
    // Cut off, it is one of a kind that is known.
    let file = sparse(&dir, b"\x30\xFF\xFF\xFF\x7F\x00\x01t", 100_000_000);
    let cut = on(&["decode", "--mqtt", "3.1.1"], &file);
    assert_eq!(cut.code, Some(1));
    assert!(
        cut.out.contains("after 100000000 of 268435460 bytes"),
        "{}",
        cut.out
    );
    // Nobody knows where this one ends.
    let file = sparse(&dir, b"\x30\xFF\xFF\xFF\xFF", 100_000_000);
    let lost = on(&["decode", "--mqtt", "3.1.1"], &file);
    assert_eq!(lost.code, Some(1));
    assert!(
        lost.out
            .contains("more than 1048576 bytes from here on are not read"),
        "{}",
        lost.out
    );
    // What is not read is not judged.
    let file = sparse(&dir, b"\x82\xFF\xFF\xFF\x7F\x00\x01", LARGEST);
    let subscribe = on(&["decode", "--mqtt", "3.1.1"], &file);
    assert_eq!(subscribe.code, Some(3), "{}", subscribe.err);
    assert!(subscribe.out.contains("? SUBSCRIBE"), "{}", subscribe.out);
}

#[test]
fn a_packet_of_a_hundred_thousand_fields_takes_bounded_memory() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("many");
    // PUBLISH with 209,000 empty User Properties: 1,045,000 bytes.
    let properties = [0x26, 0, 0, 0, 0].repeat(209_000);
    let varint = |n: usize| [n as u8 | 0x80, (n >> 7) as u8 | 0x80, (n >> 14) as u8];
    let mut packet = vec![0x30];
    packet.extend(varint(properties.len() + 6));
    packet.extend(b"\x00\x01t");
    packet.extend(varint(properties.len()));
    packet.extend(properties);
    fs::write(&path, &packet).expect("it can be written");
    assert_eq!(on(&["decode"], &path).code, Some(0));
    let json = on(&["decode", "--format", "json"], &path);
    assert_eq!(json.code, Some(2));
    assert!(json.err.contains("more than 100000 fields"), "{}", json.err);
}

#[test]
fn a_long_capture_is_read_packet_by_packet() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("capture");
    let mut file = File::create(&path).expect("it can be written");
    let mut packet = b"\x30\xC3\x84\x3D\x00\x01t".to_vec();
    packet.resize(4 + 1_000_003, b'\x01');
    for _ in 0..6 {
        file.write_all(&packet).expect("it can be written");
    }
    drop(file);
    let shown = on(&["decode", "--mqtt", "3.1.1"], &path);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    let json = dir.path().join("json");
    let stdout = File::create(&json).expect("it can be written");
    let name = path.to_str().expect("it is text");
    let arguments = ["decode", name, "--mqtt", "3.1.1", "--format", "json"];
    let decoded = run_into(&arguments, Stdio::null(), stdout);
    assert_eq!(
        (decoded.code, decoded.peak < BUDGET),
        (Some(0), true),
        "{}",
        decoded.peak
    );
    let raw = dir.path().join("raw");
    let stdout = File::create(&raw).expect("it can be written");
    let stdin = File::open(&json).expect("it is there");
    let encoded = run_into(&["encode", "-", "--raw"], stdin.into(), stdout);
    assert_eq!(encoded.code, Some(0), "{}", encoded.err);
    assert!(encoded.peak < BUDGET, "{}", encoded.peak);
    assert!(
        fs::read(&raw).expect("it is there") == packet.repeat(6),
        "the same bytes"
    );
}

#[test]
fn text_that_is_too_long_is_refused_with_the_limit() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("text");
    let mut file = File::create(&path).expect("it can be written");
    let digits = vec![b'0'; 1 << 20];
    for _ in 0..64 {
        file.write_all(&digits).expect("it can be written");
    }
    let hex = on(&["decode"], &path);
    assert_eq!(hex.code, Some(2));
    assert!(
        hex.err.contains("text of more than 8388608 bytes"),
        "{}",
        hex.err
    );
    // As much as is read, in the form that takes most.
    file.rewind().expect("it is a file");
    file.set_len(0).expect("it can be shortened");
    let digits = "\\x30".repeat(2 << 20);
    file.write_all(digits.as_bytes())
        .expect("it can be written");
    assert_eq!(on(&["decode"], &path).code, Some(1));
    // JSON of one packet.
    file.rewind().expect("it is a file");
    file.write_all(b"{\"hex\": \"").expect("it can be written");
    for _ in 0..64 {
        file.write_all(&digits.as_bytes()[..1 << 20])
            .expect("it can be written");
    }
    let json = on(&["encode"], &path);
    assert_eq!(json.code, Some(2));
    assert!(
        json.err.contains("longer than 16777216 bytes"),
        "{}",
        json.err
    );
    // Deep, and of many values.
    for part in ["[", "{\"a\":", "{\"fields\":[0,"] {
        fs::write(&path, part.repeat(3_000_000)).expect("it can be written");
        let json = on(&["encode"], &path);
        assert_eq!(
            (json.code, json.out.as_str()),
            (Some(2), ""),
            "{}",
            json.err
        );
        assert!(json.err.len() < 1000, "{}", json.err);
    }
    let values = format!(
        "{{\"packet\": \"PINGREQ\", \"fields\": [{}0]}}",
        "0,".repeat(5_000_000)
    );
    fs::write(&path, values).expect("it can be written");
    let json = on(&["encode"], &path);
    assert!(json.err.contains("more than 200000 values"), "{}", json.err);
}

#[test]
fn a_reader_who_leaves_and_a_full_disk_end_it_quietly_or_with_one_message() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("pings");
    fs::write(&path, [0xC0, 0].repeat(100_000)).expect("it can be written");
    let name = path.to_str().expect("it is text");
    let full = || {
        File::options()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it")
    };
    for format in ["text", "json"] {
        let pipe = format!(
            "{} decode {name} --mqtt 5.0 --format {format} | head -n 1",
            env!("CARGO_BIN_EXE_squall")
        );
        let piped = Command::new("sh")
            .args(["-c", &pipe])
            .output()
            .expect("there is a shell");
        assert!(
            piped.status.success() && piped.stderr.is_empty(),
            "{piped:?}"
        );
        assert!(!piped.stdout.is_empty());
        let arguments = ["decode", name, "--mqtt", "5.0", "--format", format];
        let written = run_into(&arguments, Stdio::null(), full());
        assert_eq!(written.code, Some(2));
        assert_eq!(written.err.lines().count(), 1, "{}", written.err);
        assert!(
            written.err.contains("cannot write the results"),
            "{}",
            written.err
        );
    }
    let written = run_into(
        &["encode", "{\"packet\": \"PINGREQ\"}"],
        Stdio::null(),
        full(),
    );
    assert_eq!((written.code, written.err.lines().count()), (Some(2), 1));
}
