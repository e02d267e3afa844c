//! Each rule with somebody who breaks it and somebody odd who does not, seen from the client's end and from the
//! server's own.

use Line::{Down, Over, Raw, Up};
use bytes::Bytes;
use squall_history::{End, Ended, Finding, Monitors, Record, Scene, Seen};
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Time, Version,
    packet::{Ack, Auth, ConnAck, Connect, Publish, SubAck, Subscribe, Subscription},
    topic::TopicFilter,
};

/// Something that happens on a connection: a packet of the client or of the server, bytes of which nothing is known,
/// the end.
#[derive(Clone)]
enum Line {
    Up(u64, Packet),
    Down(u64, Packet),
    Raw(u64),
    Over(u64),
}

fn connect(window: Option<u16>) -> Packet {
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

fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

fn message(n: u16, payload: &'static str, qos: QoS, dup: bool, retain: bool) -> Packet {
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

fn zero(payload: &'static str) -> Packet {
    message(0, payload, QoS::AtMostOnce, false, false)
}

fn retained(payload: &'static str) -> Packet {
    message(0, payload, QoS::AtMostOnce, false, true)
}

fn one(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::AtLeastOnce, false, false)
}

fn again(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::AtLeastOnce, true, false)
}

fn two(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::ExactlyOnce, false, false)
}

fn two_again(n: u16, payload: &'static str) -> Packet {
    message(n, payload, QoS::ExactlyOnce, true, false)
}

fn ack(n: u16) -> Ack {
    Ack::success(PacketId::new(n).unwrap())
}

fn puback(n: u16) -> Packet {
    Packet::PubAck(ack(n))
}

fn pubrec(n: u16) -> Packet {
    Packet::PubRec(ack(n))
}

fn pubrel(n: u16) -> Packet {
    Packet::PubRel(ack(n))
}

fn pubcomp(n: u16) -> Packet {
    Packet::PubComp(ack(n))
}

fn subscribe(qos: QoS) -> Packet {
    let filter = TopicFilter::parse_v5("t").unwrap();
    Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![Subscription::new(filter, qos)],
    })
}

fn suback(qos: QoS) -> Packet {
    Packet::SubAck(SubAck {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        reasons: vec![ReasonCode(qos.as_u8())],
    })
}

/// A story: somebody publishes `a`, `b` and `c` with QoS 2, then a client connects, and the rest happens.
fn story(rest: &[Line]) -> Vec<Line> {
    let published = ["a", "b", "c"].map(|payload| Up(7, two(0, payload)));
    [&published, &hello(8, false)[..], rest].concat()
}

/// A connection that begins.
fn hello(conn: u64, present: bool) -> [Line; 2] {
    [Up(conn, connect(None)), Down(conn, connack(present))]
}

/// The connection before this one ends, and this one resumes the session.
fn back(conn: u64) -> [Line; 3] {
    let [first, second] = hello(conn, true);
    [Over(conn - 1), first, second]
}

/// What is said about the server, seen at `side`'s end.
fn judge(version: Version, side: Role, lines: &[Line]) -> Vec<Finding> {
    let name = |_| "c".to_owned();
    let scene = Scene {
        version,
        name: &name,
        server: "the server",
        own_topics: Some("t"),
        buffers: false,
    };
    let mut monitors = Monitors::of(Role::Server, scene);
    let mut found = Vec::new();
    for (ix, line) in lines.iter().enumerate() {
        let (conn, seen) = match (line, side) {
            (Up(conn, packet), Role::Client) | (Down(conn, packet), Role::Server) => {
                (conn, Seen::Sent(packet))
            }
            (Down(conn, packet), Role::Client) | (Up(conn, packet), Role::Server) => {
                (conn, Seen::Received(packet))
            }
            (Raw(conn), _) => (conn, Seen::Unknown),
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

const CLIENT: [Role; 1] = [Role::Client];
const BOTH: [Role; 2] = [Role::Client, Role::Server];
const OLD: [Version; 1] = [Version::V3_1_1];
const NEW: [Version; 1] = [Version::V5_0];
const ALL: [Version; 2] = Version::ALL;

/// The server is found guilty of this, at the last line and of nothing else.
fn guilty(sides: &[Role], versions: &[Version], lines: &[Line], says: &str) {
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

fn innocent(sides: &[Role], versions: &[Version], lines: &[Line]) {
    for side in sides {
        for version in versions {
            let found = judge(*version, *side, lines);
            assert_eq!(found, [], "in {version} at the {side}'s end");
        }
    }
}

#[test]
fn connack_comes_first() {
    let early = [Up(8, connect(None)), Down(8, Packet::PingResp)];
    guilty(&BOTH, &ALL, &early, "began with PINGRESP");
    let twice = [&hello(8, false)[..], &[Over(8)], &hello(9, false)].concat();
    innocent(&BOTH, &ALL, &twice);
    let again = [&hello(8, false)[..], &[Down(8, connack(false))]].concat();
    guilty(&BOTH, &NEW, &again, "sent a second CONNACK");
    innocent(&BOTH, &OLD, &again);
    // In 5.0 the server may want to know more first; what follows is still held against the rule.
    let auth = [
        Up(8, connect(None)),
        Down(
            8,
            Packet::Auth(Auth::with_reason(ReasonCode::CONTINUE_AUTHENTICATION)),
        ),
    ];
    innocent(
        &BOTH,
        &NEW,
        &[&auth[..], &[Down(8, connack(false))]].concat(),
    );
    guilty(&BOTH, &OLD, &auth, "began with AUTH");
    let unanswered = [&auth[..], &[Down(8, Packet::PingResp)]].concat();
    guilty(&BOTH, &NEW, &unanswered, "began with PINGRESP");
}

#[test]
fn an_identifier_is_used_again_only_after_its_flow() {
    let says = "while it was in use";
    let in_use = [Down(8, one(1, "a")), Down(8, one(1, "b"))];
    guilty(&BOTH, &ALL, &story(&in_use), says);
    let free = [Down(8, one(1, "a")), Up(8, puback(1)), Down(8, one(1, "b"))];
    innocent(&BOTH, &ALL, &story(&free));
    // A QoS 2 flow ends with PUBCOMP, not with PUBREC.
    let halfway = [Down(8, two(1, "a")), Up(8, pubrec(1)), Down(8, two(1, "b"))];
    guilty(&BOTH, &ALL, &story(&halfway), says);
    // An acknowledgement on an older connection may have arrived.
    let late = [
        Down(8, one(1, "a")),
        Up(9, connect(None)),
        Up(8, puback(1)),
        Down(9, connack(true)),
        Down(9, one(1, "b")),
    ];
    innocent(&CLIENT, &ALL, &story(&late));
}

#[test]
fn dup_says_that_a_message_is_sent_again() {
    let resumed = |packet| {
        let rest = [&[Down(8, one(1, "a"))][..], &back(9), &[Down(9, packet)]];
        story(&rest.concat())
    };
    guilty(&BOTH, &ALL, &resumed(one(1, "a")), "without the DUP flag");
    innocent(&BOTH, &ALL, &resumed(again(1, "a")));
    let first = story(&[Down(8, again(1, "a"))]);
    guilty(&BOTH, &ALL, &first, "for the first time with the DUP flag");
    // On a later connection the client may have missed the first attempt.
    let missed = [&back(9)[..], &[Down(9, again(1, "a"))]].concat();
    innocent(&CLIENT, &ALL, &story(&missed));
}

#[test]
fn messages_are_sent_again_on_a_new_connection() {
    let says = "again on the same connection";
    let twice = story(&[Down(8, one(1, "a")), Down(8, again(1, "a"))]);
    guilty(&BOTH, &NEW, &twice, says);
    innocent(&BOTH, &OLD, &twice);
    // It crossed the acknowledgement.
    let crossed = [
        Down(8, one(1, "a")),
        Up(8, puback(1)),
        Down(8, again(1, "a")),
    ];
    guilty(&CLIENT, &NEW, &story(&crossed), says);
    innocent(&CLIENT, &OLD, &story(&crossed));
}

#[test]
fn messages_are_sent_again_in_their_order() {
    let in_flight = [Down(8, one(1, "a")), Down(8, one(2, "b"))];
    let swapped = [Down(9, again(2, "b")), Down(9, again(1, "a"))];
    let wrong = [&in_flight[..], &back(9), &swapped].concat();
    let says = "resent packet 1 after one that was first sent later";
    guilty(&BOTH, &ALL, &story(&wrong), says);
    // Nothing orders topics, or QoS 1 and 2, towards each other.
    let mixed = [Down(8, one(1, "a")), Down(8, two(2, "b"))];
    let lanes = [Down(9, two_again(2, "b")), Down(9, again(1, "a"))];
    let apart = [&mixed[..], &back(9), &lanes].concat();
    innocent(&CLIENT, &ALL, &story(&apart));
    // `a` was lost on its first way: that it is older than `b` does not show at the client.
    let right = [
        &[Down(8, one(2, "b"))][..],
        &back(9),
        &[Down(9, again(1, "a")), Down(9, again(2, "b"))],
        &back(10),
        &[Down(10, again(1, "a")), Down(10, again(2, "b"))],
    ];
    innocent(&CLIENT, &ALL, &story(&right.concat()));
}

#[test]
fn a_pubrec_may_be_lost_and_its_message_sent_again() {
    let lost = [Down(8, two(1, "a")), Up(8, pubrec(1))];
    let once_more = [
        Down(9, two_again(1, "a")),
        Up(9, pubrec(1)),
        Down(9, pubrel(1)),
    ];
    let resent = [&lost[..], &back(9), &once_more].concat();
    innocent(&CLIENT, &ALL, &story(&resent));
    // A server that has got it may not.
    let known = [&lost[..], &back(9), &once_more[..1]].concat();
    guilty(&[Role::Server], &ALL, &story(&known), "while it was in use");
}

#[test]
fn no_more_is_in_flight_than_the_client_takes() {
    let with = |rest: &[Line]| {
        let start = [Over(8), Up(9, connect(Some(1))), Down(9, connack(false))];
        story(&[&start[..], rest].concat())
    };
    let many = [Down(9, one(1, "a")), Down(9, one(2, "b"))];
    guilty(&BOTH, &NEW, &with(&many), "2 messages in flight");
    let few = [Down(9, one(1, "a")), Up(9, puback(1)), Down(9, one(2, "b"))];
    innocent(&BOTH, &NEW, &with(&few));
}

#[test]
fn an_acknowledgement_answers_something() {
    let unasked = [Down(8, puback(5))];
    guilty(&BOTH, &ALL, &story(&unasked), "PUBACK 5 without a PUBLISH");
    let wrong_kind = [Up(8, two(5, "a")), Down(8, puback(5))];
    guilty(
        &BOTH,
        &ALL,
        &story(&wrong_kind),
        "PUBACK 5 without a PUBLISH",
    );
    let no_release = [Up(8, two(5, "a")), Down(8, pubrec(5)), Down(8, pubcomp(5))];
    guilty(
        &BOTH,
        &ALL,
        &story(&no_release),
        "PUBCOMP 5 without a PUBREL",
    );
    // Sent twice, answered twice; and acknowledgements of different messages in any order.
    let odd = [
        Up(8, two(5, "a")),
        Up(8, one(6, "b")),
        Up(8, two_again(5, "a")),
        Down(8, puback(6)),
        Down(8, pubrec(5)),
        Down(8, pubrec(5)),
        Up(8, pubrel(5)),
        Down(8, pubcomp(5)),
    ];
    innocent(&BOTH, &ALL, &story(&odd));
    // A client need not wait for CONNACK.
    let eager = [
        Over(8),
        Up(9, connect(None)),
        Up(9, one(5, "a")),
        Down(9, connack(false)),
        Down(9, puback(5)),
    ];
    innocent(&BOTH, &ALL, &story(&eager));
}

#[test]
fn in_a_resumed_session_an_acknowledgement_may_be_said_again() {
    let before = [Up(8, two(5, "a")), Down(8, pubrec(5))];
    let after = [
        Up(9, two_again(5, "a")),
        Down(9, pubrec(5)),
        Down(9, pubrec(5)),
    ];
    let lines = [&before[..], &back(9), &after].concat();
    innocent(&CLIENT, &ALL, &story(&lines));
    let unheard_of = [&before[..], &back(9), &[Down(9, pubrec(6))]].concat();
    guilty(
        &BOTH,
        &ALL,
        &story(&unheard_of),
        "PUBREC 6 without a PUBLISH",
    );
    let at_once = [&before[..], &[Down(8, pubrec(5))]].concat();
    guilty(&BOTH, &ALL, &story(&at_once), "PUBREC 5 without a PUBLISH");
}

#[test]
fn pubrel_answers_pubrec() {
    let early = [Down(8, two(1, "a")), Down(8, pubrel(1))];
    guilty(
        &BOTH,
        &ALL,
        &story(&early),
        "PUBREL 1 before there was a PUBREC",
    );
    let right = [
        Down(8, two(1, "a")),
        Up(8, pubrec(1)),
        Down(8, pubrel(1)),
        Up(8, pubcomp(1)),
        Down(8, two(1, "b")),
    ];
    innocent(&BOTH, &ALL, &story(&right));
}

#[test]
fn a_message_is_forwarded_as_it_was_published_and_granted() {
    let with = |packet| {
        let granted = [
            Up(8, subscribe(QoS::AtMostOnce)),
            Down(8, suback(QoS::AtMostOnce)),
        ];
        story(&[&granted[..], &[Down(8, packet)]].concat())
    };
    guilty(&BOTH, &ALL, &with(one(1, "a")), "with QoS 1");
    guilty(&BOTH, &ALL, &with(retained("a")), "with RETAIN 1");
    guilty(&BOTH, &ALL, &with(zero("x")), "that nobody published");
    innocent(&BOTH, &ALL, &with(zero("a")));
    // Somebody else has published it to be retained.
    let kept = [vec![Up(7, retained("a"))], with(retained("a"))].concat();
    innocent(&BOTH, &ALL, &kept);
    // What else was sent is not known.
    let raw = [vec![Raw(3)], with(zero("x"))].concat();
    innocent(&BOTH, &ALL, &raw);
}

#[test]
fn a_session_that_began_elsewhere_is_not_judged() {
    let lines = [
        &hello(8, true)[..],
        &[
            Down(8, pubrel(1)),
            Down(8, again(1, "a")),
            Down(8, puback(4)),
        ],
    ];
    let lines = [vec![Up(7, one(0, "a"))], lines.concat()].concat();
    innocent(&CLIENT, &ALL, &lines);
}
