//! Wires: that every way to tamper shows, and that one stands between two streams.

use squall_catalogue::find;
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Version, encode,
    packet::{
        Ack, ConnAck, Connect, Disconnect, Publish, RetainHandling, SubAck, Subscribe,
        Subscription, UnsubAck, Unsubscribe, Will,
    },
    topic::TopicFilter,
};
use squall_saboteurs::{
    double::Double,
    serve::Handle,
    wire::{Direction, Passed, Tamper, Wire, relay},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::LocalSet,
};

fn id(id: u16) -> PacketId {
    PacketId::new(id).expect("not zero")
}

fn properties(version: Version, all: &[Property]) -> Properties {
    let five = version == Version::V5_0;
    all.iter().filter(|_| five).cloned().collect()
}

fn publish(version: Version, qos: u8, number: u16, dup: bool) -> Packet {
    let user = |name: &str| Property::UserProperty(name.into(), "x".into());
    let all = [
        Property::PayloadFormatIndicator(1),
        Property::MessageExpiryInterval(9),
        Property::ContentType("text".into()),
        Property::ResponseTopic("answer".into()),
        Property::CorrelationData(b"data".to_vec().into()),
        user("a"),
        user("b"),
    ];
    Packet::Publish(Publish {
        dup,
        qos: QoS::from_bits(qos).expect("a QoS"),
        retain: number.is_multiple_of(2),
        topic: "a/b".into(),
        packet_id: PacketId::new(number).filter(|_| qos > 0),
        properties: properties(version, &all),
        payload: b"payload".to_vec().into(),
    })
}

/// What a server may send, as a client sees it; nothing has to belong together.
fn from_server(version: Version) -> Vec<Packet> {
    let connack = ConnAck {
        session_present: false,
        reason: ReasonCode::SUCCESS,
        properties: properties(version, &[Property::AssignedClientIdentifier("x".into())]),
    };
    let suback = Packet::SubAck(SubAck {
        packet_id: id(1),
        properties: Properties::new(),
        reasons: vec![ReasonCode(0), ReasonCode(2)],
    });
    let mut reasons = vec![ReasonCode(0x00), ReasonCode(0x11)];
    if version == Version::V3_1_1 {
        reasons.clear();
    }
    let unsuback = Packet::UnsubAck(UnsubAck {
        packet_id: id(2),
        properties: Properties::new(),
        reasons,
    });
    let mut identified = publish(version, 1, 6, false);
    if let (Packet::Publish(p), Version::V5_0) = (&mut identified, version) {
        p.properties.push(Property::SubscriptionIdentifier(5));
    }
    let mut all = vec![
        Packet::ConnAck(connack),
        suback.clone(),
        suback,
        unsuback.clone(),
        unsuback,
        Packet::PingResp,
        Packet::PingResp,
        publish(version, 0, 0, false),
        publish(version, 1, 3, false),
        publish(version, 2, 4, false),
        publish(version, 2, 5, true),
        identified,
    ];
    for number in [7, 8] {
        let ack = || Ack::success(id(number));
        all.extend([Packet::PubAck(ack()), Packet::PubRec(ack())]);
        all.extend([Packet::PubRel(ack()), Packet::PubComp(ack())]);
    }
    if version == Version::V5_0 {
        all.push(Packet::Disconnect(Disconnect::with_reason(ReasonCode(
            0x82,
        ))));
    }
    all
}

fn from_client(version: Version) -> Vec<Packet> {
    let five = version == Version::V5_0;
    let parse = |filter: &str| TopicFilter::parse_v5(filter).expect("a topic filter");
    let subscription = Subscription {
        no_local: five,
        retain_as_published: five,
        retain_handling: RetainHandling::from_bits(u8::from(five)).expect("0 or 1"),
        ..Subscription::new(parse("a"), QoS::AtLeastOnce)
    };
    vec![
        Packet::Connect(Box::new(connect(version))),
        Packet::Subscribe(Subscribe {
            packet_id: id(1),
            properties: properties(version, &[Property::SubscriptionIdentifier(3)]),
            subscriptions: vec![subscription],
        }),
        Packet::Unsubscribe(Unsubscribe {
            packet_id: id(2),
            properties: Properties::new(),
            filters: vec![parse("a"), parse("b")],
        }),
        publish(version, 2, 3, true),
        publish(version, 2, 4, true),
        Packet::PubRel(Ack::success(id(3))),
        Packet::PingReq,
        Packet::Disconnect(Disconnect::with_reason(ReasonCode(0))),
    ]
}

fn connect(version: Version) -> Connect {
    let all = [
        Property::SessionExpiryInterval(9),
        Property::ReceiveMaximum(1),
        Property::MaximumPacketSize(99),
    ];
    Connect {
        version,
        clean_start: false,
        keep_alive: 5,
        client_id: "a".into(),
        will: Some(Will {
            topic: "will".into(),
            payload: b"gone".to_vec().into(),
            qos: QoS::AtMostOnce,
            retain: true,
            properties: properties(version, &[Property::WillDelayInterval(3)]),
        }),
        user_name: None,
        password: None,
        properties: properties(version, &all),
    }
}

/// The bytes that come out of a wire.
fn through(tamper: Tamper, direction: Direction, version: Version, packets: &[Packet]) -> Vec<u8> {
    let mut wire = Wire::new(tamper);
    let mut out = Vec::new();
    for packet in packets {
        for passed in wire.pass(direction, version, packet.clone()) {
            match passed {
                Passed::Packet(packet) => {
                    out.extend(encode(&packet, version).expect("it is short"))
                }
                Passed::Raw(bytes) => out.extend(bytes),
            }
        }
    }
    out
}

#[test]
fn every_tamper_shows_in_its_direction_and_nowhere_else() {
    for version in Version::ALL {
        let server = from_server(version);
        let client = from_client(version);
        let plain = |packets: &[Packet]| -> Vec<u8> {
            let bytes = packets
                .iter()
                .map(|p| encode(p, version).expect("it is short"));
            bytes.flatten().collect()
        };
        for tamper in Tamper::ALL {
            let (own, other) = match tamper.direction() {
                Direction::ToClient => (
                    (Direction::ToClient, &server),
                    (Direction::ToServer, &client),
                ),
                Direction::ToServer => (
                    (Direction::ToServer, &client),
                    (Direction::ToClient, &server),
                ),
            };
            assert_eq!(
                through(*tamper, other.0, version, other.1),
                plain(other.1),
                "{}",
                tamper.name()
            );
            if !tamper.statements(version).is_empty() {
                let tampered = through(*tamper, own.0, version, own.1);
                assert!(
                    tampered != plain(own.1),
                    "{} in {version} changes nothing",
                    tamper.name()
                );
            }
        }
    }
}

#[test]
fn the_table_cites_statements_that_exist_under_unique_names() {
    let mut names: Vec<_> = Tamper::ALL.iter().map(|t| t.name()).collect();
    for tamper in Tamper::ALL {
        assert_eq!(Tamper::from_name(tamper.name()), Some(*tamper));
        let cited = Version::ALL.map(|v| tamper.statements(v).len());
        assert!(
            cited.iter().sum::<usize>() > 0,
            "{} breaks nothing",
            tamper.name()
        );
        for version in Version::ALL {
            for id in tamper.statements(version) {
                assert!(find(version, id).is_some(), "{}: {id}", tamper.name());
            }
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

async fn read(stream: &mut DuplexStream, decoder: &mut Decoder) -> Option<Packet> {
    loop {
        if let Some(packet) = decoder.next_packet().expect("what comes is valid") {
            return Some(packet);
        }
        if stream.read_buf(decoder.read_buf()).await.expect("it reads") == 0 {
            return None;
        }
    }
}

/// A client of 3.1.1 at a plain double, with a wire between.
async fn at_a_wire(tamper: Tamper, script: &[Packet], expected: usize) -> Vec<Packet> {
    let handle = Handle::new(Double::new([]));
    let (mut client, near) = tokio::io::duplex(4096);
    let (far, server) = tokio::io::duplex(4096);
    handle.connect(server);
    let talk = async {
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(Version::V3_1_1);
        for packet in script {
            let bytes = encode(packet, Version::V3_1_1).expect("it is short");
            client.write_all(&bytes).await.expect("it is carried");
        }
        let mut seen = Vec::new();
        while seen.len() < expected {
            let Some(packet) = read(&mut client, &mut decoder).await else {
                break;
            };
            seen.push(packet);
        }
        seen
    };
    tokio::select! {
        biased;
        seen = talk => seen,
        result = relay(tamper, near, far) => panic!("the wire ended: {result:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_wire_between_streams_carries_and_tampers() {
    let script = [
        Packet::Connect(Box::new(Connect {
            will: None,
            ..connect(Version::V3_1_1)
        })),
        Packet::PingReq,
        Packet::PingReq,
        Packet::PingReq,
    ];
    let local = LocalSet::new();
    let carry = async |tamper, expected| at_a_wire(tamper, &script, expected).await;
    let (plain, dropped) = local
        .run_until(async {
            (
                carry(Tamper::PayloadCut, 4).await,
                carry(Tamper::PingRespDropped, 3).await,
            )
        })
        .await;
    assert!(matches!(
        plain[..],
        [
            Packet::ConnAck(_),
            Packet::PingResp,
            Packet::PingResp,
            Packet::PingResp
        ]
    ));
    assert!(matches!(
        dropped[..],
        [Packet::ConnAck(_), Packet::PingResp, Packet::PingResp]
    ));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_packet_goes_on_as_it_is() {
    let (mut client, near) = tokio::io::duplex(4096);
    let (far, mut server) = tokio::io::duplex(4096);
    let broken = b"\x30\xFF\xFF\xFF\xFF\xFF";
    let talk = async {
        client.write_all(broken).await.expect("it is carried");
        let mut seen = [0; 6];
        server.read_exact(&mut seen).await.expect("it arrives");
        server.write_all(broken).await.expect("it is carried");
        let mut back = [0; 6];
        client.read_exact(&mut back).await.expect("it arrives");
        (seen, back)
    };
    let (seen, back) = tokio::select! {
        biased;
        seen = talk => seen,
        result = relay(Tamper::WillRemoved, near, far) => panic!("the wire ended: {result:?}"),
    };
    assert_eq!((&seen, &back), (broken, broken));
}
