//! Who does not read and who floods: what is read and sent in one turn, what waits, and for whom.

use super::*;
use squall_broker::{Notice, WhenFull};
use squall_protocol::{Property, packet::Ack};

/// A client whose next bytes are always there, and who takes nothing if it is deaf.
struct Flood {
    first: Option<Bytes>,
    bytes: Bytes,
    deaf: bool,
    /// Bytes that were read of it.
    read: Rc<RefCell<usize>>,
    /// How many these may be.
    most: usize,
}

impl Flood {
    /// Says CONNECT, and then these packets again and again.
    fn of(client_id: &str, packets: &[Packet]) -> Self {
        let all: Vec<u8> = packets
            .iter()
            .flat_map(|packet| encode(packet, Version::V5_0).unwrap())
            .collect();
        Self {
            first: Some(encode(&connect(client_id, 0), Version::V5_0).unwrap()),
            bytes: all.repeat((1 << 16) / all.len()).into(),
            deaf: false,
            read: Rc::default(),
            most: 1 << 36,
        }
    }
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = self.first.take().unwrap_or_else(|| self.bytes.clone());
        // What does not fit is the same as what comes then.
        let one = self.bytes.len();
        let whole = buf.remaining().min(bytes.len()).min(one);
        buf.put_slice(&bytes[..whole]);
        if whole < bytes.len() {
            let mut turned = bytes[whole..].to_vec();
            turned.extend(&bytes[..whole]);
            self.bytes = turned.into();
        }
        *self.read.borrow_mut() += whole;
        assert!(*self.read.borrow() < self.most, "nobody else has a turn");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.deaf {
            true => Poll::Pending,
            false => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Either kind of stream.
enum Either {
    Flood(Flood),
    Pipe(DuplexStream),
}

impl AsyncRead for Either {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Flood(flood) => Pin::new(flood).poll_read(cx, buf),
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Either {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Flood(flood) => Pin::new(flood).poll_write(cx, bytes),
            Self::Pipe(pipe) => Pin::new(pipe).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Flood(flood) => Pin::new(flood).poll_flush(cx),
            Self::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Flood(flood) => Pin::new(flood).poll_shutdown(cx),
            Self::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
        }
    }
}

impl House<Either> {
    fn pipe(&self, bytes: usize) -> Peer<DuplexStream> {
        let (ours, theirs) = duplex(bytes);
        self.doors.send(Ok(Either::Pipe(theirs))).unwrap();
        Peer::new(ours)
    }

    fn flood(&self, flood: Flood) -> Rc<RefCell<usize>> {
        let read = Rc::clone(&flood.read);
        self.doors.send(Ok(Either::Flood(flood))).unwrap();
        read
    }
}

/// How many packets the broker sent between two moments at which others were given a turn, at most.
async fn longest_turn(sent: &RefCell<usize>, turns: usize) -> usize {
    let (mut longest, mut before) = (0, *sent.borrow());
    for _ in 0..turns {
        tokio::task::yield_now().await;
        let now = *sent.borrow();
        longest = longest.max(now - before);
        before = now;
    }
    longest
}

#[test]
fn a_turn_is_short_however_many_packets_are_in_it_and_whoever_gets_them() {
    real_story(async {
        let sent = Rc::new(RefCell::new(0));
        let counted = Rc::clone(&sent);
        let house = House::observed(Config::default(), move |event| {
            if matches!(event, Event::Sent { .. }) {
                *counted.borrow_mut() += 1;
            }
        });
        let mut readers = Vec::new();
        for n in 0..20 {
            let mut peer = house.pipe(1 << 20);
            peer.connect(&n.to_string(), 0).await;
            peer.subscribe("t", QoS::AtMostOnce).await;
            readers.push(peer);
        }
        for name in ["one", "two"] {
            house.flood(Flood::of(name, &[publish("t", Bytes::new())]));
        }
        let longest = longest_turn(&sent, 200).await;
        assert!(*sent.borrow() > 20_000, "it was a flood");
        // Two floods have a turn each: 256 KiB of work, of which a packet is 133 bytes, and a portion beyond.
        assert!(longest < 2 * (256 + 64) * 1024 / 128, "{longest}");
    });
}

#[test]
fn a_flood_does_not_keep_the_server_from_a_shutdown() {
    real_story(async {
        let (doors, receiver) = unbounded_channel();
        doors.send(Ok(Flood::of("a", &[Packet::PingReq]))).unwrap();
        let server = Server::new(Broker::new(Config::default()));
        let ended = server.run_until(Doors(receiver), sleep(Duration::from_millis(10)));
        assert!(ended.await.is_ok());
    });
}

#[test]
fn a_publisher_is_read_no_faster_than_its_subscriber_reads() {
    story(async {
        let house = House::<Either>::open(Config {
            max_outgoing_bytes: 200_000,
            ..Config::default()
        });
        let mut reader = house.pipe(4096);
        reader.connect("reader", 0).await;
        reader.subscribe("t", QoS::AtMostOnce).await;
        let payload = (0..=255).collect::<Vec<u8>>().repeat(4);
        let mut flood = Flood::of("flood", &[publish("t", payload.into())]);
        flood.most = 10 << 20;
        let flood = house.flood(flood);
        for n in 0..5_000_u32 {
            let Some(Packet::Publish(heard)) = reader.next().await else {
                panic!()
            };
            assert_eq!(heard.payload.len(), 1024);
            if n.is_multiple_of(10) {
                // 10 MB a second.
                sleep(Duration::from_millis(1)).await;
            }
        }
        let read = *flood.borrow();
        assert!(
            read < 5_000 * 1032 + 500_000,
            "all but what waits has come: {read}"
        );
        assert_eq!(house.closed(0), None);
    });
}

/// Publishes so many numbered messages of 1,000 bytes, each once the one before was handed on.
async fn publish_numbered(peer: &mut Peer<DuplexStream>, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let mut payload = vec![0; 1000];
        payload[..4].copy_from_slice(&n.to_be_bytes());
        peer.send(publish("t", payload.into())).await;
        peer.ping().await;
    }
}

/// The messages that come before the answer to a ping, which are numbered from `first` without a gap; how many.
async fn take_numbered(peer: &mut Peer<DuplexStream>, first: u32) -> u32 {
    peer.send(Packet::PingReq).await;
    let mut came = 0;
    loop {
        match peer.next().await {
            Some(Packet::Publish(heard)) => {
                assert_eq!(heard.payload[..4], (first + came).to_be_bytes());
                came += 1;
            }
            Some(Packet::PingResp) => return came,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_does_not_read_holds_nobody_up_and_is_there_when_it_reads_again() {
    story(async {
        let house = House::open(Config {
            max_outgoing_bytes: 100_000,
            ..Config::default()
        });
        let (mut deaf, mut other) = (house.dial(), house.dial());
        deaf.connect("deaf", 0).await;
        deaf.subscribe("t", QoS::AtMostOnce).await;
        other.connect("other", 0).await;
        // It reads at first.
        publish_numbered(&mut other, 0..60).await;
        assert_eq!(take_numbered(&mut deaf, 0).await, 60);
        let begun = Instant::now();
        publish_numbered(&mut other, 60..1_000).await;
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(house.closed(0), None);
        // 100,000 bytes, 4,096 in the pipe, and one beyond; the newest were dropped.
        let came = take_numbered(&mut deaf, 60).await;
        assert!((88..=95).contains(&came), "{came}");
        publish_numbered(&mut other, 1_000..1_001).await;
        assert_eq!(take_numbered(&mut deaf, 1_000).await, 1);
    });
}

#[test]
fn who_asks_and_does_not_take_the_answers_is_not_read() {
    story(async {
        let house = House::<Either>::open(Config {
            max_unread_answers: 10_000,
            ..Config::default()
        });
        let mut flood = Flood::of("deaf", &[Packet::PingReq]);
        flood.deaf = true;
        let read = house.flood(flood);
        let mut other = house.pipe(4096);
        other.connect("other", 0).await;
        for _ in 0..100 {
            other.ping().await;
            sleep(Duration::from_millis(100)).await;
        }
        // What was read at once, which is not all that the core was given.
        assert!(*read.borrow() < 100_000, "{}", read.borrow());
        let heard = house
            .log
            .borrow()
            .iter()
            .filter(|(_, e)| e.conn() == Some(ConnId(0)) && matches!(e, Event::Received { .. }))
            .count();
        // 10,000 bytes and one portion, of 130 bytes each.
        assert!(heard < (10_000 + (64 << 10)) / 130 + 10, "{heard}");
    });
}

/// A client that goes on with its session, and messages that wait for it.
async fn queue(house: &House, messages: u16, payload: usize) -> Peer<DuplexStream> {
    let lasting = |client_id| {
        let Packet::Connect(mut connect) = connect(client_id, 0) else {
            unreachable!()
        };
        connect.clean_start = false;
        connect
            .properties
            .push(Property::SessionExpiryInterval(1000));
        Packet::Connect(connect)
    };
    let mut away = house.dial();
    away.send(lasting("away")).await;
    away.next().await;
    away.subscribe("q", QoS::AtLeastOnce).await;
    drop(away);
    sleep(Duration::from_millis(1)).await;
    let mut publisher = house.dial();
    publisher.connect("publisher", 0).await;
    for n in 1..=messages {
        publisher.send(acknowledged("q", n, payload, false)).await;
        assert_eq!(
            publisher.next().await,
            Some(Packet::PubAck(Ack::success(PacketId::new(n).unwrap())))
        );
    }
    let mut back = house.dial();
    back.send(lasting("away")).await;
    let Some(Packet::ConnAck(ack)) = back.next().await else {
        panic!("no CONNACK")
    };
    assert!(ack.session_present);
    back
}

fn acknowledged(topic: &str, n: u16, payload: usize, retain: bool) -> Packet {
    let mut bytes = vec![0; payload];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    let Packet::Publish(publish) = publish(topic, bytes.into()) else {
        unreachable!()
    };
    Packet::Publish(Publish {
        qos: QoS::AtLeastOnce,
        packet_id: PacketId::new(n),
        retain,
        ..publish
    })
}

/// Takes messages in their order, and acknowledges them if they ask for it.
async fn take(peer: &mut Peer<DuplexStream>, messages: u16) {
    for n in 1..=messages {
        let Some(Packet::Publish(heard)) = peer.next().await else {
            panic!("message {n} did not come")
        };
        assert_eq!(heard.payload[..2], n.to_be_bytes());
        if let Some(id) = heard.packet_id {
            peer.send(Packet::PubAck(Ack::success(id))).await;
        }
    }
}

#[test]
fn an_offline_queue_that_is_larger_than_a_line_arrives_whole() {
    story(async {
        let house = House::open(Config {
            max_outgoing_bytes: 64 << 10,
            ..Config::default()
        });
        let mut back = queue(&house, 300, 16 << 10).await;
        take(&mut back, 300).await;
        back.ping().await;
    });
}

#[test]
fn retained_messages_that_are_more_than_a_line_takes_arrive_whole() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        story(async {
            let house = House::open(Config {
                max_outgoing_bytes: 64 << 10,
                ..Config::default()
            });
            let mut publisher = house.dial();
            publisher.connect("publisher", 0).await;
            for n in 1..=100 {
                let topic = format!("r/{n:03}");
                publisher
                    .send(acknowledged(&topic, n, 64 << 10, true))
                    .await;
                assert!(matches!(publisher.next().await, Some(Packet::PubAck(_))));
            }
            let mut subscriber = house.dial();
            subscriber.connect("subscriber", 0).await;
            subscriber.subscribe("r/#", qos).await;
            take(&mut subscriber, 100).await;
            subscriber.ping().await;
        });
    }
}

#[test]
fn what_waits_for_one_client_stays_within_the_limit() {
    story(async {
        let house = House::open(Config {
            max_outgoing_bytes: 64 << 10,
            when_queue_full: WhenFull::DropOldest,
            ..Config::default()
        });
        let back = queue(&house, 100, 16 << 10).await;
        sleep(Duration::from_secs(10)).await;
        let sent = house
            .log
            .borrow()
            .iter()
            .filter(|(_, e)| {
                matches!(e, Event::Sent { conn, frame }
                if *conn == ConnId(2) && matches!(frame.packet, Packet::Publish(_)))
            })
            .count();
        // Four make 64 KiB, one is in the pipe and in the writer's hand.
        assert!((4..=6).contains(&sent), "{sent}");
        drop(back);
    });
}

#[test]
fn the_slowest_client_goes_when_too_much_waits_for_all_of_them_and_that_is_said() {
    story(async {
        let notices = Rc::new(RefCell::new(Vec::new()));
        let said = Rc::clone(&notices);
        let (doors, receiver) = unbounded_channel();
        let log = Log::default();
        let seen = Rc::clone(&log);
        let server = Server::new(Broker::new(Config {
            max_outgoing_bytes_in_all: 100_000,
            ..Config::default()
        }))
        .observer(move |at, event| seen.borrow_mut().push((at, event)))
        .notices(move |notice| said.borrow_mut().push(notice));
        let house = House {
            doors,
            log,
            stop: Rc::default(),
            server: spawn_local(server.run(Doors(receiver))),
        };
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
        assert_eq!(house.closed(1).map(|c| c.1), Some(CloseCause::TooSlow));
        let [
            Notice::TooSlow {
                conn,
                waiting,
                in_all,
            },
        ] = notices.borrow()[..]
        else {
            panic!("{notices:?}")
        };
        assert_eq!(conn, ConnId(1));
        assert!(waiting > 40_000 && in_all > 100_000, "{waiting} {in_all}");
        for _ in 0..50 {
            assert!(matches!(slow.next().await, Some(Packet::Publish(_))));
        }
        slow.ping().await;
    });
}
