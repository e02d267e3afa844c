//! What the packets of a check show beside its question: brokers that break a rule which the check is not about.

use crate::{
    house::{House, story},
    odd::{From, body, kind, qos, topic, with_body},
};
use squall_protocol::Version::{self, V3_1_1, V5_0};
use squall_reports::{CheckResult, Verdict};
use squall_saboteurs::Switch;

/// Whether the result says so of the broker: as its verdict, or beside it.
fn says(result: &CheckResult, words: &str) -> bool {
    let beside = result.findings.iter().map(|finding| &finding.message);
    beside.chain([&result.message]).any(|m| m.contains(words))
}

/// The check passes with the reference broker, and finds this broker guilty.
fn finds(house: &House, check: &str, version: Version, words: &str) -> CheckResult {
    let sound = House::broker(None).check(check, version);
    assert_eq!(sound.verdict, Verdict::Pass, "{}", story(&sound));
    assert_eq!(sound.findings, [], "{}", story(&sound));
    let result = house.check(check, version);
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
    assert!(says(&result, words), "{}", story(&result));
    result
}

#[test]
fn a_qos_below_the_grant_is_found_where_nobody_asks_for_it() {
    let house = House::broker(Some(Switch::DeliverBelowGrant));
    let found = finds(&house, "qos/2-sender", V3_1_1, "with QoS 1");
    let marked = found.evidence.events.iter().find(|e| e.highlight);
    assert!(marked.is_some_and(|e| e.label.contains("QoS 1")));
    let house = House::broker(Some(Switch::RetainedQosLost));
    finds(&house, "retained/wildcard", V5_0, "with QoS 0");
}

#[test]
fn a_copy_too_many_is_found_where_nobody_counts() {
    let house = House::broker(Some(Switch::ResubscribeAdds));
    finds(&house, "retained/resent-on-resubscribe", V5_0, "twice");
}

#[test]
fn a_subscription_that_goes_on_is_found_where_nobody_looks() {
    let house = House::broker(Some(Switch::UnsubscribeLate));
    let check = "flow/reason-information-off";
    finds(&house, check, V5_0, "after its subscription");
}

#[test]
fn a_second_connack_is_found() {
    let house = House::each(|from, packet, hands| {
        hands.pass(from, packet);
        if from == From::Broker && kind(packet) == 2 {
            hands.client().send(packet);
        }
    });
    let result = house.check("keep-alive/ping", V5_0);
    assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
    assert!(says(&result, "second CONNACK"), "{}", story(&result));
    // What the check says itself is told too.
    assert!(
        result
            .message
            .contains("the check itself says inconclusive"),
        "{}",
        story(&result)
    );
}

#[test]
fn what_the_verdict_names_is_not_repeated_beside_it() {
    for (fault, check, version) in [
        (Switch::DuplicateQos0, "qos/0-delivered", V3_1_1),
        (Switch::DeliverAtPublishQos, "qos/downgraded-to-grant", V5_0),
        (Switch::UnsubscribeIgnored, "subscribe/unsubscribed", V5_0),
        (Switch::DropUserProperties, "forward/user-properties", V5_0),
    ] {
        let result = House::broker(Some(fault)).check(check, version);
        assert_eq!(result.verdict, Verdict::Fail, "{}", story(&result));
        let repeated = result.findings.iter().any(|finding| {
            let ids: Vec<_> = finding.statements.iter().map(|s| &s.id).collect();
            result.statements.iter().any(|s| ids.contains(&&s.id))
        });
        assert!(!repeated, "{:?}\n{}", result.findings, story(&result));
    }
}

#[test]
fn what_no_statement_forbids_is_told_by_the_check_that_asks_about_it_alone() {
    // Adds a User Property to each message, as a server may that tells who has published it.
    let house = House::each(|from, packet, hands| {
        if from != From::Broker || kind(packet) != 3 {
            return hands.pass(from, packet);
        }
        let body = body(packet);
        let id = if qos(packet) > 0 { 2 } else { 0 };
        let (header, rest) = body.split_at(2 + topic(packet).len() + id);
        let added = b"\x26\0\x01k\0\x01v";
        let length = rest[0] + u8::try_from(added.len()).unwrap();
        let all = [header, &[length], added, &rest[1..]].concat();
        hands.pass(from, &with_body(packet[0], &all));
    });
    let result = house.check("topic/exact", V5_0);
    assert_eq!(result.verdict, Verdict::Pass, "{}", story(&result));
    assert_eq!(result.findings, [], "{}", story(&result));
    let result = house.check("forward/nothing-added", V5_0);
    assert_eq!(result.verdict, Verdict::Warn, "{}", story(&result));
}
