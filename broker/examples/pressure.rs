//! How the server does under pressure, as figures: `cargo run --release -p squall-broker --example pressure`.
//!
//! It starts the server as a process of its own on a free port of loopback, and plays each part against a fresh one.
//! Words on the command line choose parts: `flood`, `resume`, `retained`, `slow`, `idle`. `--at ADDRESS` plays them
//! against another broker, of which no memory is told.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures in wall time, and prints what it finds"
)]

use squall_broker::{Broker, Config, Server};
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, Role, Version, encode,
    packet::{Ack, Connect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

fn main() -> io::Result<()> {
    let mut parts: Vec<String> = std::env::args().skip(1).collect();
    if parts.first().is_some_and(|word| word == "serve") {
        return serve();
    }
    let at = parts.iter().position(|word| word == "--at");
    let at = at.map(|n| parts.drain(n..n + 2).nth(1).unwrap_or_default());
    let at: Option<SocketAddr> = at.and_then(|address| address.parse().ok());
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|word| word == name);
    for (name, part) in PARTS {
        if wanted(name) {
            let house = House::open(at)?;
            part(&house).unwrap_or_else(|error| println!("{name}: {error}"));
        }
    }
    Ok(())
}

type Part = fn(&House) -> io::Result<()>;
const PARTS: [(&str, Part); 5] = [
    ("flood", flood),
    ("resume", resume),
    ("retained", retained),
    ("slow", slow),
    ("idle", idle),
];

/// The server of the child process.
fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        Server::new(Broker::new(Config::default()))
            .run(listener)
            .await
    })
}

/// A server in a process of its own.
struct House {
    address: SocketAddr,
    process: Option<Child>,
}

impl House {
    fn open(at: Option<SocketAddr>) -> io::Result<Self> {
        if let Some(address) = at {
            let process = None;
            return Ok(Self { address, process });
        }
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        let process = Some(process);
        Ok(Self { address, process })
    }

    /// Memory that the server has resident, in KiB; 0 where it cannot be told.
    fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most that it ever had.
    fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> u64 {
        let status = self.process.as_ref().and_then(|process| {
            std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()
        });
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kib.unwrap_or(0)
    }

    fn dial(&self) -> io::Result<Peer> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(Version::V5_0);
        Ok(Peer { stream, decoder })
    }

    /// A client that was accepted, with a session that lasts.
    fn join(&self, client_id: &str, clean_start: bool) -> io::Result<Peer> {
        let mut peer = self.dial()?;
        peer.send(&Packet::Connect(Box::new(Connect {
            version: Version::V5_0,
            clean_start,
            keep_alive: 0,
            client_id: client_id.into(),
            will: None,
            user_name: None,
            password: None,
            properties: Properties::new().with(Property::SessionExpiryInterval(3600)),
        })))?;
        peer.expect(|packet| matches!(packet, Packet::ConnAck(_)))?;
        Ok(peer)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A client.
struct Peer {
    stream: TcpStream,
    decoder: Decoder,
}

impl Peer {
    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let bytes = encode(packet, Version::V5_0).map_err(io::Error::other)?;
        self.stream.write_all(&bytes)
    }

    fn next(&mut self) -> io::Result<Packet> {
        let mut buffer = [0; 1 << 16];
        loop {
            if let Some(packet) = self.decoder.next_packet().map_err(io::Error::other)? {
                return Ok(packet);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.decoder.push(&buffer[..n]),
            }
        }
    }

    fn expect(&mut self, wanted: impl Fn(&Packet) -> bool) -> io::Result<()> {
        match self.next()? {
            packet if wanted(&packet) => Ok(()),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    fn subscribe(&mut self, filter: &str, qos: QoS) -> io::Result<()> {
        let filter = TopicFilter::parse_v5(filter).map_err(io::Error::other)?;
        self.send(&Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, qos)],
        }))?;
        self.expect(|packet| matches!(packet, Packet::SubAck(_)))
    }

    fn ping(&mut self) -> io::Result<()> {
        self.send(&Packet::PingReq)?;
        self.expect(|packet| *packet == Packet::PingResp)
    }

    /// Takes messages, and acknowledges them, until so many came or none comes for five seconds.
    fn take(&mut self, wanted: usize) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut taken = 0;
        while taken < wanted {
            match self.next() {
                Ok(Packet::Publish(publish)) => {
                    taken += 1;
                    if let Some(id) = publish.packet_id {
                        self.send(&Packet::PubAck(Ack::success(id)))?;
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    println!("  after {taken} messages: {error}");
                    break;
                }
            }
        }
        Ok(taken)
    }
}

fn publish(topic: &str, payload: usize, id: Option<u16>, retain: bool) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: match id {
            None => QoS::AtMostOnce,
            Some(_) => QoS::AtLeastOnce,
        },
        retain,
        topic: topic.into(),
        packet_id: id.and_then(PacketId::new),
        properties: Properties::new(),
        payload: vec![b'x'; payload].into(),
    })
}

/// Two QoS 0 publishers keep their sockets full: how long does another client's PINGRESP take, and what do subscribers
/// that read as fast as they can get?
fn flood(house: &House) -> io::Result<()> {
    for (payload, subscribers) in [(0, 1), (0, 20), (16, 1), (1024, 1), (4096, 1), (4096, 20)] {
        let (over, sent, got) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let mut trips = Vec::new();
        let mut peers = Vec::new();
        for n in 0..subscribers {
            let mut subscriber = house.join(&format!("subscriber-{n}"), true)?;
            subscriber.subscribe("f/#", QoS::AtMostOnce)?;
            peers.push(subscriber);
        }
        let cut = thread::scope(|scope| {
            let (over, sent, got) = (&over, &sent, &got);
            let read = |peer| scope.spawn(move || read_all(peer, over, got));
            let readers: Vec<_> = peers.iter_mut().map(read).collect();
            for n in 0..2 {
                scope.spawn(move || write_all(house, n, payload, over, sent));
            }
            let pinged = ping_for(house, Duration::from_secs(6), &mut trips);
            over.store(true, Relaxed);
            let cut = readers.into_iter().filter_map(|reader| reader.join().ok());
            let cut = cut.filter(|cut| *cut).count();
            pinged.map(|()| cut)
        })?;
        trips.sort_unstable();
        println!(
            "flood, {payload} bytes for {subscribers}: round trip median {:?}, longest {:?}; sent {}, got {} each, {cut} cut; peak {} KiB",
            trips[trips.len() / 2],
            trips[trips.len() - 1],
            sent.load(Relaxed),
            got.load(Relaxed) / subscribers,
            house.peak()
        );
    }
    Ok(())
}

fn ping_for(house: &House, time: Duration, trips: &mut Vec<Duration>) -> io::Result<()> {
    let mut pinger = house.join("pinger", true)?;
    let begun = Instant::now();
    while begun.elapsed() < time {
        let asked = Instant::now();
        pinger.ping()?;
        trips.push(asked.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Counts messages by their ends; whether the connection was cut.
fn read_all(peer: &mut Peer, over: &AtomicBool, got: &AtomicU64) -> bool {
    let _ = peer.stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut buffer = vec![0; 1 << 18];
    loop {
        match peer.stream.read(&mut buffer) {
            Ok(0) => return !over.load(Relaxed),
            Ok(n) => peer.decoder.push(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if over.load(Relaxed) {
                    return false;
                }
            }
            Err(_) => return !over.load(Relaxed),
        }
        while let Ok(Some(_)) = peer.decoder.next_packet() {
            got.fetch_add(1, Relaxed);
        }
        if over.load(Relaxed) {
            return false;
        }
    }
}

fn write_all(house: &House, n: usize, payload: usize, over: &AtomicBool, sent: &AtomicU64) {
    let Ok(mut peer) = house.join(&format!("flood-{n}"), true) else {
        return;
    };
    let _ = peer.stream.set_write_timeout(Some(Duration::from_secs(1)));
    let packet = publish(&format!("f/{n}"), payload, None, false);
    let one = encode(&packet, Version::V5_0).expect("it can be framed");
    let many = one.repeat((1 << 16) / one.len() + 1);
    while !over.load(Relaxed) {
        if peer.stream.write_all(&many).is_err() {
            return;
        }
        sent.fetch_add((many.len() / one.len()) as u64, Relaxed);
    }
}

/// A queue of 5,000 messages of 16 KiB waits for a client that comes back.
fn resume(house: &House) -> io::Result<()> {
    let mut away = house.join("away", true)?;
    away.subscribe("q", QoS::AtLeastOnce)?;
    drop(away);
    thread::sleep(Duration::from_millis(100));
    let mut publisher = house.join("publisher", true)?;
    let mut refused = 0;
    for _ in 0..5000 {
        publisher.send(&publish("q", 16 << 10, Some(1), false))?;
        let Packet::PubAck(ack) = publisher.next()? else {
            return Err(io::Error::other("no PUBACK"));
        };
        refused += u32::from(ack.reason.is_error());
    }
    let begun = Instant::now();
    let mut back = house.join("away", false)?;
    let answered = begun.elapsed();
    let got = back.take(5000 - refused as usize)?;
    println!(
        "resume: {refused} of 5,000 refused, CONNACK after {answered:?}, {got} came in {:?}; peak {} KiB",
        begun.elapsed(),
        house.peak()
    );
    Ok(())
}

/// 1,200 retained messages of 64 KiB are found by a subscription, at each QoS.
fn retained(house: &House) -> io::Result<()> {
    let mut publisher = house.join("publisher", true)?;
    let mut refused = 0;
    for n in 0..1200 {
        publisher.send(&publish(&format!("r/{n}"), 64 << 10, Some(1), true))?;
        let Packet::PubAck(ack) = publisher.next()? else {
            return Err(io::Error::other("no PUBACK"));
        };
        refused += u32::from(ack.reason.is_error());
    }
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut subscriber = house.join("subscriber", true)?;
        let begun = Instant::now();
        if let Err(error) = subscriber.subscribe("r/#", qos) {
            println!("retained, QoS {}: no SUBACK, {error}", qos.as_u8());
            continue;
        }
        let got = subscriber.take(1200 - refused as usize)?;
        println!(
            "retained, QoS {}: {refused} of 1,200 refused, {got} came in {:?}; peak {} KiB",
            qos.as_u8(),
            begun.elapsed(),
            house.peak()
        );
    }
    Ok(())
}

/// Ten subscribers do not read: what does the server take for them?
fn slow(house: &House) -> io::Result<()> {
    let before = house.peak();
    let mut deaf = Vec::new();
    for n in 0..10 {
        let mut peer = house.join(&format!("deaf-{n}"), true)?;
        peer.subscribe("s", QoS::AtMostOnce)?;
        deaf.push(peer);
    }
    let mut publisher = house.join("publisher", true)?;
    let begun = Instant::now();
    for _ in 0..20_000 {
        publisher.send(&publish("s", 16 << 10, None, false))?;
    }
    publisher.ping()?;
    println!(
        "slow: 20,000 messages of 16 KiB for ten clients that do not read took {:?}; peak {} KiB more",
        begun.elapsed(),
        house.peak().saturating_sub(before)
    );
    Ok(())
}

/// 10,000 clients that say nothing.
fn idle(house: &House) -> io::Result<()> {
    const CLIENTS: u64 = 10_000;
    let before = house.resident();
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        clients.push(house.join(&format!("idle-{n:05}"), true)?.stream);
    }
    thread::sleep(Duration::from_millis(500));
    let bytes = (house.resident().saturating_sub(before)) * 1024;
    println!(
        "idle: {CLIENTS} clients, {} bytes each; {} KiB resident",
        bytes / CLIENTS,
        house.resident()
    );
    Ok(())
}
