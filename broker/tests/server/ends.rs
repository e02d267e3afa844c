//! Ends: of connections, of the server in order, by a panic, and with its listener.

use super::*;

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
