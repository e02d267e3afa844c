//! The core through packets: a bench that plays the network and the clock, and tests by subject.

mod admit;
mod alias;
mod connect;
mod deliver;
mod exchange;
mod guide;
mod keep_alive;
mod kept;
mod limits;
mod offer;
mod property;
mod publish;
mod restore;
mod retained;
mod rights;
mod room;
mod room_property;
mod session;
mod shared;
mod shared_work;
mod subscribe;
mod tree;
mod will;

use super::{Broker, CloseCause, ConnId, Event, Output};
use crate::{Config, security::Credentials};
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, Role, Text, Time, Version, decode_one, encode,
    packet::{Ack, Connect, Disconnect, Publish, Subscribe, Subscription, Unsubscribe, Will},
    topic::TopicFilter,
};
use squall_transport::Hangup;
use std::collections::BTreeMap;

use QoS::{AtLeastOnce as Q1, AtMostOnce as Q0, ExactlyOnce as Q2};
use Version::{V3_1_1 as V3, V5_0 as V5};

struct Bench {
    broker: Broker,
    now: Time,
    versions: BTreeMap<ConnId, Version>,
    inbox: BTreeMap<ConnId, Vec<Packet>>,
    closed: BTreeMap<ConnId, CloseCause>,
    /// Who is to be verified.
    asked: Vec<(ConnId, Credentials)>,
    log: Vec<Event>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let mut broker = Broker::new(config);
        broker.observe(true);
        Self {
            broker,
            now: Time::ZERO,
            versions: BTreeMap::new(),
            inbox: BTreeMap::new(),
            closed: BTreeMap::new(),
            asked: Vec::new(),
            log: Vec::new(),
        }
    }

    fn open(&mut self) -> ConnId {
        let conn = ConnId(self.versions.len() as u64);
        self.versions.insert(conn, V5);
        self.broker.handle_open(self.now, conn);
        self.drain();
        conn
    }

    /// Opens a connection and sends CONNECT on it; what comes back is in the inbox.
    fn dial(&mut self, connect: Connect) -> ConnId {
        let conn = self.open();
        self.versions.insert(conn, connect.version);
        self.send(conn, Packet::Connect(Box::new(connect)));
        conn
    }

    /// A client that is accepted; gives its connection and forgets the CONNACK.
    fn connect(&mut self, version: Version, client_id: &str) -> ConnId {
        self.join(hello(version, client_id))
    }

    /// Like [`Self::connect`] with every option.
    fn join(&mut self, connect: Connect) -> ConnId {
        let conn = self.dial(connect);
        let answer = self.inbox.get_mut(&conn).map(|packets| packets.remove(0));
        match answer {
            Some(Packet::ConnAck(ack)) if !ack.reason.is_error() => conn,
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    fn send(&mut self, conn: ConnId, packet: Packet) {
        let bytes = encode(&packet, self.versions[&conn]).unwrap();
        self.raw(conn, &bytes);
    }

    fn raw(&mut self, conn: ConnId, bytes: &[u8]) {
        self.broker.handle_bytes(self.now, conn, bytes);
        self.drain();
    }

    fn hang_up(&mut self, conn: ConnId) {
        self.broker.handle_closed(self.now, conn, Hangup::Reset);
        self.drain();
    }

    fn subscribe(&mut self, conn: ConnId, filter: &str, qos: QoS) {
        self.subscribe_with(conn, filter, qos, |_| {});
    }

    fn subscribe_with(
        &mut self,
        conn: ConnId,
        filter: &str,
        qos: QoS,
        change: impl FnOnce(&mut Subscription),
    ) {
        let mut subscription = Subscription::new(self.filter(conn, filter), qos);
        change(&mut subscription);
        self.send(conn, Packet::Subscribe(subscribe(vec![subscription])));
        let seen = self.seen(conn);
        assert_eq!(
            seen.first(),
            Some(&format!("suback #9 {:02x}", qos.as_u8()))
        );
    }

    /// Subscribes at QoS 0 and leaves everything in the inbox.
    fn subscribe_without_check(&mut self, conn: ConnId, filter: &str) {
        let subscription = Subscription::new(self.filter(conn, filter), Q0);
        self.send(conn, Packet::Subscribe(subscribe(vec![subscription])));
    }

    fn filter(&self, conn: ConnId, filter: &str) -> TopicFilter {
        match self.versions[&conn] {
            V3 => TopicFilter::parse_v3(filter).unwrap(),
            V5 => TopicFilter::parse_v5(filter).unwrap(),
        }
    }

    fn unsubscribe(&mut self, conn: ConnId, filters: &[&str]) {
        let filters = filters.iter().map(|f| self.filter(conn, f)).collect();
        let properties = Properties::new();
        let packet_id = id(9);
        self.send(
            conn,
            Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            }),
        );
    }

    fn publish(&mut self, conn: ConnId, topic: &str, payload: &str, qos: QoS) {
        self.send(conn, Packet::Publish(message(topic, payload, qos)));
    }

    fn publish_retained(&mut self, conn: ConnId, topic: &str, payload: &str, qos: QoS) {
        let publish = Publish {
            retain: true,
            ..message(topic, payload, qos)
        };
        self.send(conn, Packet::Publish(publish));
    }

    fn disconnect(&mut self, conn: ConnId) {
        let reason = squall_protocol::ReasonCode::NORMAL_DISCONNECTION;
        self.send(conn, Packet::Disconnect(Disconnect::with_reason(reason)));
    }

    /// Lets time pass, with every deadline on the way.
    fn pass(&mut self, ms: u64) {
        let end = Time::from_millis(self.now.as_millis() + ms);
        while let Some(at) = self.broker.poll_timeout().filter(|at| *at <= end) {
            assert!(at >= self.now, "a deadline lies in the past");
            self.now = at;
            self.broker.handle_timeout(at);
            let next = self.broker.poll_timeout();
            assert!(next.is_none_or(|next| next > at), "it is still due");
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(event) = self.broker.poll_event() {
            if let Event::Closed { conn, cause } = &event {
                let before = self.closed.insert(*conn, *cause);
                assert_eq!(before, None, "closed twice");
            }
            self.log.push(event);
        }
        while let Some(output) = self.broker.poll_output() {
            match output {
                Output::Send { conn, bytes } => {
                    let version = self.versions[&conn];
                    let frame = decode_one(&bytes, Role::Server, Some(version)).unwrap();
                    assert_eq!(frame.bytes, bytes, "exactly one packet");
                    self.inbox.entry(conn).or_default().push(frame.packet);
                }
                Output::Verify { conn, credentials } => self.asked.push((conn, credentials)),
                Output::Close { conn } => assert!(self.closed.contains_key(&conn)),
            }
        }
    }

    /// Takes what a client was sent.
    fn packets(&mut self, conn: ConnId) -> Vec<Packet> {
        self.inbox.remove(&conn).unwrap_or_default()
    }

    /// Takes what a client was sent, in short.
    fn seen(&mut self, conn: ConnId) -> Vec<String> {
        self.packets(conn).iter().map(brief).collect()
    }

    /// Takes the messages a client was sent.
    fn messages(&mut self, conn: ConnId) -> Vec<Publish> {
        let only = |packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        };
        self.packets(conn).into_iter().filter_map(only).collect()
    }

    fn cause(&self, conn: ConnId) -> Option<CloseCause> {
        self.closed.get(&conn).copied()
    }
}

/// A packet in short: `publish a/b text q1 #1 dup retain`, `puback #1 0x10`.
fn brief(packet: &Packet) -> String {
    let ack = |name: &str, ack: &Ack| match ack.reason.0 {
        0 => format!("{name} #{}", ack.packet_id),
        _ => format!("{name} #{} {}", ack.packet_id, ack.reason),
    };
    let reasons = |name: &str, id: PacketId, reasons: &[squall_protocol::ReasonCode]| {
        let codes: Vec<_> = reasons.iter().map(|r| format!(" {:02x}", r.0)).collect();
        format!("{name} #{id}{}", codes.concat())
    };
    match packet {
        Packet::ConnAck(a) => format!("connack {} {}", u8::from(a.session_present), a.reason),
        Packet::Publish(p) => {
            let id = p.packet_id.map(|id| format!(" #{id}")).unwrap_or_default();
            let dup = if p.dup { " dup" } else { "" };
            let retain = if p.retain { " retain" } else { "" };
            let payload = String::from_utf8_lossy(&p.payload);
            format!("publish {} {payload} q{}{id}{dup}{retain}", p.topic, p.qos)
        }
        Packet::PubAck(a) => ack("puback", a),
        Packet::PubRec(a) => ack("pubrec", a),
        Packet::PubRel(a) => ack("pubrel", a),
        Packet::PubComp(a) => ack("pubcomp", a),
        Packet::SubAck(a) => reasons("suback", a.packet_id, &a.reasons),
        Packet::UnsubAck(a) => reasons("unsuback", a.packet_id, &a.reasons),
        Packet::Disconnect(d) => format!("disconnect {}", d.reason),
        Packet::PingResp => "pingresp".into(),
        other => format!("{other:?}"),
    }
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

/// CONNECT with a clean start, no Keep Alive and nothing else.
fn hello(version: Version, client_id: &str) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id: client_id.into(),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }
}

/// CONNECT that goes on with an old session, which is kept for ever.
fn hello_again(version: Version, client_id: &str) -> Connect {
    let mut connect = hello(version, client_id);
    connect.clean_start = false;
    if version == V5 {
        connect
            .properties
            .push(Property::SessionExpiryInterval(u32::MAX));
    }
    connect
}

fn with_property(mut connect: Connect, property: Property) -> Connect {
    connect.properties.push(property);
    connect
}

fn with_will(mut connect: Connect, will: Will) -> Connect {
    connect.will = Some(will);
    connect
}

fn will(topic: &str, payload: &str) -> Will {
    Will {
        topic: topic.into(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos: Q0,
        retain: false,
        properties: Properties::new(),
    }
}

fn delayed(mut will: Will, secs: u32) -> Will {
    will.properties.push(Property::WillDelayInterval(secs));
    will
}

/// A PUBLISH, with packet identifier 7 where it needs one.
fn message(topic: &str, payload: &str, qos: QoS) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: topic.into(),
        packet_id: (qos != Q0).then(|| id(7)),
        properties: Properties::new(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

/// A SUBSCRIBE with packet identifier 9.
fn subscribe(subscriptions: Vec<Subscription>) -> Subscribe {
    Subscribe {
        packet_id: id(9),
        properties: Properties::new(),
        subscriptions,
    }
}

fn puback(n: u16) -> Packet {
    Packet::PubAck(Ack::success(id(n)))
}

fn pubrec(n: u16) -> Packet {
    Packet::PubRec(Ack::success(id(n)))
}

fn pubrel(n: u16) -> Packet {
    Packet::PubRel(Ack::success(id(n)))
}

fn pubcomp(n: u16) -> Packet {
    Packet::PubComp(Ack::success(id(n)))
}

fn text(s: &str) -> Text {
    s.into()
}
