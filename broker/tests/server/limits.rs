//! Who does not read, who floods, a listener that fails, and shutdown.

use super::*;

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
