//! Other people's clients at a `squall broker` with a store, which is killed and comes back: what it acknowledged is there.

use crate::tool::{begin, done, end, installed, program, root, words};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// A broker with a store, at one address all its lives.
struct Kept {
    folder: TempDir,
    port: String,
    child: Child,
}

impl Kept {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (child, port) = life(&folder, "0");
        Self {
            folder,
            port,
            child,
        }
    }

    /// Kills it, and starts it again.
    fn again(&mut self) {
        self.kill();
        (self.child, _) = life(&self.folder, &self.port);
    }

    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // One that has ended is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one, and gives the port that it has.
fn life(folder: &TempDir, port: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["broker", "--log-level", "warn"])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .arg("--store")
        .arg(folder.path().join("store"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
    said.read_line(&mut line).expect("it is text");
    let port = line
        .trim()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    assert!(line.starts_with("listening on"), "{line:?}");
    (child, port)
}

#[test]
fn mosquittos_commands_find_what_they_left() {
    if program("mosquitto_pub").is_none() || program("mosquitto_sub").is_none() {
        return;
    }
    let mut broker = Kept::begin();
    for version in ["mqttv311", "mqttv5"] {
        let port = broker.port.clone();
        let run = |name: &str, more: &[&str]| {
            let mut command = Command::new(name);
            let at = ["-h", "127.0.0.1", "-p", &port, "-V", version];
            words(&done(command.args(at).args(more)))
        };
        let topic = format!("left/{version}");
        let mut keeper = vec!["-i", version, "-c", "-t", &topic, "-q", "2"];
        if version == "mqttv5" {
            keeper.extend(["-x", "600"]);
        }
        run("mosquitto_sub", &[&keeper[..], &["-E"]].concat());
        broker.again();
        for (qos, message) in [("1", "one"), ("2", "two")] {
            let more = ["-t", &topic, "-q", qos, "-m", message, "-r"];
            run("mosquitto_pub", &more);
            broker.again();
        }
        let waited = [&keeper[..], &["-C", "2", "-W", "20", "-F", "%q %p"]].concat();
        let mut heard: Vec<_> = run("mosquitto_sub", &waited)
            .lines()
            .map(str::to_owned)
            .collect();
        heard.dedup();
        assert_eq!(heard, ["1 one", "2 two"], "{version}");
        let more = [
            "-t", &topic, "-q", "2", "-C", "1", "-W", "20", "-F", "%q %r %p",
        ];
        assert_eq!(run("mosquitto_sub", &more).trim(), "2 1 two", "{version}");
    }
}

#[test]
fn paho_goes_on_while_the_broker_is_killed() {
    const MESSAGES: usize = 150;
    let Some(python) = program(installed().join("paho/bin/python3")) else {
        return;
    };
    for version in ["3.1.1", "5.0"] {
        let mut broker = Kept::begin();
        let script = root().join("cli/tests/interop/foreign/paho_stays.py");
        let mut command = Command::new(&python);
        command
            .arg(script)
            .args([&broker.port, version, &MESSAGES.to_string()]);
        let mut paho = begin(&mut command);
        let mut ready = [0; 6];
        let out = paho.stdout.as_mut().expect("it is piped");
        out.read_exact(&mut ready)
            .expect("it says when it is ready");
        for pause in [200, 700, 1900] {
            thread::sleep(Duration::from_millis(pause));
            broker.again();
        }
        let output = end(paho, "paho");
        let said = words(&output);
        assert!(output.status.success(), "{version}: {said}");
        let mut lines = said.lines();
        let connected: Option<usize> =
            (lines.next()).and_then(|line| line.strip_prefix("connected ")?.parse().ok());
        assert!(
            connected > Some(1),
            "{version}: the broker was never away: {said}"
        );
        let got: Vec<&str> = lines.collect();
        let different: BTreeSet<_> = got.iter().copied().collect();
        assert_eq!(different.len(), 2 * MESSAGES, "{version}");
        let copies = |line: &str| got.iter().filter(|other| **other == line).count();
        let mut of_qos_2 = different.iter().filter(|line| line.starts_with('2'));
        assert!(of_qos_2.all(|line| copies(line) == 1), "{version}: {said}");
    }
}
