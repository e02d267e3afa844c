//! The client for people in virtual time, with a server that says what a test wants.

use super::*;
use crate::{Abandonment, Backoff, EndCause, Message, QueueLimit, Servers};
use bytes::Bytes;
use squall_protocol::{
    Decoder, Packet, PacketId, PacketType, Properties, Property, QoS, ReasonCode, Role, Version,
    encode,
    packet::{Ack, ConnAck, Disconnect, Publish, SubAck, Subscription},
    topic::TopicFilter,
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    task::{LocalSet, spawn_local},
    time::{sleep, timeout},
};

const V5: Version = Version::V5_0;

/// Dials, and hands the other end to the test.
#[derive(Clone)]
struct Line(String, UnboundedSender<(String, DuplexStream)>);

impl Dial for Line {
    type Stream = DuplexStream;

    async fn dial(&mut self) -> io::Result<DuplexStream> {
        let (near, far) = duplex(4096);
        self.1
            .send((self.0.clone(), far))
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(near)
    }
}

/// The server's end of every connection.
struct Server(UnboundedReceiver<(String, DuplexStream)>, Version);

impl Server {
    /// The next connection, with its CONNECT read.
    async fn accept(&mut self) -> Peer {
        let (name, stream) = self.0.recv().await.expect("the client dials");
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(self.1);
        let mut peer = Peer {
            name,
            stream,
            decoder,
            version: self.1,
        };
        let packet = peer.next().await;
        assert!(matches!(packet, Some(Packet::Connect(_))), "{packet:?}");
        peer
    }

    /// The same, with CONNACK sent.
    async fn online(&mut self, session_present: bool) -> Peer {
        let mut peer = self.accept().await;
        peer.send(connack(session_present, ReasonCode::SUCCESS))
            .await;
        peer
    }
}

struct Peer {
    name: String,
    stream: DuplexStream,
    decoder: Decoder,
    version: Version,
}

impl Peer {
    async fn next(&mut self) -> Option<Packet> {
        loop {
            let frame = self.decoder.next_frame().expect("a valid packet");
            if let Some(frame) = frame {
                return Some(frame.packet);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await.ok()? {
                0 => return None,
                n => self.decoder.push(&buffer[..n]),
            }
        }
    }

    async fn send(&mut self, packet: impl Into<Packet>) {
        let bytes = encode(&packet.into(), self.version).unwrap();
        self.stream.write_all(&bytes).await.expect("somebody reads");
    }

    /// What comes within a second.
    async fn hears(&mut self) -> Vec<Packet> {
        let mut heard = Vec::new();
        while let Ok(Some(packet)) = timeout(Duration::from_secs(1), self.next()).await {
            heard.push(packet);
        }
        heard
    }

    /// Grants the next SUBSCRIBE.
    async fn grant(&mut self) {
        let Some(Packet::Subscribe(subscribe)) = self.next().await else {
            panic!("no SUBSCRIBE")
        };
        self.send(Packet::SubAck(SubAck {
            packet_id: subscribe.packet_id,
            properties: Properties::new(),
            reasons: vec![ReasonCode::GRANTED_QOS_2; subscribe.subscriptions.len()],
        }))
        .await;
    }
}

fn connack(session_present: bool, reason: ReasonCode) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason,
        properties: Properties::new(),
    })
}

fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

fn from_server(qos: QoS, n: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: "in/x".into(),
        packet_id: (qos != QoS::AtMostOnce).then(|| id(n)),
        properties: Properties::new(),
        payload: Bytes::copy_from_slice(&n.to_be_bytes()),
    })
}

fn number(delivery: &Delivery) -> u16 {
    u16::from_be_bytes(delivery.payload[..2].try_into().unwrap())
}

/// Plays a script with a client and its server.
async fn play<F: Future<Output = ()>>(
    settings: Settings,
    script: impl FnOnce(Handle, Server) -> F,
) {
    let (sender, lines) = unbounded_channel();
    let server = Server(lines, settings.connect.version);
    let (client, driver) = open(Line("one".to_owned(), sender), settings);
    let story = async {
        let driver = spawn_local(driver);
        script(client, server).await;
        driver.await.expect("the driver ends");
    };
    let limit = Duration::from_secs(3_600);
    timeout(limit, LocalSet::new().run_until(story))
        .await
        .expect("the story comes to its end");
}

fn settings(version: Version) -> Settings {
    let second = Duration::from_secs(1);
    Settings::new(version, "c")
        .keep_alive(0)
        .reconnect(Backoff::new(second, second))
}

async fn subscribed(client: &Handle, peer: &mut Peer) -> Messages {
    let filter = TopicFilter::parse_v5("in/#").unwrap();
    let subscribe = client.subscribe([Subscription::new(filter, QoS::ExactlyOnce)]);
    tokio::join!(subscribe, peer.grant()).0.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_it_is_taken() {
    for version in Version::ALL {
        play(settings(version), async |client, mut server| {
            let mut peer = server.online(false).await;
            let mut messages = subscribed(&client, &mut peer).await;
            peer.send(from_server(QoS::AtLeastOnce, 1)).await;
            peer.send(from_server(QoS::ExactlyOnce, 2)).await;
            assert_eq!(peer.hears().await, [], "nobody has them yet");
            assert_eq!(number(&messages.next().await.unwrap()), 1);
            assert_eq!(peer.hears().await, [Packet::PubAck(Ack::success(id(1)))]);
            assert_eq!(number(&messages.next().await.unwrap()), 2);
            assert_eq!(peer.hears().await, [Packet::PubRec(Ack::success(id(2)))]);
            // What nobody will take any more is not in the way of others.
            peer.send(from_server(QoS::AtLeastOnce, 3)).await;
            assert_eq!(peer.hears().await, []);
            drop(messages);
            assert_eq!(peer.hears().await, [Packet::PubAck(Ack::success(id(3)))]);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledgement_by_hand_is_the_applications_in_the_order_of_the_standard() {
    play(
        settings(V5).manual_acknowledgement(),
        async |client, mut server| {
            let mut peer = server.online(false).await;
            let mut messages = subscribed(&client, &mut peer).await;
            for n in 1..=3 {
                peer.send(from_server(QoS::AtLeastOnce, n)).await;
            }
            let mut taken = Vec::new();
            for _ in 0..3 {
                taken.push(messages.next().await.unwrap());
            }
            taken[2].acknowledge();
            taken[1].refuse(ReasonCode::QUOTA_EXCEEDED);
            assert_eq!(peer.hears().await, [], "the first one comes first");
            taken[0].acknowledge();
            // [MQTT-4.6.0-2]
            let acks = [
                Ack::success(id(1)),
                Ack::with_reason(id(2), ReasonCode::QUOTA_EXCEEDED),
                Ack::success(id(3)),
            ];
            assert_eq!(peer.hears().await, acks.map(Packet::PubAck));
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_sent_no_more_and_loses_nothing() {
    for version in Version::ALL {
        let limit = QueueLimit {
            messages: 10,
            bytes: 1 << 20,
        };
        play(
            settings(version).incoming(limit).keep_alive(10),
            async |client, mut server| {
                let mut peer = server.online(false).await;
                let mut messages = subscribed(&client, &mut peer).await;
                let Peer { stream, .. } = peer;
                let (mut reads, mut writes) = tokio::io::split(stream);
                let flood = spawn_local(async move {
                    for n in 0..20_000 {
                        let bytes = encode(&from_server(QoS::AtMostOnce, n), version).unwrap();
                        writes.write_all(&bytes).await.unwrap();
                    }
                    writes
                });
                let pings = spawn_local(async move {
                    let mut buffer = [0; 64];
                    let mut bytes = 0;
                    while let Ok(n @ 1..) = reads.read(&mut buffer).await {
                        bytes += n;
                    }
                    bytes / 2
                });
                // Much longer than Keep Alive and the answer to a PINGREQ may take.
                sleep(Duration::from_secs(100)).await;
                assert!(!flood.is_finished(), "more was read than there is room for");
                for n in 0..20_000 {
                    assert_eq!(number(&messages.next().await.unwrap()), n);
                }
                drop(messages);
                drop(flood.await.unwrap());
                client.disconnect().await;
                assert!(pings.await.unwrap() >= 9, "it was alive all the while");
            },
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_publishes_to_a_server_that_does_not_read_waits_whatever_the_qos() {
    for version in Version::ALL {
        play(settings(version), async |client, mut server| {
            let mut peer = server.online(false).await;
            let publisher = client.clone();
            let sent = std::rc::Rc::new(std::cell::Cell::new(0));
            let count = std::rc::Rc::clone(&sent);
            let work = spawn_local(async move {
                for _ in 0..2_000 {
                    let message = Message::new("out", vec![0; 1_000], QoS::AtMostOnce);
                    publisher.publish(message).await.unwrap();
                    count.set(count.get() + 1);
                }
            });
            sleep(Duration::from_secs(100)).await;
            assert!(
                (200..400).contains(&sent.get()),
                "{} fit into 256 KiB",
                sent.get()
            );
            for _ in 0..2_000 {
                assert!(matches!(peer.next().await, Some(Packet::Publish(_))));
            }
            work.await.unwrap();
            client.disconnect().await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_published_at_once_goes_in_the_order_of_the_calls() {
    let limit = QueueLimit {
        messages: 7,
        bytes: 1 << 20,
    };
    play(settings(V5).outgoing(limit), async |client, mut server| {
        let mut peer = server.online(false).await;
        let mut all: Vec<_> = (0..1_000_u16)
            .map(|n| {
                let payload = n.to_be_bytes().to_vec();
                let message = Message::new("out", payload, QoS::AtMostOnce);
                Some(Box::pin(client.publish(message)))
            })
            .collect();
        let published = spawn_local(async move {
            let mut numbers = Vec::new();
            while numbers.len() < 1_000 {
                if let Some(Packet::Publish(publish)) = peer.next().await {
                    numbers.push(u16::from_be_bytes(publish.payload[..2].try_into().unwrap()));
                }
            }
            numbers
        });
        // All are asked each time, as those do who wait for many futures in one task.
        std::future::poll_fn(|cx| {
            for place in &mut all {
                if place
                    .as_mut()
                    .is_some_and(|publish| publish.as_mut().poll(cx).is_ready())
                {
                    *place = None;
                }
            }
            match all.iter().all(Option::is_none) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
        assert!(published.await.unwrap().is_sorted());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_where_the_session_is_gone() {
    for version in Version::ALL {
        play(settings(version), async |client, mut server| {
            let mut peer = server.online(false).await;
            let mut messages = subscribed(&client, &mut peer).await;
            let mut events = client.events();
            drop(peer);
            let mut peer = server.online(false).await;
            peer.grant().await;
            peer.send(from_server(QoS::AtLeastOnce, 7)).await;
            assert_eq!(number(&messages.next().await.unwrap()), 7);
            let mut told = Vec::new();
            while told.len() < 3 {
                told.push(events.next().await.unwrap());
            }
            assert!(
                matches!(
                    &told[..],
                    [
                        Happening::Ended { again: true, .. },
                        Happening::Connected { session_present: false, .. },
                        Happening::Resubscribed(codes),
                    ] if codes == &[ReasonCode::GRANTED_QOS_2]
                ),
                "{told:?}"
            );
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_published_across_a_lost_connection_once() {
    for version in Version::ALL {
        let kept = settings(version).session(Duration::from_secs(60));
        play(kept, async |client, mut server| {
            let mut peer = server.online(false).await;
            let message = Message::new("out", "x", QoS::ExactlyOnce);
            let publication = client.enqueue(message).await.unwrap();
            let Some(Packet::Publish(first)) = peer.next().await else {
                panic!("no PUBLISH")
            };
            drop(peer);
            let mut peer = server.online(true).await;
            let again = peer.next().await;
            assert_eq!(again, Some(Packet::Publish(Publish { dup: true, ..first })));
            peer.send(Packet::PubRec(Ack::success(id(1)))).await;
            assert_eq!(peer.next().await, Some(Packet::PubRel(Ack::success(id(1)))));
            peer.send(Packet::PubComp(Ack::success(id(1)))).await;
            assert_eq!(publication.await, Ok(ReasonCode::SUCCESS));
            // Where the session is gone nobody knows what became of it, and the caller is told so.
            let message = Message::new("out", "y", QoS::AtLeastOnce);
            let publication = client.enqueue(message).await.unwrap();
            peer.next().await;
            drop(peer);
            server.online(false).await;
            let lost = RequestError::Abandoned(Abandonment::SessionEnded);
            assert_eq!(publication.await, Err(lost));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_or_not_as_its_reason_says() {
    for (version, busy, not_authorized) in [(V5, 0x89, 0x87), (Version::V3_1_1, 3, 5)] {
        play(settings(version), async |client, mut server| {
            server
                .accept()
                .await
                .send(connack(false, ReasonCode(busy)))
                .await;
            server
                .accept()
                .await
                .send(connack(false, ReasonCode(not_authorized)))
                .await;
            let refused = EndCause::Refused(ReasonCode(not_authorized));
            assert_eq!(client.connected().await, Err(RequestError::Ended(refused)));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_goes_where_its_server_refers_it_to() {
    let (sender, lines) = unbounded_channel();
    let make = move |name: &str| Line(name.to_owned(), sender.clone());
    let servers = Servers::new(["one"], make);
    let settings = settings(V5).follow(servers.references());
    let mut server = Server(lines, V5);
    let (client, driver) = open(servers, settings);
    let story = async {
        let driver = spawn_local(driver);
        let mut peer = server.online(false).await;
        assert_eq!(peer.name, "one");
        peer.send(Packet::Disconnect(Disconnect {
            reason: ReasonCode::USE_ANOTHER_SERVER,
            properties: [Property::ServerReference("two".into())]
                .into_iter()
                .collect(),
        }))
        .await;
        let peer = server.online(false).await;
        assert_eq!(peer.name, "two");
        drop(peer);
        assert_eq!(server.online(false).await.name, "one");
        drop(client);
        driver.await.unwrap();
    };
    timeout(Duration::from_secs(60), LocalSet::new().run_until(story))
        .await
        .expect("the story comes to its end");
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_says_what_it_was_told_to() {
    play(settings(V5), async |client, mut server| {
        let mut peer = server.online(false).await;
        client.connected().await.unwrap();
        let reason = ReasonCode::DISCONNECT_WITH_WILL_MESSAGE;
        let ended = spawn_local(client.disconnect_with(reason, Some(5)));
        let expiry = [Property::SessionExpiryInterval(5)];
        let properties = expiry.into_iter().collect();
        let said = Packet::Disconnect(Disconnect { reason, properties });
        assert_eq!(peer.next().await, Some(said));
        assert_eq!(said_type(peer.next().await), None);
        ended.await.unwrap();
    })
    .await;
}

fn said_type(packet: Option<Packet>) -> Option<PacketType> {
    packet.map(|packet| packet.packet_type())
}
