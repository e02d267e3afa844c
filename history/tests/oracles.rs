//! Oracles with somebody who breaks a guarantee and somebody odd who does not, at the server's end.

use bytes::Bytes;
use squall_history::{
    Application, End, Ended, Findings, Message, Record, Seen,
    model::{Reader, Setting},
    oracle,
};
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Time, Version,
    packet::{Ack, ConnAck, Connect, Disconnect, Publish, SubAck, Subscribe, Subscription},
    packet::{UnsubAck, Unsubscribe},
    topic::TopicFilter,
};
use std::time::Duration;

/// What happens at a time, in milliseconds, to a client (and on its latest connection).
enum What {
    Up(Packet),
    Down(Packet),
    Closed,
    Published(Properties),
    Delivered(Properties),
}

struct Tale(Vec<(u64, usize, What)>);

fn text(s: &str) -> Text {
    Text::from(s)
}

fn connect(keep_alive: u16) -> What {
    What::Up(Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive,
        client_id: text("c"),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    })))
}

fn connack() -> What {
    What::Down(Packet::ConnAck(ConnAck {
        session_present: false,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    }))
}

fn id(n: u16) -> PacketId {
    PacketId::new(n).expect("not 0")
}

fn subscribe(filter: &str) -> What {
    let filter = TopicFilter::parse_v5(filter).expect("a filter");
    What::Up(Packet::Subscribe(Subscribe {
        packet_id: id(9),
        subscriptions: vec![Subscription::new(filter, QoS::AtLeastOnce)],
        properties: Properties::new(),
    }))
}

fn suback() -> What {
    What::Down(Packet::SubAck(SubAck {
        packet_id: id(9),
        properties: Properties::new(),
        reasons: vec![ReasonCode::GRANTED_QOS_1],
    }))
}

fn unsubscribe(filter: &str) -> What {
    What::Up(Packet::Unsubscribe(Unsubscribe {
        packet_id: id(8),
        filters: vec![TopicFilter::parse_v5(filter).expect("a filter")],
        properties: Properties::new(),
    }))
}

fn unsuback() -> What {
    What::Down(Packet::UnsubAck(UnsubAck {
        packet_id: id(8),
        properties: Properties::new(),
        reasons: vec![ReasonCode::SUCCESS],
    }))
}

fn expiring(seconds: u32) -> Properties {
    let mut properties = Properties::new();
    properties.push(Property::MessageExpiryInterval(seconds));
    properties
}

fn message(dup: bool, retain: bool, properties: Properties) -> Packet {
    Packet::Publish(Publish {
        dup,
        qos: QoS::AtLeastOnce,
        retain,
        topic: text("t"),
        packet_id: Some(id(1)),
        properties,
        payload: Bytes::from_static(b"m"),
    })
}

fn up(dup: bool) -> What {
    What::Up(message(dup, false, Properties::new()))
}

fn down() -> What {
    What::Down(message(false, false, Properties::new()))
}

fn told(reason: ReasonCode) -> What {
    What::Down(Packet::Disconnect(Disconnect::with_reason(reason)))
}

impl Tale {
    /// The rules that are broken, of a server that may take its time.
    fn broken(&self) -> Vec<&'static str> {
        let names = vec!["a", "b", "p"];
        let setting = Setting {
            version: Version::V5_0,
            sessions: (0..names.len()).collect(),
            names,
            server: "the server",
            watched: Role::Server,
            settled: None,
            drops: false,
            keeps_sessions: false,
            buffers: true,
            slack: Duration::from_secs(1),
        };
        let (topic, payload) = (text("t"), Bytes::from_static(b"m"));
        let mut reader = Reader::new(setting);
        let mut conns = [0; 3];
        for (ix, (at, client, what)) in self.0.iter().enumerate() {
            let of = |properties| Message {
                topic: &topic,
                payload: &payload,
                qos: QoS::AtLeastOnce,
                retain: false,
                properties,
            };
            if matches!(what, What::Up(Packet::Connect(_))) {
                conns[*client] = 10 + ix as u64;
            }
            let (side, seen) = match what {
                What::Up(packet) => (Role::Server, Seen::Received(packet)),
                What::Down(packet) => (Role::Server, Seen::Sent(packet)),
                What::Closed => (Role::Server, Seen::Closed(Ended::There)),
                What::Published(properties) => {
                    let message = of(properties);
                    let published = Application::Published { ticket: 1, message };
                    (Role::Client, Seen::Application(published))
                }
                What::Delivered(properties) => {
                    let delivered = Application::Delivered(of(properties));
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

const A: usize = 0;
const B: usize = 1;
const P: usize = 2;

fn none() -> Properties {
    Properties::new()
}

/// `a` and `b` share a subscription, `p` publishes.
fn group(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = Vec::new();
    for client in [A, B] {
        tale.extend([
            (0, client, connect(0)),
            (0, client, connack()),
            (1, client, subscribe("$share/g/t")),
            (1, client, suback()),
        ]);
    }
    tale.extend([
        (2, P, connect(0)),
        (2, P, connack()),
        (3, P, What::Published(none())),
    ]);
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn a_message_for_a_group_goes_to_one_member() {
    assert_eq!(
        group([(4, P, up(false)), (5, A, down()), (6, B, down())]),
        ["shared subscription"]
    );
}

#[test]
fn it_may_go_on_when_the_first_member_is_gone() {
    assert!(
        group([
            (4, P, up(false)),
            (5, A, down()),
            (6, A, What::Closed),
            (6, B, down()),
        ])
        .is_empty()
    );
}

/// A server may take a PUBLISH with DUP 1 and QoS 1 for another message.
#[test]
fn sent_again_by_its_publisher_it_may_go_to_each() {
    assert!(
        group([
            (4, P, up(false)),
            (5, A, down()),
            (6, P, up(true)),
            (7, B, down()),
        ])
        .is_empty()
    );
}

/// A publisher's message with an expiry of 10 s, and what `a` is sent of it.
fn expiry(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![
        (0, A, connect(0)),
        (0, A, connack()),
        (1, A, subscribe("t")),
        (1, A, suback()),
        (2, P, connect(0)),
        (2, P, connack()),
        (3, P, What::Published(expiring(10))),
        (4, P, What::Up(message(false, false, expiring(10)))),
    ];
    tale.extend(more);
    Tale(tale).broken()
}

fn sent(seconds: u32) -> What {
    What::Down(message(false, false, expiring(seconds)))
}

#[test]
fn an_expired_message_is_not_sent() {
    assert_eq!(expiry([(20_000, A, sent(1))]), ["expiry"]);
}

#[test]
fn what_waited_says_so() {
    assert_eq!(expiry([(6_004, A, sent(10))]), ["expiry"]);
    assert!(expiry([(6_004, A, sent(4))]).is_empty());
    // Whole seconds may be cut off or rounded.
    assert!(expiry([(6_004, A, sent(5))]).is_empty());
}

#[test]
fn the_time_of_a_message_that_is_sent_again_begins_anew() {
    let again = What::Up(message(true, false, expiring(10)));
    assert!(expiry([(19_000, P, again), (20_000, A, sent(9))]).is_empty());
}

#[test]
fn an_expiry_does_not_grow() {
    assert_eq!(
        expiry([(5, A, sent(10)), (6, A, What::Delivered(expiring(11))),]),
        ["forwarded"]
    );
}

/// `a` with Keep Alive 10 s.
fn silence(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![(0, A, connect(10)), (0, A, connack())];
    tale.extend(more);
    Tale(tale).broken()
}

fn ping() -> What {
    What::Up(Packet::PingReq)
}

#[test]
fn a_silent_client_is_dropped() {
    assert_eq!(silence([(20_000, A, What::Closed)]), ["keep alive"]);
    assert!(silence([(15_500, A, What::Closed)]).is_empty());
}

/// The client spoke again after a silence that should have been its last.
#[test]
fn a_client_that_was_silent_for_too_long_once_should_be_gone() {
    assert_eq!(
        silence([(20_000, A, ping()), (20_001, A, What::Closed)]),
        ["keep alive"]
    );
}

#[test]
fn keep_alive_timeout_is_no_reason_for_who_was_never_silent() {
    let timeout = || told(ReasonCode::KEEP_ALIVE_TIMEOUT);
    assert_eq!(
        silence([
            (9_000, A, ping()),
            (10_000, A, timeout()),
            (10_000, A, What::Closed),
        ]),
        ["keep alive"]
    );
    // What it says late it decided before the client spoke again.
    assert!(
        silence([
            (15_100, A, ping()),
            (15_300, A, timeout()),
            (15_300, A, What::Closed),
        ])
        .is_empty()
    );
    // It may end a connection whenever it likes.
    assert!(
        silence([
            (9_000, A, told(ReasonCode::SERVER_BUSY)),
            (9_000, A, What::Closed)
        ])
        .is_empty()
    );
}

/// `a` unsubscribes at 10 ms; what comes then.
fn left(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![
        (0, A, connect(0)),
        (0, A, connack()),
        (1, A, subscribe("t")),
        (1, A, suback()),
        (2, P, connect(0)),
        (2, P, connack()),
        (10, A, unsubscribe("t")),
    ];
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn nothing_new_comes_after_unsuback() {
    assert_eq!(
        left([
            (11, A, unsuback()),
            (12, P, What::Published(none())),
            (13, P, up(false)),
            (14, A, down()),
            (15, A, What::Delivered(none())),
        ]),
        ["unsubscribed"]
    );
}

#[test]
fn what_was_published_before_unsuback_may_still_come() {
    assert!(
        left([
            (11, P, What::Published(none())),
            (12, P, up(false)),
            (13, A, unsuback()),
            (14, A, down()),
            (15, A, What::Delivered(none())),
        ])
        .is_empty()
    );
}

/// Two connections of `a`.
fn twice(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![
        (0, A, connect(0)),
        (0, A, connack()),
        (100, A, connect(0)),
        (100, A, connack()),
    ];
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn a_newer_connection_ends_the_older() {
    let ack = || {
        What::Up(Packet::PubAck(Ack {
            packet_id: id(1),
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        }))
    };
    assert_eq!(twice([(9_000, A, ack())]), ["takeover"]);
    assert!(twice([(900, A, ack())]).is_empty());
}
