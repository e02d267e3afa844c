//! The broker without sockets: a publisher's messages to those who take them, by QoS, by subscribers, among many
//! subscriptions, and with a store in memory. Beside them stands what reading and writing the packets costs, in the same
//! run, so that the ratio means something.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_broker::{Broker, Config, ConnId, Durable, Machine, Output, store::Redb};
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, QoS, Role, Time, Version, encode,
    packet::{Ack, Connect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use std::hint::black_box;

const V5: Version = Version::V5_0;
/// The publisher; its subscribers have the numbers after it.
const PUBLISHER: ConnId = ConnId(0);

fn bytes(packet: &Packet) -> Bytes {
    encode(packet, V5).expect("it is valid")
}

fn publish(topic: &str, qos: QoS) -> Bytes {
    bytes(&Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: topic.into(),
        packet_id: (qos != QoS::AtMostOnce).then_some(PacketId::MIN),
        properties: Properties::new(),
        payload: Bytes::from_static(&[b'x'; 64]),
    }))
}

/// A broker and its clients.
struct House {
    broker: Box<dyn Machine>,
    decoders: Vec<Decoder>,
    answers: Vec<(ConnId, Packet)>,
}

impl House {
    /// One publisher, and subscribers of `t` with this QoS.
    fn new(broker: impl Machine + 'static, subscribers: u64, qos: QoS) -> Self {
        let mut house = Self {
            broker: Box::new(broker),
            decoders: Vec::new(),
            answers: Vec::new(),
        };
        for n in 0..=subscribers {
            house.broker.handle_open(Time::ZERO, ConnId(n));
            house.decoders.push(decoder(Role::Server));
            house.say(
                ConnId(n),
                &Packet::Connect(Box::new(Connect {
                    version: V5,
                    clean_start: true,
                    keep_alive: 0,
                    client_id: format!("c{n}").as_str().into(),
                    will: None,
                    user_name: None,
                    password: None,
                    properties: Properties::new(),
                })),
            );
            if n > 0 {
                house.subscribe(ConnId(n), "t", qos);
            }
        }
        house
    }

    fn subscribe(&mut self, conn: ConnId, filter: &str, qos: QoS) {
        let filter = TopicFilter::parse_v5(filter).expect("it is valid");
        self.say(
            conn,
            &Packet::Subscribe(Subscribe {
                packet_id: PacketId::MIN,
                properties: Properties::new(),
                subscriptions: vec![Subscription::new(filter, qos)],
            }),
        );
    }

    fn say(&mut self, conn: ConnId, packet: &Packet) {
        self.send(conn, &bytes(packet));
    }

    /// Hands the broker these bytes, and has everybody acknowledge what comes of them, to the end.
    fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.broker.handle_bytes(Time::ZERO, conn, bytes);
        loop {
            while let Some(output) = self.broker.poll_output() {
                if let Output::Send { conn, bytes } = output {
                    let decoder = &mut self.decoders[conn.0 as usize];
                    decoder.push(&bytes);
                    while let Some(packet) = decoder.next_packet().expect("it is valid") {
                        self.answers
                            .extend(answer(&packet).map(|packet| (conn, packet)));
                    }
                }
            }
            if self.answers.is_empty() {
                return;
            }
            for (conn, packet) in std::mem::take(&mut self.answers) {
                self.broker
                    .handle_bytes(Time::ZERO, conn, &self::bytes(&packet));
            }
        }
    }
}

fn decoder(from: Role) -> Decoder {
    let mut decoder = Decoder::new(from);
    decoder.set_version(V5);
    decoder
}

/// What a client says to a packet.
fn answer(packet: &Packet) -> Option<Packet> {
    match packet {
        Packet::Publish(publish) => {
            let ack = Ack::success(publish.packet_id?);
            Some(match publish.qos {
                QoS::ExactlyOnce => Packet::PubRec(ack),
                _ => Packet::PubAck(ack),
            })
        }
        Packet::PubRec(ack) => Some(Packet::PubRel(Ack::success(ack.packet_id))),
        Packet::PubRel(ack) => Some(Packet::PubComp(Ack::success(ack.packet_id))),
        _ => None,
    }
}

fn stored() -> Durable {
    let store = Redb::in_memory().expect("a store in memory");
    Durable::open(Config::default(), store, Time::ZERO).expect("it is empty")
}

/// A message from one client to another, with all its acknowledgements.
fn flows(c: &mut Criterion) {
    let mut group = c.benchmark_group("one to one");
    group.throughput(Throughput::Elements(1));
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let (name, message) = (format!("QoS {}", qos.as_u8()), publish("t", qos));
        group.bench_function(BenchmarkId::new("packets alone", &name), |b| {
            // One way to the broker and one from it.
            let mut decoder = decoder(Role::Client);
            b.iter(|| {
                decoder.push(&message);
                let packet = decoder.next_packet().expect("it is valid");
                let packet = black_box(packet).expect("it is whole");
                black_box(bytes(&packet));
            });
        });
        let mut house = House::new(Broker::new(Config::default()), 1, qos);
        group.bench_function(BenchmarkId::new("broker", &name), |b| {
            b.iter(|| house.send(PUBLISHER, &message));
        });
        let mut house = House::new(stored(), 1, qos);
        group.bench_function(BenchmarkId::new("stored", &name), |b| {
            b.iter(|| house.send(PUBLISHER, &message));
        });
    }
    group.finish();
}

/// A message to a hundred clients.
fn fan_out(c: &mut Criterion) {
    const SUBSCRIBERS: u64 = 100;
    let mut group = c.benchmark_group("one to a hundred");
    group.throughput(Throughput::Elements(SUBSCRIBERS));
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let message = publish("t", qos);
        let mut house = House::new(Broker::new(Config::default()), SUBSCRIBERS, qos);
        group.bench_function(format!("QoS {}", qos.as_u8()), |b| {
            b.iter(|| house.send(PUBLISHER, &message));
        });
    }
    group.finish();
}

/// A message to one client, beside subscriptions to other topics.
fn routing(c: &mut Criterion) {
    let mut group = c.benchmark_group("among subscriptions");
    group.throughput(Throughput::Elements(1));
    for others in [0_u32, 100, 10_000] {
        let mut house = House::new(Broker::new(Config::default()), 2, QoS::AtMostOnce);
        for n in 0..others {
            house.subscribe(
                ConnId(2),
                &format!("site/{}/device/{n}/+", n % 100),
                QoS::AtMostOnce,
            );
        }
        let message = publish("t", QoS::AtMostOnce);
        group.bench_function(BenchmarkId::from_parameter(others), |b| {
            b.iter(|| house.send(PUBLISHER, &message));
        });
    }
    group.finish();
}

criterion_group!(benches, flows, fan_out, routing);
criterion_main!(benches);
