//! `squall proxy` as a process, between tools that people use and a broker.
#![expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

/// A running `squall`, and what it said first.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    first: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut first = String::new();
        out.read_line(&mut first).expect("it says where");
        Self { child, out, first }
    }

    fn broker() -> Self {
        Self::start(&["broker", "--listen", "127.0.0.1:0"])
    }

    /// A proxy to an address, with these arguments.
    fn proxy(to: &str, more: &[&str]) -> Self {
        let to = format!("mqtt://{to}");
        let mut args = vec!["proxy", "--listen", "127.0.0.1:0", "--to", &to];
        args.extend(more);
        Self::start(&args)
    }

    fn address(&self) -> String {
        let at = self.first.find("127.0.0.1").expect(&self.first);
        let rest = &self.first[at..];
        let end = rest.find([',', '"', '\n']).unwrap_or(rest.len());
        rest[..end].to_owned()
    }

    fn port(&self) -> String {
        let address = self.address();
        address
            .rsplit_once(':')
            .expect("it has a port")
            .1
            .to_owned()
    }

    /// What it says next, to the end of the first line with this in it.
    fn says_until(&mut self, what: &str) -> String {
        let mut said = String::new();
        while !said.contains(what) {
            let read = self.out.read_line(&mut said).expect("it is text");
            assert!(read > 0, "it never says {what:?}: {said}");
        }
        said
    }

    /// Asks it to end; gives the rest of what it says, standard error and its exit code.
    fn stop(mut self) -> (String, String, Option<i32>) {
        let kill = format!("kill -INT {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("there is a shell").success());
        self.wait()
    }

    fn wait(&mut self) -> (String, String, Option<i32>) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("it is text");
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        stderr.read_to_string(&mut err).expect("it is text");
        let code = self.child.wait().expect("it ends").code();
        (out, err, code)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tool of Mosquitto's; `None` where it is not installed and need not be.
fn tool(name: &str, args: &[&str]) -> Option<Child> {
    let started = Command::new(name)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match started {
        Ok(child) => Some(child),
        Err(error) => {
            let needed = std::env::var_os("SQUALL_NEEDS_TOOLS").is_some();
            assert!(!needed, "{name} has to be installed here: {error}");
            eprintln!("{name} is not installed, so nothing is tested: {error}");
            None
        }
    }
}

fn done(child: Child) -> Output {
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    output
}

/// Without what differs from run to run: times and ports.
fn steady(text: &str) -> String {
    let port = |line: &str| match line.split_once("127.0.0.1:") {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}127.0.0.1:PORT{rest}")
        }
        None => line.to_owned(),
    };
    let lines = text.lines().map(|line| match line.get(..10) {
        Some(time) if time.trim().parse::<f64>().is_ok() => {
            port(&format!("     0.000{}", &line[10..]))
        }
        _ => port(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A client that speaks MQTT 3.1.1 in bytes.
fn client(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the proxy listens");
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).expect("it can be set");
    stream
        .write_all(b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03app\x00\x02me\x00\x07hunter2")
        .expect("it takes them");
    stream
}

fn heard(stream: &mut TcpStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).expect("there is an answer");
    assert_eq!(got, bytes);
}

#[test]
fn a_conversation_as_people_read_it() {
    let broker = Running::broker();
    let mut proxy = Running::proxy(&broker.address(), &[]);
    let mut stream = client(&proxy.address());
    heard(&mut stream, b"\x20\x02\x00\x00");
    // An acknowledgement of nothing, then a good end.
    stream.write_all(b"\x40\x02\x00\x07\xe0\x00").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the broker closes");
    drop(stream);
    // Asked to end before, it would not wait for the client's end.
    let mut out = proxy.says_until("· over");
    let (rest, err, code) = proxy.stop();
    out.push_str(&rest);
    assert_eq!((err.as_str(), code), ("", Some(1)));
    assert!(!out.contains("hunter2"));
    insta::assert_snapshot!(steady(&out));
}

#[test]
fn a_conversation_as_programs_read_it() {
    let broker = Running::broker();
    let fault = "{ cut: app, after: CONNACK }";
    let proxy = Running::proxy(&broker.address(), &["--json", "--fault", fault]);
    let mut stream = client(&proxy.address());
    heard(&mut stream, b"\x20\x02\x00\x00");
    let ended = stream.read(&mut [0]).map_err(|e| e.kind());
    assert_eq!(ended, Err(std::io::ErrorKind::ConnectionReset));
    let (out, _, code) = proxy.stop();
    assert_eq!(code, Some(0));
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let events: Vec<_> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["opened", "packet", "packet", "fault", "over", "summary"]
    );
    assert_eq!(
        lines[1]["text"],
        "CONNECT app 3.1.1 clean session keep alive 60"
    );
    assert_eq!(lines[5]["packets"], 2);
    assert!(!out.contains("hunter2"));
}

#[test]
fn mosquittos_tools_pass_through_and_nobody_is_accused() {
    let broker = Running::broker();
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("a.pcap");
    let fault = "{ latency: 1ms..20ms }";
    let more = ["--pcap", pcap.to_str().unwrap(), "--fault", fault];
    let proxy = Running::proxy(&broker.address(), &more);
    let port = proxy.port();
    for version in ["mqttv311", "mqttv5"] {
        let common = ["-h", "127.0.0.1", "-p", &port, "-V", version, "-q", "2"];
        let hear = [
            &common[..],
            &["-t", "t/#", "-C", "3", "-i", "hears", "-W", "60"],
        ]
        .concat();
        let Some(sub) = tool("mosquitto_sub", &hear) else {
            return;
        };
        // A retained message is there whoever comes first.
        for n in ["1", "2", "3"] {
            let topic = format!("t/{n}");
            let say = [&common[..], &["-t", &topic, "-m", n, "-r", "-i", "says"]].concat();
            done(tool("mosquitto_pub", &say).expect("both are installed"));
        }
        let said = done(sub).stdout;
        let mut said: Vec<_> = std::str::from_utf8(&said).unwrap().lines().collect();
        said.sort_unstable();
        assert_eq!(said, ["1", "2", "3"]);
    }
    let (out, err, code) = proxy.stop();
    assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
    assert!(out.contains("8 connections"), "{out}");
    assert!(out.contains("0 violations"), "{out}");
    let capture = fs::read(&pcap).unwrap();
    assert_eq!(&capture[..4], &0xA1B2_C3D4_u32.to_le_bytes());
    assert!(capture.windows(5).any(|w| w == b"hears"));
}

#[test]
fn a_proxy_that_is_killed_leaves_a_capture_that_can_be_read() {
    let broker = Running::broker();
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("a.pcap");
    let mut proxy = Running::proxy(&broker.address(), &["--pcap", pcap.to_str().unwrap()]);
    let mut stream = client(&proxy.address());
    heard(&mut stream, b"\x20\x02\x00\x00");
    proxy.child.kill().unwrap();
    proxy.child.wait().unwrap();
    let capture = fs::read(&pcap).unwrap();
    let mut rest = &capture[24..];
    let mut records = 0;
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        rest = &rest[16 + length..];
        records += 1;
    }
    assert_eq!(records, 5, "three of a beginning, CONNECT and CONNACK");
}

#[test]
fn what_stands_in_the_way_is_told_with_its_code() {
    let broker = Running::broker();
    let to = format!("mqtt://{}", broker.address());
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_squall"))
            .arg("proxy")
            .args(args)
            .output()
            .expect("the binary runs");
        let err = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), steady(&err))
    };
    let free = ["--listen", "127.0.0.1:0"];
    let told = [
        run(&[&free[..], &["--to", "mqtt://127.0.0.1:1"]].concat()),
        run(&["--listen", &broker.address(), "--to", &to]),
        run(&[&free[..], &["--to", "mqtt://me:secret@127.0.0.1"]].concat()),
        run(&[
            &free[..],
            &["--to", &to, "--fault", "{ cut: all, after: PUBREC }"],
        ]
        .concat()),
        run(&[&free[..], &["--to", &to, "--pcap", "/nowhere/a.pcap"]].concat()),
        run(&[&free[..], &["--to", &to, "--story", "/nowhere/a.yaml"]].concat()),
    ];
    let codes: Vec<_> = told.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [3, 3, 2, 2, 2, 2].map(Some), "{told:?}");
    let told: Vec<_> = told.into_iter().map(|(_, err)| err).collect();
    insta::assert_snapshot!(told.join("\n"));
}
