//! Bytes, connections and deadlines come to the core in their order, and what it says goes out.

use super::*;

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
            .filter_map(|(_, e)| Some(e.conn()?.0))
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

/// A stream that notes the size of every write, and takes one slice at a time or many.
struct Counted {
    inner: DuplexStream,
    many: bool,
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match self.many {
            true => ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices))?,
            false => ready!(Pin::new(&mut self.inner).poll_write(cx, &slices[0]))?,
        };
        self.writes.borrow_mut().push(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.many
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The sizes of the writes that bring a client CONNACK, SUBACK, two messages of 6 and 7 bytes and a PINGRESP.
async fn writes(many: bool, pipe: usize) -> Vec<usize> {
    let house: House<Counted> = House::open(Config {
        topic_alias_maximum: 0,
        ..Config::default()
    });
    let (ours, inner) = duplex(pipe);
    let writes = Rc::default();
    let counted = Counted {
        inner,
        many,
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
    for payload in ["x", "yy"] {
        let Some(Packet::Publish(heard)) = peer.next().await else {
            panic!()
        };
        assert_eq!(heard.payload, payload);
    }
    assert_eq!(peer.next().await, Some(Packet::PingResp));
    writes.take()
}

#[test]
fn one_packet_is_one_write() {
    story(async {
        assert_eq!(writes(false, 4096).await, [5, 6, 7, 8, 2]);
    });
}

#[test]
fn a_transport_that_takes_many_slices_is_given_many_packets() {
    story(async {
        assert_eq!(writes(true, 4096).await, [5, 6, 17]);
        // However it cuts them.
        let cut = writes(true, 3).await;
        assert_eq!(cut.iter().sum::<usize>(), 28);
        assert!(cut.iter().all(|bytes| *bytes <= 3), "{cut:?}");
    });
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
