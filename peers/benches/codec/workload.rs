//! The bytes that every codec reads, and whose packets it writes.

use bytes::{Bytes, BytesMut};
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, Text, Version, encode,
    packet::{Ack, Connect, Publish, RetainHandling, Subscribe, Subscription, Unsubscribe, Will},
    topic::TopicFilter,
};

/// How much one read from a socket brings in a stream workload.
pub(crate) const CHUNK: usize = 4096;

/// What a client sends.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) version: Version,
    /// How many packets `wire` holds; results are per packet.
    pub(crate) packets: usize,
    /// Whether it arrives in chunks, rather than lying ready as a whole.
    pub(crate) stream: bool,
    pub(crate) wire: Vec<u8>,
}

/// All workloads of one version.
pub(crate) fn all(version: Version) -> Vec<Workload> {
    let small = |qos| (1..=64).map(move |n| publish("site/7/line/3/temp_1", &[b'x'; 16], qos, n));
    vec![
        of(version, "small PUBLISH QoS 0", small(QoS::AtMostOnce)),
        of(version, "small PUBLISH QoS 1", small(QoS::AtLeastOnce)),
        of(
            version,
            "64 KiB PUBLISH",
            (1..=4).map(|n| {
                publish(
                    "site/7/camera/3/frame",
                    &[b'x'; 65_536],
                    QoS::AtLeastOnce,
                    n,
                )
            }),
        ),
        of(
            version,
            "CONNECT",
            std::iter::repeat_n(connect(version), 32),
        ),
        of(
            version,
            "SUBSCRIBE of 100",
            (1..=4).map(|n| subscribe(version, 100, n)),
        ),
        Workload {
            stream: true,
            ..of(version, "stream of 200", stream(version))
        },
    ]
}

fn of(version: Version, name: &'static str, packets: impl IntoIterator<Item = Packet>) -> Workload {
    let mut wire = BytesMut::new();
    let mut count = 0;
    for packet in packets {
        wire.extend_from_slice(&encode(&packet, version).expect("workloads are valid"));
        count += 1;
    }
    Workload {
        name,
        version,
        packets: count,
        stream: false,
        wire: wire.to_vec(),
    }
}

fn id(n: u16) -> PacketId {
    PacketId::new(n).expect("workloads count from 1")
}

fn publish(topic: &str, payload: &[u8], qos: QoS, n: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: Text::from(topic),
        packet_id: (qos != QoS::AtMostOnce).then(|| id(n)),
        properties: Properties::new(),
        payload: Bytes::copy_from_slice(payload),
    })
}

/// With a will, credentials and, in 5.0, the properties that clients commonly send.
fn connect(version: Version) -> Packet {
    let five = version == Version::V5_0;
    let properties =
        |list: Vec<Property>| list.into_iter().filter(|_| five).collect::<Properties>();
    Packet::Connect(Box::new(Connect {
        version,
        clean_start: false,
        keep_alive: 60,
        client_id: Text::from("gateway-7f3a91c2"),
        will: Some(Will {
            topic: Text::from("site/7/gateway-7f3a91c2/status"),
            payload: Bytes::from_static(b"offline"),
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: properties(vec![
                Property::WillDelayInterval(30),
                Property::ContentType(Text::from("text/plain")),
            ]),
        }),
        user_name: Some(Text::from("site-7-gateway")),
        password: Some(Bytes::from_static(b"correct horse battery staple")),
        properties: properties(vec![
            Property::SessionExpiryInterval(3600),
            Property::ReceiveMaximum(100),
            Property::MaximumPacketSize(1_048_576),
            Property::TopicAliasMaximum(16),
            Property::UserProperty(Text::from("firmware"), Text::from("4.2.1")),
            Property::UserProperty(Text::from("region"), Text::from("eu-central")),
        ]),
    }))
}

fn filter(version: Version, text: String) -> TopicFilter {
    let parsed = match version {
        Version::V3_1_1 => TopicFilter::parse_v3(text),
        Version::V5_0 => TopicFilter::parse_v5(text),
    };
    parsed.expect("workloads are valid")
}

/// Filters from 13 to 35 bytes.
fn subscribe(version: Version, filters: u16, n: u16) -> Packet {
    let text = |i: u16| match i % 4 {
        0 => format!("site/{i}/line/+"),
        1 => format!("site/{i}/line/{}/temperature", i % 7),
        2 => format!("site/{i}/+/machine/{}/#", i % 5),
        _ => format!("site/{i}/building/+/room/temperature"),
    };
    let subscriptions = (0..filters).map(|i| Subscription {
        filter: filter(version, text(i)),
        qos: QoS::from_bits((i % 3) as u8).expect("0, 1 or 2"),
        no_local: version == Version::V5_0 && i % 8 == 1,
        retain_as_published: false,
        retain_handling: RetainHandling::Send,
    });
    Packet::Subscribe(Subscribe {
        packet_id: id(n),
        properties: Properties::new(),
        subscriptions: subscriptions.collect(),
    })
}

/// A gateway's connection from CONNECT on: mostly telemetry at QoS 0 and 1, some of it at QoS 2, acknowledgements of
/// commands it receives, now and then a ping.
fn stream(version: Version) -> Vec<Packet> {
    let mut packets = vec![connect(version), subscribe(version, 5, 1)];
    let mut n = 1;
    while packets.len() < 199 {
        n += 1;
        let payload = format!(
            "{{\"machine\":{n},\"temperature\":21.{n},\"unit\":\"C\",\"note\":\"{}\"}}",
            "-".repeat(usize::from(n % 5) * 40)
        );
        let topic = match n % 3 {
            0 => format!("site/7/line/{}/temp", n % 9),
            1 => format!("site/7/line/{}/machine/{n}/temperature", n % 9),
            _ => format!("site/7/building/{}/room/{n}/sensor/humidity", n % 4),
        };
        let mut telemetry = |qos| {
            let mut packet = publish(&topic, payload.as_bytes(), qos, n);
            if let (Packet::Publish(publish), Version::V5_0, 0) = (&mut packet, version, n % 4) {
                publish
                    .properties
                    .push(Property::MessageExpiryInterval(600));
                publish
                    .properties
                    .push(Property::ContentType(Text::from("application/json")));
                publish.properties.push(Property::UserProperty(
                    Text::from("trace"),
                    Text::from("8f14e45fceea167a"),
                ));
            }
            packets.push(packet);
        };
        match n % 20 {
            0 => packets.push(Packet::PingReq),
            5 | 15 => packets.push(Packet::PubAck(Ack::success(id(n)))),
            9 => {
                telemetry(QoS::ExactlyOnce);
                packets.push(Packet::PubRel(Ack::success(id(n))));
            }
            1 | 6 | 11 | 16 => telemetry(QoS::AtLeastOnce),
            _ => telemetry(QoS::AtMostOnce),
        }
    }
    packets.push(Packet::Unsubscribe(Unsubscribe {
        packet_id: id(n + 1),
        properties: Properties::new(),
        filters: vec![filter(version, "site/0/line/+".to_owned())],
    }));
    packets
}
