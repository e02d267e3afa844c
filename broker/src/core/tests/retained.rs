//! Retained messages.

use super::*;

#[test]
fn a_new_subscription_finds_the_last_retained_message() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let publisher = bench.connect(version, "p");
        bench.publish_retained(publisher, "t", "old", Q2);
        bench.send(publisher, pubrel(7));
        bench.publish_retained(publisher, "t", "new", Q1);
        bench.publish(publisher, "t", "live", Q1);
        bench.hang_up(publisher);
        for granted in [Q0, Q1, Q2] {
            let conn = bench.connect(version, "s");
            let filter = bench.filter(conn, "t");
            bench.send(
                conn,
                Packet::Subscribe(subscribe(vec![Subscription::new(filter, granted)])),
            );
            let heard = bench.messages(conn);
            assert_eq!(heard.len(), 1);
            assert!(heard[0].retain && heard[0].payload == "new");
            assert_eq!(heard[0].qos, Q1.min(granted));
        }
    }
}

#[test]
fn an_empty_message_clears_and_is_delivered() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "p");
        bench.subscribe(conn, "t", Q0);
        bench.publish_retained(conn, "t", "x", Q0);
        bench.publish_retained(conn, "t", "", Q0);
        assert_eq!(bench.seen(conn), ["publish t x q0", "publish t  q0"]);
        bench.subscribe(conn, "t", Q0);
        assert_eq!(bench.seen(conn), [""; 0]);
    }
}

/// The payloads that a new subscription finds.
fn found(bench: &mut Bench, conn: ConnId, filter: &str) -> Vec<String> {
    let subscription = Subscription::new(bench.filter(conn, filter), Q0);
    bench.send(conn, Packet::Subscribe(subscribe(vec![subscription])));
    let heard = bench.messages(conn);
    heard
        .iter()
        .map(|m| String::from_utf8(m.payload.to_vec()).unwrap())
        .collect()
}

#[test]
fn wildcards_find_every_matching_topic() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "p");
    for topic in ["a", "a/b", "a/b/c", "a!", "ab/b", "b", "$SYS/x", "/", ""] {
        if !topic.is_empty() {
            bench.publish_retained(conn, topic, topic, Q0);
        }
    }
    let all = ["/", "a", "a!", "a/b", "a/b/c", "ab/b", "b"];
    for (filter, expected) in [
        ("#", &all[..]),
        ("a/#", &["a", "a/b", "a/b/c"]),
        ("+", &["a", "a!", "b"]),
        ("a/+", &["a/b"]),
        ("+/b", &["a/b", "ab/b"]),
        ("+/b/#", &["a/b", "a/b/c", "ab/b"]),
        ("$SYS/#", &["$SYS/x"]),
        ("a", &["a"]),
        ("/#", &["/"]),
        ("+/+", &["/", "a/b", "ab/b"]),
        ("none", &[]),
    ] {
        assert_eq!(found(&mut bench, conn, filter), expected, "{filter}");
    }
}

#[test]
fn each_filter_of_a_subscribe_finds_its_own() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "p");
    bench.publish_retained(conn, "a", "x", Q0);
    let filters = ["a", "#"].map(|f| Subscription::new(bench.filter(conn, f), Q0));
    bench.send(conn, Packet::Subscribe(subscribe(filters.to_vec())));
    assert_eq!(bench.messages(conn).len(), 2);
}

#[test]
fn a_retained_message_expires() {
    for (secs, waited, remaining) in [(10, 9_999, Some(1)), (10, 10_000, None), (0, 1, None)] {
        let mut bench = Bench::new();
        let conn = bench.connect(V5, "p");
        let mut publish = Publish {
            retain: true,
            ..message("t", "x", Q0)
        };
        publish
            .properties
            .push(Property::MessageExpiryInterval(secs));
        bench.send(conn, Packet::Publish(publish));
        bench.pass(waited);
        bench.subscribe_without_check(conn, "t");
        let heard = bench.messages(conn);
        let found = heard
            .first()
            .map(|m| m.properties.message_expiry_interval().unwrap());
        assert_eq!(found, remaining);
        assert_eq!(bench.broker.poll_timeout().is_none(), remaining.is_none());
    }
}

#[test]
fn a_replaced_message_takes_its_deadline_along() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "p");
    let mut publish = Publish {
        retain: true,
        ..message("t", "x", Q0)
    };
    publish.properties.push(Property::MessageExpiryInterval(10));
    bench.send(conn, Packet::Publish(publish.clone()));
    bench.publish_retained(conn, "t", "y", Q0);
    assert_eq!(bench.broker.poll_timeout(), None);
    bench.send(conn, Packet::Publish(publish));
    bench.publish_retained(conn, "t", "", Q0);
    assert_eq!(bench.broker.poll_timeout(), None);
    bench.pass(20_000);
    assert_eq!(found(&mut bench, conn, "t"), [""; 0]);
}

#[test]
fn a_resumed_session_does_not_find_them_again() {
    let mut bench = Bench::new();
    let conn = bench.join(hello_again(V3, "s"));
    bench.publish_retained(conn, "t", "x", Q1);
    assert_eq!(found(&mut bench, conn, "t"), ["x"]);
    bench.hang_up(conn);
    let conn = bench.dial(hello_again(V3, "s"));
    assert_eq!(bench.seen(conn), ["connack 1 0x00"]);
}

#[test]
fn retained_messages_keep_their_properties() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "p");
    let mut publish = Publish {
        retain: true,
        ..message("t", "x", Q0)
    };
    publish
        .properties
        .push(Property::UserProperty(text("k"), text("v")));
    publish.properties.push(Property::TopicAlias(3));
    bench.send(conn, Packet::Publish(publish));
    let mut packet = subscribe(vec![Subscription::new(bench.filter(conn, "t"), Q0)]);
    packet.properties.push(Property::SubscriptionIdentifier(5));
    bench.send(conn, Packet::Subscribe(packet));
    let heard = bench.messages(conn);
    let expected = [
        Property::UserProperty(text("k"), text("v")),
        Property::SubscriptionIdentifier(5),
    ];
    assert!(heard[0].properties.iter().eq(&expected));
}
