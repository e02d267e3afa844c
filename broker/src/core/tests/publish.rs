//! Messages from clients: acknowledgements, QoS 2 flows, Topic Aliases, limits.

use super::*;
use crate::ProtocolError;
use squall_protocol::ReasonCode;

/// A bench with a subscriber to everything at QoS 2 and a publisher.
fn pair(version: Version, config: Config) -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::with(config);
    let subscriber = bench.connect(V5, "subscriber");
    bench.subscribe(subscriber, "#", Q2);
    let publisher = bench.connect(version, "publisher");
    (bench, subscriber, publisher)
}

fn aliased(topic: &str, payload: &str, alias: u16) -> Packet {
    let mut publish = message(topic, payload, Q0);
    publish.properties.push(Property::TopicAlias(alias));
    Packet::Publish(publish)
}

#[test]
fn the_answer_depends_on_the_qos() {
    for version in Version::ALL {
        let (mut bench, _, publisher) = pair(version, Config::default());
        for (qos, answer) in [(Q0, None), (Q1, Some("puback #7")), (Q2, Some("pubrec #7"))] {
            bench.publish(publisher, "t", "x", qos);
            assert_eq!(bench.seen(publisher), Vec::from_iter(answer));
        }
    }
}

#[test]
fn no_matching_subscribers_is_said_in_5_0() {
    for (version, tail) in [(V3, ""), (V5, " 0x10")] {
        let mut bench = Bench::new();
        let publisher = bench.connect(version, "p");
        bench.publish(publisher, "t", "x", Q1);
        assert_eq!(bench.seen(publisher), [format!("puback #7{tail}")]);
        bench.publish(publisher, "t", "x", Q2);
        assert_eq!(bench.seen(publisher), [format!("pubrec #7{tail}")]);
    }
}

#[test]
fn qos_1_identifiers_are_free_after_puback() {
    for version in Version::ALL {
        let (mut bench, subscriber, publisher) = pair(version, Config::default());
        bench.publish(publisher, "t", "x", Q1);
        let again = Publish {
            dup: true,
            ..message("t", "x", Q1)
        };
        bench.send(publisher, Packet::Publish(again));
        assert_eq!(bench.messages(subscriber).len(), 2);
    }
}

#[test]
fn a_qos_2_message_is_delivered_once_until_it_is_released() {
    for version in Version::ALL {
        let (mut bench, subscriber, publisher) = pair(version, Config::default());
        bench.publish(publisher, "t", "x", Q2);
        let again = Publish {
            dup: true,
            ..message("t", "x", Q2)
        };
        bench.send(publisher, Packet::Publish(again));
        assert_eq!(bench.seen(publisher), ["pubrec #7", "pubrec #7"]);
        assert_eq!(bench.messages(subscriber).len(), 1);
        bench.send(publisher, pubrel(7));
        assert_eq!(bench.seen(publisher), ["pubcomp #7"]);
        bench.publish(publisher, "t", "y", Q2);
        assert_eq!(
            bench.messages(subscriber).len(),
            1,
            "the identifier is free again"
        );
    }
}

#[test]
fn a_pubrel_without_a_flow_is_answered() {
    for (version, answer) in [(V3, "pubcomp #3"), (V5, "pubcomp #3 0x92")] {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.send(conn, pubrel(3));
        assert_eq!(bench.seen(conn), [answer]);
        assert_eq!(bench.cause(conn), None);
    }
}

#[test]
fn a_qos_2_flow_goes_on_in_the_next_connection() {
    for version in Version::ALL {
        let (mut bench, subscriber, _) = pair(version, Config::default());
        let conn = bench.join(hello_again(version, "p"));
        bench.publish(conn, "t", "x", Q2);
        bench.hang_up(conn);
        let conn = bench.join(hello_again(version, "p"));
        let again = Publish {
            dup: true,
            ..message("t", "x", Q2)
        };
        bench.send(conn, Packet::Publish(again));
        bench.send(conn, pubrel(7));
        assert_eq!(bench.seen(conn), ["pubrec #7", "pubcomp #7"]);
        assert_eq!(bench.messages(subscriber).len(), 1);
    }
}

#[test]
fn a_topic_alias_stands_for_its_topic() {
    let (mut bench, subscriber, publisher) = pair(V5, Config::default());
    bench.send(publisher, aliased("a", "1", 1));
    bench.send(publisher, aliased("", "2", 1));
    bench.send(publisher, aliased("b", "3", 1));
    bench.send(publisher, aliased("", "4", 1));
    let heard = bench.messages(subscriber);
    let topics: Vec<_> = heard.iter().map(|m| m.topic.as_str()).collect();
    assert_eq!(topics, ["a", "a", "b", "b"]);
    assert!(heard.iter().all(|m| m.properties.topic_alias().is_none()));
}

#[test]
fn topic_aliases_do_not_outlive_the_connection() {
    let (mut bench, _, _) = pair(V5, Config::default());
    let conn = bench.join(hello_again(V5, "p"));
    bench.send(conn, aliased("a", "1", 1));
    bench.hang_up(conn);
    let conn = bench.join(hello_again(V5, "p"));
    bench.send(conn, aliased("", "2", 1));
    assert_eq!(bench.seen(conn), ["disconnect 0x82"]);
    let cause = CloseCause::ProtocolError(ProtocolError::TopicAliasUnknown);
    assert_eq!(bench.cause(conn), Some(cause));
}

#[test]
fn a_topic_alias_above_the_maximum_is_refused() {
    let config = Config {
        topic_alias_maximum: 2,
        ..Config::default()
    };
    let (mut bench, _, publisher) = pair(V5, config);
    bench.send(publisher, aliased("a", "1", 2));
    assert_eq!(bench.cause(publisher), None);
    bench.send(publisher, aliased("a", "1", 3));
    assert_eq!(bench.seen(publisher), ["disconnect 0x94"]);
}

#[test]
fn the_receive_maximum_counts_unfinished_qos_2_messages() {
    let config = Config {
        receive_maximum: 2,
        ..Config::default()
    };
    let (mut bench, _, publisher) = pair(V5, config.clone());
    let qos2 = |n| {
        Packet::Publish(Publish {
            packet_id: Some(id(n)),
            ..message("t", "x", Q2)
        })
    };
    bench.send(publisher, qos2(1));
    bench.send(publisher, qos2(2));
    bench.send(publisher, qos2(2));
    assert_eq!(
        bench.cause(publisher),
        None,
        "the same message again does not count"
    );
    bench.send(publisher, pubrel(1));
    bench.send(publisher, qos2(3));
    bench.publish(publisher, "t", "x", Q0);
    assert_eq!(bench.cause(publisher), None);
    bench.packets(publisher);
    bench.publish(publisher, "t", "x", Q1);
    assert_eq!(bench.seen(publisher), ["disconnect 0x93"]);
    let (mut bench, _, publisher) = pair(V3, config);
    for n in 1..10 {
        bench.send(publisher, qos2(n));
    }
    assert_eq!(bench.cause(publisher), None, "3.1.1 was not told");
}

#[test]
fn the_quota_is_not_kept_across_connections() {
    let (mut bench, _, _) = pair(
        V5,
        Config {
            receive_maximum: 1,
            ..Config::default()
        },
    );
    let conn = bench.join(hello_again(V5, "p"));
    bench.publish(conn, "t", "x", Q2);
    bench.hang_up(conn);
    let conn = bench.join(hello_again(V5, "p"));
    let other = Publish {
        packet_id: Some(id(8)),
        ..message("t", "x", Q2)
    };
    bench.send(conn, Packet::Publish(other));
    assert_eq!(bench.seen(conn), ["pubrec #8"]);
}

#[test]
fn a_publish_above_the_maximum_qos_is_refused() {
    for version in Version::ALL {
        let config = Config {
            maximum_qos: Q1,
            ..Config::default()
        };
        let mut bench = Bench::with(config);
        let publisher = bench.connect(version, "p");
        bench.publish(publisher, "t", "x", Q2);
        let cause = CloseCause::ProtocolError(ProtocolError::QosNotSupported);
        assert_eq!(bench.cause(publisher), Some(cause));
        let expected: &[&str] = if version == V5 {
            &["disconnect 0x9B"]
        } else {
            &[]
        };
        assert_eq!(bench.seen(publisher), expected);
    }
}

#[test]
fn retain_is_refused_where_it_is_not_offered() {
    let config = Config {
        retain_available: false,
        ..Config::default()
    };
    let (mut bench, _, publisher) = pair(V5, config);
    bench.publish_retained(publisher, "t", "x", Q0);
    assert_eq!(bench.seen(publisher), ["disconnect 0x9A"]);
}

#[test]
fn a_packet_above_the_maximum_size_is_refused() {
    let config = Config {
        maximum_packet_size: 50,
        ..Config::default()
    };
    for (version, expected) in [(V3, &[][..]), (V5, &["disconnect 0x95"])] {
        let (mut bench, _, publisher) = pair(version, config.clone());
        bench.publish(publisher, "t", &"x".repeat(40), Q0);
        assert_eq!(bench.cause(publisher), None);
        // The first bytes are enough.
        bench.raw(publisher, &[0x30, 49]);
        assert_eq!(bench.seen(publisher), expected);
        assert_eq!(bench.cause(publisher), Some(CloseCause::Violation));
    }
}

#[test]
fn dollar_topics_can_be_closed_to_clients() {
    let config = Config {
        dollar_topics: false,
        ..Config::default()
    };
    for (version, tail) in [(V3, ""), (V5, " 0x90")] {
        let mut bench = Bench::with(config.clone());
        let conn = bench.connect(version, "a");
        bench.subscribe(conn, "$SYS/#", Q0);
        bench.publish(conn, "$SYS/x", "x", Q0);
        bench.publish(conn, "$SYS/x", "x", Q1);
        bench.publish(conn, "$SYS/x", "x", Q2);
        let expected = [format!("puback #7{tail}"), format!("pubrec #7{tail}")];
        assert_eq!(bench.seen(conn), expected);
        bench.send(conn, pubrel(7));
        let over = if version == V5 {
            "pubcomp #7 0x92"
        } else {
            "pubcomp #7"
        };
        assert_eq!(bench.seen(conn), [over], "an error PUBREC ends the flow");
    }
    let (mut bench, subscriber, publisher) = pair(V5, Config::default());
    bench.subscribe(subscriber, "$SYS/#", Q0);
    bench.publish(publisher, "$SYS/x", "x", Q0);
    assert_eq!(bench.messages(subscriber).len(), 1);
}

#[test]
fn acknowledgements_of_nothing_are_ignored_or_answered() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let conn = bench.connect(version, "a");
        bench.send(conn, puback(1));
        bench.send(conn, pubcomp(1));
        assert_eq!(bench.seen(conn), [""; 0]);
        bench.send(conn, pubrec(1));
        let answer = if version == V5 {
            "pubrel #1 0x92"
        } else {
            "pubrel #1"
        };
        assert_eq!(bench.seen(conn), [answer]);
        assert_eq!(bench.cause(conn), None);
    }
}

#[test]
fn acknowledgements_of_the_wrong_kind_are_a_protocol_error() {
    for version in Version::ALL {
        for (qos, wrong) in [
            (Q1, pubrec(1)),
            (Q1, pubcomp(1)),
            (Q2, puback(1)),
            (Q2, pubcomp(1)),
        ] {
            let mut bench = Bench::new();
            let conn = bench.connect(version, "a");
            bench.subscribe(conn, "t", Q2);
            bench.publish(conn, "t", "x", qos);
            bench.send(conn, wrong);
            let cause = CloseCause::ProtocolError(ProtocolError::WrongAcknowledgement);
            assert_eq!(bench.cause(conn), Some(cause));
        }
    }
}

#[test]
fn every_protocol_error_has_a_code_that_disconnect_may_carry() {
    for error in ProtocolError::ALL {
        let reason: ReasonCode = error.reason();
        let name = reason.name_in(squall_protocol::PacketType::Disconnect, V5);
        assert!(reason.is_error() && name.is_some(), "{error}");
        // Who finds no room, or cannot prove who it is, has broken nothing.
        let blameless = matches!(
            error,
            ProtocolError::QuotaExceeded | ProtocolError::ReauthenticationFailed
        );
        assert_eq!(error.statements(V5).is_empty(), blameless, "{error}");
    }
}
