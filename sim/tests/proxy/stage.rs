//! Scripted clients and brokers: each writes packets and says what it reads.

use bytes::Bytes;
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Version, encode,
    packet::{Ack, ConnAck, Connect, Publish},
};
use squall_scenarios::wire;
use squall_sim::proxy::{self, Settings, Tally, event::Event, told::Lines};
use squall_transport::{Accept, BoxStream, Memory, MemoryListener};
use std::{cell::RefCell, future::pending, io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Builder,
    time::{Instant, timeout},
};

/// No script waits so long.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What a proxy said, and what it counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) lines: Vec<String>,
    pub(crate) tally: Tally,
}

impl Seen {
    /// The statements that were broken, and by whom.
    pub(crate) fn violations(&self) -> Vec<(Role, &str, u64)> {
        let all = self.tally.violations.iter();
        all.map(|((by, what), n)| (*by, what.as_str(), *n))
            .collect()
    }

    pub(crate) fn text(&self) -> String {
        let summary = Lines::default().summary(&self.tally);
        format!("{}\n{summary}\n", self.lines.join("\n"))
    }
}

/// Plays a script with a way to the proxy, and the broker's listener.
pub(crate) fn play<F: Future<Output = ()>>(
    faults: &[&str],
    seed: u64,
    script: impl FnOnce(Memory, MemoryListener) -> F,
) -> Seen {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&lines);
    let told = Lines::default();
    let tally = watched(faults, seed, script, move |event| {
        kept.borrow_mut().extend(told.of(event));
    });
    let lines = lines.borrow().clone();
    Seen { lines, tally }
}

/// As [`play`], with an observer of one's own.
pub(crate) fn watched<F: Future<Output = ()>>(
    faults: &[&str],
    seed: u64,
    script: impl FnOnce(Memory, MemoryListener) -> F,
    observer: impl FnMut(&Event<'_>) + 'static,
) -> Tally {
    let read = |text: &&str| wire::read(text).unwrap_or_else(|e| panic!("{text}: {}", e[0]));
    let settings = Settings {
        faults: faults.iter().map(read).collect(),
        seed,
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (here, door) = Memory::listen();
        let (there, listener) = Memory::listen();
        let serving = proxy::serve(door, vec![there.into()], settings, observer, pending());
        let all = async { tokio::join!(serving, script(here, listener)).0 };
        timeout(LIMIT, all).await.expect("it comes to an end")
    })
}

/// One end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: BoxStream,
    decoder: Decoder,
    version: Version,
}

impl Peer {
    /// A client that comes to the proxy.
    pub(crate) fn client(memory: &Memory) -> Self {
        Self::new(Box::new(memory.dial().unwrap()), Role::Server)
    }

    /// What comes to the broker next.
    pub(crate) async fn broker(listener: &mut MemoryListener) -> Self {
        Self::new(Box::new(listener.accept().await.unwrap()), Role::Client)
    }

    /// Both ends of a connection that is accepted.
    pub(crate) async fn met(
        memory: &Memory,
        listener: &mut MemoryListener,
        present: bool,
    ) -> (Self, Self) {
        let mut client = Self::client(memory);
        let mut broker = Self::broker(listener).await;
        client.say(connect()).await;
        broker.hear("CONNECT").await;
        broker.say(connack(present)).await;
        client.hear("CONNACK").await;
        (client, broker)
    }

    fn new(stream: BoxStream, peer: Role) -> Self {
        let mut decoder = Decoder::new(peer);
        decoder.set_version(Version::V5_0);
        Self {
            stream,
            decoder,
            version: Version::V5_0,
        }
    }

    pub(crate) async fn say(&mut self, packet: Packet) {
        let bytes = encode(&packet, self.version).unwrap();
        self.write(&bytes).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // Who writes to somebody who is gone learns it when reading.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next packet has to be this.
    pub(crate) async fn hear(&mut self, begins: &str) -> Instant {
        let heard = self.next().await.map(|p| p.summary());
        match heard {
            Ok(heard) if heard.starts_with(begins) => Instant::now(),
            other => panic!("{other:?} instead of {begins}"),
        }
    }

    /// The connection is over, this way.
    pub(crate) async fn over(&mut self, how: Option<io::ErrorKind>) {
        let heard = self.next().await.map(|p| p.summary());
        let ended = heard.expect_err("it is over").kind();
        assert_eq!(
            Some(ended).filter(|k| *k != io::ErrorKind::UnexpectedEof),
            how
        );
    }

    pub(crate) async fn next(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = self.decoder.next_packet().expect("packets are good") {
                return Ok(packet);
            }
            let mut bytes = [0; 1024];
            match self.stream.read(&mut bytes).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.decoder.push(&bytes[..n]),
            }
        }
    }
}

pub(crate) const RESET: Option<io::ErrorKind> = Some(io::ErrorKind::ConnectionReset);

pub(crate) fn connect() -> Packet {
    connect_as("app", None)
}

pub(crate) fn connect_as(id: &str, window: Option<u16>) -> Packet {
    let mut properties = Properties::new();
    if let Some(window) = window {
        properties.push(Property::ReceiveMaximum(window));
    }
    Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start: false,
        keep_alive: 0,
        client_id: Text::from(id),
        will: None,
        user_name: Some(Text::from("me")),
        password: Some(Bytes::from_static(b"secret-word")),
        properties,
    }))
}

pub(crate) fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

pub(crate) fn publish(id: u16, qos: QoS, dup: bool) -> Packet {
    Packet::Publish(Publish {
        dup,
        qos,
        retain: false,
        topic: Text::from("a/b"),
        packet_id: PacketId::new(id),
        properties: Properties::new(),
        payload: Bytes::from_static(b"secret-payload"),
    })
}

pub(crate) fn one(id: u16) -> Packet {
    publish(id, QoS::AtLeastOnce, false)
}

pub(crate) fn two(id: u16) -> Packet {
    publish(id, QoS::ExactlyOnce, false)
}

pub(crate) fn ack(id: u16) -> Ack {
    Ack::success(PacketId::new(id).unwrap())
}
