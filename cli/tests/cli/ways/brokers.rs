//! Brokers that listen in every way, as processes.

use super::certificates::Certificates;
use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A way to a broker: its address, and what else the command line has to say.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) url: String,
    pub(super) flags: Vec<String>,
}

/// A broker, for as long as it is held. Its first way is that over TCP, without anything.
pub(super) struct Broker {
    child: Child,
    pub(super) ways: Vec<Way>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().expect("it can be ended");
        self.child.wait().expect("it ends");
    }
}

/// The way to an address, with the CA where it is needed.
fn way(url: String, made: &Certificates) -> Way {
    let tls = url.starts_with("mqtts:") || url.starts_with("wss:");
    let flags = match tls {
        true => vec!["--ca".to_owned(), made.named("ca.pem")],
        false => Vec::new(),
    };
    Way { url, flags }
}

impl Way {
    /// The same by somebody who shows a certificate.
    fn showing(mut self, made: &Certificates) -> Self {
        let shown = [("--cert", "client.pem"), ("--key", "client.key")];
        let shown = shown.map(|(flag, name)| [flag.to_owned(), made.named(name)]);
        self.flags.extend(shown.into_iter().flatten());
        self
    }
}

/// Our own broker: over TCP, TLS, WebSocket, both, and at a unix socket. With `strict` TLS is for those who show a
/// certificate.
pub(super) fn own(made: &Certificates, strict: bool) -> Broker {
    let socket = made.named("own.sock");
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.arg("broker");
    for flag in ["--listen", "--tls-listen", "--ws-listen", "--wss-listen"] {
        command.args([flag, "127.0.0.1:0"]);
    }
    command.args(["--unix-listen", &socket]);
    command.args(["--tls-cert", &made.named("server.pem")]);
    command.args(["--tls-key", &made.named("server.key")]);
    if strict {
        command.args(["--client-ca", &made.named("ca.pem")]);
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let stdout = child.stdout.take().expect("a pipe");
    let lines = BufReader::new(stdout).lines().take(5);
    let ways = lines.map(|line| {
        let line = line.expect("a line");
        let url = line.strip_prefix("listening on ").expect(&line).to_owned();
        let way = way(url, made);
        match strict && !way.flags.is_empty() {
            true => way.showing(made),
            false => way,
        }
    });
    let ways = ways.collect();
    Broker { child, ways }
}

/// Who may enter Mosquitto where it asks for a password. In an address the password is written otherwise than it is.
pub(super) const USER: &str = "alice";
pub(super) const PASSWORD: &str = "sword%fish/7";
pub(super) const PASSWORD_IN_ADDRESS: &str = "sword%25fish%2F7";

/// Mosquitto: over TCP, TLS 1.3 and 1.2, WebSocket, WebSocket over TLS, TLS with a client's certificate, a unix socket, and
/// TCP with a password. `None` where it is not installed and need not be.
pub(super) fn mosquitto(made: &Certificates) -> Option<Broker> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    let file = made.named("mosquitto.conf");
    let passwords = made.named("passwords");
    fs::write(&passwords, "").expect("it can be written");
    let hashed = Command::new("mosquitto_passwd")
        .args(["-b", &passwords, USER, PASSWORD])
        .env("PATH", &path)
        .status();
    if let Err(error) = hashed {
        let needed = std::env::var_os("SQUALL_NEEDS_TOOLS").is_some();
        assert!(!needed, "mosquitto has to be installed here: {error}");
        #[expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
        {
            eprintln!("mosquitto is not installed, so nothing is tested: {error}");
        }
        return None;
    }
    // Somebody else may take a port before it does.
    for _ in 0..3 {
        let ports = free_ports();
        fs::write(&file, configuration(made, ports)).expect("it can be written");
        let log = fs::File::create(made.path("mosquitto.log")).expect("it can be written");
        let mut child = Command::new("mosquitto")
            .args(["-c", &file])
            .env("PATH", &path)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it is installed beside its tools");
        if listens(&mut child, ports) {
            return Some(Broker {
                child,
                ways: ways_to_mosquitto(made, ports),
            });
        }
    }
    let log = fs::read_to_string(made.path("mosquitto.log"));
    panic!("mosquitto does not start: {}", log.unwrap_or_default());
}

const PORTS: usize = 7;

fn free_ports() -> [u16; PORTS] {
    let held =
        [(); PORTS].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    held.map(|listener| listener.local_addr().expect("its address").port())
}

/// Whether it is there, on all ports; not if it has ended.
fn listens(child: &mut Child, ports: [u16; PORTS]) -> bool {
    let begun = Instant::now();
    let there = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    while child.try_wait().expect("it is ours").is_none() {
        if ports.into_iter().all(there) {
            return true;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "mosquitto does not listen"
        );
        thread::sleep(Duration::from_millis(20));
    }
    false
}

fn configuration(made: &Certificates, ports: [u16; PORTS]) -> String {
    let [tcp, tls, old, ws, wss, strict, secret] = ports;
    let folder = made.folder().display();
    // A listener of WebSocket would be open to everybody without `socket_domain`.
    let ws_only = "protocol websockets\nsocket_domain ipv4\n";
    let keys = format!(
        "cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
    );
    let anybody = "allow_anonymous true\n";
    format!(
        "user root\nper_listener_settings true\npersistence false\nsys_interval 1\n\
         listener {tcp} 127.0.0.1\n{anybody}\
         listener {tls} 127.0.0.1\n{anybody}{keys}\
         listener {old} 127.0.0.1\n{anybody}{keys}tls_version tlsv1.2\n\
         listener {ws} 127.0.0.1\n{anybody}{ws_only}\
         listener {wss} 127.0.0.1\n{anybody}{ws_only}{keys}\
         listener {strict} 127.0.0.1\n{anybody}{keys}require_certificate true\n\
         listener {secret} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/passwords\n\
         listener 0 {folder}/mosquitto.sock\n{anybody}"
    )
}

fn ways_to_mosquitto(made: &Certificates, ports: [u16; PORTS]) -> Vec<Way> {
    let [tcp, tls, old, ws, wss, strict, secret] = ports;
    let to = |scheme: &str, port| way(format!("{scheme}://127.0.0.1:{port}"), made);
    let login = format!("mqtt://{USER}:{PASSWORD_IN_ADDRESS}@127.0.0.1:{secret}");
    vec![
        to("mqtt", tcp),
        to("mqtts", tls),
        to("mqtts", old),
        to("ws", ws),
        to("wss", wss),
        to("mqtts", strict).showing(made),
        way(format!("unix:{}", made.named("mosquitto.sock")), made),
        way(login, made),
    ]
}
