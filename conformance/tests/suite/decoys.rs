//! Brokers that are odd and within the standard: none of them may be accused.

use crate::{
    house::{House, story},
    odd::{From, Hands, Line, Rule, body, holds, kind, publish_id, qos, topic, with_body},
};
use squall_broker::Config;
use squall_conformance::Options;
use squall_protocol::Version::{self, V3_1_1, V5_0};
use squall_reports::{CheckResult, Verdict};
use squall_saboteurs::Switch;
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

const LATE: Duration = Duration::from_millis(350);

fn run(house: &House, only: &[&str], versions: &[Version]) -> Vec<CheckResult> {
    let options = Options {
        only: only.iter().map(|&name| name.to_owned()).collect(),
        versions: versions.to_vec(),
        ..Options::default()
    };
    house.conform(&options).results
}

/// Everything passes, or is not applicable.
fn passes(house: &House, only: &[&str], versions: &[Version]) {
    let wrong: Vec<String> = run(house, only, versions)
        .iter()
        .filter(|r| !matches!(r.verdict, Verdict::Pass | Verdict::NotApplicable))
        .map(story)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Nothing fails or warns.
fn not_accused(house: &House, only: &[&str], versions: &[Version]) {
    let wrong: Vec<String> = run(house, only, versions)
        .iter()
        .filter(|r| matches!(r.verdict, Verdict::Fail | Verdict::Warn))
        .map(story)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Sends the packets late for which `late` holds; everything else overtakes them.
fn delaying(late: impl Fn(&[u8]) -> bool + Send + Clone + 'static) -> House {
    House::each(move |from, packet, hands| match from {
        From::Broker if late(packet) => hands.client().send_late(LATE, packet),
        _ => hands.pass(from, packet),
    })
}

#[test]
fn retained_messages_may_come_after_live_ones() {
    let house = delaying(|packet| kind(packet) == 3 && packet[0] & 1 == 1);
    passes(&house, &["retained/*", "will/retained"], &Version::ALL);
}

#[test]
fn a_resumed_session_may_send_again_by_a_timer() {
    let wait = Duration::from_millis(400);
    let house = House::each(move |from, packet, hands| {
        let again = kind(packet) == 3 && packet[0] & 8 != 0;
        match from == From::Broker && again {
            true => hands.client().send_late(8 * wait, packet),
            false => hands.pass(from, packet),
        }
    });
    let only = ["resume/1-resent", "resume/2-resent", "resume/order-kept"];
    let options = Options {
        only: only.map(str::to_owned).to_vec(),
        wait,
        ..Options::default()
    };
    for result in house.conform(&options).results {
        assert_eq!(result.verdict, Verdict::Pass, "{}", story(&result));
    }
}

#[test]
fn a_message_may_reach_who_subscribed_after_it() {
    // A server that hands messages on slowly and matches them then: what was published earlier comes live, after SUBACK.
    let house = House::odd(|| {
        let published = Rc::new(RefCell::new(Vec::new()));
        Box::new(move || {
            let published = Rc::clone(&published);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                let is_publish = kind(packet) == 3;
                for late in [&b"ordinary"[..], b"older"] {
                    if is_publish && from == From::Client && packet.ends_with(late) {
                        published.borrow_mut().push((topic(packet).to_vec(), late));
                    }
                }
                if !(is_publish
                    && from == From::Broker
                    && packet.ends_with(b"end")
                    && packet[0] & 1 == 0)
                {
                    return hands.pass(from, packet);
                }
                // In the order in which they were published.
                for (_, late) in published
                    .borrow()
                    .iter()
                    .filter(|(t, _)| t == topic(packet))
                {
                    let start = packet[..packet.len() - 3].to_vec();
                    let mut again = [body(&start), *late].concat();
                    // Another identifier than that of `end`.
                    let at = 2 + topic(packet).len();
                    again[at] ^= 0x40 | late[0] & 1;
                    hands.client().send(&with_body(packet[0], &again));
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    let only = ["retained/replaced", "retained/not-touched-by-ordinary"];
    passes(&house, &only, &Version::ALL);
}

#[test]
fn messages_on_other_topics_may_overtake() {
    // The topics that a check is about come later than those that end its waits.
    let house = delaying(|packet| {
        kind(packet) == 3
            && [
                &b"/one"[..],
                b"/a",
                b"/a/b",
                b"/a/",
                b"/a//c",
                b"/a/b/c",
                b"/x",
                b"/own/0",
            ]
            .iter()
            .any(|end| topic(packet).ends_with(end))
    });
    let only = [
        "alias/used",
        "topic/*",
        "subscribe/several-filters",
        "subscribe/unsubscribed-exact",
    ];
    passes(&house, &only, &Version::ALL);
}

#[test]
fn wills_may_come_late() {
    let house = delaying(|packet| kind(packet) == 3 && packet.ends_with(b"last words"));
    passes(&house, &["will/*"], &Version::ALL);
}

#[test]
fn messages_of_other_topics_and_repetitions_are_nobody_s_business() {
    // After each SUBACK comes what another check may have published; every QoS 1 message comes again with DUP.
    let house = House::each(|from, packet, hands| {
        hands.pass(from, packet);
        if from == From::Client {
            return;
        }
        match kind(packet) {
            9 => {
                for payload in [
                    &b"kept"[..],
                    b"end",
                    b"older",
                    b"m",
                    b"queued",
                    b"live",
                    b"",
                    b"ordinary",
                ] {
                    let properties: &[u8] = if hands.five { &[0] } else { &[] };
                    let body = [&b"\0\x0bsome/topic/"[..], b"x", properties, payload].concat();
                    let body = [&[0, 12][..], &body[2..]].concat();
                    hands.client().send(&with_body(0x31, &body));
                }
            }
            3 if qos(packet) == 1 && !hands.five => {
                let again = [&[packet[0] | 0x08][..], &packet[1..]].concat();
                hands.client().send(&again);
            }
            _ => {}
        }
    });
    let only = [
        "retained/*",
        "session/*",
        "subscribe/*",
        "qos/*",
        "will/*",
        "shared/*",
    ];
    passes(&house, &only, &Version::ALL);
}

#[test]
fn acknowledgements_of_requests_may_come_in_any_order() {
    // The answers to 1, 255 and 65535 come in the opposite order.
    let house = House::odd(|| {
        Box::new(|| {
            let mut held: Vec<Vec<u8>> = Vec::new();
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                if from == From::Client || !matches!(kind(packet), 9 | 11) {
                    return hands.pass(from, packet);
                }
                held.push(packet.to_vec());
                if body(packet)[..2] == [0xFF, 0xFF] {
                    for packet in held.drain(..).rev() {
                        hands.client().send(&packet);
                    }
                }
            }) as Rule
        })
    });
    passes(&house, &["subscribe/identifiers"], &Version::ALL);
}

#[test]
fn a_server_may_keep_fewer_messages_in_flight_than_it_may() {
    let house = House::each(|from, packet, hands| {
        let mut packet = packet.to_vec();
        if kind(&packet) == 1
            && let Some(at) = packet.windows(3).position(|w| w == [0x21, 0, 2])
        {
            packet[at + 2] = 1;
        }
        hands.pass(from, &packet);
    });
    passes(&house, &["flow/receive-maximum-*"], &[V5_0]);
}

#[test]
fn a_server_may_close_before_keep_alive_is_over() {
    let house = House::broker(Some(Switch::KeepAliveTooEarly));
    let result = &run(&house, &["keep-alive/silent-client-closed"], &[V3_1_1])[0];
    assert_eq!(result.verdict, Verdict::Inconclusive, "{}", story(result));
}

#[test]
fn in_3_1_1_a_server_may_send_again_on_a_living_connection() {
    let house = House::odd(|| {
        Box::new(|| {
            let mut sent: VecDeque<Vec<u8>> = VecDeque::new();
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                if from == From::Broker && kind(packet) == 3 && qos(packet) == 2 {
                    sent.push_back(packet.to_vec());
                }
                // The PUBREC is late: the message was sent again before it came.
                if from == From::Client && kind(packet) == 5 {
                    let id = &body(packet)[..2];
                    if let Some(mut again) = sent.iter().find(|p| publish_id(p) == id).cloned() {
                        again[0] |= 0x08;
                        hands.client().send(&again);
                        sent.retain(|p| publish_id(p) != id);
                    }
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    let only = ["qos/*", "session/2-queued", "resume/2-*"];
    passes(&house, &only, &[V3_1_1]);
}

#[test]
fn a_server_may_wait_for_its_subscribers_before_it_acknowledges() {
    // PUBACK and PUBREC are held back as long as a subscriber has not acknowledged a message on the topic.
    #[derive(Default)]
    struct Shared {
        open: BTreeMap<Vec<u8>, usize>,
        held: Vec<(Vec<u8>, Line, Vec<u8>)>,
    }
    fn release(shared: &Rc<RefCell<Shared>>) {
        let Shared { open, held } = &mut *shared.borrow_mut();
        held.retain(|(topic, line, packet)| {
            let free = open.get(topic).is_none_or(|n| *n == 0);
            if free {
                line.send(packet);
            }
            !free
        });
    }
    let house = House::odd(|| {
        let shared = Rc::new(RefCell::new(Shared::default()));
        Box::new(move || {
            let shared = Rc::clone(&shared);
            // Topics by packet identifier: of what the client published, and of what it was sent.
            let mut published: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            let mut delivered: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                match (from, kind(packet)) {
                    (From::Client, 3) if qos(packet) > 0 => {
                        published.insert(publish_id(packet).to_vec(), topic(packet).to_vec());
                    }
                    (From::Broker, 3) if qos(packet) > 0 => {
                        let topic = topic(packet).to_vec();
                        *shared.borrow_mut().open.entry(topic.clone()).or_default() += 1;
                        delivered.insert(publish_id(packet).to_vec(), topic);
                    }
                    (From::Client, 4 | 5) => {
                        if let Some(topic) = delivered.remove(&body(packet)[..2])
                            && let Some(n) = shared.borrow_mut().open.get_mut(&topic)
                        {
                            *n -= 1;
                        }
                        release(&shared);
                    }
                    (From::Broker, 4 | 5) => {
                        let topic = published
                            .get(&body(packet)[..2])
                            .cloned()
                            .unwrap_or_default();
                        let line = hands.client().clone();
                        shared
                            .borrow_mut()
                            .held
                            .push((topic, line, packet.to_vec()));
                        // The deliveries come right after it.
                        let shared = Rc::clone(&shared);
                        tokio::task::spawn_local(async move {
                            tokio::time::sleep(Duration::from_millis(30)).await;
                            release(&shared);
                        });
                        return;
                    }
                    _ => {}
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    let only = ["qos/1-*", "qos/2-*", "subscribe/replaced"];
    not_accused(&house, &only, &Version::ALL);
    // Where nobody has to acknowledge, or does so at once, it is no obstacle.
    passes(
        &house,
        &["qos/1-identifiers", "qos/2-identifiers"],
        &Version::ALL,
    );
}

#[test]
fn a_slow_road_changes_no_verdict() {
    let house = House::far(Duration::from_millis(150));
    let only = [
        "connect/*",
        "qos/*",
        "topic/*",
        "retained/*",
        "flow/receive*",
        "malformed/filter*",
        "vectors/ping",
    ];
    passes(&house, &only, &Version::ALL);
}

#[test]
fn a_refusal_of_the_version_may_come_byte_by_byte() {
    for whole in [true, false] {
        let house = House::each(move |from, packet, hands| {
            if from == From::Client && kind(packet) == 1 && hands.five {
                let refusal = [0x20, 0x02, 0x00, 0x01];
                match whole {
                    true => hands.client().send(&refusal),
                    false => hands.client().dribble(&refusal),
                }
                return hands.close();
            }
            hands.pass(from, packet);
        });
        let result = &run(&house, &["connect/accepted"], &[V5_0, V3_1_1])[1];
        assert_eq!(
            result.verdict,
            Verdict::NotApplicable,
            "whole: {whole}: {}",
            story(result)
        );
    }
}

#[test]
fn a_connack_in_the_format_of_the_other_version_is_the_same_in_pieces() {
    // A CONNECT that names no version of MQTT is refused in the format of the version that is not under test.
    let verdicts = |version: Version, whole: bool| {
        let house = House::each(move |from, packet, hands| {
            let odd = from == From::Client
                && kind(packet) == 1
                && (!holds(packet, b"MQTT") || !matches!(body(packet).get(6), Some(4 | 5)));
            if !odd {
                return hands.pass(from, packet);
            }
            let refusal: &[u8] = match version {
                V3_1_1 => &[0x20, 0x03, 0x00, 0x84, 0x00],
                V5_0 => &[0x20, 0x02, 0x00, 0x01],
            };
            match whole {
                true => hands.client().send(refusal),
                false => hands.client().dribble(refusal),
            }
            hands.close();
        });
        let only = [
            "connect/protocol-*",
            "connect/first-packet-*",
            "vectors/connect",
            "vectors/framing",
        ];
        let results = run(&house, &only, &[version]);
        let failed = results.iter().find(|r| r.verdict == Verdict::Fail);
        assert!(
            failed.is_none(),
            "{}",
            failed.map(story).unwrap_or_default()
        );
        results
            .iter()
            .map(|r| (r.check.clone(), r.verdict))
            .collect::<Vec<_>>()
    };
    for version in Version::ALL {
        assert_eq!(verdicts(version, true), verdicts(version, false));
    }
}

#[test]
fn a_wrong_session_present_is_no_lost_session() {
    let house = House::broker(Some(Switch::SessionPresentAlwaysZero));
    // These have nothing but the flag to go by.
    let told_by_flag = [
        "session/kept-without-subscription",
        "session/expires",
        "session/expiry-at-disconnect",
    ];
    let only = [
        "session/*",
        "resume/*",
        "flow/message-exp*",
        "connect/connack-first",
        "connect/assigned-client-id",
        "will/delay-cancelled",
    ];
    for result in run(&house, &only, &Version::ALL) {
        let expected = match &*result.check {
            "session/kept" => [Verdict::Fail, Verdict::Fail],
            "connect/assigned-client-id" => [Verdict::Inconclusive; 2],
            check if told_by_flag.contains(&check) => [Verdict::Inconclusive; 2],
            _ => [Verdict::Pass, Verdict::NotApplicable],
        };
        assert!(expected.contains(&result.verdict), "{}", story(&result));
    }
}

#[test]
fn a_server_without_wildcards_is_no_failure() {
    let house = House::each(|from, packet, hands| {
        if from == From::Client && kind(packet) == 8 && (holds(packet, b"+") || holds(packet, b"#"))
        {
            let id = &body(packet)[..2];
            let code = if hands.five { 0x8F } else { 0x80 };
            let rest: &[u8] = if hands.five { &[0, code] } else { &[code] };
            return hands.client().send(&with_body(0x90, &[id, rest].concat()));
        }
        hands.pass(from, packet);
    });
    for (version, expected) in [(V3_1_1, Verdict::Warn), (V5_0, Verdict::Inconclusive)] {
        for check in [
            "topic/multi-level-wildcard",
            "retained/wildcard",
            "subscribe/overlapping",
        ] {
            let result = &run(&house, &[check], &[version])[0];
            assert_eq!(result.verdict, expected, "{}", story(result));
        }
    }
}

#[test]
fn a_granted_qos_is_what_counts() {
    let house = House::configured(Config {
        maximum_qos: squall_protocol::QoS::AtLeastOnce,
        ..Config::default()
    });
    not_accused(
        &house,
        &["qos/*", "retained/*", "will/*", "session/*", "topic/*"],
        &[V5_0],
    );
}
