//! `squall broker` as a process, with every way in.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

/// Ways into a broker, as addresses name them.
pub(crate) const WAYS: [&str; 4] = ["mqtt", "mqtts", "ws", "wss"];

/// A broker that runs until it is dropped.
pub(crate) struct Served {
    child: Child,
    /// One for each way in, as the broker says it.
    addresses: Vec<String>,
    folder: TempDir,
}

impl Served {
    /// Starts one with these arguments beside its ways in.
    pub(crate) fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        certify(&folder);
        let path = |name: &str| folder.path().join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .arg("broker")
            .args(["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"])
            .args(["--ws-listen", "127.0.0.1:0", "--wss-listen", "127.0.0.1:0"])
            .arg("--unix-listen")
            .arg(path("socket"))
            .arg("--tls-cert")
            .arg(path("server.pem"))
            .arg("--tls-key")
            .arg(path("server.key"))
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let addresses = lines.take(WAYS.len() + 1).map(|line| {
            let line = line.expect("it is text");
            line.trim_start_matches("listening on ").to_owned()
        });
        let addresses: Vec<_> = addresses.collect();
        assert_eq!(addresses.len(), WAYS.len() + 1, "{addresses:?}");
        Self {
            child,
            addresses,
            folder,
        }
    }

    /// The address of a way in, without a path.
    pub(crate) fn url(&self, way: &str) -> String {
        let port = self.port(way);
        // The name is one that the certificate has.
        format!("{way}://localhost:{port}")
    }

    pub(crate) fn port(&self, way: &str) -> String {
        let scheme = format!("{way}://");
        let mut addresses = self.addresses.iter();
        let address = addresses.find(|address| address.starts_with(&scheme));
        let address = address.expect("it is there").trim_start_matches(&scheme);
        let port = address.rsplit(':').next().expect("it has a port");
        port.trim_end_matches("/mqtt").to_owned()
    }

    /// The certificate of the CA that the broker's is signed with.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Runs another `squall`, such as `sub`, that talks to it over TCP.
    pub(crate) fn squall(&self, command: &str, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_squall"))
            .args([command, &self.url("mqtt")])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    }

    /// The same to its end.
    #[track_caller]
    pub(crate) fn squall_done(&self, command: &str, more: &[&str]) -> Output {
        let child = self.squall(command, more);
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "squall {command}: {told}");
        output
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended would have failed the test already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A CA, and a certificate of it for this machine.
fn certify(folder: &TempDir) {
    let mut ca = CertificateParams::new(Vec::new()).expect("no names are valid");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Issuer and subject of a certificate that is not signed with its own key have to differ.
    ca.distinguished_name
        .push(DnType::CommonName, "a CA for a test");
    let key = KeyPair::generate().expect("a key");
    let ca = CertifiedIssuer::self_signed(ca, key).expect("a CA");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut server = CertificateParams::new(names).expect("names");
    server
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    let key = KeyPair::generate().expect("a key");
    let server = server.signed_by(&key, &ca).expect("a certificate");
    for (name, text) in [
        ("ca.pem", ca.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
}
