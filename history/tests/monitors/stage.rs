//! A client, a server, what passes between them, and what is said about it.

use Line::{Crash, Down, Over, Raw, Torn, Up};
use bytes::Bytes;
use squall_history::{End, Ended, Finding, Monitors, Record, Scene, Seen};
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Time, Version,
    Violation,
    packet::{Ack, ConnAck, Connect, Publish, SubAck, Subscribe, Subscription},
    topic::TopicFilter,
};

/// Something that happens on a connection: a packet of the client or of the server, bytes of which nothing is known,
/// the end.
#[derive(Clone)]
pub(crate) enum Line {
    Up(u64, Packet),
    Down(u64, Packet),
    Raw(u64),
    /// Something of the server's that can't be read.
    Torn(u64),
    Over(u64),
    /// The server goes down; its connections end after this.
    Crash,
}

pub(crate) fn connect(window: Option<u16>) -> Packet {
    let mut properties = Properties::new();
    if let Some(window) = window {
        properties.push(Property::ReceiveMaximum(window));
    }
    Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start: false,
        keep_alive: 0,
        client_id: Text::from("c"),
        will: None,
        user_name: None,
        password: None,
        properties,
    }))
}

pub(crate) fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

pub(crate) fn message(n: u16, payload: &'static str, qos: QoS, dup: bool, retain: bool) -> Packet {
    Packet::Publish(Publish {
        dup,
        qos,
        retain,
        topic: Text::from("t"),
        packet_id: PacketId::new(n),
        properties: Properties::new(),
        payload: Bytes::from_static(payload.as_bytes()),
    })
}

pub(crate) fn zero(payload: &'static str) -> Packet {
    message(0, payload, QoS::AtMostOnce, false, false)
}

pub(crate) fn retained(payload: &'static str) -> Packet {
    message(0, payload, QoS::AtMostOnce, false, true)
}

pub(crate) fn one(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::AtLeastOnce, false, false)
}

pub(crate) fn again(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::AtLeastOnce, true, false)
}

pub(crate) fn two(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::ExactlyOnce, false, false)
}

pub(crate) fn two_again(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::ExactlyOnce, true, false)
}

pub(crate) fn ack(n: u16) -> Ack {
    Ack::success(PacketId::new(n).unwrap())
}

pub(crate) fn puback(n: u16) -> Packet {
    Packet::PubAck(ack(n))
}

pub(crate) fn pubrec(n: u16) -> Packet {
    Packet::PubRec(ack(n))
}

pub(crate) fn pubrel(n: u16) -> Packet {
    Packet::PubRel(ack(n))
}

pub(crate) fn pubcomp(n: u16) -> Packet {
    Packet::PubComp(ack(n))
}

pub(crate) fn subscribe(qos: QoS) -> Packet {
    let filter = TopicFilter::parse_v5("t").unwrap();
    Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![Subscription::new(filter, qos)],
    })
}

pub(crate) fn suback(qos: QoS) -> Packet {
    Packet::SubAck(SubAck {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        reasons: vec![ReasonCode(qos.as_u8())],
    })
}

/// A story: somebody publishes `a`, `b` and `c` with QoS 2, then a client connects, and the rest happens.
pub(crate) fn story(rest: &[Line]) -> Vec<Line> {
    let published = ["a", "b", "c"].map(|payload| Up(7, two(0, payload)));
    [&published, &hello(8, false)[..], rest].concat()
}

/// A connection that begins.
pub(crate) fn hello(conn: u64, present: bool) -> [Line; 2] {
    [Up(conn, connect(None)), Down(conn, connack(present))]
}

/// The connection before this one ends, and this one resumes the session.
pub(crate) fn back(conn: u64) -> [Line; 3] {
    let [first, second] = hello(conn, true);
    [Over(conn - 1), first, second]
}

/// A CONNACK that refuses in the words of 3.1.1 where those of 5.0 are spoken.
fn torn() -> Violation {
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(Version::V5_0);
    decoder.push(&[0x20, 2, 0, 1]);
    decoder.next_frame().expect_err("it is no CONNACK of 5.0")
}

/// What is said about the server, seen at `side`'s end.
pub(crate) fn judge(version: Version, side: Role, lines: &[Line]) -> Vec<Finding> {
    let name = |_| "c".to_owned();
    let scene = Scene {
        version,
        name: &name,
        server: "the server",
        own_topics: Some("t"),
        buffers: false,
        whole: true,
    };
    let mut monitors = Monitors::of(Role::Server, scene);
    let torn = torn();
    let mut found = Vec::new();
    for (ix, line) in lines.iter().enumerate() {
        let (conn, seen) = match (line, side) {
            (Crash, _) => {
                monitors.crash();
                continue;
            }
            (Up(conn, packet), Role::Client) | (Down(conn, packet), Role::Server) => {
                (conn, Seen::Sent(packet))
            }
            (Down(conn, packet), Role::Client) | (Up(conn, packet), Role::Server) => {
                (conn, Seen::Received(packet))
            }
            (Raw(conn), _) => (conn, Seen::Unknown),
            (Torn(conn), Role::Client) => (conn, Seen::Broken(&torn)),
            // The server itself has nothing to say about it.
            (Torn(_), Role::Server) => continue,
            (Over(conn), _) => (conn, Seen::Closed(Ended::There)),
        };
        let end = End {
            side,
            client: 0,
            session: usize::from(*conn == 7),
            conn: *conn,
        };
        monitors.see(
            &Record {
                ix,
                at: Time::ZERO,
                end,
                seen,
            },
            &mut |finding| found.push(finding),
        );
    }
    found
}

pub(crate) const CLIENT: [Role; 1] = [Role::Client];
pub(crate) const BOTH: [Role; 2] = [Role::Client, Role::Server];
pub(crate) const OLD: [Version; 1] = [Version::V3_1_1];
pub(crate) const NEW: [Version; 1] = [Version::V5_0];
pub(crate) const ALL: [Version; 2] = Version::ALL;

/// The server is found guilty of this, at the last line and of nothing else.
pub(crate) fn guilty(sides: &[Role], versions: &[Version], lines: &[Line], says: &str) {
    for side in sides {
        for version in versions {
            let found = judge(*version, *side, lines);
            let [finding] = &found[..] else {
                panic!("in {version} at the {side}'s end: {says}, not {found:#?}");
            };
            assert!(finding.message.contains(says), "{}", finding.message);
            assert_eq!(finding.witness.last(), Some(&(lines.len() - 1)));
            for statement in &finding.statements {
                let known = squall_catalogue::find(*version, statement).is_some();
                assert!(known, "{statement} of {version}");
            }
        }
    }
}

pub(crate) fn innocent(sides: &[Role], versions: &[Version], lines: &[Line]) {
    for side in sides {
        for version in versions {
            let found = judge(*version, *side, lines);
            assert_eq!(found, [], "in {version} at the {side}'s end");
        }
    }
}
