//! What clients may do: who may not is told so, and gets nothing.

use super::*;
use crate::security::{Access, Identity, Security};
use std::sync::Arc;

fn ruled(rules: &str) -> Bench {
    Bench::with(Config {
        security: security(rules),
        ..Config::default()
    })
}

fn security(rules: &str) -> Security {
    Security {
        allow_anonymous: Some(true),
        access: Some(Arc::new(Access::parse("rules", rules).unwrap())),
        ..Security::default()
    }
}

fn subscribes(bench: &mut Bench, conn: ConnId, filters: &[&str]) -> Vec<u8> {
    let each = filters.iter();
    let each = each.map(|filter| Subscription::new(bench.filter(conn, filter), Q2));
    let packet = subscribe(each.collect());
    bench.send(conn, Packet::Subscribe(packet));
    match &bench.packets(conn)[..] {
        [Packet::SubAck(ack)] => ack.reasons.iter().map(|reason| reason.0).collect(),
        other => panic!("no SUBACK but {other:?}"),
    }
}

#[test]
fn who_may_not_publish_is_told_so_and_nobody_gets_it() {
    for version in Version::ALL {
        let mut bench = ruled("all allow both open/#\nall allow subscribe #");
        let reader = bench.connect(version, "reader");
        bench.subscribe(reader, "#", Q2);
        let conn = bench.connect(version, "writer");
        for (qos, five, three) in [
            (Q0, None, None),
            (Q1, Some("puback #7 0x87"), Some("puback #7")),
            // [MQTT-4.3.3-9] (5.0)
            (Q2, Some("pubrec #7 0x87"), Some("pubrec #7")),
        ] {
            let publish = Publish {
                retain: true,
                ..message("closed", "x", qos)
            };
            bench.send(conn, Packet::Publish(publish));
            let told = match version {
                V5 => five,
                // [MQTT-3.3.5-2] (3.1.1)
                V3 => three,
            };
            assert_eq!(bench.seen(conn), Vec::from_iter(told));
        }
        assert_eq!(bench.messages(reader).len(), 0);
        assert_eq!(bench.broker.counters().denied, 3);
        let late = bench.connect(version, "late");
        bench.subscribe(late, "closed", Q2);
        assert_eq!(bench.messages(late).len(), 0, "nothing was retained");
        bench.publish(conn, "open/1", "y", Q1);
        assert_eq!(bench.seen(reader), ["publish open/1 y q1 #1"]);
        assert_eq!(bench.cause(conn), None);
    }
}

#[test]
fn a_refused_qos_2_message_can_be_sent_again_as_another_and_leaves_its_place() {
    let mut bench = ruled("all allow both open");
    let conn = bench.connect(V5, "writer");
    for _ in 0..3 {
        bench.publish(conn, "closed", "x", Q2);
        assert_eq!(bench.seen(conn), ["pubrec #7 0x87"]);
    }
    bench.publish(conn, "open", "x", Q2);
    assert_eq!(bench.seen(conn), ["pubrec #7 0x10"]);
}

#[test]
fn a_filter_is_granted_when_all_of_it_is_allowed() {
    for version in Version::ALL {
        let mut bench = ruled("all allow subscribe a/#\nall deny subscribe a/secret");
        let conn = bench.connect(version, "c");
        let no = match version {
            V5 => 0x87,
            V3 => 0x80,
        };
        let said = subscribes(
            &mut bench,
            conn,
            &["a/b", "#", "a/+", "a/+/x", "b", "a/secret"],
        );
        assert_eq!(said, [2, no, no, 2, no, no]);
        let session = bench.broker.sessions.find("c").unwrap();
        assert_eq!(bench.broker.sessions[session].filters.len(), 2);
        let publisher = bench.connect(version, "p");
        bench.publish(publisher, "a/secret", "x", Q0);
        assert_eq!(bench.messages(conn).len(), 0);
    }
    let mut bench = ruled("all allow subscribe a/#");
    let conn = bench.connect(V5, "c");
    assert_eq!(
        subscribes(&mut bench, conn, &["$share/g/a/+", "$share/g/#"]),
        [2, 0x87]
    );
    // Without shared subscriptions it is a topic like any other, and not an allowed one.
    let conn = bench.connect(V3, "d");
    assert_eq!(subscribes(&mut bench, conn, &["$share/g/a/+"]), [0x80]);
}

/// The rules are others than those that a session was made under.
fn change(bench: &mut Bench, rules: &str) {
    bench.broker.config.security = security(rules);
}

#[test]
fn a_session_that_is_older_than_the_rules_is_sent_what_they_allow() {
    let all = "all allow both #";
    let less = "all allow publish #\nall allow subscribe open/#";
    for version in Version::ALL {
        let mut bench = ruled(all);
        let mut conn = bench.join(hello_again(version, "c"));
        bench.subscribe(conn, "#", Q1);
        let publisher = bench.connect(version, "p");
        bench.hang_up(conn);
        bench.publish(publisher, "closed", "waited", Q1);
        change(&mut bench, less);
        for topic in ["closed", "open/x"] {
            bench.publish_retained(publisher, topic, "x", Q1);
        }
        conn = bench.join(hello_again(version, "c"));
        assert_eq!(bench.seen(conn), ["publish open/x x q1 #1"]);
        bench.send(conn, puback(1));
        for qos in [Q0, Q1] {
            bench.publish(publisher, "closed", "y", qos);
        }
        assert_eq!(bench.seen(conn).len(), 0);
    }
}

#[test]
fn retained_messages_are_asked_about_one_by_one() {
    let mut bench = ruled("all allow both #");
    let publisher = bench.connect(V5, "p");
    for topic in ["a", "b", "c"] {
        bench.publish_retained(publisher, topic, topic, Q0);
    }
    let conn = bench.connect(V5, "c");
    // The line is full, so that they wait until the rules have changed.
    bench.broker.handle_room(bench.now, conn, 0);
    bench.subscribe(conn, "#", Q0);
    change(&mut bench, "all allow both #\nall deny subscribe b");
    bench.broker.handle_room(bench.now, conn, usize::MAX);
    bench.drain();
    let topics: Vec<_> = bench.messages(conn).into_iter().map(|p| p.topic).collect();
    assert_eq!(topics, ["a", "c"]);
}

#[test]
fn a_member_that_may_not_read_is_passed_by() {
    let mut bench = ruled("all allow both #");
    let [a, b] = ["a", "b"].map(|name| {
        let conn = bench.connect(V5, name);
        bench.subscribe(conn, "$share/g/%c/x", Q1);
        bench.subscribe(conn, "$share/g/t", Q1);
        conn
    });
    change(
        &mut bench,
        "all allow publish #\nall allow subscribe t\nall deny subscribe %c-x",
    );
    let publisher = bench.connect(V5, "p");
    for _ in 0..2 {
        bench.publish(publisher, "t", "x", Q1);
    }
    assert_eq!((bench.messages(a).len(), bench.messages(b).len()), (1, 1));
    change(&mut bench, "all allow publish #\nusers allow subscribe t");
    let session = bench.broker.sessions.find("b").unwrap();
    bench.broker.sessions[session].user = Some("bob".into());
    for _ in 0..2 {
        bench.publish(publisher, "t", "y", Q1);
    }
    assert_eq!((bench.messages(a).len(), bench.messages(b).len()), (0, 2));
    bench.broker.sessions[session].user = None;
    bench.publish(publisher, "t", "z", Q1);
    assert_eq!((bench.messages(a).len(), bench.messages(b).len()), (0, 0));
}

#[test]
fn a_will_is_asked_about_when_it_is_left_and_when_it_is_published() {
    for version in Version::ALL {
        let mut bench = ruled("all allow both wills/%c");
        let code = match version {
            V5 => "connack 0 0x87",
            V3 => "connack 0 0x05",
        };
        let mallory = bench.dial(with_will(
            hello(version, "mallory"),
            will("wills/alice", "x"),
        ));
        assert_eq!(bench.seen(mallory), [code]);
        let alice = bench.dial(with_will(hello(version, "alice"), will("wills/alice", "x")));
        assert_eq!(bench.seen(alice), ["connack 0 0x00"]);
        let bob = bench.dial(with_will(hello(version, "bob"), will("wills/bob", "x")));
        change(
            &mut bench,
            "all allow both wills/alice\nall allow subscribe #",
        );
        let reader = bench.connect(version, "reader");
        bench.subscribe(reader, "#", Q1);
        bench.hang_up(alice);
        bench.hang_up(bob);
        assert_eq!(bench.seen(reader), ["publish wills/alice x q0"]);
        assert_eq!(bench.broker.counters().denied, 1);
    }
}

#[test]
fn a_client_identifier_that_was_assigned_stands_in_the_rules() {
    let mut bench = ruled("all allow both own/%c\nall allow both will/%c");
    let conn = bench.connect(V5, "");
    for (topic, told) in [
        ("own/squall-1", "puback #7 0x10"),
        ("own/x", "puback #7 0x87"),
    ] {
        bench.publish(conn, topic, "x", Q1);
        assert_eq!(bench.seen(conn), [told]);
    }
    let access = Access::parse("rules", "all allow both own/%c").unwrap();
    let nobody = Identity {
        user: None,
        client_id: "",
    };
    assert!(
        !access.may_publish(nobody, "own/"),
        "a will is left before it is assigned"
    );
}
