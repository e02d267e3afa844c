//! Whatever clients do: no panic, no rule of the broker's own broken, and the same story for any split of the bytes.

use super::*;
use proptest::prelude::*;
use squall_protocol::{ReasonCode, packet::RetainHandling};

/// One thing that happens on one of a few connections.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Packet(usize, Packet),
    Garbage(usize, Vec<u8>),
    HangUp(usize),
    Open(usize, Connect),
    Pass(u64),
}

pub(super) const SLOTS: usize = 3;

fn qos() -> impl Strategy<Value = QoS> {
    prop::sample::select(vec![Q0, Q1, Q2])
}

fn topic() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "a/b", "b", "$x"])
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1_u16..4).prop_map(id)
}

fn connect() -> impl Strategy<Value = Connect> {
    let version = prop::sample::select(Version::ALL.to_vec());
    let client_id = prop::sample::select(vec!["", "x", "x", "y", "y", "z"]);
    let size = prop::option::weighted(0.2, 4_u32..60);
    let limits = (1_u16..5, size, 0_u32..20);
    let will = prop::option::of((topic(), qos(), any::<bool>(), 0_u32..3));
    (
        version,
        client_id,
        prop::bool::weighted(0.2),
        0_u16..3,
        limits,
        will,
    )
        .prop_map(
            |(version, client_id, clean_start, keep_alive, (window, size, expiry), will)| {
                let mut connect = Connect {
                    clean_start,
                    keep_alive,
                    ..hello(version, client_id)
                };
                connect.will = will.map(|(topic, qos, retain, delay)| {
                    let will = Will {
                        qos,
                        retain,
                        ..will_of(topic)
                    };
                    if version == V5 {
                        delayed(will, delay)
                    } else {
                        will
                    }
                });
                if version == V5 {
                    let p = &mut connect.properties;
                    p.push(Property::SessionExpiryInterval(expiry));
                    p.push(Property::ReceiveMaximum(window));
                    size.into_iter()
                        .for_each(|size| p.push(Property::MaximumPacketSize(size)));
                }
                connect
            },
        )
}

fn will_of(topic: &str) -> Will {
    will(topic, "will")
}

fn publish() -> impl Strategy<Value = Packet> {
    let flags = (any::<bool>(), any::<bool>());
    let alias = prop::option::weighted(0.1, 1_u16..4);
    let properties = (prop::option::of(0_u32..3), alias);
    (topic(), "[a-z]{0,4}", qos(), packet_id(), flags, properties).prop_map(
        |(topic, payload, qos, id, (dup, retain), (expiry, alias))| {
            let mut publish = message(topic, &payload, qos);
            publish.packet_id = publish.packet_id.map(|_| id);
            publish.dup = dup && qos != Q0;
            publish.retain = retain;
            publish.properties.extend_with(expiry, alias);
            Packet::Publish(publish)
        },
    )
}

trait ExtendWith {
    fn extend_with(&mut self, expiry: Option<u32>, alias: Option<u16>);
}

impl ExtendWith for Properties {
    fn extend_with(&mut self, expiry: Option<u32>, alias: Option<u16>) {
        let both = [
            expiry.map(Property::MessageExpiryInterval),
            alias.map(Property::TopicAlias),
        ];
        both.into_iter().flatten().for_each(|p| self.push(p));
    }
}

fn subscription() -> impl Strategy<Value = Subscription> {
    let filters = vec!["a", "#", "+/b", "$share/g/a", "$share/g/#", "$x"];
    (
        prop::sample::select(filters),
        qos(),
        any::<(bool, bool)>(),
        0_u8..3,
    )
        .prop_map(|(filter, qos, (no_local, retain_as_published), handling)| {
            let filter = TopicFilter::parse_v5(filter).unwrap();
            Subscription {
                no_local: no_local && !filter.is_shared(),
                retain_as_published,
                retain_handling: RetainHandling::from_bits(handling).unwrap(),
                ..Subscription::new(filter, qos)
            }
        })
}

fn packet() -> impl Strategy<Value = Packet> {
    let reason = prop::sample::select(vec![ReasonCode::SUCCESS, ReasonCode::UNSPECIFIED_ERROR]);
    let ack = (packet_id(), reason)
        .prop_map(|(id, reason)| Ack::with_reason(id, reason))
        .boxed();
    let subscriptions = prop::collection::vec(subscription(), 1..3);
    prop_oneof![
        6 => publish(),
        3 => subscriptions.prop_map(|s| Packet::Subscribe(subscribe(s))),
        1 => subscription().prop_map(|s| Packet::Unsubscribe(Unsubscribe {
            packet_id: id(9),
            properties: Properties::new(),
            filters: vec![s.filter],
        })),
        3 => ack.clone().prop_map(Packet::PubAck),
        3 => ack.clone().prop_map(Packet::PubRec),
        3 => packet_id().prop_map(|id| Packet::PubRel(Ack::success(id))),
        3 => packet_id().prop_map(|id| Packet::PubComp(Ack::success(id))),
        1 => Just(Packet::PingReq),
        1 => prop::sample::select(vec![0_u8, 4, 0x81])
            .prop_map(|r| Packet::Disconnect(Disconnect::with_reason(ReasonCode(r)))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..SLOTS;
    prop_oneof![
        30 => (slot.clone(), packet()).prop_map(|(slot, packet)| Step::Packet(slot, packet)),
        4 => (slot.clone(), connect()).prop_map(|(slot, connect)| Step::Open(slot, connect)),
        1 => slot.clone().prop_map(Step::HangUp),
        1 => (slot, prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(s, b)| Step::Garbage(s, b)),
        2 => (1_u64..4000).prop_map(Step::Pass),
    ]
}

/// Three clients with kept sessions that hear everything, and then anything.
pub(super) fn story() -> impl Strategy<Value = Vec<Step>> {
    let version = prop::sample::select(Version::ALL.to_vec());
    let rest = prop::collection::vec(step(), 1..80);
    (version, rest).prop_map(|(version, rest)| {
        let all = TopicFilter::parse_v5("#").unwrap();
        let begin = |(slot, client_id)| {
            let everything = subscribe(vec![Subscription::new(all.clone(), Q2)]);
            let packet = Packet::Subscribe(everything);
            [
                Step::Open(slot, hello_again(version, client_id)),
                Step::Packet(slot, packet),
            ]
        };
        let beginning = ["x", "y", "z"].into_iter().enumerate().flat_map(begin);
        beginning.chain(rest).collect()
    })
}

pub(super) fn config() -> Config {
    Config {
        max_queued: 3,
        receive_maximum: 2,
        topic_alias_maximum: 2,
        ..Config::default()
    }
}

/// Plays a story; bytes arrive in pieces of `piece` bytes. Gives all that came out.
fn play(story: &[Step], piece: usize) -> (Vec<Event>, Vec<Output>) {
    let mut broker = Broker::new(config());
    broker.observe(true);
    let (mut now, mut opened) = (Time::ZERO, 0);
    let mut slots: [Option<(ConnId, Version)>; SLOTS] = [None; SLOTS];
    let (mut events, mut outputs) = (Vec::new(), Vec::new());
    for step in story {
        let (slot, bytes) = match step {
            Step::Pass(ms) => {
                let end = now + std::time::Duration::from_millis(*ms);
                while let Some(at) = broker.poll_timeout().filter(|at| *at <= end) {
                    assert!(at > now || at == end, "a deadline lies in the past");
                    now = at;
                    broker.handle_timeout(now);
                    assert!(broker.poll_timeout().is_none_or(|next| next > now));
                }
                now = end;
                continue;
            }
            Step::HangUp(slot) => {
                if let Some((conn, _)) = slots[*slot].take() {
                    broker.handle_closed(now, conn, Hangup::Eof);
                }
                continue;
            }
            Step::Open(slot, connect) => {
                let conn = ConnId(opened);
                opened += 1;
                if let Some((old, _)) = slots[*slot].replace((conn, connect.version)) {
                    broker.handle_closed(now, old, Hangup::Reset);
                }
                broker.handle_open(now, conn);
                let packet = Packet::Connect(Box::new(connect.clone()));
                (*slot, encode(&packet, connect.version).unwrap().to_vec())
            }
            Step::Packet(slot, packet) => {
                let version = slots[*slot].map_or(V5, |(_, version)| version);
                (*slot, encode(packet, version).unwrap().to_vec())
            }
            Step::Garbage(slot, bytes) => (*slot, bytes.clone()),
        };
        let Some((conn, _)) = slots[slot] else {
            continue;
        };
        for piece in bytes.chunks(piece) {
            broker.handle_bytes(now, conn, piece);
        }
        events.extend(std::iter::from_fn(|| broker.poll_event()));
        outputs.extend(std::iter::from_fn(|| broker.poll_output()));
    }
    events.extend(std::iter::from_fn(|| broker.poll_event()));
    outputs.extend(std::iter::from_fn(|| broker.poll_output()));
    (events, outputs)
}

/// What must be true of every connection, whatever the client did.
fn judge(events: &[Event], outputs: &[Output]) {
    let mut open = BTreeMap::new();
    for event in events {
        let conn = event.conn().expect("a broker by itself does not fail");
        match event {
            Event::Opened { .. } => assert!(open.insert(conn, Vec::new()).is_none()),
            Event::Closed { .. } => assert!(open.remove(&conn).is_some(), "closed once"),
            Event::Received { .. } | Event::Violation { .. } => assert!(open.contains_key(&conn)),
            Event::Sent { frame, .. } => {
                let before: &mut Vec<Packet> = open.get_mut(&conn).expect("it is open");
                let first = matches!(frame.packet, Packet::ConnAck(_));
                assert_eq!(first, before.is_empty(), "CONNACK comes first, and once");
                let last = matches!(before.last(), Some(Packet::Disconnect(_)));
                assert!(!last, "nothing follows DISCONNECT");
                before.push(frame.packet.clone());
            }
            Event::SentRaw { .. } | Event::Failed(_) => panic!("only others do so"),
        }
    }
    let sent = events.iter().filter_map(|e| match e {
        Event::Sent { conn, frame } => Some((*conn, &frame.bytes)),
        _ => None,
    });
    let handed_over = outputs.iter().filter_map(|o| match o {
        Output::Send { conn, bytes } => Some((*conn, bytes)),
        Output::Verify { .. } | Output::Close { .. } => None,
    });
    assert!(sent.eq(handed_over), "what is observed is what is sent");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_story_keeps_the_rules_and_does_not_depend_on_how_bytes_arrive(
        story in story(),
        piece in 1_usize..9,
    ) {
        let (events, outputs) = play(&story, usize::MAX);
        judge(&events, &outputs);
        prop_assert_eq!(&play(&story, piece), &(events, outputs));
    }

    #[test]
    fn two_packets_in_one_piece_are_two_packets(
        packets in prop::collection::vec(packet(), 1..6),
        connect in connect(),
    ) {
        let bytes = |packet: &Packet| encode(packet, connect.version).unwrap();
        let first = bytes(&Packet::Connect(Box::new(connect.clone())));
        let all: Vec<_> = std::iter::once(first).chain(packets.iter().map(bytes)).collect();
        let run = |pieces: &[&[u8]]| {
            let mut broker = Broker::new(config());
            broker.observe(true);
            broker.handle_open(Time::ZERO, ConnId(0));
            pieces.iter().for_each(|piece| broker.handle_bytes(Time::ZERO, ConnId(0), piece));
            std::iter::from_fn(move || broker.poll_event()).collect::<Vec<_>>()
        };
        let pieces: Vec<&[u8]> = all.iter().map(|b| &b[..]).collect();
        prop_assert_eq!(run(&pieces), run(&[&all.concat()]));
    }

    #[test]
    fn random_bytes_do_no_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        version in prop::sample::select(Version::ALL.to_vec()),
        accepted in any::<bool>(),
    ) {
        let mut bench = Bench::new();
        let other = bench.connect(version, "other");
        let conn = bench.open();
        if accepted {
            let hello = Packet::Connect(Box::new(hello(version, "a")));
            bench.versions.insert(conn, version);
            bench.send(conn, hello);
        }
        bench.broker.handle_bytes(bench.now, conn, &bytes);
        bench.broker.handle_closed(bench.now, conn, Hangup::Eof);
        let over = |e: &Event| e.conn() == Some(conn) && matches!(e, Event::Closed { .. });
        let events: Vec<_> = std::iter::from_fn(|| bench.broker.poll_event()).collect();
        prop_assert_eq!(events.iter().filter(|e| over(e)).count(), 1);
        bench.inbox.clear();
        while bench.broker.poll_output().is_some() {}
        bench.send(other, Packet::PingReq);
        prop_assert_eq!(bench.seen(other), ["pingresp"]);
    }

    #[test]
    fn a_client_never_gets_more_than_its_receive_maximum(
        window in 1_u16..5,
        acks in prop::collection::vec((0_usize..5, any::<bool>()), 0..60),
    ) {
        let mut bench = Bench::new();
        let conn = bench.join(with_property(hello(V5, "s"), Property::ReceiveMaximum(window)));
        let publisher = bench.connect(V5, "p");
        bench.subscribe(conn, "t", Q2);
        let mut open: Vec<(u16, QoS)> = Vec::new();
        for (n, (which, two)) in acks.into_iter().enumerate() {
            let qos = if two { Q2 } else { Q1 };
            let publish = message("t", &n.to_string(), qos);
            bench.send(publisher, Packet::Publish(publish));
            bench.send(publisher, pubrel(7));
            if let Some((n, qos)) = (which < open.len()).then(|| open.remove(which)) {
                if qos == Q1 {
                    bench.send(conn, puback(n));
                } else {
                    bench.send(conn, pubrec(n));
                    bench.send(conn, pubcomp(n));
                }
            }
            for message in bench.messages(conn) {
                let id = message.packet_id.unwrap().get();
                prop_assert!(open.iter().all(|(n, _)| *n != id), "identifier {} is in use", id);
                open.push((id, message.qos));
            }
            prop_assert!(open.len() <= usize::from(window));
        }
        prop_assert_eq!(bench.cause(conn), None);
    }
}
