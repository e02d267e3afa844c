//! Brokers that break the standard plainly: each of them fails the check that is about it.

use crate::{
    house::{House, story},
    odd::{From, Hands, Rule, body, holds, kind, publish_id, qos, topic, with_body},
};
use squall_conformance::Options;
use squall_protocol::Version::{self, V3_1_1, V5_0};
use squall_reports::Verdict;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

/// The check fails, and cites the statement.
fn fails(house: &House, check: &str, version: Version, statement: &str) {
    let result = house.check(check, version);
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
    let cited = result.statements.iter().any(|s| s.id == statement);
    assert!(
        cited,
        "{statement} is not among {:?}\n{}",
        result.statements,
        story(&result)
    );
    assert!(
        result.evidence.events.iter().any(|e| e.highlight),
        "{}",
        story(&result)
    );
}

/// Answers a SUBSCRIBE for which `which` holds by itself, with these codes.
fn granting(which: impl Fn(&[u8]) -> bool + Send + Clone + 'static, codes: &'static [u8]) -> House {
    House::each(move |from, packet, hands| {
        if from == From::Client && kind(packet) == 8 && which(packet) {
            let properties: &[u8] = if hands.five { &[0] } else { &[] };
            let answer = [&body(packet)[..2], properties, codes].concat();
            return hands.client().send(&with_body(0x90, &answer));
        }
        hands.pass(from, packet);
    })
}

#[test]
fn a_filter_that_is_none_is_granted() {
    let bad = |packet: &[u8]| {
        [&b"a#\0"[..], b"#/a\0", b"a+\0"]
            .iter()
            .any(|end| packet.ends_with(end))
            || packet.ends_with(&[0, 0, 0])
    };
    for (check, old, new) in [
        (
            "malformed/filter-hash-inside",
            "MQTT-4.7.1-2",
            "MQTT-4.7.1-1",
        ),
        (
            "malformed/filter-hash-not-last",
            "MQTT-4.7.1-2",
            "MQTT-4.7.1-1",
        ),
        (
            "malformed/filter-plus-inside",
            "MQTT-4.7.1-3",
            "MQTT-4.7.1-2",
        ),
        ("malformed/filter-empty", "MQTT-4.7.3-1", "MQTT-4.7.3-1"),
    ] {
        let house = granting(bad, &[0]);
        fails(&house, check, V3_1_1, old);
        fails(&house, check, V3_1_1, "MQTT-4.8.0-1");
        fails(&house, check, V5_0, new);
    }
    fails(
        &granting(bad, &[0]),
        "vectors/subscribe",
        V3_1_1,
        "MQTT-4.8.0-1",
    );
}

#[test]
fn a_shared_filter_that_is_none_is_granted() {
    for (filter, statement) in [
        (&b"$share/"[..], "MQTT-4.8.2-1"),
        (b"$share/g", "MQTT-4.8.2-2"),
        (b"$share//t", "MQTT-4.8.2-1"),
    ] {
        let house = granting(
            move |packet| packet[..packet.len() - 1].ends_with(filter),
            &[0],
        );
        fails(&house, "vectors/subscribe", V5_0, statement);
    }
}

#[test]
fn an_empty_suback() {
    let empty = |packet: &[u8]| body(packet).len() <= 3;
    fails(
        &granting(empty, &[]),
        "malformed/subscribe-empty",
        V3_1_1,
        "MQTT-4.8.0-1",
    );
}

#[test]
fn a_code_of_5_0_in_a_suback_of_3_1_1() {
    let house = granting(|_| true, &[0x87]);
    fails(&house, "subscribe/several-filters", V3_1_1, "MQTT-3.9.3-2");
    let house = granting(|packet| packet.ends_with(b"a#\0"), &[0x8F]);
    fails(
        &house,
        "malformed/filter-hash-inside",
        V3_1_1,
        "MQTT-3.9.3-2",
    );
}

#[test]
fn packets_that_no_client_may_send_are_tolerated() {
    let house = House::each(|from, packet, hands| {
        let ignored = matches!(kind(packet), 0 | 2 | 9 | 11 | 13 | 15);
        if !(from == From::Client && ignored) {
            hands.pass(from, packet);
        }
    });
    for check in [
        "packet-type-0",
        "packet-type-15",
        "connack-from-client",
        "suback-from-client",
    ] {
        fails(
            &house,
            &format!("malformed/{check}"),
            V3_1_1,
            "MQTT-4.8.0-1",
        );
    }
    fails(&house, "vectors/framing", V3_1_1, "MQTT-4.8.0-1");
}

/// Swallows what the broker sends of this type.
fn swallowing(which: u8) -> House {
    House::each(move |from, packet, hands| {
        if !(from == From::Broker && kind(packet) == which) {
            hands.pass(from, packet);
        }
    })
}

#[test]
fn acknowledgements_do_not_come() {
    for (version, statement) in [(V3_1_1, "MQTT-4.3.2-2"), (V5_0, "MQTT-4.3.2-4")] {
        fails(&swallowing(4), "qos/1-identifiers", version, statement);
    }
    for (version, statement) in [(V3_1_1, "MQTT-4.3.3-2"), (V5_0, "MQTT-4.3.3-8")] {
        fails(&swallowing(5), "qos/2-identifiers", version, statement);
    }
    for (version, statement) in [(V3_1_1, "MQTT-4.3.3-2"), (V5_0, "MQTT-4.3.3-11")] {
        fails(&swallowing(7), "qos/2-identifiers", version, statement);
    }
    for version in Version::ALL {
        fails(
            &swallowing(11),
            "subscribe/unsubscribed",
            version,
            "MQTT-3.10.4-4",
        );
        fails(&swallowing(9), "subscribe/suback", version, "MQTT-3.8.4-1");
        fails(
            &swallowing(13),
            "connect/accepted",
            version,
            "MQTT-3.12.4-1",
        );
    }
}

#[test]
fn a_message_gets_the_acknowledgement_of_the_other_qos() {
    let house = House::odd(|| {
        Box::new(|| {
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                if from == From::Client && kind(packet) == 3 && qos(packet) > 0 {
                    let first = if qos(packet) == 1 { 0x50 } else { 0x40 };
                    return hands.client().send(&with_body(first, &publish_id(packet)));
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    for version in Version::ALL {
        let (one, two) = match version {
            V3_1_1 => ("MQTT-4.3.2-2", "MQTT-4.3.3-2"),
            V5_0 => ("MQTT-4.3.2-4", "MQTT-4.3.3-8"),
        };
        fails(&house, "qos/1-identifiers", version, one);
        fails(&house, "qos/2-identifiers", version, two);
    }
}

/// Swallows deliveries for which `which` holds.
fn losing(which: impl Fn(&[u8]) -> bool + Send + Clone + 'static) -> House {
    House::each(move |from, packet, hands| {
        if !(from == From::Broker && kind(packet) == 3 && which(packet)) {
            hands.pass(from, packet);
        }
    })
}

#[test]
fn the_parent_level_is_not_matched() {
    for version in Version::ALL {
        let house = losing(|packet| topic(packet).ends_with(b"/a"));
        fails(
            &house,
            "topic/multi-level-wildcard",
            version,
            "MQTT-4.5.0-1",
        );
    }
}

#[test]
fn retained_messages_are_lost() {
    for (version, statement) in [(V3_1_1, "MQTT-3.3.1-6"), (V5_0, "MQTT-3.3.1-9")] {
        let house = losing(|packet| packet[0] & 1 == 1);
        fails(&house, "retained/delivered", version, statement);
    }
}

#[test]
fn late_is_told_apart_from_lost() {
    let result = losing(|packet| packet.ends_with(b"queued 1.3")).check("session/1-queued", V3_1_1);
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
    assert!(
        result.message.contains("`queued 1.3` was lost"),
        "{}",
        story(&result)
    );
    let house = House::each(|from, packet, hands| match from {
        From::Broker if kind(packet) == 3 && packet.ends_with(b"queued 1.5") => {
            hands.client().send_late(Duration::from_millis(300), packet);
        }
        _ => hands.pass(from, packet),
    });
    let result = house.check("session/1-queued", V3_1_1);
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
    assert!(
        result
            .message
            .starts_with("`queued 1.5` came after `end 1`"),
        "{}",
        story(&result)
    );
    let guilty = result.evidence.events.iter().find(|e| e.highlight).unwrap();
    assert!(guilty.label.starts_with("PUBLISH"), "{}", story(&result));
}

#[test]
fn a_response_topic_with_wildcards_is_forwarded() {
    // The reference broker refuses it, so the proxy hands it to the subscriber itself.
    let house = House::odd(|| {
        let subscribers: std::rc::Rc<std::cell::RefCell<Vec<crate::odd::Line>>> =
            Default::default();
        Box::new(move || {
            let subscribers = std::rc::Rc::clone(&subscribers);
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                if from == From::Client && kind(packet) == 8 {
                    subscribers.borrow_mut().push(hands.client().clone());
                }
                if from == From::Client
                    && kind(packet) == 3
                    && holds(packet, b"r/#")
                    && qos(packet) == 0
                {
                    for line in subscribers.borrow().iter() {
                        line.send(packet);
                    }
                    return;
                }
                hands.pass(from, packet);
            }) as Rule
        })
    });
    let result = house.check("malformed/publish-response-topic-wildcard", V5_0);
    assert_eq!(result.verdict, Verdict::Warn, "{}", story(&result));
    assert!(
        result.message.contains("MQTT-3.3.2-14"),
        "{}",
        story(&result)
    );
}

#[test]
fn what_4_13_1_excuses_is_a_warning_in_every_check() {
    // PUBLISH with wildcards in its topic or Response Topic is swallowed, whatever else it says.
    let house = House::each(|from, packet, hands| {
        let wild = holds(packet, b"r/#") || kind(packet) == 3 && topic(packet).contains(&b'+');
        if !(from == From::Client && kind(packet) == 3 && wild) {
            hands.pass(from, packet);
        }
    });
    for check in [
        "malformed/publish-response-topic-wildcard",
        "malformed/publish-topic-wildcard",
    ] {
        let result = house.check(check, V5_0);
        assert_eq!(result.verdict, Verdict::Warn, "{}", story(&result));
    }
    let house = House::each(|from, packet, hands| {
        let wild = kind(packet) == 3
            && qos(packet) == 0
            && (holds(packet, b"r/#") || holds(packet, b"\x08\0\x01+"));
        if !(from == From::Client && wild) {
            hands.pass(from, packet);
        }
    });
    let result = house.check("vectors/publish", V5_0);
    assert_eq!(result.verdict, Verdict::Warn, "{}", story(&result));
    assert!(
        result
            .message
            .contains("publish/response-topic-multi-level"),
        "{}",
        story(&result)
    );
}

#[test]
fn a_request_that_is_taken_has_to_be_answered() {
    // A padded SUBSCRIBE of 5.0 may be refused or taken, but not dropped.
    let house = House::each(|from, packet, hands| {
        let padded = packet.len() > 2 && packet[1] & 0x80 != 0 && packet[2] == 0;
        if !(from == From::Client && kind(packet) == 8 && padded) {
            hands.pass(from, packet);
        }
    });
    fails(&house, "vectors/subscribe", V5_0, "MQTT-3.8.4-1");
}

#[test]
fn silence_after_a_bad_connect_fails_everywhere() {
    // Every CONNECT with another level than 4 and 5, or with a wrong name, is left unanswered.
    let house = House::each(|from, packet, hands| {
        let odd = from == From::Client
            && kind(packet) == 1
            && (!holds(packet, b"MQTT") || !matches!(body(packet).get(6), Some(4 | 5)));
        if !odd {
            hands.pass(from, packet);
        }
    });
    for version in Version::ALL {
        for check in [
            "connect/protocol-level",
            "connect/protocol-name",
            "vectors/connect",
        ] {
            let result = house.check(check, version);
            assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
        }
    }
}

/// A broker that keeps a session only if `keeps` says so of whether the client has subscribed.
fn forgetting(keeps: fn(bool) -> bool) -> House {
    House::odd(move || {
        let subscribed: Rc<RefCell<BTreeSet<Vec<u8>>>> = Rc::default();
        let seen: Rc<RefCell<BTreeSet<Vec<u8>>>> = Rc::default();
        Box::new(move || {
            let (subscribed, seen) = (Rc::clone(&subscribed), Rc::clone(&seen));
            let mut own = Vec::new();
            Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                let mut packet = packet.to_vec();
                if from == From::Client && kind(&packet) == 8 {
                    subscribed.borrow_mut().insert(own.clone());
                }
                if from == From::Client && kind(&packet) == 1 && holds(&packet, b"MQTT") {
                    // The Client Identifier is what ends with `x` and a digit; in 5.0 the properties differ.
                    let body = body(&packet);
                    let start = body.windows(2).position(|w| w == b"sq").unwrap_or(10);
                    let len = usize::from(*body.get(start.wrapping_sub(1)).unwrap_or(&0));
                    own = body.get(start..start + len).unwrap_or_default().to_vec();
                    let known = subscribed.borrow().contains(&own);
                    let flags = packet.len() - body.len() + 7;
                    // What is not kept is gone when the client comes back.
                    if !seen.borrow_mut().insert(own.clone()) && !keeps(known) {
                        packet[flags] |= 2;
                    }
                }
                hands.pass(from, &packet);
            }) as Rule
        })
    })
}

#[test]
fn a_broker_that_keeps_no_session_without_subscriptions_has_one_fault() {
    let options = Options {
        only: ["session/*", "resume/*", "will/*", "alias/*", "flow/*"]
            .map(str::to_owned)
            .to_vec(),
        ..Options::default()
    };
    let found = forgetting(|subscribed| subscribed).conform(&options);
    for result in &found.results {
        let expected = match &*result.check {
            "session/kept-without-subscription" => Verdict::Fail,
            _ => Verdict::Pass,
        };
        let fine = result.verdict == expected || result.verdict == Verdict::NotApplicable;
        assert!(fine, "{}", story(result));
    }
}

#[test]
fn a_broker_that_keeps_no_session_fails_once() {
    let options = Options {
        only: vec!["session/*".to_owned(), "resume/*".to_owned()],
        ..Options::default()
    };
    let found = forgetting(|_| false).conform(&options);
    for result in &found.results {
        match &*result.check {
            "session/kept" => {
                assert_eq!(result.verdict, Verdict::Fail, "{}", story(result));
                assert!(
                    result.message.starts_with("the session was not kept"),
                    "{}",
                    story(result)
                );
            }
            _ => assert_ne!(result.verdict, Verdict::Fail, "{}", story(result)),
        }
    }
}
