//! Whatever can be switched off is announced as such, and refused to who asks for it all the same, in both versions.

use super::*;
use squall_protocol::{PropertyId, ReasonCode};

/// What CONNACK announces, and what becomes of one who asks for more than is offered.
struct Case {
    name: &'static str,
    config: Config,
    announced: Option<Property>,
    asks: fn(&mut Bench, ConnId),
    /// What a client of each version sees, and whether it stays.
    five: (&'static [&'static str], bool),
    three: (&'static [&'static str], bool),
}

fn alias(topic: &str, alias: u16) -> Packet {
    let mut publish = message(topic, "x", Q0);
    publish.properties.push(Property::TopicAlias(alias));
    Packet::Publish(publish)
}

fn offered() -> Config {
    Config::default()
}

/// What a client publishes.
fn cases_of_messages() -> Vec<Case> {
    vec![
        Case {
            name: "QoS 2",
            config: Config {
                maximum_qos: Q1,
                ..offered()
            },
            announced: Some(Property::MaximumQoS(1)),
            asks: |bench, conn| bench.publish(conn, "t", "x", Q2),
            five: (&["disconnect 0x9B"], false),
            three: (&[], false),
        },
        Case {
            name: "retained messages",
            config: Config {
                retain_available: false,
                ..offered()
            },
            announced: Some(Property::RetainAvailable(0)),
            asks: |bench, conn| bench.publish_retained(conn, "t", "x", Q0),
            five: (&["disconnect 0x9A"], false),
            three: (&[], false),
        },
        Case {
            name: "topics that begin with $",
            config: Config {
                dollar_topics: false,
                ..offered()
            },
            announced: None,
            asks: |bench, conn| bench.publish(conn, "$x", "x", Q1),
            five: (&["puback #7 0x90"], true),
            // [MQTT-3.3.5-2] (3.1.1)
            three: (&["puback #7"], true),
        },
    ]
}

/// How a client says what it publishes.
fn cases_of_forms() -> Vec<Case> {
    vec![
        Case {
            name: "Topic Aliases",
            config: Config {
                topic_alias_maximum: 0,
                ..offered()
            },
            announced: None,
            asks: |bench, conn| match bench.versions[&conn] {
                V5 => bench.send(conn, alias("t", 1)),
                V3 => bench.publish(conn, "t", "x", Q0),
            },
            five: (&["disconnect 0x94"], false),
            three: (&[], true),
        },
        Case {
            name: "large packets",
            config: Config {
                maximum_packet_size: 100,
                ..offered()
            },
            announced: Some(Property::MaximumPacketSize(100)),
            asks: |bench, conn| bench.publish(conn, "t", &"x".repeat(200), Q0),
            five: (&["disconnect 0x95"], false),
            three: (&[], false),
        },
    ]
}

/// What a client subscribes to.
fn cases_of_subscriptions() -> Vec<Case> {
    vec![
        Case {
            name: "QoS 1",
            config: Config {
                maximum_qos: Q0,
                ..offered()
            },
            announced: Some(Property::MaximumQoS(0)),
            asks: |bench, conn| bench.subscribe_without_check(conn, "t"),
            five: (&["suback #9 00"], true),
            three: (&["suback #9 00"], true),
        },
        Case {
            name: "wildcards",
            config: Config {
                wildcard_subscriptions: false,
                ..offered()
            },
            announced: Some(Property::WildcardSubscriptionAvailable(0)),
            asks: |bench, conn| bench.subscribe_without_check(conn, "t/+"),
            five: (&["disconnect 0xA2"], false),
            three: (&["suback #9 80"], true),
        },
        Case {
            name: "shared subscriptions",
            config: Config {
                shared_subscriptions: false,
                ..offered()
            },
            announced: Some(Property::SharedSubscriptionAvailable(0)),
            asks: |bench, conn| bench.subscribe_without_check(conn, "$share/g/t"),
            five: (&["disconnect 0x9E"], false),
            // It is a topic filter like any other.
            three: (&["suback #9 00"], true),
        },
        Case {
            name: "Subscription Identifiers",
            config: Config {
                subscription_identifiers: false,
                ..offered()
            },
            announced: Some(Property::SubscriptionIdentifiersAvailable(0)),
            asks: |bench, conn| {
                let filter = bench.filter(conn, "t");
                let mut packet = subscribe(vec![Subscription::new(filter, Q0)]);
                if bench.versions[&conn] == V5 {
                    packet.properties.push(Property::SubscriptionIdentifier(1));
                }
                bench.send(conn, Packet::Subscribe(packet));
            },
            five: (&["disconnect 0xA1"], false),
            three: (&["suback #9 00"], true),
        },
    ]
}

#[test]
fn what_is_not_offered_is_announced_and_refused() {
    let cases = cases_of_messages().into_iter();
    for case in (cases.chain(cases_of_forms())).chain(cases_of_subscriptions()) {
        for version in Version::ALL {
            let name = format!("{} {version}", case.name);
            let mut bench = Bench::with(case.config.clone());
            let conn = bench.dial(hello(version, "a"));
            let packets = bench.packets(conn);
            let [Packet::ConnAck(ack)] = &packets[..] else {
                panic!("{name}: no CONNACK but {packets:?}");
            };
            let said: Vec<_> = ack.properties.iter().cloned().collect();
            let aliases = |p: &Property| matches!(p, Property::TopicAliasMaximum(_));
            let others: Vec<_> = said.into_iter().filter(|p| !aliases(p)).collect();
            let expected = case.announced.clone().filter(|_| version == V5);
            assert_eq!(others, Vec::from_iter(expected), "{name}");
            let maximum = ack.properties.get(PropertyId::TOPIC_ALIAS_MAXIMUM);
            let offers = version == V5 && case.config.topic_alias_maximum > 0;
            assert_eq!(maximum.is_some(), offers, "{name}");
            (case.asks)(&mut bench, conn);
            let (seen, stays) = match version {
                V5 => case.five,
                V3 => case.three,
            };
            assert_eq!(bench.seen(conn), seen, "{name}");
            assert_eq!(bench.cause(conn).is_none(), stays, "{name}");
        }
    }
}

#[test]
fn more_unfinished_messages_than_the_receive_maximum_end_a_connection_of_5_0() {
    for version in Version::ALL {
        let mut bench = Bench::with(Config {
            receive_maximum: 1,
            ..Config::default()
        });
        let conn = bench.dial(hello(version, "a"));
        let packets = bench.packets(conn);
        let [Packet::ConnAck(ack)] = &packets[..] else {
            panic!()
        };
        assert_eq!(
            ack.properties.receive_maximum(),
            (version == V5).then_some(1)
        );
        for n in 1..=2 {
            let mut publish = message("t", "x", Q2);
            publish.packet_id = Some(id(n));
            bench.send(conn, Packet::Publish(publish));
        }
        // 3.1.1 knows no such limit.
        assert_eq!(bench.cause(conn).is_some(), version == V5);
    }
}

/// The code with which a CONNECT is refused.
fn refused(config: Config, connect: Connect) -> ReasonCode {
    let version = connect.version;
    let mut bench = Bench::with(config);
    let conn = bench.dial(connect);
    let code = match bench.cause(conn) {
        Some(CloseCause::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let seen = bench.seen(conn);
    match version {
        V5 => assert_eq!(seen, [format!("connack 0 {code}")]),
        V3 => assert!(seen.is_empty() || seen == ["connack 0 0x02"]),
    }
    code
}

#[test]
fn empty_client_identifiers_and_wills_that_are_not_offered_are_refused() {
    for version in Version::ALL {
        let config = Config {
            empty_client_id: false,
            ..Config::default()
        };
        let code = refused(config, hello(version, ""));
        assert_eq!(code, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID);
        let qos = Will {
            qos: Q2,
            ..will("t", "x")
        };
        let retain = Will {
            retain: true,
            ..will("t", "x")
        };
        for (will, config, reason) in [
            (
                qos,
                Config {
                    maximum_qos: Q1,
                    ..offered()
                },
                ReasonCode::QOS_NOT_SUPPORTED,
            ),
            (
                retain,
                Config {
                    retain_available: false,
                    ..offered()
                },
                ReasonCode::RETAIN_NOT_SUPPORTED,
            ),
            (
                will("$x", "x"),
                Config {
                    dollar_topics: false,
                    ..offered()
                },
                ReasonCode::TOPIC_NAME_INVALID,
            ),
        ] {
            assert_eq!(
                refused(config, with_will(hello(version, "a"), will)),
                reason
            );
        }
    }
}

#[test]
fn subscriptions_and_retained_messages_are_limited_in_number() {
    for version in Version::ALL {
        let mut bench = Bench::with(Config {
            max_subscriptions: 2,
            max_retained: 2,
            ..Config::default()
        });
        let conn = bench.connect(version, "a");
        let no = if version == V5 { "97" } else { "80" };
        for (filter, code) in [("a", "00"), ("b", "00"), ("c", no), ("a", "00")] {
            bench.subscribe_without_check(conn, filter);
            assert_eq!(bench.seen(conn), [format!("suback #9 {code}")], "{filter}");
        }
        bench.unsubscribe(conn, &["a"]);
        bench.packets(conn);
        bench.subscribe_without_check(conn, "c");
        assert_eq!(bench.seen(conn), ["suback #9 00"]);
        let writer = bench.connect(version, "w");
        for topic in ["x", "y", "x"] {
            bench.publish_retained(writer, topic, "1", Q0);
        }
        bench.publish_retained(writer, "z", "1", Q0);
        assert_eq!(bench.broker.counters().refused_full, 1);
        // What takes a place away makes one.
        bench.publish_retained(writer, "x", "", Q0);
        bench.publish_retained(writer, "z", "1", Q1);
        let taken = if version == V5 {
            "puback #7 0x10"
        } else {
            "puback #7"
        };
        assert_eq!(bench.seen(writer), [taken]);
        bench.publish_retained(writer, "x", "1", Q1);
        match version {
            V5 => assert_eq!(bench.seen(writer), ["puback #7 0x97"]),
            V3 => assert!(bench.cause(writer).is_some(), "there is no way to say it"),
        }
    }
}
