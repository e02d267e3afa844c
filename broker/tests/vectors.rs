//! Every vector that a client sends, against the broker's core: what the broker does about a broken packet is among
//! the reactions that the standard allows, and an allowed packet is never called malformed.

use bytes::{Bytes, BytesMut};
use squall_broker::{Broker, CloseCause, Config, ConnId, Event, Output};
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, Property, QoS, ReasonCode, Role, Time, Version,
    decode_one, encode,
    packet::{Ack, Connect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use squall_vectors::{Case, Sender};
use std::{collections::BTreeMap, fmt::Write as _};

const CONN: ConnId = ConnId(0);

/// What the broker does about some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    /// One packet each.
    sent: Vec<Bytes>,
    /// Why the broker closed the connection, if it did.
    closed: Option<CloseCause>,
    /// Whether the codec found a rule broken.
    violation: bool,
}

/// A broker with one open connection.
struct Bench {
    broker: Broker,
}

impl Bench {
    fn new() -> Self {
        let mut broker = Broker::new(Config {
            topic_alias_maximum: u16::MAX,
            ..Config::default()
        });
        broker.observe(true);
        broker.handle_open(Time::ZERO, CONN);
        Self { broker }
    }

    fn feed(&mut self, bytes: &[u8]) -> Answer {
        self.broker.handle_bytes(Time::ZERO, CONN, bytes);
        let mut answer = Answer::default();
        let mut close = false;
        while let Some(output) = self.broker.poll_output() {
            assert!(!close, "an output behind the close");
            match output {
                Output::Send { bytes, .. } => answer.sent.push(bytes),
                Output::Close { .. } => close = true,
                Output::Verify { .. } => panic!("nobody said that passwords are verified"),
            }
        }
        while let Some(event) = self.broker.poll_event() {
            match event {
                Event::Closed { cause, .. } => answer.closed = Some(cause),
                Event::Violation { .. } => answer.violation = true,
                Event::Opened { .. }
                | Event::Received { .. }
                | Event::Sent { .. }
                | Event::SentRaw { .. }
                | Event::Failed(_) => {}
            }
        }
        assert_eq!(close, answer.closed.is_some());
        answer
    }
}

impl Answer {
    fn and(&mut self, later: Self) {
        self.sent.extend(later.sent);
        self.closed = self.closed.or(later.closed);
        self.violation |= later.violation;
    }
}

/// Cases in which the broker is the receiver.
fn sent_by_clients(cases: impl Iterator<Item = Case>) -> impl Iterator<Item = Case> {
    cases.filter(|case| case.sender == Sender::Client)
}

/// What has to go before the packet: nothing where it is the first, else CONNECT, and where an allowed packet answers
/// something, what it answers.
fn greeting(case: &Case) -> Bytes {
    if case.vector.first {
        return Bytes::new();
    }
    let mut packets = vec![Packet::Connect(Box::new(hello(case.version)))];
    if case.vector.valid.is_some() {
        packets.extend(what_is_answered(case));
    }
    let mut all = BytesMut::new();
    for packet in packets {
        all.extend(encode(&packet, case.version).expect("a packet of our own"));
    }
    all.freeze()
}

fn hello(version: Version) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id: "c".into(),
        will: None,
        user_name: None,
        password: None,
        // So that DISCONNECT may set another one [X-5.0-disconnect-3].
        properties: match version {
            Version::V3_1_1 => Properties::new(),
            Version::V5_0 => Properties::from_iter([Property::SessionExpiryInterval(60)]),
        },
    }
}

/// Puts a message in flight under the identifier that the acknowledgement names: the broker counts from 1. Gives a
/// Topic Alias its topic.
fn what_is_answered(case: &Case) -> Vec<Packet> {
    let frame = decode_one(&case.wire, Role::Client, Some(case.version))
        .unwrap_or_else(|violation| panic!("{}: {violation}", case.label()));
    let (ack, qos) = match frame.packet {
        Packet::PubAck(ack) => (ack, QoS::AtLeastOnce),
        Packet::PubRec(ack) | Packet::PubComp(ack) => (ack, QoS::ExactlyOnce),
        Packet::PubRel(ack) => return vec![publish(ack.packet_id, QoS::ExactlyOnce)],
        Packet::Publish(publish) if publish.topic.is_empty() => return vec![alias(&publish)],
        _ => return Vec::new(),
    };
    if ack.packet_id.get() > 20 {
        return Vec::new();
    }
    let mut packets = vec![subscribe(qos)];
    packets.extend((1..=ack.packet_id.get()).map(|id| publish(identifier(id), qos)));
    if case.packet_type() == Some(PacketType::PubComp) {
        packets.push(Packet::PubRec(Ack::success(ack.packet_id)));
    }
    packets
}

fn identifier(id: u16) -> PacketId {
    PacketId::new(id).expect("from 1")
}

fn publish(id: PacketId, qos: QoS) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: "t".into(),
        packet_id: Some(id),
        properties: Properties::new(),
        payload: Bytes::new(),
    })
}

/// Gives the Topic Alias of a PUBLISH a topic.
fn alias(of: &Publish) -> Packet {
    let alias = of.properties.topic_alias().expect("instead of a topic");
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "t".into(),
        packet_id: None,
        properties: Properties::from_iter([Property::TopicAlias(alias)]),
        payload: Bytes::new(),
    })
}

fn subscribe(qos: QoS) -> Packet {
    let filter = TopicFilter::parse_v5("t").expect("a filter");
    Packet::Subscribe(Subscribe {
        packet_id: identifier(1),
        properties: Properties::new(),
        subscriptions: vec![Subscription::new(filter, qos)],
    })
}

/// The answer to the packet of the case alone.
fn answer(case: &Case) -> Answer {
    let mut bench = Bench::new();
    let before = bench.feed(&greeting(case));
    assert_eq!(before.closed, None, "{}", case.label());
    assert_eq!(before.sent.is_empty(), case.vector.first);
    bench.feed(&case.wire)
}

/// Reads what the broker sent with the strict decoder; every packet has to be one that a server may send.
fn read(case: &Case, answer: &Answer) -> Vec<Packet> {
    let read = |bytes: &Bytes| {
        // Who speaks neither version is told so in the form of 3.1.1.
        let version = match bytes[..] == UNACCEPTABLE_PROTOCOL_VERSION {
            true => Version::V3_1_1,
            false => case.version,
        };
        let frame = decode_one(bytes, Role::Server, Some(version));
        let frame = frame.unwrap_or_else(|violation| panic!("{}: {violation}", case.label()));
        assert_eq!(frame.bytes.len(), bytes.len(), "{}", case.label());
        frame.packet
    };
    answer.sent.iter().map(read).collect()
}

const UNACCEPTABLE_PROTOCOL_VERSION: [u8; 4] = [0x20, 0x02, 0x00, 0x01];

/// A packet as a word of the vectors; without a code where it has none.
fn word(packet: &Packet) -> String {
    let code = match packet {
        Packet::ConnAck(ack) => Some(ack.reason),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => Some(ack.reason),
        Packet::SubAck(ack) => worst(&ack.reasons),
        Packet::UnsubAck(ack) => worst(&ack.reasons),
        Packet::Disconnect(disconnect) => Some(disconnect.reason),
        _ => None,
    };
    let name = packet.packet_type();
    code.map_or_else(|| name.to_string(), |code| format!("{name} {code}"))
}

fn worst(codes: &[ReasonCode]) -> Option<ReasonCode> {
    codes.iter().copied().max()
}

/// The reaction in a word of the vectors.
fn reaction(case: &Case, answer: &Answer) -> String {
    let packets = read(case, answer);
    let goes_on = answer.closed.is_none();
    match &packets[..] {
        [] if !goes_on => "close".to_owned(),
        [packet @ (Packet::ConnAck(_) | Packet::Disconnect(_))] if !goes_on => word(packet),
        [Packet::PubAck(ack) | Packet::PubRec(ack)] if goes_on && ack.reason.is_error() => {
            word(&packets[0])
        }
        [Packet::SubAck(_) | Packet::UnsubAck(_)] if goes_on && refuses(&packets[0]) => {
            word(&packets[0])
        }
        [..] if goes_on => "accept".to_owned(),
        _ => panic!("{}: {packets:?} {:?}", case.label(), answer.closed),
    }
}

fn refuses(packet: &Packet) -> bool {
    match packet {
        Packet::SubAck(ack) => worst(&ack.reasons),
        Packet::UnsubAck(ack) => worst(&ack.reasons),
        _ => None,
    }
    .is_some_and(ReasonCode::is_error)
}

#[test]
fn every_reaction_to_a_broken_packet_is_allowed() {
    let mut wrong = Vec::new();
    for case in sent_by_clients(squall_vectors::invalid()) {
        let reaction = reaction(&case, &answer(&case));
        if !case.allows(&reaction) {
            let list = case.reactions();
            wrong.push(format!("{}: {reaction}, not one of {list:?}", case.label()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How often the broker does what, and where that is not what the standard recommends:
///
/// * A CONNECT whose fault lies before its Protocol Level is closed without CONNACK, whose form nobody could choose.
/// * So is one with another protocol name: which protocol that client speaks is not known.
/// * A client of another level is told so in the form of 3.1.1, the only one that it may know [MQTT-3.1.2-2].
#[test]
fn reactions_to_broken_packets_counted() {
    let cases = sent_by_clients(squall_vectors::invalid());
    let reactions = cases.map(|case| {
        let reaction = reaction(&case, &answer(&case));
        (case, reaction)
    });
    insta::assert_snapshot!(squall_vectors::tally(reactions));
}

/// What the broker makes of packets that the standard allows. It refuses one only for what it knows of the session,
/// or does not offer.
#[test]
fn allowed_packets_are_taken_or_refused_for_a_reason() {
    let mut classes = BTreeMap::<_, Vec<&str>>::new();
    for case in sent_by_clients(squall_vectors::valid()) {
        let answer = answer(&case);
        assert!(!answer.violation, "{}", case.label());
        let mut words: Vec<_> = read(&case, &answer).iter().map(word).collect();
        let refused = match answer.closed {
            None => false,
            Some(CloseCause::Disconnected(_)) => {
                words.push("close".to_owned());
                false
            }
            Some(
                cause @ (CloseCause::ProtocolError(_)
                | CloseCause::Refused(_)
                | CloseCause::AnswerTooLarge),
            ) => {
                words.push(format!("close: {cause}"));
                true
            }
            Some(cause) => panic!("{}: {cause}", case.label()),
        };
        let packet = case.packet_type().expect("an allowed packet");
        let words = words.join(", ");
        let key = (case.version, packet, refused, words);
        classes.entry(key).or_default().push(&case.vector.name);
    }
    let mut out = String::new();
    for ((version, packet, refused, words), names) in classes {
        let words = if words.is_empty() { "nothing" } else { &words };
        let count = names.len();
        writeln!(out, "{version} {packet}: {words}: {count}").expect("a string");
        for name in names.iter().filter(|_| refused) {
            writeln!(out, "    {name}").expect("a string");
        }
    }
    insta::assert_snapshot!(out);
}

/// However the stream is cut, from its first byte on, the broker sends and does the same.
#[test]
fn any_split_has_the_same_outcome() {
    let short = |case: &Case| case.wire.len() <= 24;
    for case in sent_by_clients(squall_vectors::cases()).filter(short) {
        let mut stream = greeting(&case).to_vec();
        stream.extend_from_slice(&case.wire);
        let whole = Bench::new().feed(&stream);
        let first_behind = stream.len() - case.wire.len();
        for at in first_behind..stream.len() {
            let mut bench = Bench::new();
            let mut parts = bench.feed(&stream[..at]);
            parts.and(bench.feed(&stream[at..]));
            assert_eq!(parts, whole, "{} split at {at}", case.label());
        }
        let mut bench = Bench::new();
        let mut parts = Answer::default();
        for byte in stream.chunks(1) {
            parts.and(bench.feed(byte));
        }
        assert_eq!(parts, whole, "{} byte by byte", case.label());
    }
}
