//! The driver over pipes in paused time, and over real sockets: a house for it, and clients that say what they are told to.

mod durable;
mod ends;
mod pressure;
mod serving;
mod verify;
mod ways;

use bytes::Bytes;
use squall_broker::{Accept, Broker, CloseCause, Config, ConnId, Event, Hangup, Server};
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, QoS, ReasonCode, Role, Time, Version, encode,
    packet::{Connect, Disconnect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use std::{
    cell::RefCell,
    future::pending,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    net::{TcpListener, TcpStream},
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::{JoinHandle, LocalSet, spawn_local},
    time::{Instant, sleep, timeout},
};

type Log = Rc<RefCell<Vec<(Time, Event)>>>;

/// A listener that is handed its connections.
struct Doors<S>(UnboundedReceiver<io::Result<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Accept for Doors<S> {
    type Stream = S;

    async fn accept(&mut self) -> io::Result<S> {
        match self.0.recv().await {
            Some(stream) => stream,
            None => pending().await,
        }
    }
}

/// A server in paused time, with everything it saw.
struct House<S = DuplexStream> {
    doors: UnboundedSender<io::Result<S>>,
    log: Log,
    /// Asks the server to shut down.
    stop: Rc<Notify>,
    server: JoinHandle<io::Result<()>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> House<S> {
    fn open(config: Config) -> Self {
        Self::observed(config, |_| {})
    }

    fn observed(config: Config, mut also: impl FnMut(&Event) + 'static) -> Self {
        let (doors, receiver) = unbounded_channel();
        let log = Log::default();
        let seen = Rc::clone(&log);
        let observer = move |at, event: Event| {
            also(&event);
            seen.borrow_mut().push((at, event));
        };
        let server = Server::new(Broker::new(config)).observer(observer);
        let stop = Rc::new(Notify::new());
        let asked = Rc::clone(&stop);
        let server = server.run_until(Doors(receiver), async move { asked.notified().await });
        Self {
            doors,
            log,
            stop,
            server: spawn_local(server),
        }
    }

    fn closed(&self, conn: u64) -> Option<(Time, CloseCause)> {
        self.log
            .borrow()
            .iter()
            .find_map(|(at, event)| match event {
                Event::Closed { conn: c, cause } if *c == ConnId(conn) => Some((*at, *cause)),
                _ => None,
            })
    }
}

impl House {
    fn dial(&self) -> Peer<DuplexStream> {
        let (ours, theirs) = duplex(4096);
        self.doors.send(Ok(theirs)).unwrap();
        Peer::new(ours)
    }
}

/// A client that says what it is told to.
struct Peer<S> {
    stream: S,
    decoder: Decoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    fn new(stream: S) -> Self {
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(Version::V5_0);
        Self { stream, decoder }
    }

    async fn send(&mut self, packet: Packet) {
        let bytes = encode(&packet, Version::V5_0).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The next packet, `None` at the end of the stream.
    async fn next(&mut self) -> Option<Packet> {
        let mut buffer = [0; 512];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame.packet);
            }
            match self.stream.read(&mut buffer).await.unwrap() {
                0 => return None,
                n => self.decoder.push(&buffer[..n]),
            }
        }
    }

    async fn connect(&mut self, client_id: &str, keep_alive: u16) {
        self.send(connect(client_id, keep_alive)).await;
        assert!(matches!(self.next().await, Some(Packet::ConnAck(_))));
    }

    async fn subscribe(&mut self, filter: &str, qos: QoS) {
        let filter = TopicFilter::parse_v5(filter).unwrap();
        self.send(Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, qos)],
        }))
        .await;
        assert!(matches!(self.next().await, Some(Packet::SubAck(_))));
    }

    async fn ping(&mut self) {
        self.send(Packet::PingReq).await;
        assert_eq!(self.next().await, Some(Packet::PingResp));
    }
}

fn connect(client_id: &str, keep_alive: u16) -> Packet {
    Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive,
        client_id: client_id.into(),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }))
}

fn publish(topic: &str, payload: Bytes) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: topic.into(),
        packet_id: None,
        properties: Properties::new(),
        payload,
    })
}

fn disconnect() -> Packet {
    Packet::Disconnect(Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION))
}

/// Runs a story in paused time; one that hangs fails.
fn story(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let limit = Duration::from_secs(1_000_000);
    let bounded = async { timeout(limit, story).await };
    let done = runtime.block_on(LocalSet::new().run_until(bounded));
    done.expect("the story does not end");
}

/// Runs a story with real sockets in real time; one that hangs fails.
fn real_story(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limit = Duration::from_secs(30);
    let bounded = async { timeout(limit, story).await };
    let done = runtime.block_on(LocalSet::new().run_until(bounded));
    done.expect("the story does not end");
}

async fn listen(config: Config) -> (std::net::SocketAddr, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn_local(Server::new(Broker::new(config)).run(listener));
    (address, server)
}
