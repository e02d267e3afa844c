//! Clients that play a script to a double in virtual time, and a log of what it does.

use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Version, encode,
    packet::{
        Ack, Connect, Disconnect, Publish, RetainHandling, Subscribe, Subscription, Unsubscribe,
        Will,
    },
    topic::TopicFilter,
};
use squall_saboteurs::{ConnectionId, Output, Server as _, double::Double};
use std::{collections::BTreeMap, fmt::Write};

/// One client of a script.
struct Client {
    id: ConnectionId,
    decoder: Decoder,
    /// How many packets it still answers by itself: a faulty server could go on for ever.
    answers: u32,
    /// What it saw since it was last asked.
    seen: Vec<String>,
}

/// A double and its clients.
pub(crate) struct Stage {
    pub(crate) version: Version,
    double: Double,
    now: u64,
    clients: BTreeMap<u8, Client>,
    connections: u64,
    /// Everything the double put out, with its time.
    pub(crate) log: String,
}

impl Stage {
    pub(crate) fn new(version: Version, double: Double) -> Self {
        Self {
            version,
            double,
            now: 0,
            clients: BTreeMap::new(),
            connections: 0,
            log: String::new(),
        }
    }

    pub(crate) fn is_v5(&self) -> bool {
        self.version == Version::V5_0
    }

    /// Opens a connection in the place of this client.
    pub(crate) fn open(&mut self, n: u8) {
        self.connections += 1;
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(self.version);
        let id = ConnectionId(self.connections);
        let client = Client {
            id,
            decoder,
            answers: 0,
            seen: Vec::new(),
        };
        self.clients.insert(n, client);
        self.double.opened(self.now, id);
        self.collect();
    }

    /// From here on the client acknowledges what it gets.
    pub(crate) fn acknowledge(&mut self, n: u8) {
        self.clients.get_mut(&n).expect("it was opened").answers = 50;
    }

    pub(crate) fn raw(&mut self, n: u8, bytes: &[u8]) {
        let id = self.clients[&n].id;
        writeln!(self.log, "{} {} is heard", self.now, id.0).expect("a string");
        self.double.received(self.now, id, bytes);
        self.collect();
    }

    pub(crate) fn send(&mut self, n: u8, packet: &Packet) {
        let bytes = encode(packet, self.version).expect("scripts write what can be written");
        self.raw(n, &bytes);
    }

    /// Cuts the connection.
    pub(crate) fn close(&mut self, n: u8) {
        let id = self.clients[&n].id;
        self.double.closed(self.now, id);
        self.collect();
    }

    /// Lets milliseconds pass, deadline by deadline.
    pub(crate) fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = self.double.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.double.passed(self.now);
            self.collect();
        }
        self.now = end;
        self.double.passed(end);
        self.collect();
    }

    /// Takes what the double puts out, logs it, and has clients answer.
    fn collect(&mut self) {
        let mut answers = Vec::new();
        for output in self.double.outputs() {
            let (id, bytes) = match output {
                Output::Send(id, bytes) => (id, Some(bytes)),
                Output::Close(id) => (id, None),
            };
            let what = bytes
                .as_ref()
                .map_or("closed".to_owned(), |b| format!("{:02x?}", &b[..]));
            writeln!(self.log, "{} {} {what}", self.now, id.0).expect("a string");
            let Some((n, client)) = self.clients.iter_mut().find(|(_, c)| c.id == id) else {
                continue;
            };
            let Some(bytes) = bytes else {
                client.seen.push("closed".to_owned());
                continue;
            };
            client.decoder.push(&bytes);
            loop {
                match client.decoder.next_packet() {
                    Ok(Some(packet)) => {
                        client.seen.push(packet.summary());
                        if client.answers > 0
                            && let Some(answer) = answer(&packet)
                        {
                            client.answers -= 1;
                            answers.push((*n, answer));
                        }
                    }
                    Ok(None) => break,
                    Err(violation) => {
                        client.seen.push(violation.to_string());
                        break;
                    }
                }
            }
        }
        for (n, packet) in answers {
            self.send(n, &packet);
        }
    }

    /// What a client saw since it was last asked.
    pub(crate) fn seen(&mut self, n: u8) -> Vec<String> {
        let client = self.clients.get_mut(&n).expect("it was opened");
        std::mem::take(&mut client.seen)
    }

    /// Opens a connection and connects, with Clean Start 1 and no Keep Alive unless `change` says otherwise.
    pub(crate) fn connect_with(&mut self, n: u8, id: &str, change: impl FnOnce(&mut Connect)) {
        self.open(n);
        let mut connect = connect(self.version, id);
        change(&mut connect);
        self.send(n, &Packet::Connect(Box::new(connect)));
    }

    pub(crate) fn connect(&mut self, n: u8, id: &str) {
        self.connect_with(n, id, |_| {});
    }

    /// Connects with Clean Start 0 to a session that is kept.
    pub(crate) fn keep(&mut self, n: u8, id: &str) {
        self.connect_with(n, id, kept);
    }

    pub(crate) fn subscribe_with(
        &mut self,
        n: u8,
        id: u16,
        properties: Properties,
        all: Vec<Subscription>,
    ) {
        let packet = Packet::Subscribe(Subscribe {
            packet_id: packet_id(id),
            properties,
            subscriptions: all,
        });
        self.send(n, &packet);
    }

    pub(crate) fn subscribe(&mut self, n: u8, id: u16, filters: &[(&str, u8)]) {
        let all = filters
            .iter()
            .map(|(f, qos)| self.subscription(f, *qos))
            .collect();
        self.subscribe_with(n, id, Properties::new(), all);
    }

    pub(crate) fn subscription(&self, filter: &str, qos: u8) -> Subscription {
        let filter = match self.version {
            Version::V3_1_1 => TopicFilter::parse_v3(filter),
            Version::V5_0 => TopicFilter::parse_v5(filter),
        };
        let qos = QoS::from_bits(qos).expect("a QoS");
        Subscription::new(filter.expect("a topic filter"), qos)
    }

    /// A subscription with Retain Handling.
    pub(crate) fn handling(&self, filter: &str, handling: u8) -> Subscription {
        Subscription {
            retain_handling: RetainHandling::from_bits(handling).expect("Retain Handling"),
            ..self.subscription(filter, 1)
        }
    }

    pub(crate) fn unsubscribe(&mut self, n: u8, id: u16, filters: &[&str]) {
        let filters = filters.iter().map(|f| self.subscription(f, 0).filter);
        let packet = Packet::Unsubscribe(Unsubscribe {
            packet_id: packet_id(id),
            properties: Properties::new(),
            filters: filters.collect(),
        });
        self.send(n, &packet);
    }

    pub(crate) fn publish_with(
        &mut self,
        n: u8,
        topic: &str,
        payload: &str,
        (qos, id): (u8, u16),
        change: impl FnOnce(&mut Publish),
    ) {
        let mut publish = Publish {
            dup: false,
            qos: QoS::from_bits(qos).expect("a QoS"),
            retain: false,
            topic: Text::from(topic),
            packet_id: PacketId::new(id),
            properties: Properties::new(),
            payload: payload.as_bytes().to_vec().into(),
        };
        change(&mut publish);
        self.send(n, &Packet::Publish(publish));
    }

    pub(crate) fn publish(&mut self, n: u8, topic: &str, payload: &str, qos: (u8, u16)) {
        self.publish_with(n, topic, payload, qos, |_| {});
    }

    /// Publishes with RETAIN 1.
    pub(crate) fn retain(&mut self, n: u8, topic: &str, payload: &str, qos: (u8, u16)) {
        self.publish_with(n, topic, payload, qos, |p| p.retain = true);
    }

    /// Publishes with properties (5.0).
    pub(crate) fn publish_props(&mut self, n: u8, topic: &str, qos: (u8, u16), all: &[Property]) {
        self.publish_with(n, topic, "payload", qos, |p| {
            p.properties = all.iter().cloned().collect();
        });
    }

    pub(crate) fn puback(&mut self, n: u8, id: u16, reason: u8) {
        self.send(n, &Packet::PubAck(ack(id, reason)));
    }

    pub(crate) fn pubrec(&mut self, n: u8, id: u16, reason: u8) {
        self.send(n, &Packet::PubRec(ack(id, reason)));
    }

    pub(crate) fn pubrel(&mut self, n: u8, id: u16) {
        self.send(n, &Packet::PubRel(ack(id, 0)));
    }

    pub(crate) fn pubcomp(&mut self, n: u8, id: u16) {
        self.send(n, &Packet::PubComp(ack(id, 0)));
    }

    pub(crate) fn ping(&mut self, n: u8) {
        self.send(n, &Packet::PingReq);
    }

    pub(crate) fn disconnect(&mut self, n: u8, reason: u8, properties: &[Property]) {
        let mut packet = Disconnect::with_reason(ReasonCode(reason));
        packet.properties = properties.iter().cloned().collect();
        self.send(n, &Packet::Disconnect(packet));
    }
}

/// What a client answers.
fn answer(packet: &Packet) -> Option<Packet> {
    let ack = |id| Ack::success(id);
    match packet {
        Packet::Publish(p) if p.qos == QoS::AtLeastOnce => {
            p.packet_id.map(|id| Packet::PubAck(ack(id)))
        }
        Packet::Publish(p) => p.packet_id.map(|id| Packet::PubRec(ack(id))),
        Packet::PubRel(p) => Some(Packet::PubComp(ack(p.packet_id))),
        _ => None,
    }
}

pub(crate) fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).expect("not zero")
}

fn ack(id: u16, reason: u8) -> Ack {
    Ack::with_reason(packet_id(id), ReasonCode(reason))
}

fn connect(version: Version, id: &str) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id: Text::from(id),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }
}

/// Changes a CONNECT so that its session is resumed and kept for 100 seconds.
pub(crate) fn kept(connect: &mut Connect) {
    connect.clean_start = false;
    if connect.version == Version::V5_0 {
        connect.properties.set(Property::SessionExpiryInterval(100));
    }
}

/// A will on `will`, with these properties in 5.0.
pub(crate) fn will(connect: &mut Connect, payload: &str, qos: u8, properties: &[Property]) {
    let five = connect.version == Version::V5_0;
    connect.will = Some(Will {
        topic: Text::from("will"),
        payload: payload.as_bytes().to_vec().into(),
        qos: QoS::from_bits(qos).expect("a QoS"),
        retain: false,
        properties: properties.iter().filter(|_| five).cloned().collect(),
    });
}
