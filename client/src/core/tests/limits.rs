//! What is bounded: what is in flight, what waits, what the transport is given; and Topic Aliases.

use super::*;
use std::num::NonZeroU16;

fn window(version: Version, n: u16) -> ConnectOptions {
    ConnectOptions {
        window: NonZeroU16::new(n),
        ..Rig::options(version)
    }
}

fn published(lines: &[String]) -> usize {
    lines
        .iter()
        .filter(|line| line.starts_with("> PUBLISH"))
        .count()
}

#[test]
fn no_more_is_in_flight_than_the_window() {
    both(|version| {
        let mut rig = Rig::online_with(version, window(version, 3), connack(false));
        (1..=10).for_each(|n| rig.publish(n, "a", QoS::ExactlyOnce));
        assert_eq!(published(&rig.out()), 3);
        rig.feed(pubrec(1));
        assert_eq!(published(&rig.out()), 0, "PUBREC ends nothing");
        rig.feed(Packet::PubComp(Ack::success(id(1))));
        assert_eq!(published(&rig.out()), 1);
        // Nor after the connection was lost.
        rig.hang_up();
        rig.out();
        rig.connect(window(version, 2), connack(true));
        assert_eq!(published(&rig.out()), 2);
    });
}

#[test]
fn the_servers_receive_maximum_holds_in_any_case() {
    for (window_of, maximum, most) in [(5, 2, 2), (2, 5, 2), (3, 3, 3)] {
        let ack = connack_with(false, [Property::ReceiveMaximum(maximum)]);
        let mut rig = Rig::online_with(V5, window(V5, window_of), ack);
        (1..=10).for_each(|n| rig.publish(n, "a", QoS::AtLeastOnce));
        assert_eq!(published(&rig.out()), most);
    }
}

#[test]
fn what_is_too_much_to_wait_is_refused_at_once() {
    both(|version| {
        let mut rig = Rig::new(version);
        rig.client.set_queue_limit(QueueLimit {
            messages: 3,
            bytes: 20,
        });
        rig.send(1, Message::new("a", vec![0; 30], QoS::AtMostOnce));
        rig.expect(&[]);
        rig.publish(2, "a", QoS::AtMostOnce);
        rig.expect(&["abandoned 2: too much waits to be sent already"]);
        rig.connect(Rig::options(version), connack(false));
        assert_eq!(
            published(&rig.out()),
            1,
            "one that is larger than all the room waits alone"
        );
        rig.hang_up();
        rig.out();
        (3..=6).for_each(|n| rig.publish(n, "a", QoS::AtLeastOnce));
        rig.expect(&["abandoned 6: too much waits to be sent already"]);
        (7..=10).for_each(|n| rig.subscribe(n, &["s"]));
        rig.expect(&["abandoned 10: too much waits to be sent already"]);
    });
}

#[test]
fn a_transport_without_room_is_given_no_message_of_any_qos() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.handle_room(rig.now, false);
        rig.publish(1, "a", QoS::AtMostOnce);
        rig.publish(2, "a", QoS::AtLeastOnce);
        rig.subscribe(3, &["s"]);
        rig.expect(&[]);
        // What the standard asks for goes out all the same.
        rig.feed(Packet::Publish(incoming("b", QoS::AtLeastOnce, 7)));
        assert_eq!(rig.out().last().unwrap(), "> PUBACK id 7");
        rig.client.handle_room(rig.now, true);
        rig.expect(&[
            "> PUBLISH a QoS 0 1 byte",
            "acknowledged 1 0x00",
            "> PUBLISH a QoS 1 id 1 1 byte",
            "> SUBSCRIBE id 2 s QoS 2",
        ]);
    });
}

#[test]
fn an_answer_is_not_missed_while_nothing_is_read() {
    both(|version| {
        let options = ConnectOptions {
            keep_alive: 10,
            ..Rig::options(version)
        };
        let mut rig = Rig::online_with(version, options, connack(false));
        rig.pass_until(10_000);
        rig.expect(&["10000 > PINGREQ"]);
        rig.client.handle_reading(rig.now, false);
        rig.pass_until(35_000);
        rig.expect(&["20000 > PINGREQ", "30000 > PINGREQ"]);
        rig.client.handle_reading(rig.now, true);
        rig.pass_until(44_999);
        rig.expect(&["40000 > PINGREQ"]);
        rig.pass_until(45_000);
        rig.expect(&["45000 ended PingTimeout", "45000 close"]);
    });
}

#[test]
fn aliases_are_used_within_the_servers_maximum_and_anew_on_each_connection() {
    let options = ConnectOptions {
        topic_aliases: 10,
        ..Rig::options(V5)
    };
    let offer = |present| connack_with(present, [Property::TopicAliasMaximum(1)]);
    let mut rig = Rig::online_with(V5, options.clone(), offer(false));
    let sent = |rig: &mut Rig, topic: &str| {
        rig.client.publish(
            rig.now,
            Ticket(1),
            Message::new(topic, "x", QoS::AtMostOnce),
        );
        while rig.client.poll_output().is_some() {}
        let packet = std::iter::from_fn(|| rig.client.poll_event()).find_map(|event| match event {
            Event::Sent(Frame {
                packet: Packet::Publish(publish),
                ..
            }) => Some(publish),
            _ => None,
        });
        let publish = packet.unwrap();
        (publish.topic.to_string(), publish.properties.topic_alias())
    };
    assert_eq!(sent(&mut rig, "long/a"), ("long/a".into(), Some(1)));
    assert_eq!(sent(&mut rig, "long/a"), (String::new(), Some(1)));
    assert_eq!(sent(&mut rig, "long/b"), ("long/b".into(), Some(1)));
    assert_eq!(sent(&mut rig, "long/b"), (String::new(), Some(1)));
    rig.hang_up();
    rig.connect(options, offer(true));
    rig.out();
    // [MQTT-3.3.2-7]
    assert_eq!(sent(&mut rig, "long/b"), ("long/b".into(), Some(1)));
    // Without an offer there are none [MQTT-3.2.2-18].
    let mut none = Rig::online(V5);
    assert_eq!(sent(&mut none, "long/b"), ("long/b".into(), None));
}

#[test]
fn a_message_that_is_sent_again_names_its_topic() {
    let options = ConnectOptions {
        topic_aliases: 10,
        ..Rig::options(V5)
    };
    let offer = |present| connack_with(present, [Property::TopicAliasMaximum(5)]);
    let mut rig = Rig::online_with(V5, options.clone(), offer(false));
    rig.publish(1, "long/a", QoS::AtLeastOnce);
    rig.publish(2, "long/a", QoS::AtLeastOnce);
    rig.hang_up();
    rig.out();
    rig.connect(options, offer(true));
    let again: Vec<_> = rig
        .out()
        .into_iter()
        .filter(|l| l.contains("DUP"))
        .collect();
    assert_eq!(again.len(), 2);
    assert!(
        again.iter().all(|line| line.contains("long/a")),
        "{again:?}"
    );
}
