//! All ways in, with certificates of both sides, and another command of Squall as the client.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use std::fs;
use tempfile::TempDir;

/// A folder with a CA, a certificate of the server and one of a client called `lamp`, each with its key.
struct Papers(TempDir);

impl Papers {
    fn new() -> Self {
        let papers = Self(tempfile::tempdir().expect("there is room"));
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "CA of a test");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        papers.write("ca.pem", &ca.pem());
        for (name, purpose) in [
            ("server", ExtendedKeyUsagePurpose::ServerAuth),
            ("lamp", ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let names = vec!["127.0.0.1".to_owned()];
            let mut params =
                CertificateParams::new(if name == "server" { names } else { vec![] }).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &ca).unwrap();
            papers.write(&format!("{name}.pem"), &certificate.pem());
            papers.write(&format!("{name}.key"), &key.serialize_pem());
        }
        papers
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("it is written");
    }

    fn path(&self, name: &str) -> String {
        self.0
            .path()
            .join(name)
            .to_str()
            .expect("it is text")
            .to_owned()
    }
}

/// The broker with these arguments, and the addresses that it says.
fn serve(arguments: &[&str], ways: usize) -> (Served, Vec<String>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .arg("broker")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let lines = stdout.lines().take(ways);
    let urls = lines.map(|line| line.expect("it is text").replace("listening on ", ""));
    let urls = urls.collect();
    let served = Served {
        child,
        address: String::new(),
    };
    (served, urls)
}

/// Connects to an address with one check of `squall conform`; gives its exit code.
fn connects(url: &str, more: &[&str]) -> i32 {
    let arguments = [
        "conform",
        url,
        "--only",
        "connect/accepted",
        "--mqtt",
        "5.0",
    ];
    let output = squall(&[&arguments, more].concat(), b"");
    told(&output).1
}

#[test]
fn every_way_in_leads_to_the_same_broker() {
    let papers = Papers::new();
    let socket = papers.path("socket");
    let config = format!(
        "listen: 127.0.0.1:0\ntls-listen: 127.0.0.1:0\nws-listen: 127.0.0.1:0\nwss-listen: 127.0.0.1:0\n\
         unix-listen: {socket}\ntls-cert: {}\ntls-key: {}\n",
        papers.path("server.pem"),
        papers.path("server.key"),
    );
    papers.write("broker.yaml", &config);
    let (served, urls) = serve(&["--config", &papers.path("broker.yaml")], 5);
    let schemes: Vec<_> = urls
        .iter()
        .map(|url| url.split(':').next().unwrap())
        .collect();
    assert_eq!(schemes, ["mqtt", "mqtts", "ws", "wss", "unix"]);
    for url in &urls {
        let is_encrypted = url.starts_with("mqtts") || url.starts_with("wss");
        let ca = papers.path("ca.pem");
        let trust = ["--ca", &ca];
        let more = if is_encrypted { &trust[..] } else { &[] };
        assert_eq!(connects(url, more), 0, "{url}");
    }
    let log = served.stop();
    assert!(log.contains(" info connected "), "{log}");
    assert!(!Path::new(&socket).exists());
}

#[test]
fn the_name_in_a_certificate_is_the_user() {
    let papers = Papers::new();
    papers.write("rules", "user lamp allow both #\n");
    let [cert, key, ca, rules] =
        ["server.pem", "server.key", "ca.pem", "rules"].map(|name| papers.path(name));
    let arguments = [
        "--tls-listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--client-ca",
        &ca,
        "--certificate-is-user",
        "--access-file",
        &rules,
    ];
    let (served, urls) = serve(&arguments, 1);
    let lamp = ["lamp.pem", "lamp.key"].map(|name| papers.path(name));
    assert_eq!(
        connects(
            &urls[0],
            &["--ca", &ca, "--cert", &lamp[0], "--key", &lamp[1]]
        ),
        0
    );
    assert_eq!(
        connects(&urls[0], &["--ca", &ca]),
        3,
        "without a certificate"
    );
    let log = served.stop();
    assert!(log.contains(" certificate=\"lamp\""), "{log}");
}
