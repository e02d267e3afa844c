//! The driver over pipes in paused time, and over real sockets.

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

#[test]
fn messages_pass_from_client_to_client() {
    story(async {
        let house = House::open(Config::default());
        let (mut a, mut b) = (house.dial(), house.dial());
        a.connect("a", 0).await;
        b.connect("b", 0).await;
        a.subscribe("t", QoS::AtMostOnce).await;
        b.send(publish("t", Bytes::from_static(b"hello"))).await;
        let Some(Packet::Publish(heard)) = a.next().await else {
            panic!()
        };
        assert_eq!(heard.payload, "hello");
    });
}

#[test]
fn connections_are_numbered_in_the_order_of_acceptance() {
    story(async {
        let house = House::open(Config::default());
        let mut peers: Vec<_> = (0..3).map(|_| house.dial()).collect();
        for (n, peer) in peers.iter_mut().enumerate().rev() {
            peer.connect(&n.to_string(), 0).await;
        }
        let opened: Vec<_> = house
            .log
            .borrow()
            .iter()
            .map(|(_, e)| e.clone())
            .take(3)
            .collect();
        let expected: Vec<_> = (0..3).map(|n| Event::Opened { conn: ConnId(n) }).collect();
        assert_eq!(opened, expected);
    });
}

#[test]
fn bytes_reach_the_core_in_the_order_of_arrival() {
    story(async {
        let house = House::open(Config::default());
        let mut peers: Vec<_> = (0..5).map(|_| house.dial()).collect();
        for (n, peer) in peers.iter_mut().enumerate() {
            peer.connect(&n.to_string(), 0).await;
        }
        house.log.borrow_mut().clear();
        // Without a pause between them: all are under way at once.
        for n in [3, 0, 4, 1, 2] {
            let bytes = encode(&Packet::PingReq, Version::V5_0).unwrap();
            peers[n].stream.write_all(&bytes).await.unwrap();
        }
        sleep(Duration::from_millis(1)).await;
        let heard: Vec<_> = house
            .log
            .borrow()
            .iter()
            .filter(|(_, e)| matches!(e, Event::Received { .. }))
            .map(|(_, e)| e.conn().0)
            .collect();
        assert_eq!(heard, [3, 0, 4, 1, 2]);
    });
}

#[test]
fn deadlines_are_met_to_the_millisecond_also_when_an_earlier_one_is_set() {
    story(async {
        let house = House::open(Config::default());
        let (mut slow, mut quick) = (house.dial(), house.dial());
        slow.connect("slow", 100).await;
        sleep(Duration::from_millis(7)).await;
        quick.connect("quick", 1).await;
        sleep(Duration::from_secs(200)).await;
        assert_eq!(
            house.closed(1),
            Some((Time::from_millis(1507), CloseCause::KeepAlive))
        );
        assert_eq!(
            house.closed(0),
            Some((Time::from_millis(150_000), CloseCause::KeepAlive))
        );
        let told = quick.next().await;
        let Some(Packet::Disconnect(told)) = told else {
            panic!("{told:?}")
        };
        assert_eq!(told.reason, ReasonCode::KEEP_ALIVE_TIMEOUT);
        assert_eq!(quick.next().await, None);
    });
}

#[test]
fn a_deadline_that_moves_back_is_not_missed() {
    story(async {
        let house = House::open(Config::default());
        let mut peer = house.dial();
        peer.connect("a", 2).await;
        for _ in 0..10 {
            sleep(Duration::from_millis(2999)).await;
            peer.ping().await;
        }
        let last = house.log.borrow().last().unwrap().0;
        sleep(Duration::from_secs(10)).await;
        let at = last + Duration::from_millis(3000);
        assert_eq!(house.closed(0), Some((at, CloseCause::KeepAlive)));
    });
}

#[test]
fn everything_is_sent_before_the_connection_closes() {
    story(async {
        let house = House::open(Config::default());
        let mut old = house.dial();
        old.connect("a", 0).await;
        old.subscribe("t", QoS::AtMostOnce).await;
        let mut new = house.dial();
        for n in 0..100_u8 {
            old.send(publish("t", vec![n; 100].into())).await;
        }
        new.connect("a", 0).await;
        for n in 0..100 {
            let Some(Packet::Publish(heard)) = old.next().await else {
                panic!()
            };
            assert_eq!(heard.payload[0], n);
        }
        let told = old.next().await;
        let Some(Packet::Disconnect(told)) = told else {
            panic!("{told:?}")
        };
        assert_eq!(told.reason, ReasonCode::SESSION_TAKEN_OVER);
        assert_eq!(old.next().await, None);
        assert_eq!(house.closed(0).map(|c| c.1), Some(CloseCause::TakenOver));
    });
}

#[test]
fn the_end_of_the_stream_is_reported_once() {
    story(async {
        let house = House::open(Config::default());
        let mut peer = house.dial();
        peer.connect("a", 0).await;
        drop(peer);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(
            house.closed(0).map(|c| c.1),
            Some(CloseCause::Peer(Hangup::Eof))
        );
        let mut peer = house.dial();
        peer.connect("b", 0).await;
        peer.send(disconnect()).await;
        assert_eq!(peer.next().await, None);
        drop(peer);
        sleep(Duration::from_secs(60)).await;
        let log = house.log.borrow();
        let ends = log
            .iter()
            .filter(|(_, e)| matches!(e, Event::Closed { .. }));
        assert_eq!(ends.count(), 2);
    });
}

#[test]
fn what_was_sent_to_a_client_that_only_stopped_to_send_still_arrives() {
    story(async {
        let house = House::open(Config::default());
        let mut peer = house.dial();
        peer.connect("a", 0).await;
        peer.send(Packet::PingReq).await;
        peer.stream.shutdown().await.unwrap();
        assert_eq!(peer.next().await, Some(Packet::PingResp));
        assert_eq!(peer.next().await, None);
    });
}

#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    story(async {
        let house = House::open(Config {
            max_outgoing_bytes: 100_000,
            ..Config::default()
        });
        let (mut deaf, mut other) = (house.dial(), house.dial());
        deaf.connect("deaf", 0).await;
        deaf.subscribe("t", QoS::AtMostOnce).await;
        other.connect("other", 0).await;
        for _ in 0..90 {
            other.send(publish("t", vec![0; 1000].into())).await;
            other.ping().await;
        }
        assert_eq!(
            house.closed(0),
            None,
            "4 KiB are in the pipe, the rest waits"
        );
        for _ in 0..20 {
            other.send(publish("t", vec![0; 1000].into())).await;
            other.ping().await;
        }
        assert_eq!(
            house.closed(0).map(|c| c.1),
            Some(CloseCause::Peer(Hangup::Reset))
        );
        other.ping().await;
    });
}

#[test]
fn a_closed_connection_is_let_go_in_the_end() {
    story(async {
        let house = House::open(Config::default());
        let mut peer = house.dial();
        peer.connect("a", 0).await;
        peer.send(disconnect()).await;
        // It neither reads nor hangs up, and keeps talking.
        let begun = Instant::now();
        while peer.stream.write_all(&[0; 64]).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
        let held = begun.elapsed();
        assert!(
            held >= Duration::from_secs(5) && held < Duration::from_secs(6),
            "{held:?}"
        );
    });
}

#[test]
fn the_slowest_client_goes_when_too_much_waits_for_all_of_them() {
    story(async {
        let house = House::open(Config {
            max_outgoing_bytes_in_all: 100_000,
            ..Config::default()
        });
        let (mut slow, mut deaf, mut other) = (house.dial(), house.dial(), house.dial());
        for (peer, name) in [(&mut slow, "slow"), (&mut deaf, "deaf")] {
            peer.connect(name, 0).await;
            peer.subscribe("t", QoS::AtMostOnce).await;
        }
        deaf.subscribe("only/deaf", QoS::AtMostOnce).await;
        other.connect("other", 0).await;
        for topic in ["only/deaf"].into_iter().chain(["t"; 50]) {
            other.send(publish(topic, vec![0; 1000].into())).await;
            other.ping().await;
        }
        assert_eq!(house.closed(0), None);
        let reset = CloseCause::Peer(Hangup::Reset);
        assert_eq!(house.closed(1).map(|c| c.1), Some(reset));
        for _ in 0..50 {
            assert!(matches!(slow.next().await, Some(Packet::Publish(_))));
        }
        slow.ping().await;
    });
}

#[test]
fn a_shutdown_says_so_and_waits_until_everything_was_sent() {
    story(async {
        let house = House::open(Config::default());
        let mut peer = house.dial();
        peer.connect("a", 0).await;
        peer.subscribe("t", QoS::AtMostOnce).await;
        for n in 0..100_u8 {
            peer.send(publish("t", vec![n; 100].into())).await;
        }
        house.stop.notify_one();
        for n in 0..100 {
            let Some(Packet::Publish(heard)) = peer.next().await else {
                panic!()
            };
            assert_eq!(heard.payload[0], n);
        }
        let Some(Packet::Disconnect(told)) = peer.next().await else {
            panic!()
        };
        assert_eq!(told.reason, ReasonCode::SERVER_SHUTTING_DOWN);
        assert_eq!(peer.next().await, None);
        drop(peer);
        let begun = Instant::now();
        assert!(house.server.await.unwrap().is_ok());
        assert!(begun.elapsed() < Duration::from_millis(10));
    });
}

#[test]
fn a_shutdown_does_not_wait_for_ever() {
    story(async {
        let house = House::open(Config::default());
        let mut deaf = house.dial();
        deaf.connect("deaf", 0).await;
        deaf.subscribe("t", QoS::AtMostOnce).await;
        for _ in 0..100 {
            deaf.send(publish("t", vec![0; 100].into())).await;
        }
        let begun = Instant::now();
        house.stop.notify_one();
        assert!(house.server.await.unwrap().is_ok());
        assert_eq!(begun.elapsed(), Server::FLUSH);
    });
}

#[test]
fn a_flood_does_not_keep_the_server_from_a_shutdown() {
    /// A client whose next bytes are always there.
    struct Flood(usize);

    impl AsyncRead for Flood {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let ping = [0xC0, 0];
            let connect = b"\x10\x0D\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00";
            if self.0 == 0 {
                buf.put_slice(connect);
            }
            while buf.remaining() >= ping.len() {
                buf.put_slice(&ping);
            }
            self.0 += 1;
            assert!(self.0 < 100_000, "nobody else has a turn");
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Flood {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    real_story(async {
        let (doors, receiver) = unbounded_channel();
        doors.send(Ok(Flood(0))).unwrap();
        let server = Server::new(Broker::new(Config::default()));
        let ended = server.run_until(Doors(receiver), sleep(Duration::from_millis(10)));
        assert!(ended.await.is_ok());
    });
}

#[test]
fn dropping_the_server_ends_every_connection() {
    story(async {
        let house = House::open(Config::default());
        let mut peer = house.dial();
        peer.connect("a", 0).await;
        house.server.abort();
        assert_eq!(peer.next().await, None);
    });
}

#[test]
fn a_panic_in_a_task_is_the_servers_panic() {
    story(async {
        let house = House::observed(Config::default(), |event| {
            assert!(!matches!(event, Event::Received { .. }), "on purpose");
        });
        let mut peer: Peer<DuplexStream> = house.dial();
        peer.send(connect("a", 0)).await;
        let ended = house.server.await;
        assert!(ended.unwrap_err().is_panic());
    });
}

#[test]
fn a_shortage_is_waited_out_and_a_broken_listener_is_the_end() {
    story(async {
        let house = House::open(Config::default());
        for errno in [24, 23, 105] {
            house
                .doors
                .send(Err(io::Error::from_raw_os_error(errno)))
                .unwrap();
        }
        house
            .doors
            .send(Err(io::ErrorKind::ConnectionAborted.into()))
            .unwrap();
        let mut peer = house.dial();
        peer.connect("a", 0).await;
        assert_eq!(house.log.borrow()[0].0, Time::from_millis(300));
        house
            .doors
            .send(Err(io::Error::other("the network is gone")))
            .unwrap();
        let ended = house.server.await.unwrap();
        assert_eq!(ended.unwrap_err().to_string(), "the network is gone");
        assert_eq!(peer.next().await, None);
    });
}

/// A stream that notes the size of every write.
struct Counted {
    inner: DuplexStream,
    writes: Rc<RefCell<Vec<usize>>>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.writes.borrow_mut().push(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[test]
fn one_packet_is_one_write() {
    story(async {
        let house: House<Counted> = House::open(Config {
            topic_alias_maximum: 0,
            ..Config::default()
        });
        let (ours, inner) = duplex(4096);
        let writes = Rc::default();
        let counted = Counted {
            inner,
            writes: Rc::clone(&writes),
        };
        house.doors.send(Ok(counted)).unwrap();
        let mut peer = Peer::new(ours);
        peer.connect("a", 0).await;
        peer.subscribe("t", QoS::AtMostOnce).await;
        let mut bytes = Vec::new();
        for payload in [&b"x"[..], b"yy"] {
            let packet = publish("t", Bytes::from_static(payload));
            bytes.extend(encode(&packet, Version::V5_0).unwrap());
        }
        bytes.extend([0xC0, 0]);
        peer.stream.write_all(&bytes).await.unwrap();
        for _ in 0..3 {
            peer.next().await;
        }
        assert_eq!(*writes.borrow(), [5, 6, 7, 8, 2]);
    });
}

async fn listen(config: Config) -> (std::net::SocketAddr, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn_local(Server::new(Broker::new(config)).run(listener));
    (address, server)
}

#[test]
fn it_serves_real_sockets() {
    real_story(async {
        let (address, server) = listen(Config::default()).await;
        let mut a = Peer::new(TcpStream::connect(address).await.unwrap());
        let mut b = Peer::new(TcpStream::connect(address).await.unwrap());
        a.connect("a", 0).await;
        b.connect("b", 0).await;
        a.subscribe("t/#", QoS::AtMostOnce).await;
        for n in 0..1000_u32 {
            b.send(publish("t/x", n.to_be_bytes().to_vec().into()))
                .await;
        }
        for n in 0..1000_u32 {
            let Some(Packet::Publish(heard)) = a.next().await else {
                panic!()
            };
            assert_eq!(heard.payload, n.to_be_bytes().to_vec());
        }
        server.abort();
        assert_eq!(a.next().await, None);
    });
}

#[test]
fn the_last_packet_survives_unread_bytes() {
    real_story(async {
        let (address, _server) = listen(Config::default()).await;
        for _ in 0..20 {
            let mut peer = Peer::new(TcpStream::connect(address).await.unwrap());
            peer.connect("a", 0).await;
            // The first byte breaks the rules; the rest is never looked at.
            peer.stream.write_all(&[0; 60_000]).await.unwrap();
            sleep(Duration::from_millis(5)).await;
            let told = peer.next().await;
            let Some(Packet::Disconnect(told)) = told else {
                panic!("{told:?}")
            };
            assert_eq!(told.reason, ReasonCode::MALFORMED_PACKET);
            assert_eq!(peer.next().await, None);
        }
    });
}

#[test]
fn a_reset_is_reported_as_one() {
    real_story(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Log::default();
        let seen = Rc::clone(&log);
        let server = Server::new(Broker::new(Config::default()))
            .observer(move |at, event| seen.borrow_mut().push((at, event)));
        spawn_local(server.run(listener));
        let mut peer = Peer::new(TcpStream::connect(address).await.unwrap());
        peer.connect("a", 0).await;
        // Unread bytes at the time of closing make the kernel send RST.
        peer.send(Packet::PingReq).await;
        sleep(Duration::from_millis(50)).await;
        drop(peer);
        let end = loop {
            if let Some((_, Event::Closed { cause, .. })) = log.borrow().last() {
                break *cause;
            }
            sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(end, CloseCause::Peer(Hangup::Reset));
    });
}
