//! The core, tested with the words of a server in both versions.
//!
//! A [`Rig`] feeds packets to a client and keeps what comes out as lines, so that a test reads like a trace:
//! `> ` sent, `< ` received, then the other events, and `dial` and `close` as the driver is told.

mod acknowledging;
mod again;
mod authentication;
mod connecting;
mod faults;
mod limits;
mod properties;
mod receiving;
mod renewal;
mod sending;
mod sessions;
mod shared;
mod timing;

use super::*;
use squall_protocol::{
    Frame, PacketId, Property, QoS, Version,
    packet::{Ack, ConnAck, Disconnect, Publish, SubAck, UnsubAck},
};
use std::time::Duration;

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5_0;

/// A client with everything that came out of it since it was last asked.
struct Rig {
    client: Client,
    version: Version,
    now: Time,
    lines: Vec<String>,
}

impl Rig {
    fn new(version: Version) -> Self {
        Self {
            client: Client::new(),
            version,
            now: Time::ZERO,
            lines: Vec::new(),
        }
    }

    /// Options of a client that keeps its session.
    fn options(version: Version) -> ConnectOptions {
        ConnectOptions {
            clean_start: false,
            session_expiry: (version == V5).then_some(3600),
            ..ConnectOptions::new(version, "c")
        }
    }

    /// A connection with a session that has just begun; nothing to be read.
    fn online(version: Version) -> Self {
        Self::online_with(version, Self::options(version), connack(false))
    }

    fn online_with(version: Version, options: ConnectOptions, ack: ConnAck) -> Self {
        let mut rig = Self::new(version);
        rig.connect(options, ack);
        assert!(rig.client.is_connected(), "{:?}", rig.lines);
        rig.lines.clear();
        rig
    }

    /// Connects and is answered.
    fn connect(&mut self, options: ConnectOptions, ack: ConnAck) {
        self.version = options.version;
        self.client.connect(self.now, options);
        self.drain();
        self.dialed();
        self.feed(Packet::ConnAck(ack));
    }

    /// Connects again, with the session kept.
    fn resume(&mut self) {
        self.connect(Self::options(self.version), connack(true));
    }

    fn dialed(&mut self) {
        self.client.handle_dialed(self.now);
        self.drain();
    }

    fn feed(&mut self, packet: Packet) {
        let bytes = squall_protocol::encode(&packet, self.version).unwrap();
        self.feed_bytes(&bytes);
    }

    fn feed_bytes(&mut self, bytes: &[u8]) {
        self.client.handle_bytes(self.now, bytes);
        self.drain();
    }

    fn publish(&mut self, ticket: u64, topic: &str, qos: QoS) {
        self.send(ticket, Message::new(topic, "x", qos));
    }

    fn send(&mut self, ticket: u64, message: Message) {
        self.client.publish(self.now, Ticket(ticket), message);
        self.drain();
    }

    fn subscribe(&mut self, ticket: u64, filters: &[&str]) {
        let subscriptions = filters.iter().map(|f| subscription(f)).collect();
        self.client
            .subscribe(self.now, Ticket(ticket), subscriptions, Properties::new());
        self.drain();
    }

    fn disconnect(&mut self, reason: ReasonCode, properties: Properties) {
        self.client.disconnect(self.now, reason, properties);
        self.drain();
    }

    fn hang_up(&mut self) {
        self.client.handle_closed(self.now, Hangup::Reset);
        self.drain();
    }

    /// Lets time pass, with everything due on the way done when it is due.
    fn pass_until(&mut self, ms: u64) {
        let until = Time::from_millis(ms);
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= until) {
            assert!(
                at >= self.now,
                "a deadline in the past: {at} at {}",
                self.now
            );
            self.now = at;
            let before = self.lines.len();
            self.client.handle_timeout(at);
            self.drain();
            for line in &mut self.lines[before..] {
                *line = format!("{} {line}", at.as_millis());
            }
        }
        self.now = until;
    }

    fn drain(&mut self) {
        let mut sent = VecDeque::new();
        while let Some(event) = self.client.poll_event() {
            if let Event::Sent(frame) = &event {
                let read = squall_protocol::decode_one(
                    &frame.bytes,
                    squall_protocol::Role::Client,
                    Some(self.version),
                );
                assert_eq!(
                    read.as_ref(),
                    Ok(frame),
                    "the bytes are not the packet of the event"
                );
                sent.push_back(frame.bytes.clone());
            }
            self.lines.push(line(&event));
        }
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send(bytes) => assert_eq!(sent.pop_front(), Some(bytes)),
                Output::Dial => self.lines.push("dial".to_owned()),
                Output::Close => {
                    assert!(sent.is_empty(), "closed before everything was sent");
                    self.lines.push("close".to_owned());
                }
            }
        }
        assert!(sent.is_empty(), "not sent although the event says so");
    }

    /// What came out since the last time.
    fn out(&mut self) -> Vec<String> {
        self.drain();
        std::mem::take(&mut self.lines)
    }

    #[track_caller]
    fn expect(&mut self, lines: &[&str]) {
        assert_eq!(self.out(), lines, "MQTT {}", self.version);
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Received(frame) => format!("< {}", frame.packet.summary()),
        Event::Sent(frame) => format!("> {}", frame.packet.summary()),
        Event::SentRaw { bytes, .. } => format!("> {} bytes", bytes.len()),
        Event::Violation(violation) => format!("violation {:?}", violation.rule),
        Event::Connected {
            session_present, ..
        } => {
            format!(
                "connected, session {}",
                if *session_present { "kept" } else { "new" }
            )
        }
        Event::Refused { ack } => format!("refused {}", ack.reason),
        Event::Ended { cause } => format!("ended {cause:?}"),
        Event::Delivered {
            message,
            dup,
            packet_id,
            ..
        } => format!(
            "delivered {} {:?} QoS {}{}{}{}",
            message.topic,
            String::from_utf8_lossy(&message.payload),
            message.qos,
            packet_id.map_or(String::new(), |id| format!(" id {id}")),
            if *dup { " DUP" } else { "" },
            if message.retain { " RETAIN" } else { "" },
        ),
        Event::Acknowledged { ticket, reason } => format!("acknowledged {ticket} {reason}"),
        Event::Subscribed { ticket, reasons } => format!("subscribed {ticket} {}", codes(reasons)),
        Event::Unsubscribed { ticket, reasons } => {
            format!("unsubscribed {ticket} {}", codes(reasons))
        }
        Event::Abandoned { ticket, why } => format!("abandoned {ticket}: {why}"),
    }
}

fn codes(reasons: &[ReasonCode]) -> String {
    let codes: Vec<_> = reasons.iter().map(ToString::to_string).collect();
    format!("[{}]", codes.join(" "))
}

fn both(test: impl Fn(Version)) {
    Version::ALL.into_iter().for_each(test);
}

fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

fn connack(session_present: bool) -> ConnAck {
    ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    }
}

fn connack_with(session_present: bool, properties: impl IntoIterator<Item = Property>) -> ConnAck {
    ConnAck {
        properties: properties.into_iter().collect(),
        ..connack(session_present)
    }
}

fn incoming(topic: &str, qos: QoS, n: u16) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: topic.into(),
        packet_id: PacketId::new(n),
        properties: Properties::new(),
        payload: Bytes::from_static(b"x"),
    }
}

fn subscription(filter: &str) -> Subscription {
    Subscription::new(TopicFilter::parse_v5(filter).unwrap(), QoS::ExactlyOnce)
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

fn suback(n: u16, codes: &[u8]) -> Packet {
    Packet::SubAck(SubAck {
        packet_id: id(n),
        properties: Properties::new(),
        reasons: codes.iter().copied().map(ReasonCode).collect(),
    })
}

fn unsuback(n: u16, codes: &[u8]) -> Packet {
    Packet::UnsubAck(UnsubAck {
        packet_id: id(n),
        properties: Properties::new(),
        reasons: codes.iter().copied().map(ReasonCode).collect(),
    })
}

fn frames(bytes: &[u8], version: Version) -> Vec<Frame> {
    let mut decoder = squall_protocol::Decoder::new(squall_protocol::Role::Client);
    decoder.set_version(version);
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
}
