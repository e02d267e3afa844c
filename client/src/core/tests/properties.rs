//! What holds for any input.

use super::*;
use proptest::prelude::*;
use squall_protocol::packet::Auth;

#[derive(Clone, Debug)]
enum Step {
    Connect { clean: bool, small: bool },
    Dialed,
    DialFailed,
    Publish(u8),
    Subscribe,
    Unsubscribe,
    Disconnect(u8),
    Drop,
    Backoff(bool),
    Closed,
    Pass(u16),
    Server(Packet),
    Bytes(Vec<u8>),
}

fn reason() -> impl Strategy<Value = ReasonCode> + Clone {
    prop_oneof![3 => Just(ReasonCode::SUCCESS), 1 => any::<u8>().prop_map(ReasonCode)]
}

fn server_packet() -> impl Strategy<Value = Packet> {
    let ack = (1..6u16, reason()).prop_map(|(n, reason)| Ack::with_reason(id(n), reason));
    let limits = prop_oneof![
        Just(Property::ReceiveMaximum(1)),
        (1..40u32).prop_map(Property::MaximumPacketSize),
        (0..2u8).prop_map(Property::MaximumQoS),
        (0..3u16).prop_map(Property::ServerKeepAlive),
        Just(Property::SessionExpiryInterval(0)),
        Just(Property::AssignedClientIdentifier("given".into())),
    ];
    let connack = (
        any::<bool>(),
        reason(),
        proptest::option::weighted(0.3, limits),
    )
        .prop_map(|(session_present, reason, limit)| {
            let properties = limit.into_iter().collect();
            Packet::ConnAck(ConnAck {
                session_present,
                reason,
                properties,
            })
        });
    let publish = (0..3u8, 1..6u16, any::<bool>(), 0..4u16).prop_map(|(qos, n, dup, alias)| {
        let qos = QoS::from_bits(qos).unwrap();
        let n = if qos == QoS::AtMostOnce { 0 } else { n };
        let mut publish = Publish {
            dup: dup && n > 0,
            ..incoming(if alias > 2 { "" } else { "t" }, qos, n)
        };
        if alias > 1 {
            publish.properties.push(Property::TopicAlias(alias - 1));
        }
        Packet::Publish(publish)
    });
    let codes = proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0x80)], 1..3);
    prop_oneof![
        3 => connack,
        4 => publish,
        2 => ack.clone().prop_map(Packet::PubAck),
        2 => ack.clone().prop_map(Packet::PubRec),
        2 => ack.clone().prop_map(Packet::PubRel),
        2 => ack.prop_map(Packet::PubComp),
        1 => (1..6u16, codes.clone()).prop_map(|(n, codes)| suback(n, &codes)),
        1 => (1..6u16, codes).prop_map(|(n, codes)| unsuback(n, &codes)),
        1 => Just(Packet::PingResp),
        1 => reason().prop_map(|r| Packet::Disconnect(Disconnect::with_reason(r))),
        1 => Just(Packet::Auth(Auth::with_reason(ReasonCode::SUCCESS))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), any::<bool>()).prop_map(|(clean, small)| Step::Connect { clean, small }),
        3 => Just(Step::Dialed),
        1 => Just(Step::DialFailed),
        4 => any::<u8>().prop_map(Step::Publish),
        1 => Just(Step::Subscribe),
        1 => Just(Step::Unsubscribe),
        1 => any::<u8>().prop_map(Step::Disconnect),
        1 => Just(Step::Drop),
        1 => any::<bool>().prop_map(Step::Backoff),
        1 => Just(Step::Closed),
        2 => any::<u16>().prop_map(Step::Pass),
        8 => server_packet().prop_map(Step::Server),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Step::Bytes),
    ]
}

/// A story in which connections come about often enough.
fn story() -> impl Strategy<Value = Vec<Step>> {
    let accepted = [
        Step::Connect {
            clean: false,
            small: false,
        },
        Step::Dialed,
        Step::Server(Packet::ConnAck(connack(false))),
    ];
    let part = (any::<bool>(), proptest::collection::vec(step(), 1..12)).prop_map(
        move |(begin, steps)| {
            let accepted = if begin { accepted.to_vec() } else { Vec::new() };
            accepted.into_iter().chain(steps).collect::<Vec<_>>()
        },
    );
    proptest::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

/// Plays a story, with what arrives cut into pieces of `chunk` bytes.
fn play(version: Version, steps: &[Step], chunk: usize) -> Rig {
    let mut rig = Rig::new(version);
    let mut ticket = 0;
    for step in steps {
        ticket += 1;
        let now = rig.now;
        match step {
            Step::Connect { clean, small } => {
                let options = ConnectOptions {
                    clean_start: *clean,
                    keep_alive: 5,
                    receive_maximum: Some(if *small { 1 } else { 3 }),
                    topic_alias_maximum: Some(1),
                    maximum_packet_size: small.then_some(30),
                    ..Rig::options(version)
                };
                rig.client.connect(now, options);
            }
            Step::Dialed => rig.client.handle_dialed(now),
            Step::DialFailed => rig.client.handle_dial_failed(now, "no".to_owned()),
            Step::Publish(n) => {
                let mut message = Message::new(
                    "a",
                    vec![b'x'; usize::from(n / 8)],
                    QoS::from_bits(n % 3).unwrap(),
                );
                message.retain = n % 5 == 0;
                rig.client.publish(now, Ticket(ticket), message);
            }
            Step::Subscribe => rig.client.subscribe(
                now,
                Ticket(ticket),
                vec![subscription("a")],
                Properties::new(),
            ),
            Step::Unsubscribe => {
                let filters = vec![TopicFilter::parse_v5("a").unwrap()];
                rig.client
                    .unsubscribe(now, Ticket(ticket), filters, Properties::new());
            }
            Step::Disconnect(n) => rig
                .client
                .disconnect(now, ReasonCode(*n), Properties::new()),
            Step::Drop => rig.client.drop_connection(now),
            Step::Backoff(on) => {
                let backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
                rig.client.set_backoff(on.then_some(backoff));
            }
            Step::Closed => rig.client.handle_closed(now, Hangup::Eof),
            Step::Pass(ms) => rig.pass_until(now.as_millis() + u64::from(*ms)),
            Step::Server(packet) => {
                if let Ok(bytes) = squall_protocol::encode(packet, version) {
                    bytes
                        .chunks(chunk)
                        .for_each(|bytes| rig.client.handle_bytes(now, bytes));
                }
            }
            Step::Bytes(bytes) => bytes
                .chunks(chunk)
                .for_each(|bytes| rig.client.handle_bytes(now, bytes)),
        }
        rig.drain();
        rig.client.handle_timeout(rig.now);
        rig.drain();
        assert!(
            rig.client.poll_timeout().is_none_or(|at| at > rig.now),
            "a deadline that is not in the future"
        );
    }
    rig
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(V3), Just(V5)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// The rig itself checks that every packet is valid and every output has its event.
    #[test]
    fn any_story_is_told_the_same_however_the_bytes_are_cut(version in version(), steps in story()) {
        let whole = play(version, &steps, usize::MAX).out();
        prop_assert_eq!(&whole, &play(version, &steps, 1).out());
        prop_assert_eq!(&whole, &play(version, &steps, 3).out());
    }

    #[test]
    fn each_dial_ends_once_and_each_ticket_has_one_outcome(version in version(), steps in story()) {
        let mut rig = play(version, &steps, usize::MAX);
        rig.client.drop_connection(rig.now);
        let unfinished = rig.client.unfinished();
        let out = rig.out();
        // Lines of timers begin with their time.
        let words = |line: &String| -> Vec<String> {
            let words = line.split([' ', ':']).map(str::to_owned);
            words.skip_while(|word| word.parse::<u64>().is_ok()).collect()
        };
        let lines: Vec<_> = out.iter().map(words).collect();
        let count = |word: &str| lines.iter().filter(|line| line[0] == word).count();
        // Options are always valid here.
        prop_assert_eq!(count("dial"), count("ended"));
        let mut outcomes = std::collections::BTreeMap::<&str, u32>::new();
        for line in &lines {
            if let "acknowledged" | "abandoned" | "subscribed" | "unsubscribed" = &line[0][..] {
                *outcomes.entry(&line[1]).or_default() += 1;
            }
        }
        prop_assert!(outcomes.values().all(|n| *n == 1), "{:?}\n{:#?}", outcomes, out);
        // What has no outcome is still under way.
        let published = (1..).zip(&steps).filter(|(_, step)| matches!(step, Step::Publish(_)));
        let open = published.filter(|(ticket, _)| !outcomes.contains_key(&*ticket.to_string()));
        prop_assert!(open.count() <= unfinished, "a publish was forgotten\n{:#?}", out);
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic(
        version in version(),
        accepted in any::<bool>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        chunk in 1..40usize,
    ) {
        let mut rig = Rig::new(version);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.dialed();
        if accepted {
            rig.feed(Packet::ConnAck(connack(false)));
        }
        bytes.chunks(chunk).for_each(|bytes| rig.client.handle_bytes(Time::ZERO, bytes));
        rig.drain();
    }
}
