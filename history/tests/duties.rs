//! What a client owes: somebody who does not, and somebody odd who does, as their sockets show them.

use Line::{Connected, Delivered, Down, Given, Over, Up};
use bytes::Bytes;
use squall_history::{
    Application, Duties, End, Ended, Finding, Message, Monitors, Record, Scene, Seen,
};
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Text, Time, Version,
    packet::{Ack, ConnAck, Connect, Disconnect, Publish},
};
use std::time::Duration;

/// What happens at a client, one second after the other.
#[derive(Clone)]
enum Line {
    Up(u64, Packet),
    Down(u64, Packet),
    Over(u64),
    Connected(u64),
    /// The application gives a message with this payload.
    Given(&'static str, QoS),
    Delivered(&'static str, QoS),
}

/// When everything is settled, after all lines.
const SETTLED: u64 = 1000;

fn connect(clean_start: bool, keep_alive: u16) -> Packet {
    Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start,
        keep_alive,
        client_id: Text::from("c"),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }))
}

fn connack(session_present: bool, offer: &[Property]) -> Packet {
    let mut properties = Properties::new();
    offer.iter().cloned().for_each(|p| properties.push(p));
    Packet::ConnAck(ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties,
    })
}

fn publish(id: u16, payload: &'static str, qos: QoS, dup: bool) -> Packet {
    Packet::Publish(Publish {
        dup,
        qos,
        retain: false,
        topic: Text::from("t"),
        packet_id: PacketId::new(id),
        properties: Properties::new(),
        payload: Bytes::from_static(payload.as_bytes()),
    })
}

fn one(id: u16, payload: &'static str) -> Packet {
    publish(id, payload, QoS::AtLeastOnce, false)
}

fn again(id: u16, payload: &'static str) -> Packet {
    publish(id, payload, QoS::AtLeastOnce, true)
}

fn two(id: u16, payload: &'static str, dup: bool) -> Packet {
    publish(id, payload, QoS::ExactlyOnce, dup)
}

fn ack(id: u16) -> Ack {
    Ack::success(PacketId::new(id).unwrap())
}

fn puback(id: u16) -> Packet {
    Packet::PubAck(ack(id))
}

fn judged(version: Version, lines: &[Line]) -> Vec<Finding> {
    let name = |_: usize| "c".to_owned();
    let (topic, none) = (Text::from("t"), Properties::new());
    let payloads: Vec<Bytes> = lines
        .iter()
        .map(|line| match line {
            Given(payload, _) | Delivered(payload, _) => Bytes::from_static(payload.as_bytes()),
            _ => Bytes::new(),
        })
        .collect();
    let mut monitors = Monitors::of(
        Role::Client,
        Scene {
            version,
            name: &name,
            server: "the broker",
            own_topics: None,
            buffers: true,
            whole: true,
        },
    );
    let mut duties = Duties::of(version, &name);
    let mut found = Vec::new();
    let mut conn = 0;
    for (ix, line) in lines.iter().enumerate() {
        let message = |qos| Message {
            topic: &topic,
            payload: &payloads[ix],
            qos,
            retain: false,
            properties: &none,
        };
        let (of, seen) = match line {
            Up(n, packet) => (*n, Seen::Sent(packet)),
            Down(n, packet) => (*n, Seen::Received(packet)),
            Over(n) => (*n, Seen::Closed(Ended::There)),
            Connected(n) => (*n, Seen::Application(Application::Connected)),
            Given(_, qos) => (
                conn,
                Seen::Application(Application::Published {
                    ticket: ix as u64,
                    message: message(*qos),
                }),
            ),
            Delivered(_, qos) => (
                conn,
                Seen::Application(Application::Delivered(message(*qos))),
            ),
        };
        let record = |seen| Record {
            ix,
            at: Time::from_millis(1000 * ix as u64),
            end: End {
                side: Role::Client,
                client: 0,
                session: 0,
                conn: of,
            },
            seen,
        };
        let mut see = |seen| {
            let record = record(seen);
            monitors.see(&record, &mut |f| found.push(f));
            duties.see(&record, &mut |f| found.push(f));
        };
        if of != conn {
            conn = of;
            see(Seen::Opened);
        }
        see(seen);
    }
    let settled = Time::ZERO + Duration::from_secs(lines.len() as u64 + SETTLED);
    duties.finish(settled, Some(settled), &mut |f| found.push(f));
    found
}

#[track_caller]
fn breaks(statement: &str, lines: &[Line]) {
    let found = judged(Version::V5_0, lines);
    let cited = found.iter().any(|f| f.statements.contains(&statement));
    assert!(cited, "nobody cites {statement}: {found:#?}");
}

#[track_caller]
fn keeps(lines: &[Line]) {
    let found = judged(Version::V5_0, lines);
    assert!(found.is_empty(), "{found:#?}");
}

const QOS: QoS = QoS::AtLeastOnce;

/// A session that is there, and of which the client knows.
fn met(offer: &[Property]) -> Vec<Line> {
    vec![
        Up(1, connect(false, 0)),
        Down(1, connack(false, offer)),
        Connected(1),
        Given("first", QOS),
        Up(1, one(9, "first")),
        Down(1, puback(9)),
    ]
}

fn after(mut lines: Vec<Line>, more: Vec<Line>) -> Vec<Line> {
    lines.extend(more);
    lines
}

#[test]
fn limits_bind_who_has_read_them() {
    let limit = [Property::ReceiveMaximum(1)];
    let burst = || {
        vec![
            Given("a", QOS),
            Given("b", QOS),
            Up(1, one(1, "a")),
            Up(1, one(2, "b")),
            Down(1, puback(1)),
            Down(1, puback(2)),
        ]
    };
    breaks("MQTT-3.3.4-7", &after(met(&limit), burst()));
    // They may have been sent before CONNACK was read.
    let early = vec![Up(1, connect(false, 0)), Down(1, connack(false, &limit))];
    keeps(&after(early, burst()));
    // The application was told, but had given the messages before.
    let given = vec![
        Given("a", QOS),
        Given("b", QOS),
        Up(1, connect(false, 0)),
        Down(1, connack(false, &limit)),
        Connected(1),
    ];
    keeps(&after(given, burst()));
}

#[test]
fn acknowledgements_may_be_late_and_stay_away_with_a_connection_but_keep_their_order() {
    let come = || {
        after(
            met(&[]),
            vec![
                Down(1, one(1, "a")),
                Delivered("a", QOS),
                Down(1, one(2, "b")),
                Delivered("b", QOS),
            ],
        )
    };
    keeps(&after(come(), vec![Up(1, puback(1)), Up(1, puback(2))]));
    breaks(
        "MQTT-4.6.0-2",
        &after(come(), vec![Up(1, puback(2)), Up(1, puback(1))]),
    );
    breaks("MQTT-4.3.2-4", &after(come(), vec![Up(1, puback(1))]));
    // The connection ended: they come again on the next, in another order of answers.
    let next = vec![
        Up(1, puback(2)),
        Over(1),
        Up(2, connect(false, 0)),
        Down(2, connack(true, &[])),
        Down(2, again(1, "a")),
        Delivered("a", QOS),
        Up(2, puback(1)),
    ];
    keeps(&after(come(), next));
}

#[test]
fn what_was_under_way_is_sent_again_unless_its_acknowledgement_was_on_its_way() {
    let cut = |acknowledged: bool| {
        let mut lines = after(met(&[]), vec![Given("a", QOS), Up(1, one(1, "a"))]);
        if acknowledged {
            lines.push(Down(1, puback(1)));
        }
        lines.extend([
            Over(1),
            Up(2, connect(false, 0)),
            Down(2, connack(true, &[])),
        ]);
        lines
    };
    breaks("MQTT-4.4.0-1", &cut(false));
    keeps(&after(
        cut(false),
        vec![Up(2, again(1, "a")), Down(2, puback(1))],
    ));
    // Whether it was read nobody knows: both are right.
    keeps(&cut(true));
    keeps(&after(
        cut(true),
        vec![Up(2, again(1, "a")), Down(2, puback(1))],
    ));
    breaks(
        "MQTT-3.3.1-1",
        &after(cut(false), vec![Up(2, one(1, "a")), Down(2, puback(1))]),
    );
}

#[test]
fn a_new_session_has_nothing_of_the_old_one() {
    let clean = |more: Vec<Line>| {
        let old = vec![
            Given("a", QOS),
            Up(1, one(1, "a")),
            Over(1),
            Up(2, connect(true, 0)),
            Down(2, connack(false, &[])),
        ];
        after(after(met(&[]), old), more)
    };
    breaks(
        "MQTT-3.1.2-4",
        &clean(vec![Up(2, again(1, "a")), Down(2, puback(1))]),
    );
    // The application asks for it once more.
    keeps(&clean(vec![
        Given("a", QOS),
        Up(2, one(1, "a")),
        Down(2, puback(1)),
    ]));
}

#[test]
fn who_was_not_let_in_may_have_sent_it_before() {
    keeps(&[
        Given("a", QOS),
        Up(1, connect(false, 0)),
        Up(1, one(1, "a")),
        Over(1),
        Up(2, connect(false, 0)),
        Down(2, connack(false, &[])),
        Up(2, again(1, "a")),
        Down(2, puback(1)),
    ]);
    breaks(
        "MQTT-4.3.2-2",
        &after(
            met(&[]),
            vec![Given("a", QOS), Up(1, again(1, "a")), Down(1, puback(1))],
        ),
    );
}

#[test]
fn a_silent_client_sends_pings() {
    let quiet = |keep_alive, seconds: usize| {
        let mut lines = vec![
            Up(1, connect(false, keep_alive)),
            Down(1, connack(false, &[])),
        ];
        // Somebody else's messages say nothing about this client.
        lines.extend((0..seconds).map(|_| Delivered("x", QoS::AtMostOnce)));
        lines.push(Up(1, Packet::PingReq));
        lines.push(Over(1));
        let found = judged(Version::V5_0, &lines);
        found
            .iter()
            .any(|f| f.statements.contains(&"MQTT-3.1.2-20"))
    };
    assert!(quiet(10, 20));
    assert!(!quiet(10, 12), "a machine may be slow");
    assert!(!quiet(0, 60));
}

#[test]
fn nothing_comes_after_disconnect_and_connect_comes_once() {
    let farewell = || {
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        })
    };
    keeps(&after(met(&[]), vec![Up(1, farewell()), Over(1)]));
    breaks(
        "MQTT-3.14.4-1",
        &after(met(&[]), vec![Up(1, farewell()), Up(1, Packet::PingReq)]),
    );
    breaks(
        "MQTT-3.1.0-2",
        &after(met(&[]), vec![Up(1, connect(false, 0))]),
    );
}

#[test]
fn the_application_gets_what_came_and_a_qos_2_message_once() {
    let flow = |lines: Vec<Line>| {
        let mut all = after(
            met(&[]),
            vec![Down(1, two(1, "a", false)), Up(1, Packet::PubRec(ack(1)))],
        );
        all.extend(lines);
        all
    };
    let end = || {
        vec![
            Down(1, Packet::PubRel(ack(1))),
            Up(1, Packet::PubComp(ack(1))),
        ]
    };
    let got = || Delivered("a", QoS::ExactlyOnce);
    // It may be handed on when it comes, or when it is released.
    keeps(&after(flow(vec![got()]), end()));
    keeps(&after(flow(end()), vec![got()]));
    breaks("MQTT-4.3.3-8", &flow(end()));
    breaks(
        "MQTT-4.3.3-10",
        &after(flow(vec![got()]), after(end(), vec![got()])),
    );
    breaks(
        "MQTT-4.3.3-8",
        &after(
            flow(vec![got()]),
            after(end(), vec![Delivered("b", QoS::ExactlyOnce)]),
        ),
    );
    // The session was lost: it is another message then.
    let anew = vec![
        got(),
        Over(1),
        Up(2, connect(false, 0)),
        Down(2, connack(false, &[])),
        Down(2, two(1, "a", false)),
        got(),
        Up(2, Packet::PubRec(ack(1))),
        Down(2, Packet::PubRel(ack(1))),
        Up(2, Packet::PubComp(ack(1))),
    ];
    keeps(&flow(anew));
    let resumed = vec![
        got(),
        Over(1),
        Up(2, connect(false, 0)),
        Down(2, connack(true, &[])),
        Down(2, two(1, "a", true)),
        got(),
        Up(2, Packet::PubRec(ack(1))),
        Down(2, Packet::PubRel(ack(1))),
        Up(2, Packet::PubComp(ack(1))),
    ];
    breaks("MQTT-4.3.3-10", &flow(resumed));
}

#[test]
fn what_nobody_asked_for_is_told_without_a_statement() {
    let found = judged(
        Version::V5_0,
        &after(met(&[]), vec![Up(1, one(1, "a")), Down(1, puback(1))]),
    );
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].statements.is_empty(), "{found:#?}");
}
