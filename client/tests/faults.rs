//! What clients are known to get wrong, tried from outside: with the reference broker, and with servers that say what a test
//! wants, byte by byte.

mod stage;

use squall_client::{
    Backoff, Dial, EndCause, Happening, Message, QueueLimit, RequestError, Settings, TcpDial, open,
};
use squall_protocol::{QoS, ReasonCode, Version, packet::Subscription};
use stage::{filter, patience, with_broker};
use std::{cell::Cell, io, net::SocketAddr, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
    time::{sleep, timeout},
};

const WAIT: Duration = Duration::from_millis(5);

fn again(version: Version, client_id: &str) -> Settings {
    Settings::new(version, client_id).reconnect(Backoff::new(WAIT, WAIT))
}

/// Plays a script with a listener whose connections it answers itself.
async fn by_hand<F: Future<Output = ()>>(script: impl FnOnce(TcpListener, SocketAddr) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let story = LocalSet::new();
    timeout(patience(), story.run_until(script(listener, address)))
        .await
        .expect("the story comes to its end");
}

/// The next connection, with its CONNECT read and these bytes sent.
async fn answered(listener: &TcpListener, answer: &[u8]) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let connect = packet(&mut stream).await.expect("CONNECT");
    assert_eq!(connect[0], 0x10);
    stream.write_all(answer).await.unwrap();
    stream
}

/// The next packet, short ones alone; `None` at the end.
async fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut packet = vec![0; 2];
    stream.read_exact(&mut packet).await.ok()?;
    assert!(packet[1] < 0x80, "a short packet");
    packet.resize(2 + usize::from(packet[1]), 0);
    stream.read_exact(&mut packet[2..]).await.ok()?;
    Some(packet)
}

const CONNACK: &[u8] = b"\x20\x03\x00\x00\x00";

#[tokio::test]
async fn two_clients_with_one_identifier_do_not_fight() {
    for _ in 0..3 {
        with_broker(async |address| {
            let mut clients = Vec::new();
            for _ in 0..4 {
                let (client, driver) = open(TcpDial { address }, again(Version::V5_0, "twin"));
                let events = client.events();
                clients.push((client.clone(), spawn_local(driver), events));
                client.connected().await.unwrap();
            }
            let (last, driver, mut events) = clients.pop().unwrap();
            for (_, driver, mut events) in clients {
                // Each of the others has been connected once, was told, and stays away.
                driver.await.unwrap();
                let first = events.next().await;
                assert!(matches!(first, Some(Happening::Connected { .. })));
                let taken = EndCause::ServerDisconnect(ReasonCode::SESSION_TAKEN_OVER);
                let end = events.next().await;
                assert!(
                    matches!(&end, Some(Happening::Ended { cause, again: false }) if *cause == taken),
                    "{end:?}"
                );
                assert!(events.next().await.is_none());
            }
            sleep(20 * WAIT).await;
            last.disconnect().await;
            driver.await.unwrap();
            assert!(matches!(events.next().await, Some(Happening::Connected { .. })));
            let end = events.next().await;
            assert!(
                matches!(&end, Some(Happening::Ended { cause: EndCause::Requested, .. })),
                "it was never disturbed: {end:?}"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_unavailable_is_dialed_again() {
    by_hand(async |listener, address| {
        let (client, driver) = open(TcpDial { address }, again(Version::V5_0, "c"));
        let driver = spawn_local(driver);
        for code in [0x88, 0x89, 0x89, 0x88, 0x97, 0x9F] {
            answered(&listener, &[0x20, 3, 0, code, 0]).await;
        }
        let mut stream = answered(&listener, CONNACK).await;
        client.connected().await.unwrap();
        // One that has let it in, too: Server busy, Server shutting down, Quota exceeded.
        for code in [0x89, 0x8B, 0x97] {
            stream.write_all(&[0xE0, 1, code]).await.unwrap();
            stream = answered(&listener, CONNACK).await;
        }
        drop(client);
        driver.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_is_not_wanted_stays_away() {
    for (version, codes) in [
        (Version::V5_0, &[0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C][..]),
        (Version::V3_1_1, &[1, 2, 4, 5]),
    ] {
        for code in codes {
            by_hand(async |listener, address| {
                let (client, driver) = open(TcpDial { address }, again(version, "c"));
                let driver = spawn_local(driver);
                let answer = match version {
                    Version::V5_0 => &[0x20, 3, 0, *code, 0][..],
                    Version::V3_1_1 => &[0x20, 2, 0, *code],
                };
                let stream = answered(&listener, answer).await;
                let refused = EndCause::Refused(ReasonCode(*code));
                assert_eq!(client.connected().await, Err(RequestError::Ended(refused)));
                driver.await.unwrap();
                drop(stream);
                let more = timeout(10 * WAIT, listener.accept()).await;
                assert!(more.is_err(), "0x{code:02X}: it comes again");
            })
            .await;
        }
    }
}

/// Leads nowhere, and counts.
struct Nowhere(Rc<Cell<usize>>);

impl Dial for Nowhere {
    type Stream = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        self.0.set(self.0.get() + 1);
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_costs_a_bounded_memory() {
    let dialed = Rc::new(Cell::new(0));
    let limit = QueueLimit {
        messages: 5,
        bytes: 1_000,
    };
    let settings = again(Version::V5_0, "c").incoming(limit).outgoing(limit);
    let (client, driver) = open(Nowhere(Rc::clone(&dialed)), settings);
    // Nobody takes these.
    let mut events = client.events();
    let work = async {
        let message = || Message::new("a", "x", QoS::AtLeastOnce);
        let waiting: Vec<_> = (0..5).map(|_| client.try_publish(message())).collect();
        assert!(waiting.iter().all(Result::is_ok));
        sleep(Duration::from_secs(60)).await;
        assert!(dialed.get() > 1_000, "{} times", dialed.get());
        for _ in 0..3 {
            let full = client.try_publish(message()).map(drop);
            assert_eq!(full, Err(RequestError::Full));
        }
        let enqueued = timeout(Duration::from_secs(60), client.enqueue(message())).await;
        assert!(enqueued.is_err(), "there is no room");
        client.disconnect().await;
    };
    LocalSet::new()
        .run_until(async { tokio::join!(work, driver) })
        .await;
    let mut kept = Vec::new();
    while let Some(happening) = events.next().await {
        kept.push(happening);
    }
    assert!(kept.len() <= 7, "{} happenings", kept.len());
    assert!(
        matches!(kept.last(), Some(Happening::Ended { again: false, .. })),
        "the last one is told: {:?}",
        kept.last()
    );
}

#[tokio::test]
async fn what_waited_for_a_server_is_sent_when_it_is_there() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let settings = again(Version::V3_1_1, "c").outgoing(QueueLimit {
        messages: 3,
        bytes: 1_000,
    });
    let (client, driver) = open(TcpDial { address }, settings);
    let story = async {
        let driver = spawn_local(driver);
        let message = |n: u8| Message::new("a", vec![n], QoS::AtLeastOnce);
        let waiting = (0..3).map(|n| client.try_publish(message(n)).unwrap());
        let waiting: Vec<_> = waiting.collect();
        sleep(4 * WAIT).await;
        assert!(client.try_publish(message(3)).is_err());
        let listener = TcpListener::bind(address).await.unwrap();
        let mut stream = answered(&listener, b"\x20\x02\x00\x00").await;
        for n in 0..3 {
            let publish = packet(&mut stream).await.expect("PUBLISH");
            assert_eq!(publish.last(), Some(&n));
            stream.write_all(&[0x40, 2, 0, publish[6]]).await.unwrap();
        }
        for publication in waiting {
            assert_eq!(publication.await, Ok(ReasonCode::SUCCESS));
        }
        assert!(
            client.try_publish(message(3)).is_ok(),
            "there is room again"
        );
        drop(client);
        driver.await.unwrap();
    };
    timeout(patience(), LocalSet::new().run_until(story))
        .await
        .expect("the story comes to its end");
}

#[tokio::test]
async fn a_session_that_an_earlier_process_began_is_gone_on_with() {
    for version in Version::ALL {
        with_broker(async |address| {
            let kept = || Settings::new(version, "me").session(Duration::from_secs(60));
            let begin = |settings: Settings| {
                let (client, driver) = open(TcpDial { address }, settings);
                let events = client.events();
                (client, events, spawn_local(driver))
            };
            let (client, events, driver) = begin(kept());
            let all = Subscription::new(filter("a/#"), QoS::AtLeastOnce);
            client.subscribe([all]).await.unwrap();
            drop(events);
            client.disconnect().await;
            driver.await.unwrap();
            let (other, events, driver) = begin(Settings::new(version, "other"));
            drop(events);
            let message = Message::new("a/b", "kept", QoS::AtLeastOnce);
            other.publish(message).await.unwrap();
            other.disconnect().await;
            driver.await.unwrap();
            // Nothing here knows of the first one.
            let (client, mut events, driver) = begin(kept());
            let first = events.next().await;
            let resumed = matches!(
                first,
                Some(Happening::Connected {
                    session_present: true,
                    ..
                })
            );
            assert!(resumed, "{first:?}");
            let message = events.next().await;
            assert!(
                matches!(&message, Some(Happening::Unclaimed(d)) if d.payload == "kept"),
                "{message:?}"
            );
            client.disconnect().await;
            driver.await.unwrap();
        })
        .await;
    }
}

/// A client that dies with messages that nobody has taken, or that were taken and not acknowledged, has lost none.
#[tokio::test]
async fn what_the_application_does_not_have_is_not_acknowledged() {
    for (version, by_hand) in [
        (Version::V3_1_1, false),
        (Version::V3_1_1, true),
        (Version::V5_0, false),
        (Version::V5_0, true),
    ] {
        with_broker(async |address| {
            let kept = || {
                let settings = Settings::new(version, "me").session(Duration::from_secs(60));
                match by_hand {
                    true => settings.manual_acknowledgement(),
                    false => settings,
                }
            };
            let (client, driver) = open(TcpDial { address }, kept());
            let driver = spawn_local(driver);
            let all = Subscription::new(filter("a"), QoS::ExactlyOnce);
            let mut messages = client.subscribe([all]).await.unwrap();
            for (n, qos) in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce]
                .into_iter()
                .enumerate()
            {
                let message = Message::new("a", vec![n as u8], qos);
                client.publish(message).await.unwrap();
            }
            let mut first = messages.next().await.unwrap();
            assert_eq!(first.payload[..], [0]);
            let second = messages.next().await.unwrap();
            assert_eq!(second.payload[..], [1]);
            first.acknowledge();
            // What was acknowledged is on its way.
            client
                .publish(Message::new("b", "", QoS::AtLeastOnce))
                .await
                .unwrap();
            driver.abort();
            assert!(driver.await.unwrap_err().is_cancelled());
            drop((client, messages, first, second));
            let (client, driver) = open(TcpDial { address }, kept());
            let mut events = client.events();
            let driver = spawn_local(driver);
            let mut again = Vec::new();
            let left = if by_hand { &[1, 2][..] } else { &[2] };
            while again.len() < left.len() {
                if let Some(Happening::Unclaimed(mut delivery)) = events.next().await {
                    delivery.acknowledge();
                    again.push(delivery.payload[0]);
                }
            }
            assert_eq!(again, left);
            client.disconnect().await;
            driver.await.unwrap();
            let mut more = 0;
            while let Some(happening) = events.next().await {
                more += usize::from(matches!(happening, Happening::Unclaimed(_)));
            }
            assert_eq!(more, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn a_handle_works_on_another_thread() {
    with_broker(async |address| {
        let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, "c"));
        let driver = spawn_local(driver);
        let all = Subscription::new(filter("#"), QoS::ExactlyOnce);
        let mut messages = client.subscribe([all]).await.unwrap();
        let other = client.clone();
        let (done, published) = tokio::sync::oneshot::channel();
        #[expect(
            clippy::disallowed_methods,
            reason = "that it is another thread is the test"
        )]
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                for n in 0..20 {
                    let message = Message::new("a", vec![n], QoS::ExactlyOnce);
                    other.publish(message).await.unwrap();
                }
                done.send(()).unwrap();
            });
        });
        for n in 0..20 {
            assert_eq!(messages.next().await.unwrap().payload[..], [n]);
        }
        published.await.unwrap();
        thread.join().unwrap();
        drop(messages);
        client.disconnect().await;
        driver.await.unwrap();
    })
    .await;
}
