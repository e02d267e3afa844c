//! Messages of the server.

use super::*;

fn with(topic: &str, qos: QoS, n: u16, property: Property) -> Packet {
    let mut publish = incoming(topic, qos, n);
    publish.properties.push(property);
    Packet::Publish(publish)
}

#[test]
fn each_qos_is_answered_in_its_way() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.feed(Packet::Publish(incoming("a", QoS::AtMostOnce, 0)));
        rig.expect(&["< PUBLISH a QoS 0 1 byte", "delivered a \"x\" QoS 0"]);
        rig.feed(Packet::Publish(incoming("a", QoS::AtLeastOnce, 7)));
        rig.expect(&[
            "< PUBLISH a QoS 1 id 7 1 byte",
            "delivered a \"x\" QoS 1 id 7",
            "> PUBACK id 7",
        ]);
        rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 8)));
        rig.expect(&[
            "< PUBLISH a QoS 2 id 8 1 byte",
            "delivered a \"x\" QoS 2 id 8",
            "> PUBREC id 8",
        ]);
        assert_eq!(rig.client.unfinished(), 1);
        rig.feed(pubrel(8));
        rig.expect(&["< PUBREL id 8", "> PUBCOMP id 8"]);
        assert_eq!(rig.client.unfinished(), 0);
    });
}

#[test]
fn retain_and_dup_are_told() {
    both(|version| {
        let mut rig = Rig::online(version);
        let publish = Publish {
            retain: true,
            dup: true,
            ..incoming("a", QoS::AtLeastOnce, 1)
        };
        rig.feed(Packet::Publish(publish));
        assert_eq!(rig.out()[1], "delivered a \"x\" QoS 1 id 1 DUP RETAIN");
    });
}

#[test]
fn a_qos_2_message_is_delivered_once_until_it_is_released() {
    both(|version| {
        let mut rig = Rig::online(version);
        let first = incoming("a", QoS::ExactlyOnce, 8);
        rig.feed(Packet::Publish(first.clone()));
        rig.lines.clear();
        // Whatever DUP says.
        for dup in [true, false] {
            rig.feed(Packet::Publish(Publish {
                dup,
                ..first.clone()
            }));
            assert_eq!(rig.out()[1..], ["> PUBREC id 8"]);
        }
        rig.feed(pubrel(8));
        rig.lines.clear();
        rig.feed(Packet::Publish(Publish { dup: true, ..first }));
        assert_eq!(rig.out()[1], "delivered a \"x\" QoS 2 id 8 DUP");
    });
}

#[test]
fn a_qos_2_message_is_delivered_once_across_connections() {
    both(|version| {
        let mut rig = Rig::online(version);
        let publish = incoming("a", QoS::ExactlyOnce, 8);
        rig.feed(Packet::Publish(publish.clone()));
        rig.hang_up();
        rig.resume();
        rig.lines.clear();
        rig.feed(Packet::Publish(Publish {
            dup: true,
            ..publish
        }));
        rig.feed(pubrel(8));
        rig.expect(&[
            "< PUBLISH a QoS 2 id 8 DUP 1 byte",
            "> PUBREC id 8",
            "< PUBREL id 8",
            "> PUBCOMP id 8",
        ]);
    });
}

#[test]
fn a_pubrel_for_nobody_is_answered() {
    for (version, answer) in [(V3, "> PUBCOMP id 9"), (V5, "> PUBCOMP id 9 reason 0x92")] {
        let mut rig = Rig::online(version);
        rig.feed(pubrel(9));
        rig.expect(&["< PUBREL id 9", answer]);
    }
}

#[test]
fn topic_aliases_are_resolved_within_a_connection() {
    let options = ConnectOptions {
        topic_alias_maximum: Some(2),
        ..Rig::options(V5)
    };
    let mut rig = Rig::online_with(V5, options.clone(), connack(false));
    rig.feed(with("a", QoS::AtMostOnce, 0, Property::TopicAlias(2)));
    rig.lines.clear();
    rig.feed(with("", QoS::AtMostOnce, 0, Property::TopicAlias(2)));
    rig.expect(&["< PUBLISH alias 2 QoS 0 1 byte", "delivered a \"x\" QoS 0"]);
    rig.feed(with("b", QoS::AtMostOnce, 0, Property::TopicAlias(2)));
    rig.feed(with("", QoS::AtMostOnce, 0, Property::TopicAlias(2)));
    assert_eq!(rig.out()[3], "delivered b \"x\" QoS 0");
    // [MQTT-3.3.2-7]
    rig.hang_up();
    rig.connect(options, connack(true));
    rig.lines.clear();
    rig.feed(with("", QoS::AtMostOnce, 0, Property::TopicAlias(2)));
    assert_eq!(
        rig.out()[1..],
        [
            "> DISCONNECT reason 0x82",
            "ended ProtocolError(TopicAliasUnknown)",
            "close"
        ]
    );
}

#[test]
fn properties_come_through_in_their_order_except_the_alias() {
    let options = ConnectOptions {
        topic_alias_maximum: Some(1),
        ..Rig::options(V5)
    };
    let mut rig = Rig::online_with(V5, options, connack(false));
    let kept: Properties = [
        Property::SubscriptionIdentifier(7),
        Property::UserProperty("k".into(), "1".into()),
        Property::SubscriptionIdentifier(3),
        Property::UserProperty("k".into(), "2".into()),
    ]
    .into_iter()
    .collect();
    let mut publish = incoming("a", QoS::AtMostOnce, 0);
    publish.properties = kept.clone();
    publish.properties.push(Property::TopicAlias(1));
    let bytes = squall_protocol::encode(&Packet::Publish(publish), V5).unwrap();
    rig.client.handle_bytes(Time::ZERO, &bytes);
    assert!(matches!(rig.client.poll_event(), Some(Event::Received(_))));
    let Some(Event::Delivered { message, .. }) = rig.client.poll_event() else {
        panic!("not delivered")
    };
    assert_eq!(message.properties, kept);
}

#[test]
fn as_many_messages_as_the_receive_maximum_are_fine() {
    let options = ConnectOptions {
        receive_maximum: Some(2),
        ..Rig::options(V5)
    };
    let mut rig = Rig::online_with(V5, options, connack(false));
    rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 1)));
    rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 2)));
    rig.feed(Packet::Publish(incoming("a", QoS::AtMostOnce, 0)));
    rig.feed(pubrel(1));
    // QoS 1 is acknowledged at once and never adds up.
    for n in 3..9 {
        rig.feed(Packet::Publish(incoming("a", QoS::AtLeastOnce, n)));
    }
    rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 9)));
    assert!(rig.client.is_connected());
}

#[test]
fn flows_from_before_do_not_count_against_the_receive_maximum() {
    let options = ConnectOptions {
        receive_maximum: Some(1),
        ..Rig::options(V5)
    };
    let mut rig = Rig::online_with(V5, options.clone(), connack(false));
    rig.feed(Packet::Publish(incoming("a", QoS::ExactlyOnce, 1)));
    rig.hang_up();
    rig.connect(options, connack(true));
    rig.feed(Packet::Publish(incoming("b", QoS::ExactlyOnce, 2)));
    assert!(rig.client.is_connected());
}
