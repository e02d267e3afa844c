//! Every vector that a server sends, against the client's core: what the client does about a broken packet is among
//! the reactions that the standard allows, and an allowed packet is never called malformed.

use bytes::Bytes;
use squall_client::{Client, ConnectOptions, EndCause, Event, Hangup, Message, Output, Ticket};
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, Property, QoS, ReasonCode, Role, Time, Version,
    decode_one, encode,
    packet::{Ack, ConnAck, Publish, Subscription},
    topic::TopicFilter,
};
use squall_vectors::{Case, Sender};
use std::{collections::BTreeMap, fmt::Write as _};

const NOW: Time = Time::ZERO;

/// What the client does about some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    /// One packet each.
    sent: Vec<Bytes>,
    /// Why the client closed the connection, if it did.
    closed: Option<EndCause>,
    /// Whether the codec found a rule broken.
    violation: bool,
}

impl Answer {
    fn and(&mut self, later: Self) {
        self.sent.extend(later.sent);
        self.closed = self.closed.take().or(later.closed);
        self.violation |= later.violation;
    }
}

/// A client that has a session and is about to get the packet of a case.
struct Bench {
    client: Client,
    version: Version,
}

impl Bench {
    fn before(case: &Case) -> Self {
        let mut bench = Self {
            client: Client::new(),
            version: case.version,
        };
        // A session, so that a CONNACK may say that there is one.
        bench.dial();
        bench.hear(&connack(false));
        bench.client.handle_closed(NOW, Hangup::Eof);
        bench.dial();
        if case.packet_type() != Some(PacketType::ConnAck) {
            bench.hear(&connack(true));
            assert!(bench.client.is_connected());
            if case.vector.valid.is_some() {
                bench.ask(case);
            }
        }
        bench.outcome();
        bench
    }

    fn dial(&mut self) {
        let five = self.version == Version::V5_0;
        let options = ConnectOptions {
            clean_start: false,
            session_expiry: five.then_some(60),
            topic_alias_maximum: five.then_some(u16::MAX),
            ..ConnectOptions::new(self.version, "c")
        };
        self.client.connect(NOW, options);
        self.client.handle_dialed(NOW);
        self.outcome();
    }

    /// What an allowed packet answers, or counts on. The client numbers its packets from 1.
    fn ask(&mut self, case: &Case) {
        let frame = decode_one(&case.wire, Role::Server, Some(case.version))
            .unwrap_or_else(|violation| panic!("{}: {violation}", case.label()));
        match frame.packet {
            Packet::SubAck(ack) => self.request(ack.packet_id, ack.reasons.len(), true),
            Packet::UnsubAck(ack) => self.request(ack.packet_id, ack.reasons.len(), false),
            Packet::PubAck(ack) => self.publish(ack.packet_id, QoS::AtLeastOnce),
            Packet::PubRec(ack) => self.publish(ack.packet_id, QoS::ExactlyOnce),
            Packet::PubComp(ack) => {
                self.publish(ack.packet_id, QoS::ExactlyOnce);
                self.hear(&Packet::PubRec(Ack::success(ack.packet_id)));
            }
            Packet::PubRel(ack) => {
                let id = Some(ack.packet_id);
                self.hear(&publish(QoS::ExactlyOnce, id, Properties::new()));
            }
            Packet::Publish(of) if of.topic.is_empty() => {
                let alias = of.properties.topic_alias().expect("instead of a topic");
                let properties = Properties::from_iter([Property::TopicAlias(alias)]);
                self.hear(&publish(QoS::AtMostOnce, None, properties));
            }
            _ => {}
        }
    }

    /// A SUBSCRIBE or UNSUBSCRIBE with this packet identifier, to be answered with this many codes.
    fn request(&mut self, id: PacketId, codes: usize, subscribe: bool) {
        for n in 1..=last(id) {
            // An UNSUBACK of 3.1.1 has no codes.
            let filters = match n == id.get() {
                true => codes.max(1),
                false => 1,
            };
            let filter = || TopicFilter::parse_v3("t").expect("a filter");
            let ticket = Ticket(n.into());
            if subscribe {
                let subscription = || Subscription::new(filter(), QoS::ExactlyOnce);
                let all = (0..filters).map(|_| subscription()).collect();
                self.client.subscribe(NOW, ticket, all, Properties::new());
            } else {
                let all = (0..filters).map(|_| filter()).collect();
                self.client.unsubscribe(NOW, ticket, all, Properties::new());
            }
        }
    }

    /// A message in flight with this packet identifier.
    fn publish(&mut self, id: PacketId, qos: QoS) {
        for n in 1..=last(id) {
            let message = Message::new("t", "", qos);
            self.client.publish(NOW, Ticket(n.into()), message);
        }
    }

    fn hear(&mut self, packet: &Packet) {
        let bytes = encode(packet, self.version).expect("a packet of our own");
        let answer = self.feed(&bytes);
        assert_eq!(answer.closed, None, "{packet:?}");
    }

    fn feed(&mut self, bytes: &[u8]) -> Answer {
        self.client.handle_bytes(NOW, bytes);
        self.outcome()
    }

    fn outcome(&mut self) -> Answer {
        let mut answer = Answer::default();
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Ended { cause } => answer.closed = Some(cause),
                Event::Violation(_) => answer.violation = true,
                _ => {}
            }
        }
        let mut close = false;
        while let Some(output) = self.client.poll_output() {
            assert!(!close, "an output after the close");
            match output {
                Output::Dial => {}
                Output::Send(bytes) => answer.sent.push(bytes),
                Output::Close => close = true,
            }
        }
        let by_us = !matches!(answer.closed, None | Some(EndCause::Peer(_)));
        assert_eq!(close, by_us);
        answer
    }
}

/// How many requests reach this packet identifier; none for a large one.
fn last(id: PacketId) -> u16 {
    if id.get() <= 20 { id.get() } else { 0 }
}

fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

fn publish(qos: QoS, packet_id: Option<PacketId>, properties: Properties) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: "t".into(),
        packet_id,
        properties,
        payload: Bytes::new(),
    })
}

/// Cases in which the client is the receiver.
fn sent_by_servers(cases: impl Iterator<Item = Case>) -> impl Iterator<Item = Case> {
    cases.filter(|case| case.sender == Sender::Server)
}

fn answer(case: &Case) -> Answer {
    Bench::before(case).feed(&case.wire)
}

/// Reads what the client sent with the strict decoder; every packet has to be one that a client may send.
fn read(case: &Case, answer: &Answer) -> Vec<Packet> {
    let read = |bytes: &Bytes| {
        let frame = decode_one(bytes, Role::Client, Some(case.version));
        let frame = frame.unwrap_or_else(|violation| panic!("{}: {violation}", case.label()));
        assert_eq!(frame.bytes.len(), bytes.len(), "{}", case.label());
        frame.packet
    };
    answer.sent.iter().map(read).collect()
}

/// A packet as a word of the vectors; without a code where it has none.
fn word(packet: &Packet) -> String {
    let name = packet.packet_type();
    match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            format!("{name} {}", ack.reason)
        }
        Packet::Disconnect(disconnect) => format!("{name} {}", disconnect.reason),
        _ => name.to_string(),
    }
}

/// The reaction in a word of the vectors.
fn reaction(case: &Case, answer: &Answer) -> String {
    let packets = read(case, answer);
    let goes_on = answer.closed.is_none();
    match &packets[..] {
        [] if !goes_on => "close".to_owned(),
        [packet @ Packet::Disconnect(_)] if !goes_on => word(packet),
        [Packet::PubAck(ack) | Packet::PubRec(ack)] if goes_on && ack.reason.is_error() => {
            word(&packets[0])
        }
        [..] if goes_on => "accept".to_owned(),
        _ => panic!("{}: {packets:?} {:?}", case.label(), answer.closed),
    }
}

#[test]
fn every_reaction_to_a_broken_packet_is_allowed() {
    let mut wrong = Vec::new();
    for case in sent_by_servers(squall_vectors::invalid()) {
        let reaction = reaction(&case, &answer(&case));
        if !case.allows(&reaction) {
            let list = case.reactions();
            wrong.push(format!("{}: {reaction}, not one of {list:?}", case.label()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How often the client does what, and where that is not what the standard recommends.
#[test]
fn reactions_to_broken_packets_counted() {
    let cases = sent_by_servers(squall_vectors::invalid());
    let reactions = cases.map(|case| {
        let reaction = reaction(&case, &answer(&case));
        (case, reaction)
    });
    insta::assert_snapshot!(squall_vectors::tally(reactions));
}

/// What the client makes of packets that the standard allows. It refuses one only for what it knows of the session.
#[test]
fn allowed_packets_are_taken_or_refused_for_a_reason() {
    let mut classes = BTreeMap::<_, Vec<&str>>::new();
    for case in sent_by_servers(squall_vectors::valid()) {
        let answer = answer(&case);
        assert!(!answer.violation, "{}", case.label());
        let mut words: Vec<_> = read(&case, &answer).iter().map(word).collect();
        let mut refused = false;
        match &answer.closed {
            None => {}
            // That is what these packets ask for.
            Some(EndCause::Refused(_) | EndCause::ServerDisconnect(_)) => {
                words.push("close".to_owned());
            }
            Some(EndCause::ProtocolError(error)) => {
                words.push(format!("close: {error}"));
                refused = true;
            }
            Some(cause) => panic!("{}: {cause}", case.label()),
        }
        let packet = case.packet_type().expect("an allowed packet");
        let key = (case.version, packet, refused, words.join(", "));
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

/// However a packet is cut, the client sends and does the same.
#[test]
fn any_split_has_the_same_outcome() {
    let short = |case: &Case| case.wire.len() <= 24;
    for case in sent_by_servers(squall_vectors::cases()).filter(short) {
        let whole = answer(&case);
        for at in 0..case.wire.len() {
            let mut bench = Bench::before(&case);
            let mut parts = bench.feed(&case.wire[..at]);
            parts.and(bench.feed(&case.wire[at..]));
            assert_eq!(parts, whole, "{} split at {at}", case.label());
        }
        let mut bench = Bench::before(&case);
        let mut parts = Answer::default();
        for byte in case.wire.chunks(1) {
            parts.and(bench.feed(byte));
        }
        assert_eq!(parts, whole, "{} byte by byte", case.label());
    }
}
