//! Packets that a server may take although they break a rule: what comes of it tells taking from dropping.

use crate::{
    house::{House, story},
    odd::{From, Hands, body, kind, qos, with_body},
};
use squall_conformance::Options;
use squall_protocol::Version::{self, V3_1_1, V5_0};
use squall_reports::{CheckResult, Verdict};
use squall_vectors::Sender;
use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

/// Packets other than PUBLISH that the collection lets a server take, by version.
static TAKEABLE: LazyLock<BTreeSet<(bool, Vec<u8>)>> = LazyLock::new(|| {
    squall_vectors::invalid()
        .filter(|case| case.sender == Sender::Client && case.allows("accept"))
        .map(|case| (case.version == V5_0, case.wire.to_vec()))
        .collect()
});

fn takeable(packet: &[u8], hands: &Hands) -> bool {
    TAKEABLE.contains(&(hands.five, packet.to_vec()))
}

/// A PUBLISH with QoS 0 and DUP.
fn has_dup_at_0(packet: &[u8]) -> bool {
    kind(packet) == 3 && packet[0] & 0x0E == 0x08
}

/// What a server makes of a packet when it does not see what is wrong with it: the same without the fault. `None` when
/// there is nothing left.
fn mended(packet: &[u8], five: bool) -> Option<Vec<u8>> {
    let body = body(packet);
    Some(match kind(packet) {
        3 => with_body(packet[0] & !0x08, body),
        4..=7 if body.len() < 2 || body[..2] == [0, 0] => return None,
        4..=7 => with_body(packet[0], &body[..2]),
        14 if five && !body.is_empty() && body[0] != 0 => with_body(0xE0, &[4]),
        14 => with_body(0xE0, &[]),
        15 => return None,
        _ => with_body(packet[0], body),
    })
}

/// A broker that sees no fault where it need not, and hands the rest on to one that does.
fn lenient(late: Duration) -> House {
    House::each(move |from, packet, hands| match from {
        From::Client if has_dup_at_0(packet) || takeable(packet, hands) => {
            if let Some(mended) = mended(packet, hands.five) {
                hands.pass(from, &mended);
            }
        }
        From::Broker if matches!(kind(packet), 4..=7 | 9 | 11) && !late.is_zero() => {
            hands.client().send_late(late, packet);
        }
        _ => hands.pass(from, packet),
    })
}

/// A broker that does something of its own with what it may take.
fn odd(rule: impl Fn(&[u8], &mut Hands) + Send + Clone + 'static) -> House {
    House::each(move |from, packet, hands| {
        let fault = has_dup_at_0(packet) || takeable(packet, hands);
        match from == From::Client && fault {
            true => rule(packet, hands),
            false => hands.pass(from, packet),
        }
    })
}

fn run(house: &House, only: &[&str], versions: &[Version]) -> Vec<CheckResult> {
    let options = Options {
        only: only.iter().map(|&name| name.to_owned()).collect(),
        versions: versions.to_vec(),
        ..Options::default()
    };
    house.conform(&options).results
}

/// The check ends so, cites the statement and says this.
fn ends(
    house: &House,
    check: &str,
    version: Version,
    verdict: Verdict,
    statement: &str,
    says: &str,
) {
    let result = &run(house, &[check], &[version])[0];
    assert_eq!(result.verdict, verdict, "{}", story(result));
    assert!(result.message.contains(says), "{}", story(result));
    let cited = result.statements.iter().any(|s| s.id == statement);
    assert!(cited, "{statement} is not cited\n{}", story(result));
}

#[test]
fn a_broker_that_takes_what_it_may_take_is_not_accused() {
    let house = lenient(Duration::ZERO);
    let only = [
        "vectors/publish",
        "vectors/pub*",
        "vectors/subscribe",
        "vectors/unsubscribe",
        "vectors/ping",
        "vectors/disconnect",
        "vectors/properties",
    ];
    let wrong: Vec<String> = run(&house, &only, &Version::ALL)
        .iter()
        .filter(|r| r.verdict != Verdict::Pass)
        .map(story)
        .collect();
    // DISCONNECT is obeyed, and a message of QoS 0 arrives; nothing is left to be warned of.
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn answers_may_come_later_than_pingresp() {
    let house = lenient(Duration::from_millis(900));
    let only = ["vectors/pub*", "vectors/subscribe", "vectors/unsubscribe"];
    let wrong: Vec<String> = run(&house, &only, &Version::ALL)
        .iter()
        .filter(|r| matches!(r.verdict, Verdict::Fail | Verdict::Warn))
        .map(story)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_pubrel_or_pubrec_that_is_dropped_is_a_failure() {
    let house = odd(|_, _| {});
    let dropped = "the server dropped it: neither ";
    for (check, old, new) in [
        ("vectors/pubrel", "MQTT-4.3.3-2", "MQTT-4.3.3-11"),
        ("vectors/pubrec", "MQTT-4.3.3-1", "MQTT-4.3.3-4"),
    ] {
        ends(&house, check, V3_1_1, Verdict::Fail, old, dropped);
        ends(&house, check, V5_0, Verdict::Fail, new, dropped);
    }
}

#[test]
fn what_no_answer_would_show_is_a_warning_when_it_is_dropped() {
    let house = odd(|packet, hands| match kind(packet) {
        3 if qos(packet) > 0 => hands.close(),
        _ => {}
    });
    let again = "it sent again what that had acknowledged";
    ends(
        &house,
        "vectors/puback",
        V3_1_1,
        Verdict::Warn,
        "MQTT-2.3.1-6",
        again,
    );
    for check in ["vectors/puback", "vectors/pubcomp"] {
        ends(&house, check, V5_0, Verdict::Warn, "MQTT-2.2.1-5", again);
    }
    let nobody = "reached nobody";
    ends(
        &house,
        "vectors/publish",
        V3_1_1,
        Verdict::Warn,
        "MQTT-3.3.1-4",
        nobody,
    );
    let goes_on = "answers PINGREQ after the DISCONNECT";
    ends(
        &house,
        "vectors/disconnect",
        V5_0,
        Verdict::Warn,
        "MQTT-3.14.2-1",
        goes_on,
    );
}

#[test]
fn a_disconnect_with_a_code_that_is_none_does_not_remove_the_will() {
    let house = odd(|packet, hands| match kind(packet) {
        14 => hands.pass(From::Client, &[0xE0, 0]),
        _ => hands.close(),
    });
    ends(
        &house,
        "vectors/disconnect",
        V5_0,
        Verdict::Fail,
        "MQTT-3.1.2-8",
        "no will",
    );
}

#[test]
fn an_answer_that_nothing_follows() {
    // Acknowledges, grants and confirms by itself, and does nothing of it.
    let house = odd(|packet, hands| {
        let topic_len = usize::from(body(packet)[1]);
        let id = match kind(packet) {
            3 => body(packet)[2 + topic_len..][..2].to_vec(),
            _ => body(packet)[..2].to_vec(),
        };
        let answer = match kind(packet) {
            3 if qos(packet) == 1 => with_body(0x40, &id),
            8 => with_body(0x90, &[&id[..], &[0, 0]].concat()),
            10 => with_body(0xB0, &[&id[..], &[0, 0]].concat()),
            _ => return hands.close(),
        };
        hands.client().send(&answer);
    });
    ends(
        &house,
        "vectors/subscribe",
        V5_0,
        Verdict::Fail,
        "MQTT-4.5.0-1",
        "a message on its topic did not come",
    );
    ends(
        &house,
        "vectors/unsubscribe",
        V5_0,
        Verdict::Fail,
        "MQTT-3.10.4-1",
        "a message on the topic still came",
    );
    // A payload that is not what its Payload Format Indicator says is a packet with a topic of its own.
    let house = House::each(|from, packet, hands| {
        let bad =
            kind(packet) == 3 && qos(packet) == 1 && packet.ends_with(b"\x02\x01\x01\xED\xA0\x80");
        if from == From::Client && bad {
            return hands.client().send(&with_body(0x40, &[0, 1]));
        }
        hands.pass(from, packet);
    });
    ends(
        &house,
        "vectors/publish",
        V5_0,
        Verdict::Fail,
        "MQTT-4.5.0-1",
        "acknowledged the message with success, and it reached nobody",
    );
}

#[test]
fn a_message_that_was_taken_is_delivered_as_it_was_sent() {
    let house = odd(|packet, hands| match has_dup_at_0(packet) {
        true => {
            let mut bytes = body(packet).to_vec();
            bytes.push(b'!');
            hands.pass(From::Client, &with_body(0x30, &bytes));
        }
        false => hands.close(),
    });
    ends(
        &house,
        "vectors/publish",
        V3_1_1,
        Verdict::Fail,
        "MQTT-4.5.0-1",
        "delivered 1 bytes where 0 were published",
    );
}
