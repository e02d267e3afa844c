//! The broker as a process, with a port for every way that goes over TCP.

use rcgen::{CertificateParams, KeyPair};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) struct Served {
    child: Child,
    folder: TempDir,
    /// The addresses: mqtt, mqtts, ws, wss.
    pub(crate) urls: Vec<String>,
}

/// Where the ways are in the list.
pub(crate) const TCP: usize = 0;
pub(crate) const TLS: usize = 1;
pub(crate) const WS: usize = 2;
pub(crate) const WSS: usize = 3;

impl Served {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (certificate, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        let pair = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let signed = params.self_signed(&pair).expect("a certificate");
        fs::write(&certificate, signed.pem()).expect("it can be written");
        fs::write(&key, pair.serialize_pem()).expect("it can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.arg("broker");
        for flag in ["--listen", "--tls-listen", "--ws-listen", "--wss-listen"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let mut child = command
            .arg("--tls-cert")
            .arg(&certificate)
            .arg("--tls-key")
            .arg(&key)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stdout = child.stdout.take().expect("it is piped");
        let lines = BufReader::new(stdout).lines().take(4);
        let url = |line: String| line.strip_prefix("listening on ").expect(&line).to_owned();
        let urls = lines
            .map(|line| url(line.expect("it says where")))
            .collect();
        Self {
            child,
            folder,
            urls,
        }
    }

    /// The port of a way.
    pub(crate) fn port(&self, way: usize) -> SocketAddr {
        let (_, place) = self.urls[way].split_once("://").expect("a scheme");
        let place = place.trim_end_matches("/mqtt");
        place.parse().expect("an address")
    }

    /// The certificate that it shows, which is its own CA.
    pub(crate) fn ca(&self) -> std::path::PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Memory in bytes, by its name in /proc.
    pub(crate) fn memory(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status
            .lines()
            .find(|line| line.split(':').next() == Some(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        1024 * kib.and_then(|n| n.parse::<usize>().ok()).expect("a number")
    }

    /// How many file descriptors are open.
    pub(crate) fn descriptors(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        open.expect("it runs").count()
    }

    /// Ends it, which it does in order, and gives what it has complained of.
    pub(crate) fn end(mut self) -> String {
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("there is a shell").success());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        stderr.read_to_string(&mut said).expect("it is text");
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
