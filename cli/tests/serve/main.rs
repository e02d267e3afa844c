//! `squall broker` as a process: its settings, who comes in, what it keeps, how it ends, and how much memory it takes.
#![cfg(target_os = "linux")]

mod ends;
mod kill;
mod passwd;
mod people;
mod settings;
mod store;
mod ways;

use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Version, encode,
    packet::{Ack, ConnAck, Connect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// The broker as a child process.
struct Served {
    child: Child,
    /// The first address that it listens on.
    address: String,
}

impl Served {
    /// On a free port.
    fn start() -> Self {
        Self::with(&[])
    }

    /// On a free port, with these arguments.
    fn with(more: &[&str]) -> Self {
        let arguments = [&["broker", "--listen", "127.0.0.1:0"], more].concat();
        Self::run(&arguments, Stdio::piped())
    }

    /// With a store.
    fn keeping(store: &Path) -> Self {
        Self::with(&["--store", store.to_str().expect("it is text")])
    }

    fn run(arguments: &[&str], stderr: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where");
        let address = line.trim().trim_start_matches("listening on mqtt://");
        Self {
            address: address.to_owned(),
            child,
        }
    }

    fn dial(&self, version: Version, client_id: &str, properties: Properties) -> Client {
        let hello = Connect {
            properties,
            ..hello(version, client_id)
        };
        let (client, ack) = self.greet(hello);
        assert_eq!(ack.reason, ReasonCode::SUCCESS, "{ack:?}");
        client
    }

    /// Says this CONNECT; gives the CONNACK.
    fn greet(&self, hello: Connect) -> (Client, ConnAck) {
        let mut client = Client::to(&self.address, hello.version);
        client.send(Packet::Connect(Box::new(hello)));
        match client.next() {
            Some(Packet::ConnAck(ack)) => (client, ack),
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    /// A client whose session is kept, and whether there was one.
    fn join(&self, version: Version, client_id: &str) -> (Client, bool) {
        let (client, ack) = self.greet(lasting(version, client_id));
        assert_eq!(ack.reason, ReasonCode::SUCCESS, "{ack:?}");
        (client, ack.session_present)
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("there is a shell").success());
    }

    /// How it ended, within a very generous time.
    fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it in order; gives what it said on standard error.
    fn stop(mut self) -> String {
        self.signal("TERM");
        assert_eq!(self.end().code(), Some(0));
        self.stderr()
    }

    fn stderr(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said).expect("it is text");
        }
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

/// Runs `squall` to its end with this standard input.
fn squall(arguments: &[&str], input: &[u8]) -> Output {
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

/// What a command says on both outputs, and its exit code.
fn told(output: &Output) -> (String, i32) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stdout) + &text(&output.stderr);
    (all, output.status.code().expect("it ends by itself"))
}

fn hello(version: Version, client_id: &str) -> Connect {
    Connect {
        version,
        clean_start: version == Version::V3_1_1,
        keep_alive: 0,
        client_id: client_id.into(),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }
}

/// With a session that is kept.
fn lasting(version: Version, client_id: &str) -> Connect {
    let mut hello = hello(version, client_id);
    hello.clean_start = false;
    if version == Version::V5_0 {
        let for_ever = Property::SessionExpiryInterval(u32::MAX);
        hello.properties.push(for_ever);
    }
    hello
}

/// With a name and a password.
fn named(version: Version, user: &str, password: &str) -> Connect {
    Connect {
        user_name: Some(user.into()),
        password: Some(password.to_owned().into()),
        ..hello(version, user)
    }
}

struct Client {
    stream: TcpStream,
    decoder: Decoder,
    version: Version,
}

impl Client {
    fn to(address: &str, version: Version) -> Self {
        Self::over(TcpStream::connect(address).expect("it listens"), version)
    }

    fn over(stream: TcpStream, version: Version) -> Self {
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("it can be set");
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(version);
        Self {
            stream,
            decoder,
            version,
        }
    }

    fn send(&mut self, packet: Packet) {
        let bytes = encode(&packet, self.version).expect("it can be written");
        self.stream.write_all(&bytes).expect("it is taken");
    }

    /// The next packet, `None` at the end of the connection.
    fn next(&mut self) -> Option<Packet> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            if let Some(packet) = self
                .decoder
                .next_packet()
                .expect("it keeps to the standard")
            {
                return Some(packet);
            }
            match self.stream.read(&mut buffer).expect("it answers") {
                0 => return None,
                n => self.decoder.push(&buffer[..n]),
            }
        }
    }

    /// Subscribes with QoS 1; gives the reason code.
    fn subscribe(&mut self, filter: &str) -> u8 {
        let filter = TopicFilter::parse_v5(filter).expect("a filter");
        self.send(Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, QoS::AtLeastOnce)],
        }));
        match self.next() {
            Some(Packet::SubAck(ack)) => ack.reasons[0].0,
            other => panic!("no SUBACK but {other:?}"),
        }
    }

    /// Publishes with QoS 1; gives the reason code.
    fn publish(&mut self, topic: &str, payload: &str, retain: bool) -> u8 {
        self.send(Packet::Publish(Publish {
            topic: topic.into(),
            retain,
            ..message(payload.to_owned().into_bytes())
        }));
        match self.next() {
            Some(Packet::PubAck(ack)) => ack.reason.0,
            other => panic!("no PUBACK but {other:?}"),
        }
    }

    /// The next packet has to be a PUBLISH; acknowledges it and gives its payload.
    fn take(&mut self) -> String {
        let Some(Packet::Publish(publish)) = self.next() else {
            panic!("no PUBLISH");
        };
        if let Some(id) = publish.packet_id {
            self.send(Packet::PubAck(Ack::success(id)));
        }
        String::from_utf8(publish.payload.to_vec()).expect("it is text")
    }

    /// Nothing comes but the answer to a ping.
    fn hears_nothing(&mut self) {
        self.send(Packet::PingReq);
        assert_eq!(self.next(), Some(Packet::PingResp));
    }
}

fn message(payload: Vec<u8>) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "t".into(),
        packet_id: Some(PacketId::MIN),
        properties: Properties::new(),
        payload: payload.into(),
    }
}
