//! Fake servers: each answers in its own way, and none of them delivers what was published as a broker would.

use squall_protocol::{Decoder, Packet, Role, Version, decode_one};
use squall_saboteurs::{
    ConnectionId, Output, Server,
    double::Double,
    fake::{Fake, FakeServer},
};
use std::collections::BTreeMap;

const SUBSCRIBER: ConnectionId = ConnectionId(1);
const PUBLISHER: ConnectionId = ConnectionId(2);

/// Two clients of 3.1.1: one subscribes to `t/+` with QoS 1, one publishes to `t/1` with QoS 1 and to `u` with QoS 0.
fn play(mut server: impl Server) -> BTreeMap<ConnectionId, Vec<u8>> {
    let connect = |name: u8| [b"\x10\x0D\0\x04MQTT\x04\x02\0\0\0\x01", &[name][..]].concat();
    let mut seen: BTreeMap<ConnectionId, Vec<u8>> = BTreeMap::new();
    let steps = [
        (SUBSCRIBER, connect(b'a')),
        (SUBSCRIBER, b"\x82\x08\0\x01\0\x03t/+\x01".to_vec()),
        (PUBLISHER, connect(b'b')),
        (PUBLISHER, b"\x32\x08\0\x03t/1\0\x07!".to_vec()),
        (PUBLISHER, b"\x30\x04\0\x01u!".to_vec()),
        (PUBLISHER, b"\xC0\x00".to_vec()),
    ];
    server.opened(0, SUBSCRIBER);
    server.opened(0, PUBLISHER);
    for (id, bytes) in steps {
        server.received(0, id, &bytes);
        for output in server.outputs() {
            match output {
                Output::Send(id, bytes) => seen.entry(id).or_default().extend(bytes),
                Output::Close(id) => seen.entry(id).or_default().extend(b"closed"),
            }
        }
    }
    seen
}

/// Whether the subscriber got exactly what a broker sends it.
fn delivers(seen: &BTreeMap<ConnectionId, Vec<u8>>) -> bool {
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(Version::V3_1_1);
    decoder.push(seen.get(&SUBSCRIBER).map_or(&[], Vec::as_slice));
    let mut published = Vec::new();
    while let Ok(Some(packet)) = decoder.next_packet() {
        if let Packet::Publish(publish) = packet {
            published.push((publish.topic.to_string(), publish.qos.as_u8()));
        }
    }
    published == [("t/1".to_owned(), 1)]
}

#[test]
fn the_plain_double_delivers_and_no_fake_does() {
    assert!(delivers(&play(Double::new([]))));
    for fake in Fake::ALL {
        assert!(!delivers(&play(FakeServer::new(*fake))), "{}", fake.name());
    }
}

#[test]
fn every_fake_answers_in_its_own_way() {
    let mut ways = BTreeMap::new();
    for fake in Fake::ALL {
        let seen = play(FakeServer::new(*fake));
        assert_eq!(ways.insert(seen, fake.name()), None, "{}", fake.name());
        assert_eq!(Fake::from_name(fake.name()), Some(*fake));
    }
    assert!(ways.len() >= 12);
}

#[test]
fn those_that_greet_send_a_valid_connack() {
    for fake in [
        Fake::AcksAll,
        Fake::Hub,
        Fake::Parrot,
        Fake::Flood,
        Fake::Forgetful,
    ] {
        let seen = play(FakeServer::new(fake));
        let bytes = seen[&PUBLISHER].clone().into();
        let frame = decode_one(&bytes, Role::Server, Some(Version::V3_1_1));
        assert!(
            matches!(frame.map(|f| f.packet), Ok(Packet::ConnAck(_))),
            "{}",
            fake.name()
        );
    }
}
