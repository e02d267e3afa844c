//! The driver over in-memory streams in virtual time.

mod stage;

use super::*;
use crate::core::{Backoff, ConnectOptions, EndCause};
use squall_protocol::{Packet, Properties, QoS, ReasonCode, encode, packet::Ack};
use stage::{Flood, Mute, Peer, Slow, Torrent, V5, connack, message_from_server, play, told};
use std::{cell::RefCell, rc::Rc};
use tokio::{io::duplex, sync::mpsc::unbounded_channel, time::sleep};

#[tokio::test(start_paused = true)]
async fn a_connection_from_the_dial_to_the_end() {
    let events = play(|cast| async move {
        let mut peer = cast.online(4096, 0).await;
        sleep(Duration::from_millis(20)).await;
        cast.publish(1, b"x".to_vec(), QoS::AtLeastOnce);
        let Some(Packet::Publish(publish)) = peer.next().await else {
            panic!("no PUBLISH")
        };
        sleep(Duration::from_millis(5)).await;
        peer.send(&Packet::PubAck(Ack::success(publish.packet_id.unwrap())))
            .await;
        sleep(Duration::from_millis(5)).await;
        cast.order(Command::Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        });
        assert!(matches!(peer.next().await, Some(Packet::Disconnect(_))));
        assert_eq!(
            peer.next().await,
            None,
            "the stream is closed after DISCONNECT"
        );
    })
    .await;
    assert_eq!(
        told(&events),
        [
            "0 > CONNECT",
            "0 < CONNACK",
            "0 connected",
            "20 > PUBLISH",
            "25 < PUBACK",
            "25 acknowledged 1",
            "30 > DISCONNECT",
            "30 ended Requested",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn at_one_instant_timers_come_before_commands_before_bytes() {
    let events = play(|cast| async move {
        let mut peer = cast.online(4096, 10).await;
        sleep(Duration::from_secs(10)).await;
        // All three are there when the driver is polled next.
        peer.send(&message_from_server(b"x")).await;
        cast.publish(1, b"x".to_vec(), QoS::AtMostOnce);
        cast.publish(2, b"x".to_vec(), QoS::AtMostOnce);
        sleep(Duration::from_secs(1)).await;
        cast.order(Command::Stop);
    })
    .await;
    assert_eq!(
        told(&events)[3..],
        [
            "10000 > PINGREQ",
            "10000 > PUBLISH",
            "10000 acknowledged 1",
            "10000 > PUBLISH",
            "10000 acknowledged 2",
            "10000 < PUBLISH",
            "10000 delivered",
            "11000 ended Dropped",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_due_at_once_comes_before_the_next_command() {
    let events = play(|cast| async move {
        sleep(Duration::from_millis(7)).await;
        let options = ConnectOptions {
            connect_timeout: Duration::from_nanos(1),
            ..ConnectOptions::new(V5, "c")
        };
        cast.order(Command::Connect(options.into()));
        cast.order(Command::Drop);
        sleep(Duration::from_millis(1)).await;
    })
    .await;
    assert_eq!(told(&events), ["7 ended ConnectTimeout"]);
}

#[tokio::test(start_paused = true)]
async fn each_packet_is_one_write() {
    play(|cast| async move {
        let (near, far) = duplex(4096);
        let writes = Rc::new(RefCell::new(Vec::new()));
        cast.board.lines.borrow_mut().push_back(Ok(Slow {
            inner: near,
            writes: Rc::clone(&writes),
        }));
        let mut peer = Peer::new(far);
        cast.publish(1, vec![0; 1000], QoS::AtMostOnce);
        cast.publish(2, vec![0; 10], QoS::AtLeastOnce);
        cast.connect(0);
        peer.next().await;
        peer.send(&connack()).await;
        peer.next().await;
        cast.order(Command::Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        });
        while peer.next().await.is_some() {}
        let kinds: Vec<u8> = writes.borrow().iter().map(|bytes| bytes[0] >> 4).collect();
        assert_eq!(kinds, [1, 3, 3, 14]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_delays_only_its_packets() {
    let events = play(|cast| async move {
        let mut peer = cast.online(100, 3).await;
        cast.publish(1, vec![1; 500], QoS::AtMostOnce);
        cast.publish(2, vec![2; 500], QoS::AtLeastOnce);
        sleep(Duration::from_secs(1)).await;
        // What the peer says still arrives, commands are taken, and timers go off.
        peer.send(&message_from_server(b"x")).await;
        cast.publish(3, vec![3; 500], QoS::AtLeastOnce);
        sleep(Duration::from_secs(4)).await;
        let mut payloads = Vec::new();
        while payloads.len() < 3 {
            match peer.next().await {
                Some(Packet::Publish(publish)) => {
                    payloads.push((publish.payload[0], publish.payload.len()));
                }
                other => panic!("no PUBLISH but {other:?}"),
            }
        }
        assert_eq!(payloads, [(1, 500), (2, 500), (3, 500)]);
        assert_eq!(peer.next().await, Some(Packet::PingReq));
        peer.send(&Packet::PingResp).await;
        cast.order(Command::Stop);
    })
    .await;
    assert_eq!(
        told(&events)[3..],
        [
            "0 > PUBLISH",
            "0 acknowledged 1",
            "0 > PUBLISH",
            "1000 > PUBLISH",
            "1000 < PUBLISH",
            "1000 delivered",
            "4000 > PINGREQ",
            "5000 ended Dropped",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_again_is_left_behind() {
    let events = play(|cast| async move {
        let _stuck = cast.online(100, 0).await;
        cast.publish(1, vec![1; 500], QoS::AtMostOnce);
        cast.order(Command::Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        });
        sleep(Duration::from_millis(1)).await;
        // The next connection does not wait for the old one.
        let mut peer = cast.online(4096, 0).await;
        sleep(Duration::from_millis(1)).await;
        cast.order(Command::Stop);
        assert_eq!(peer.next().await, None);
    })
    .await;
    // `play` ends although nobody reads: the time to close is bounded.
    let last = told(&events);
    assert_eq!(
        last[5..],
        [
            "0 > DISCONNECT",
            "0 ended Requested",
            "1 > CONNECT",
            "1 < CONNACK",
            "1 connected",
            "2 ended Dropped"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_is_sent_before_the_close() {
    play(|cast| async move {
        let mut peer = cast.online(100, 0).await;
        cast.publish(1, vec![1; 5_000], QoS::AtMostOnce);
        cast.order(Command::Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        });
        sleep(Duration::from_secs(2)).await;
        assert!(matches!(peer.next().await, Some(Packet::Publish(p)) if p.payload.len() == 5_000));
        assert!(matches!(peer.next().await, Some(Packet::Disconnect(_))));
        assert_eq!(peer.next().await, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_the_stream_are_told_apart() {
    play(|cast| async move {
        let peer = cast.online(4096, 0).await;
        drop(peer);
        sleep(Duration::from_millis(1)).await;
        let reset = io::Error::from(io::ErrorKind::ConnectionRefused);
        cast.board.lines.borrow_mut().push_back(Err(reset));
        cast.connect(0);
        sleep(Duration::from_millis(1)).await;
        let ends: Vec<_> = cast.ends().into_iter().map(|(_, cause)| cause).collect();
        assert_eq!(
            ends,
            [
                EndCause::Peer(Hangup::Eof),
                EndCause::DialFailed("connection refused".into())
            ]
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_broken_write_is_still_read() {
    let events = play(|cast| async move {
        let mut peer = cast.online(4096, 0).await;
        sleep(Duration::from_millis(1)).await;
        peer.send(&message_from_server(b"last words")).await;
        drop(peer);
        cast.publish(1, b"into the void".to_vec(), QoS::AtLeastOnce);
        sleep(Duration::from_millis(1)).await;
    })
    .await;
    assert_eq!(
        told(&events)[3..],
        [
            "1 > PUBLISH",
            "1 < PUBLISH",
            "1 delivered",
            "1 ended Peer(Eof)"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_written_is_broken_even_if_reading_never_says_so() {
    let (commands, orders) = unbounded_channel();
    commands
        .send(Command::Connect(ConnectOptions::new(V5, "c").into()))
        .unwrap();
    let mut seen = Vec::new();
    let driver = run(Mute, orders, |at: Time, event: &Event| {
        seen.push((at.as_millis(), event.clone()));
    });
    let other = async {
        sleep(Duration::from_millis(1)).await;
        drop(commands);
    };
    tokio::join!(biased; driver, other);
    assert_eq!(told(&seen), ["0 > CONNECT", "0 ended Peer(Reset)"]);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_is_not_wanted_any_more_is_dropped() {
    play(|cast| async move {
        cast.connect(0);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(
            (*cast.board.begun.borrow(), *cast.board.given_up.borrow()),
            (1, 0)
        );
        // Another attempt takes its place,
        cast.connect(0);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(
            (*cast.board.begun.borrow(), *cast.board.given_up.borrow()),
            (2, 1)
        );
        // nobody wants it,
        cast.order(Command::Drop);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(
            (*cast.board.begun.borrow(), *cast.board.given_up.borrow()),
            (2, 2)
        );
        // or it takes too long.
        cast.connect(0);
        sleep(Duration::from_secs(31)).await;
        assert_eq!(
            (*cast.board.begun.borrow(), *cast.board.given_up.borrow()),
            (3, 3)
        );
        assert_eq!(
            cast.ends().last(),
            Some(&(30_003, EndCause::ConnectTimeout))
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dials_again_by_itself() {
    play(|cast| async move {
        cast.order(Command::Backoff(Some(Backoff::new(
            Duration::from_millis(50),
            Duration::from_secs(1),
        ))));
        for _ in 0..2 {
            cast.board
                .lines
                .borrow_mut()
                .push_back(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let mut peer = Peer::new(cast.board.plug(4096));
        cast.connect(0);
        assert!(matches!(peer.next().await, Some(Packet::Connect(_))));
        peer.send(&connack()).await;
        sleep(Duration::from_millis(1)).await;
        let at: Vec<_> = cast.events.borrow().iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [0, 50, 150, 150, 150]);
        cast.order(Command::Stop);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ends_when_nobody_can_command_it() {
    let events = play(|cast| async move {
        let mut peer = cast.online(4096, 0).await;
        drop(cast);
        assert_eq!(peer.next().await, None);
    })
    .await;
    assert_eq!(told(&events)[3..], ["0 ended Dropped"]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_floods_does_not_starve_others() {
    let torrent = Torrent {
        greeting: encode(&connack(), V5).unwrap().to_vec(),
        left: 100_000,
    };
    let (commands, orders) = unbounded_channel();
    commands
        .send(Command::Connect(ConnectOptions::new(V5, "c").into()))
        .unwrap();
    let mut seen = Vec::new();
    let driver = run(Flood(Some(torrent)), orders, |at, event| {
        seen.push((at.as_millis(), event.clone()));
    });
    let other = async { commands.send(Command::Stop).unwrap() };
    tokio::join!(biased; driver, other);
    assert!(seen.len() > 100, "it was no flood");
    // The other had its say long before the flood was over.
    assert_eq!(told(&seen).last().unwrap(), "0 ended Dropped");
}
