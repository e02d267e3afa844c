use super::*;
use squall_protocol::{
    PacketId, PacketType, Properties, QoS, ReasonCode, Text, decode_one,
    packet::{Ack, Connect, Disconnect, Publish},
};

const NOW: Time = Time::ZERO;
const FIVE: Version = Version::V5_0;

/// A broker of this version whose connections are opened by callers 0 and 1 in turn.
fn broker(version: Version, config: Config) -> Scripted {
    let mut broker = Scripted::new(version, config, Box::new(|conn| (conn.0 % 2) as usize));
    broker.observe(true);
    broker
}

fn hears(broker: &mut Scripted, conn: u64, packet: &Packet) {
    let bytes = encode(packet, broker.version).unwrap();
    broker.handle_bytes(NOW, ConnId(conn), &bytes);
}

fn told(broker: &mut Scripted) -> Vec<String> {
    let events = std::iter::from_fn(|| broker.poll_event());
    events
        .map(|event| match event {
            Event::Opened { conn } => format!("{conn} opened"),
            Event::Received { conn, frame } => format!("{conn} < {}", frame.packet.packet_type()),
            Event::Sent { conn, frame } => format!("{conn} > {}", frame.packet.packet_type()),
            Event::SentRaw {
                conn,
                bytes,
                broken,
            } => format!("{conn} > {} bytes, {broken}", bytes.len()),
            Event::Violation { conn, .. } => format!("{conn} < what is no packet"),
            Event::Closed { conn, cause } => format!("{conn} closed: {cause}"),
            Event::Failed(why) => format!("failed: {why}"),
        })
        .collect()
}

fn sent(broker: &mut Scripted) -> Vec<Packet> {
    let version = broker.version;
    let outputs = std::iter::from_fn(|| broker.poll_output());
    outputs
        .filter_map(|output| match output {
            Output::Send { bytes, .. } => decode_one(&bytes, Role::Server, Some(version)).ok(),
            Output::Verify { .. } | Output::Close { .. } => None,
        })
        .map(|frame| frame.packet)
        .collect()
}

fn connect(client_id: &str) -> Packet {
    Packet::Connect(Box::new(Connect {
        version: FIVE,
        clean_start: true,
        keep_alive: 60,
        client_id: Text::from(client_id),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }))
}

fn publish(id: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::ExactlyOnce,
        retain: false,
        topic: Text::from("t"),
        packet_id: PacketId::new(id),
        properties: Properties::new(),
        payload: Bytes::from_static(b"m"),
    })
}

fn script(broker: &mut Scripted, caller: usize, script: Script) {
    broker.handle_script(NOW, caller, script);
}

#[test]
fn answers_as_a_server_does_that_keeps_nothing() {
    let config = Config {
        receive_maximum: 3,
        server_keep_alive: Some(10),
        ..Config::default()
    };
    let mut broker = broker(FIVE, config);
    broker.handle_open(NOW, ConnId(0));
    hears(&mut broker, 0, &connect(""));
    let sent = sent(&mut broker);
    let [Packet::ConnAck(ack)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert!(!ack.session_present && ack.reason == ReasonCode::SUCCESS);
    assert_eq!(ack.properties.receive_maximum(), Some(3));
    assert_eq!(ack.properties.server_keep_alive(), Some(10));
    let assigned = ack.properties.assigned_client_identifier();
    assert_eq!(
        assigned.map(|id| id.to_string()).as_deref(),
        Some("squall-1")
    );
    let id = PacketId::MIN;
    for (heard, answer) in [
        (publish(1), PacketType::PubRec),
        (Packet::PubRel(Ack::success(id)), PacketType::PubComp),
        (Packet::PubRec(Ack::success(id)), PacketType::PubRel),
        (Packet::PingReq, PacketType::PingResp),
    ] {
        hears(&mut broker, 0, &heard);
        let types: Vec<_> = self::sent(&mut broker)
            .iter()
            .map(Packet::packet_type)
            .collect();
        assert_eq!(types, [answer]);
    }
}

#[test]
fn withholds_what_it_is_told_to_from_this_caller_alone_and_before_it_comes() {
    let mut broker = broker(FIVE, Config::default());
    let withheld = [PacketType::ConnAck].into();
    let answers = Answers {
        withheld,
        ..Answers::default()
    };
    script(&mut broker, 1, Script::Answer(answers));
    for conn in [0, 1] {
        broker.handle_open(NOW, ConnId(conn));
        hears(&mut broker, conn, &connect("c"));
    }
    let told = told(&mut broker);
    assert_eq!(
        told,
        [
            "0 opened",
            "0 < CONNECT",
            "0 > CONNACK",
            "1 opened",
            "1 < CONNECT"
        ]
    );
}

#[test]
fn sends_what_it_is_given_to_the_newest_connection_and_tells_what_can_be_read_in_it() {
    let mut broker = broker(FIVE, Config::default());
    for conn in [0, 2] {
        broker.handle_open(NOW, ConnId(conn));
    }
    told(&mut broker);
    let bytes = Bytes::from_static(&[0xD0, 0x00, 0xD0, 0x00]);
    script(&mut broker, 0, Script::Send(bytes, Some(3)));
    script(&mut broker, 0, Script::SendRest);
    script(
        &mut broker,
        0,
        Script::Send(Bytes::from_static(&[0xFF, 0]), None),
    );
    // Nobody is there.
    script(
        &mut broker,
        1,
        Script::Send(Bytes::from_static(&[0xD0, 0]), None),
    );
    let told = told(&mut broker);
    assert_eq!(
        told,
        [
            "2 > PINGRESP",
            "2 > 3 bytes, false",
            "2 > PINGRESP",
            "2 > 2 bytes, true"
        ]
    );
}

#[test]
fn leaves_unread_what_it_is_told_to_and_closes_when_it_is_told_to() {
    let mut broker = broker(FIVE, Config::default());
    broker.handle_open(NOW, ConnId(0));
    hears(&mut broker, 0, &connect("c"));
    told(&mut broker);
    script(&mut broker, 0, Script::Read(false));
    hears(&mut broker, 0, &Packet::PingReq);
    assert_eq!(told(&mut broker), Vec::<String>::new());
    script(&mut broker, 0, Script::Read(true));
    assert_eq!(told(&mut broker), ["0 < PINGREQ", "0 > PINGRESP"]);
    script(&mut broker, 0, Script::Close);
    assert_eq!(
        told(&mut broker),
        ["0 closed: the broker was told to close it"]
    );
    // It is over: the driver may say so once more.
    broker.handle_closed(NOW, ConnId(0), Hangup::Eof);
    hears(&mut broker, 0, &Packet::PingReq);
    assert_eq!(told(&mut broker), Vec::<String>::new());
}

#[test]
fn a_client_that_disconnects_is_let_go_and_one_that_sends_no_packets_is_not() {
    let mut broker = broker(FIVE, Config::default());
    for conn in [0, 1] {
        broker.handle_open(NOW, ConnId(conn));
        hears(&mut broker, conn, &connect("c"));
    }
    told(&mut broker);
    let disconnect = Disconnect {
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    };
    hears(&mut broker, 0, &Packet::Disconnect(disconnect));
    broker.handle_bytes(NOW, ConnId(1), &[0, 0, 0]);
    broker.handle_bytes(NOW, ConnId(1), &[0xC0, 0]);
    assert_eq!(
        told(&mut broker),
        [
            "0 < DISCONNECT",
            "0 closed: the client sent DISCONNECT 0x00",
            "1 < what is no packet"
        ]
    );
}
