//! A client that behaves: how long it waits for what it asks for, whatever others do.

use crate::served::Served;
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, QoS, ReasonCode, Role, Version, encode,
    packet::{Connect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use squall_transport::{Address, BoxStream, ClientTls, TlsSettings};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Builder,
    time::{sleep, timeout},
};

/// What was waited for, and how long.
pub(crate) type Waits = Vec<(&'static str, Duration)>;

pub(crate) struct Citizen {
    stream: BoxStream,
    decoder: Decoder,
}

const VERSION: Version = Version::V5_0;
/// Nobody waits longer for anything.
const LIMIT: Duration = Duration::from_secs(20);

impl Citizen {
    /// Pings, publishes to itself and connects anew, over every way in turn, until it is told that all is over.
    pub(crate) fn live(served: &Served, over: &AtomicBool) -> Waits {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let settings = TlsSettings {
                ca: Some(served.ca()),
                ..TlsSettings::default()
            };
            let tls = ClientTls::new(&settings).expect("settings");
            let mut waits = Waits::new();
            let mut citizen = Self::connect(&served.urls[0], &tls, "citizen").await;
            citizen.subscribe("citizen").await;
            for n in 0.. {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let begun = Instant::now();
                citizen.ping().await;
                waits.push(("a ping", begun.elapsed()));
                let begun = Instant::now();
                citizen.publish().await;
                waits.push(("a message of its own", begun.elapsed()));
                let begun = Instant::now();
                let way = n % served.urls.len();
                drop(Self::connect(&served.urls[way], &tls, "another").await);
                waits.push((NAMES[way], begun.elapsed()));
                sleep(Duration::from_millis(20)).await;
            }
            waits
        })
    }

    async fn connect(url: &str, tls: &ClientTls, client_id: &str) -> Self {
        let address = Address::parse(url).expect("an address");
        let endpoints = address.resolve(Some(tls)).await.expect("a place");
        let stream = timeout(LIMIT, endpoints[0].dial()).await;
        let mut citizen = Self {
            stream: stream.expect("it is let in").expect("it is there"),
            decoder: Decoder::new(Role::Server),
        };
        citizen.decoder.set_version(VERSION);
        let connect = Packet::Connect(Box::new(Connect {
            version: VERSION,
            clean_start: true,
            keep_alive: 0,
            client_id: client_id.into(),
            will: None,
            user_name: None,
            password: None,
            properties: Properties::new(),
        }));
        citizen.send(connect).await;
        assert!(
            matches!(citizen.next().await, Packet::ConnAck(ack) if ack.reason == ReasonCode::SUCCESS)
        );
        citizen
    }

    async fn send(&mut self, packet: Packet) {
        let bytes = encode(&packet, VERSION).expect("it can be written");
        self.stream.write_all(&bytes).await.expect("it is taken");
        self.stream.flush().await.expect("it is taken");
    }

    async fn next(&mut self) -> Packet {
        let mut buffer = [0; 4096];
        loop {
            if let Some(packet) = self
                .decoder
                .next_packet()
                .expect("it keeps to the standard")
            {
                return packet;
            }
            let read = timeout(LIMIT, self.stream.read(&mut buffer)).await;
            match read.expect("it answers").expect("it is there") {
                0 => panic!("the broker has sent it away"),
                count => self.decoder.push(&buffer[..count]),
            }
        }
    }

    async fn subscribe(&mut self, filter: &str) {
        let filter = TopicFilter::parse_v5(filter).expect("a filter");
        self.send(Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, QoS::AtMostOnce)],
        }))
        .await;
        assert!(matches!(self.next().await, Packet::SubAck(_)));
    }

    async fn ping(&mut self) {
        self.send(Packet::PingReq).await;
        assert_eq!(self.next().await, Packet::PingResp);
    }

    /// A message with QoS 1, until it is acknowledged and has come.
    async fn publish(&mut self) {
        self.send(Packet::Publish(Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: "citizen".into(),
            packet_id: Some(PacketId::MIN),
            properties: Properties::new(),
            payload: b"I am well"[..].into(),
        }))
        .await;
        let (one, other) = (self.next().await, self.next().await);
        let kinds = [one, other].map(|packet| matches!(packet, Packet::Publish(_)));
        assert_ne!(kinds[0], kinds[1]);
    }
}

const NAMES: [&str; 4] = [
    "CONNACK over TCP",
    "CONNACK over TLS",
    "CONNACK over WebSocket",
    "CONNACK over WebSocket over TLS",
];
