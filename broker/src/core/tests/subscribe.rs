//! SUBSCRIBE, UNSUBSCRIBE, overlapping subscriptions and their options.

use super::*;
use squall_protocol::packet::RetainHandling;

#[test]
fn each_filter_is_answered_in_order() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        let asked = [("a", Q2), ("b/+", Q0), ("#", Q1)];
        let asked = asked.map(|(f, qos)| Subscription::new(bench.filter(conn, f), qos));
        bench.send(conn, Packet::Subscribe(subscribe(asked.to_vec())));
        assert_eq!(bench.seen(conn), ["suback #9 02 00 01"]);
    }
}

#[test]
fn the_maximum_qos_is_granted() {
    for version in Version::ALL {
        let mut bench = Bench::with(Config {
            maximum_qos: Q1,
            ..Config::default()
        });
        let conn = bench.connect(version, "a");
        let filter = bench.filter(conn, "a");
        bench.send(
            conn,
            Packet::Subscribe(subscribe(vec![Subscription::new(filter, Q2)])),
        );
        assert_eq!(bench.seen(conn), ["suback #9 01"]);
    }
}

#[test]
fn overlapping_subscriptions_cause_one_copy_with_the_highest_qos() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.subscribe(conn, "a/#", Q0);
        bench.subscribe(conn, "a/+", Q2);
        bench.subscribe(conn, "a/b", Q1);
        bench.publish(conn, "a/b", "x", Q2);
        assert_eq!(bench.seen(conn), ["publish a/b x q2 #1", "pubrec #7"]);
    }
}

fn identified(bench: &mut Bench, conn: ConnId, filter: &str, identifier: u32) {
    let mut packet = subscribe(vec![Subscription::new(bench.filter(conn, filter), Q0)]);
    packet
        .properties
        .push(Property::SubscriptionIdentifier(identifier));
    bench.send(conn, Packet::Subscribe(packet));
    assert_eq!(bench.seen(conn)[0], "suback #9 00");
}

fn identifiers(message: &Publish) -> Vec<u32> {
    message.properties.subscription_identifiers().collect()
}

#[test]
fn a_message_carries_the_identifiers_of_its_subscriptions() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "a");
    identified(&mut bench, conn, "a/#", 1);
    identified(&mut bench, conn, "a/b", 268_435_455);
    bench.subscribe(conn, "+/b", Q0);
    identified(&mut bench, conn, "other", 3);
    bench.publish(conn, "a/b", "x", Q0);
    let heard = bench.messages(conn);
    assert_eq!(heard.len(), 1);
    let mut found = identifiers(&heard[0]);
    found.sort_unstable();
    assert_eq!(found, [1, 268_435_455]);
}

#[test]
fn subscribing_again_replaces_the_subscription() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "a");
    bench.publish_retained(conn, "t", "kept", Q0);
    identified(&mut bench, conn, "t", 1);
    bench.subscribe(conn, "t", Q1);
    bench.publish(conn, "t", "x", Q1);
    let heard = bench.messages(conn);
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].qos, identifiers(&heard[0])), (Q1, vec![]));
    bench.unsubscribe(conn, &["t"]);
    bench.publish(conn, "t", "x", Q0);
    assert_eq!(bench.messages(conn).len(), 0);
}

#[test]
fn no_local_keeps_a_message_from_its_publisher() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V5, "a"));
    let other = bench.connect(V5, "b");
    for conn in [conn, other] {
        bench.subscribe_with(conn, "t", Q1, |s| s.no_local = true);
    }
    bench.publish(conn, "t", "x", Q0);
    assert_eq!(bench.messages(conn).len(), 0);
    assert_eq!(bench.messages(other).len(), 1);
    // The Client Identifier counts, not the connection.
    bench.publish_retained(conn, "t", "y", Q0);
    bench.hang_up(conn);
    let conn = bench.join(hello_again(V5, "a"));
    bench.subscribe_with(conn, "t", Q1, |s| s.no_local = true);
    assert_eq!(bench.messages(conn).len(), 0);
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let mut bench = Bench::new();
    let plain = bench.connect(V5, "plain");
    let exact = bench.connect(V5, "exact");
    let old = bench.connect(V3, "old");
    bench.subscribe(plain, "t", Q0);
    bench.subscribe(old, "t", Q0);
    bench.subscribe_with(exact, "t", Q0, |s| s.retain_as_published = true);
    bench.publish_retained(plain, "t", "x", Q0);
    bench.publish(plain, "t", "y", Q0);
    for (conn, flag) in [(plain, ""), (exact, " retain"), (old, "")] {
        let expected = [format!("publish t x q0{flag}"), "publish t y q0".into()];
        assert_eq!(bench.seen(conn), expected);
    }
}

#[test]
fn retain_handling_decides_at_subscribe() {
    use RetainHandling::{DoNotSend, Send, SendIfNew};
    for (handling, first, again) in [(Send, 1, 1), (SendIfNew, 1, 0), (DoNotSend, 0, 0)] {
        let mut bench = Bench::new();
        let conn = bench.connect(V5, "a");
        bench.publish_retained(conn, "t", "kept", Q0);
        for expected in [first, again] {
            let mut subscription = Subscription::new(bench.filter(conn, "t"), Q0);
            subscription.retain_handling = handling;
            bench.send(conn, Packet::Subscribe(subscribe(vec![subscription])));
            assert_eq!(bench.messages(conn).len(), expected, "{handling:?}");
        }
        bench.publish(conn, "t", "live", Q0);
        assert_eq!(bench.messages(conn).len(), 1);
    }
}

#[test]
fn unsubscribe_ends_exactly_the_subscription_it_names() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.subscribe(conn, "a/+", Q0);
        bench.subscribe(conn, "a/#", Q0);
        bench.unsubscribe(conn, &["a/b", "a/+", "A/#"]);
        let codes = if version == V5 { " 11 00 11" } else { "" };
        assert_eq!(bench.seen(conn), [format!("unsuback #9{codes}")]);
        bench.publish(conn, "a/b", "x", Q0);
        assert_eq!(bench.messages(conn).len(), 1);
        bench.unsubscribe(conn, &["a/#"]);
        bench.publish(conn, "a/b", "x", Q0);
        assert_eq!(bench.messages(conn).len(), 0);
        assert!(bench.broker.subscriptions.is_empty());
    }
}

#[test]
fn what_was_begun_is_finished_after_unsubscribe() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V3, "a"));
    bench.subscribe(conn, "t", Q2);
    bench.publish(conn, "t", "x", Q2);
    bench.unsubscribe(conn, &["t"]);
    bench.packets(conn);
    bench.send(conn, pubrec(1));
    assert_eq!(bench.seen(conn), ["pubrel #1"]);
    bench.hang_up(conn);
    let conn = bench.dial(hello_again(V3, "a"));
    assert_eq!(bench.seen(conn), ["connack 1 0x00", "pubrel #1"]);
}

#[test]
fn what_is_not_offered_may_not_be_asked_for() {
    let config = Config {
        wildcard_subscriptions: false,
        shared_subscriptions: false,
        subscription_identifiers: false,
        ..Config::default()
    };
    for (filter, identifier, reason) in [
        ("a/#", false, "0xA2"),
        ("$share/g/a", false, "0x9E"),
        ("a", true, "0xA1"),
    ] {
        let mut bench = Bench::with(config.clone());
        let conn = bench.connect(V5, "a");
        let mut packet = subscribe(vec![Subscription::new(bench.filter(conn, filter), Q0)]);
        if identifier {
            packet.properties.push(Property::SubscriptionIdentifier(1));
        }
        bench.send(conn, Packet::Subscribe(packet));
        assert_eq!(bench.seen(conn), [format!("disconnect {reason}")]);
    }
    let mut bench = Bench::with(config);
    let conn = bench.connect(V3, "a");
    let filters = ["a", "a/+"].map(|f| Subscription::new(bench.filter(conn, f), Q1));
    bench.send(conn, Packet::Subscribe(subscribe(filters.to_vec())));
    assert_eq!(bench.seen(conn), ["suback #9 01 80"]);
}

#[test]
fn dollar_share_is_an_ordinary_filter_in_3_1_1() {
    let mut bench = Bench::new();
    let conn = bench.connect(V3, "a");
    bench.subscribe(conn, "$share/g/t", Q0);
    bench.publish(conn, "t", "x", Q0);
    assert_eq!(bench.messages(conn).len(), 0);
    bench.publish(conn, "$share/g/t", "x", Q0);
    assert_eq!(bench.messages(conn).len(), 1);
}

#[test]
fn each_subscriber_gets_its_own_copy() {
    let mut bench = Bench::new();
    let conns: Vec<_> = (0..5)
        .map(|n| {
            let conn = bench.connect(V5, &n.to_string());
            bench.subscribe(conn, "t", Q1);
            conn
        })
        .collect();
    bench.publish(conns[0], "t", "x", Q1);
    for conn in conns {
        assert_eq!(bench.messages(conn).len(), 1);
    }
}

#[test]
fn after_an_answer_that_does_not_fit_nothing_is_sent_or_kept() {
    let mut bench = Bench::with(Config {
        topic_alias_maximum: 0,
        ..Config::default()
    });
    let publisher = bench.connect(V5, "p");
    bench.publish_retained(publisher, "a", "x", Q1);
    let too_small = with_property(hello_again(V5, "c"), Property::MaximumPacketSize(5));
    let conn = bench.dial(too_small);
    let filter = bench.filter(conn, "a");
    bench.send(
        conn,
        Packet::Subscribe(subscribe(vec![Subscription::new(filter, Q1)])),
    );
    assert_eq!(bench.cause(conn), Some(CloseCause::AnswerTooLarge));
    // Nobody was told of a subscription, so no retained message waits for it.
    let conn = bench.dial(hello_again(V5, "c"));
    assert_eq!(bench.seen(conn), ["connack 1 0x00"]);
}
