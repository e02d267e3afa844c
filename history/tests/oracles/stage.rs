//! Tales of three clients, and what the oracles say to them.

use bytes::Bytes;
use squall_history::{
    Application, End, Ended, Findings, Message, Record, Seen,
    model::{Keeps, Mark, Reader, Setting},
    oracle,
};
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Time, Version,
    packet::{Ack, ConnAck, Connect, Disconnect, Publish, RetainHandling, SubAck, Subscribe},
    packet::{Subscription, UnsubAck, Unsubscribe, Will},
    topic::TopicFilter,
};
use std::{collections::BTreeMap, time::Duration};

/// What happens at a time, in milliseconds, to a client (and on its latest connection).
#[derive(Clone)]
pub(crate) enum What {
    Up(Packet),
    Down(Packet),
    Closed,
    Published(Publish),
    Delivered(Publish),
    /// The server has answered for its latest message.
    Acknowledged,
    /// Bytes of which nothing is known.
    Raw,
    /// The server goes down.
    Crash(Keeps),
    /// It is back.
    Restart,
}

/// One after another: when, to whom, what.
pub(crate) struct Tale(pub(crate) Vec<(u64, usize, What)>);

/// `a` and `b` subscribe, `p` publishes; the twin `T` has the Client Identifier of `a`.
pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const P: usize = 2;
pub(crate) const T: usize = 3;

/// A server that may take its time is late by no more than this.
pub(crate) const SLACK: u64 = 1_000;

impl Tale {
    /// The rules that are broken, seen from the server's end.
    pub(crate) fn broken(&self) -> Vec<&'static str> {
        self.judged(Role::Server, Version::V5_0, None)
    }

    /// The same, seen from the clients' ends alone.
    pub(crate) fn at_clients(&self) -> Vec<&'static str> {
        self.judged(Role::Client, Version::V5_0, None)
    }

    /// The same where all had settled before a time.
    pub(crate) fn settled(&self, at: u64) -> Vec<&'static str> {
        self.judged(Role::Client, Version::V5_0, Some(at))
    }

    /// The rules that are broken by a server that keeps every session to its time and acts at once, seen from its end;
    /// all had settled before a time.
    pub(crate) fn sharply(&self, settled: u64) -> Vec<&'static str> {
        let setting = Setting {
            keeps_sessions: true,
            buffers: false,
            slack: Duration::from_millis(1),
            ..Self::setting(Role::Server, Version::V5_0, Some(settled))
        };
        self.judged_in(setting)
    }

    pub(crate) fn judged(
        &self,
        watched: Role,
        version: Version,
        settled: Option<u64>,
    ) -> Vec<&'static str> {
        self.judged_in(Self::setting(watched, version, settled))
    }

    fn setting(watched: Role, version: Version, settled: Option<u64>) -> Setting<'static> {
        Setting {
            version,
            others: BTreeMap::new(),
            names: vec!["a", "b", "p", "twin"],
            sessions: vec![A, B, P, A],
            unruly: vec![false; 4],
            server: "the server",
            watched,
            settled: settled.map(Time::from_millis),
            drops: false,
            keeps_sessions: false,
            buffers: true,
            slack: Duration::from_millis(SLACK),
        }
    }

    fn judged_in(&self, setting: Setting<'_>) -> Vec<&'static str> {
        let watched = setting.watched;
        let mut reader = Reader::new(setting);
        let mut conns = [0; 4];
        for (ix, (at, client, what)) in self.0.iter().enumerate() {
            if matches!(what, What::Up(Packet::Connect(_))) {
                conns[*client] = 10 + ix as u64;
            }
            let mark = Mark {
                ix,
                at: Time::from_millis(*at),
            };
            let (side, seen) = match what {
                What::Crash(keeps) => {
                    reader.crash(mark, *keeps);
                    continue;
                }
                What::Restart => {
                    reader.restart(mark);
                    continue;
                }
                What::Up(packet) if watched == Role::Client => (watched, Seen::Sent(packet)),
                What::Up(packet) => (watched, Seen::Received(packet)),
                What::Down(packet) if watched == Role::Client => (watched, Seen::Received(packet)),
                What::Down(packet) => (watched, Seen::Sent(packet)),
                What::Closed => (watched, Seen::Closed(Ended::There)),
                What::Raw => (watched, Seen::Unknown),
                What::Published(publish) => {
                    let message = as_message(publish);
                    let published = Application::Published { ticket: 1, message };
                    (Role::Client, Seen::Application(published))
                }
                What::Acknowledged => {
                    let reason = ReasonCode::SUCCESS;
                    let acknowledged = Application::Acknowledged { ticket: 1, reason };
                    (Role::Client, Seen::Application(acknowledged))
                }
                What::Delivered(publish) => {
                    let delivered = Application::Delivered(as_message(publish));
                    (Role::Client, Seen::Application(delivered))
                }
            };
            let end = End {
                side,
                client: *client,
                session: *client,
                conn: conns[*client],
            };
            reader.see(&Record {
                ix,
                at: Time::from_millis(*at),
                end,
                seen,
            });
        }
        let mut broken = Findings::new(true);
        oracle::judge(&reader.finish(Time::ZERO), &mut broken);
        broken.into_list().iter().map(|f| f.rule).collect()
    }
}

fn as_message(publish: &Publish) -> Message<'_> {
    Message {
        topic: &publish.topic,
        payload: &publish.payload,
        qos: publish.qos,
        retain: publish.retain,
        properties: &publish.properties,
    }
}

fn text(s: &str) -> Text {
    Text::from(s)
}

pub(crate) fn id(n: u16) -> PacketId {
    PacketId::new(n).expect("not 0")
}

pub(crate) fn none() -> Properties {
    Properties::new()
}

/// A CONNECT with some Keep Alive in seconds, with which a session begins and ends.
pub(crate) fn connect(keep_alive: u16) -> What {
    What::Up(Packet::Connect(Box::new(connecting(keep_alive))))
}

/// A CONNECT that asks for the session that there was, and for it to be kept for an hour.
pub(crate) fn come_back(will: Option<Will>) -> What {
    resuming(3600, 0, will)
}

/// The same with a Session Expiry Interval and a Keep Alive in seconds.
pub(crate) fn resuming(expiry: u32, keep_alive: u16, will: Option<Will>) -> What {
    let mut properties = Properties::new();
    properties.push(Property::SessionExpiryInterval(expiry));
    What::Up(Packet::Connect(Box::new(Connect {
        clean_start: false,
        will,
        properties,
        ..connecting(keep_alive)
    })))
}

fn connecting(keep_alive: u16) -> Connect {
    Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive,
        client_id: text("c"),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }
}

/// A will on `t` with payload `gone` and QoS 1, and a delay in seconds.
pub(crate) fn will(delay: u32) -> Will {
    let mut properties = Properties::new();
    if delay > 0 {
        properties.push(Property::WillDelayInterval(delay));
    }
    Will {
        topic: text("t"),
        payload: Bytes::from_static(b"gone"),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties,
    }
}

pub(crate) fn connack() -> What {
    accepted(false)
}

pub(crate) fn accepted(session_present: bool) -> What {
    answered(session_present, ReasonCode::SUCCESS)
}

pub(crate) fn answered(session_present: bool, reason: ReasonCode) -> What {
    What::Down(Packet::ConnAck(ConnAck {
        session_present,
        reason,
        properties: Properties::new(),
    }))
}

pub(crate) fn subscribe(filter: &str) -> What {
    subscribing(subscription(filter), None)
}

pub(crate) fn subscription(filter: &str) -> Subscription {
    let filter = TopicFilter::parse_v5(filter).expect("a filter");
    Subscription::new(filter, QoS::AtLeastOnce)
}

/// A subscription with a Retain Handling.
pub(crate) fn handling(filter: &str, handling: RetainHandling) -> Subscription {
    let mut subscription = subscription(filter);
    subscription.retain_handling = handling;
    subscription
}

pub(crate) fn subscribing(subscription: Subscription, identifier: Option<u32>) -> What {
    let mut properties = Properties::new();
    if let Some(identifier) = identifier {
        properties.push(Property::SubscriptionIdentifier(identifier));
    }
    What::Up(Packet::Subscribe(Subscribe {
        packet_id: id(9),
        subscriptions: vec![subscription],
        properties,
    }))
}

pub(crate) fn suback() -> What {
    granted(ReasonCode::GRANTED_QOS_1)
}

pub(crate) fn granted(reason: ReasonCode) -> What {
    What::Down(Packet::SubAck(SubAck {
        packet_id: id(9),
        properties: Properties::new(),
        reasons: vec![reason],
    }))
}

pub(crate) fn unsubscribe(filter: &str) -> What {
    What::Up(Packet::Unsubscribe(Unsubscribe {
        packet_id: id(8),
        filters: vec![TopicFilter::parse_v5(filter).expect("a filter")],
        properties: Properties::new(),
    }))
}

pub(crate) fn unsuback() -> What {
    What::Down(Packet::UnsubAck(UnsubAck {
        packet_id: id(8),
        properties: Properties::new(),
        reasons: vec![ReasonCode::SUCCESS],
    }))
}

pub(crate) fn ping() -> What {
    What::Up(Packet::PingReq)
}

pub(crate) fn pong() -> What {
    What::Down(Packet::PingResp)
}

pub(crate) fn puback(n: u16) -> Packet {
    Packet::PubAck(Ack {
        packet_id: id(n),
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

pub(crate) fn told(reason: ReasonCode) -> What {
    What::Down(Packet::Disconnect(Disconnect::with_reason(reason)))
}

pub(crate) fn goodbye() -> What {
    What::Up(Packet::Disconnect(Disconnect::with_reason(
        ReasonCode::NORMAL_DISCONNECTION,
    )))
}

pub(crate) fn expiring(seconds: u32) -> Properties {
    let mut properties = Properties::new();
    properties.push(Property::MessageExpiryInterval(seconds));
    properties
}

/// A message of QoS 1 on `t`.
pub(crate) fn publish(payload: &'static str) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: text("t"),
        packet_id: Some(id(1)),
        properties: Properties::new(),
        payload: Bytes::from_static(payload.as_bytes()),
    }
}

/// The same, with RETAIN 1.
pub(crate) fn retained(payload: &'static str) -> Publish {
    Publish {
        retain: true,
        ..publish(payload)
    }
}

/// The message `m`.
pub(crate) fn message(dup: bool, retain: bool, properties: Properties) -> Packet {
    Packet::Publish(Publish {
        dup,
        retain,
        properties,
        ..publish("m")
    })
}

pub(crate) fn published(properties: Properties) -> What {
    let Packet::Publish(publish) = message(false, false, properties) else {
        unreachable!("a message")
    };
    What::Published(publish)
}

pub(crate) fn delivered(properties: Properties) -> What {
    let Packet::Publish(publish) = message(false, false, properties) else {
        unreachable!("a message")
    };
    What::Delivered(publish)
}

pub(crate) fn up(dup: bool) -> What {
    What::Up(message(dup, false, none()))
}

pub(crate) fn down() -> What {
    What::Down(message(false, false, none()))
}

/// A client is there, with a session that begins.
pub(crate) fn there(at: u64, client: usize) -> Vec<(u64, usize, What)> {
    vec![(at, client, connect(0)), (at, client, connack())]
}

/// `p` publishes a message and has it acknowledged at once.
pub(crate) fn said(at: u64, publish: Publish) -> Vec<(u64, usize, What)> {
    let mut said = begun(at, publish);
    said.push((at + 2, P, What::Down(puback(1))));
    said.push((at + 2, P, What::Acknowledged));
    said
}

/// `p` publishes a message, and no answer comes.
pub(crate) fn begun(at: u64, publish: Publish) -> Vec<(u64, usize, What)> {
    vec![
        (at, P, What::Published(publish.clone())),
        (at + 1, P, What::Up(Packet::Publish(publish))),
    ]
}

/// A client subscribes to `t` and is granted QoS 1.
pub(crate) fn asks(at: u64, client: usize) -> Vec<(u64, usize, What)> {
    vec![(at, client, subscribe("t")), (at + 1, client, suback())]
}

/// A client is sent a message, and has it.
pub(crate) fn gets(at: u64, client: usize, publish: Publish) -> Vec<(u64, usize, What)> {
    vec![
        (at, client, What::Down(Packet::Publish(publish.clone()))),
        (at, client, What::Delivered(publish)),
    ]
}

/// The parts of a tale, in their order.
pub(crate) fn tale(parts: impl IntoIterator<Item = Vec<(u64, usize, What)>>) -> Tale {
    Tale(parts.into_iter().flatten().collect())
}
