//! Topic Aliases towards clients.

use super::*;

fn aliasing(most: u16) -> Bench {
    Bench::with(Config {
        topic_aliases_to_clients: most,
        ..Config::default()
    })
}

/// A subscriber to everything that takes aliases up to here.
fn reader(bench: &mut Bench, maximum: Option<u16>) -> ConnId {
    let mut connect = hello_again(V5, "r");
    if let Some(maximum) = maximum {
        connect = with_property(connect, Property::TopicAliasMaximum(maximum));
    }
    bench.join(connect)
}

/// Topic and alias of what a client was sent.
fn named(bench: &mut Bench, conn: ConnId) -> Vec<(String, Option<u16>)> {
    let messages = bench.messages(conn).into_iter();
    let both = messages.map(|p| (p.topic.to_string(), p.properties.topic_alias()));
    both.collect()
}

fn plain(topic: &str) -> (String, Option<u16>) {
    (topic.to_owned(), None)
}

fn with(topic: &str, alias: u16) -> (String, Option<u16>) {
    (topic.to_owned(), Some(alias))
}

#[test]
fn the_first_topics_get_aliases_within_the_clients_maximum_and_ours() {
    for (maximum, most) in [(2, 9), (9, 2)] {
        let mut bench = aliasing(most);
        let conn = reader(&mut bench, Some(maximum));
        bench.subscribe(conn, "#", Q2);
        let publisher = bench.connect(V3, "p");
        for topic in ["one/x", "a", "two/x", "one/x", "three/x", "two/x"] {
            bench.publish(publisher, topic, "x", Q1);
        }
        assert_eq!(
            named(&mut bench, conn),
            [
                with("one/x", 1),
                plain("a"),
                with("two/x", 2),
                with("", 1),
                plain("three/x"),
                with("", 2)
            ]
        );
    }
}

#[test]
fn who_takes_none_is_sent_none() {
    // [MQTT-3.1.2-27]
    for (maximum, most) in [(None, 9), (Some(0), 9), (Some(9), 0)] {
        let mut bench = aliasing(most);
        let conn = reader(&mut bench, maximum);
        bench.subscribe(conn, "#", Q0);
        let publisher = bench.connect(V5, "p");
        for _ in 0..2 {
            bench.publish(publisher, "long/topic", "x", Q0);
        }
        assert_eq!(
            named(&mut bench, conn),
            [plain("long/topic"), plain("long/topic")]
        );
    }
}

#[test]
fn aliases_end_with_their_connection() {
    // [MQTT-3.3.2-7]
    let mut bench = aliasing(9);
    let conn = reader(&mut bench, Some(9));
    bench.subscribe(conn, "#", Q1);
    let publisher = bench.connect(V5, "p");
    for _ in 0..2 {
        bench.publish(publisher, "long/topic", "x", Q1);
    }
    assert_eq!(
        named(&mut bench, conn),
        [with("long/topic", 1), with("", 1)]
    );
    let kept = bench.broker.states.held();
    bench.hang_up(conn);
    assert!(bench.broker.states.held() < kept);
    let conn = reader(&mut bench, Some(9));
    assert_eq!(
        named(&mut bench, conn),
        [with("long/topic", 1), with("", 1)]
    );
    bench.hang_up(conn);
    let conn = reader(&mut bench, None);
    assert_eq!(
        named(&mut bench, conn),
        [plain("long/topic"), plain("long/topic")]
    );
}

#[test]
fn an_alias_is_set_only_by_what_was_sent() {
    let mut bench = aliasing(9);
    let topic = "long/topic";
    let small = encode(&Packet::Publish(message(topic, "x", Q0)), V5).unwrap();
    let maximum = u32::try_from(small.len()).unwrap();
    let mut connect = with_property(hello_again(V5, "r"), Property::TopicAliasMaximum(9));
    connect = with_property(connect, Property::MaximumPacketSize(maximum));
    let conn = bench.join(connect);
    bench.subscribe(conn, "#", Q0);
    let publisher = bench.connect(V5, "p");
    // With the alias it would be too large, and with a larger payload it is in any case.
    for payload in ["x", "xy", "x"] {
        bench.publish(publisher, topic, payload, Q0);
    }
    bench.publish(publisher, "long/topi", "", Q0);
    assert_eq!(
        named(&mut bench, conn),
        [plain(topic), plain(topic), plain("long/topi")]
    );
    assert_eq!(bench.broker.counters().dropped_too_large, 1);
}

#[test]
fn without_room_there_are_none() {
    let mut bench = aliasing(9);
    let conn = reader(&mut bench, Some(9));
    bench.subscribe(conn, "#", Q0);
    bench.broker.config.max_sessions_bytes = 0;
    let publisher = conn;
    bench.publish(publisher, "long/topic", "x", Q0);
    assert_eq!(named(&mut bench, conn), [plain("long/topic")]);
}
