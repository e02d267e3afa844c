//! Publishing and requests on a connection, within what the server takes.

use super::*;

#[test]
fn qos_0_is_acknowledged_when_it_is_sent() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtMostOnce);
        rig.expect(&["> PUBLISH a QoS 0 1 byte", "acknowledged 1 0x00"]);
        assert_eq!(rig.client.unfinished(), 0);
    });
}

#[test]
fn qos_1_is_acknowledged_by_puback() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.expect(&["> PUBLISH a QoS 1 id 1 1 byte"]);
        assert_eq!(rig.client.unfinished(), 1);
        rig.feed(puback(1));
        rig.expect(&["< PUBACK id 1", "acknowledged 1 0x00"]);
        assert_eq!(rig.client.unfinished(), 0);
    });
}

#[test]
fn qos_2_is_acknowledged_by_pubcomp() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::ExactlyOnce);
        rig.feed(pubrec(1));
        rig.expect(&[
            "> PUBLISH a QoS 2 id 1 1 byte",
            "< PUBREC id 1",
            "> PUBREL id 1",
        ]);
        assert_eq!(rig.client.unfinished(), 1);
        rig.feed(pubcomp(1));
        rig.expect(&["< PUBCOMP id 1", "acknowledged 1 0x00"]);
        assert_eq!(rig.client.unfinished(), 0);
    });
}

#[test]
fn a_repeated_pubrec_is_answered_again() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.publish(1, "a", QoS::ExactlyOnce);
        rig.feed(pubrec(1));
        rig.feed(pubrec(1));
        rig.feed(pubcomp(1));
        rig.feed(pubcomp(1));
        let out = rig.out();
        assert_eq!(out.iter().filter(|l| *l == "> PUBREL id 1").count(), 2);
        assert_eq!(
            out.iter().filter(|l| *l == "acknowledged 1 0x00").count(),
            1
        );
        assert!(rig.client.is_connected());
    });
}

#[test]
fn error_acknowledgements_end_the_flow() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a", QoS::AtLeastOnce);
    rig.publish(2, "b", QoS::ExactlyOnce);
    rig.lines.clear();
    rig.feed(Packet::PubAck(Ack::with_reason(
        id(1),
        ReasonCode::NOT_AUTHORIZED,
    )));
    rig.feed(Packet::PubRec(Ack::with_reason(
        id(2),
        ReasonCode::QUOTA_EXCEEDED,
    )));
    rig.expect(&[
        "< PUBACK id 1 reason 0x87",
        "acknowledged 1 0x87",
        "< PUBREC id 2 reason 0x97",
        "acknowledged 2 0x97",
    ]);
    assert_eq!(rig.client.unfinished(), 0);
    // [MQTT-4.4.0-2]: nothing is sent again.
    rig.hang_up();
    rig.lines.clear();
    rig.resume();
    assert!(!rig.out().iter().any(|l| l.starts_with("> PUB")));
}

#[test]
fn what_pubrec_says_counts_and_pubcomp_only_completes() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a", QoS::ExactlyOnce);
    rig.feed(Packet::PubRec(Ack::with_reason(
        id(1),
        ReasonCode::NO_MATCHING_SUBSCRIBERS,
    )));
    rig.hang_up();
    rig.resume();
    // No error while a session recovers: the server had it, and its PUBCOMP was lost.
    rig.feed(Packet::PubComp(Ack::with_reason(
        id(1),
        ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
    )));
    assert_eq!(rig.out().last().unwrap(), "acknowledged 1 0x10");
}

#[test]
fn a_pubrec_for_nobody_is_answered() {
    for (version, answer) in [(V3, "> PUBREL id 9"), (V5, "> PUBREL id 9 reason 0x92")] {
        let mut rig = Rig::online(version);
        rig.feed(pubrec(9));
        rig.expect(&["< PUBREC id 9", answer]);
    }
}

#[test]
fn other_acknowledgements_for_nobody_are_ignored() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.feed(puback(9));
        rig.feed(pubcomp(9));
        rig.expect(&["< PUBACK id 9", "< PUBCOMP id 9"]);
    });
}

#[test]
fn a_topic_alias_of_the_caller_is_refused() {
    let mut rig = Rig::online(V5);
    let mut message = Message::new("a", "x", QoS::AtLeastOnce);
    message.properties.push(Property::TopicAlias(1));
    rig.send(1, message);
    rig.expect(&["abandoned 1: Topic Alias may not stand in a PUBLISH of this client"]);
    assert_eq!(rig.client.unfinished(), 0);
}

#[test]
fn invalid_messages_are_refused_and_leave_nothing_behind() {
    let mut rig = Rig::online(V5);
    rig.publish(1, "a/#", QoS::AtLeastOnce);
    rig.publish(2, "", QoS::AtMostOnce);
    rig.send(3, Message::new("t".repeat(65_536), "x", QoS::AtLeastOnce));
    let mut from_server = Message::new("a", "x", QoS::AtLeastOnce);
    from_server
        .properties
        .push(Property::SubscriptionIdentifier(1));
    rig.send(4, from_server);
    let mut elsewhere = Message::new("a", "x", QoS::ExactlyOnce);
    elsewhere.properties.push(Property::ServerKeepAlive(1));
    rig.send(5, elsewhere);
    let out = rig.out();
    for (line, part) in out.iter().zip([
        "wildcard",
        "empty",
        "65,535",
        "MQTT-3.3.4-6",
        "X-5.0-prop-1",
    ]) {
        assert!(
            line.starts_with("abandoned") && line.contains(part),
            "{line}"
        );
    }
    assert_eq!(out.len(), 5);
    assert_eq!(rig.client.unfinished(), 0);
}

#[test]
fn properties_are_for_5_0() {
    let mut message = Message::new("a", "x", QoS::AtLeastOnce);
    message
        .properties
        .push(Property::ContentType("text".into()));
    for (version, size) in [(V3, 8), (V5, 16)] {
        let mut rig = Rig::online(version);
        rig.client.publish(Time::ZERO, Ticket(1), message.clone());
        let Some(Event::Sent(Frame {
            packet: Packet::Publish(sent),
            bytes,
        })) = rig.client.poll_event()
        else {
            panic!("no PUBLISH");
        };
        assert_eq!(bytes.len(), size);
        assert_eq!(sent.properties.is_empty(), version == V3);
    }
}

#[test]
fn the_servers_receive_maximum_is_honoured() {
    let mut rig = Rig::online_with(
        V5,
        Rig::options(V5),
        connack_with(false, [Property::ReceiveMaximum(2)]),
    );
    for (ticket, qos) in [(1, 1), (2, 2), (3, 1), (4, 2), (5, 0)] {
        rig.publish(ticket, "a", QoS::from_bits(qos).unwrap());
    }
    rig.expect(&[
        "> PUBLISH a QoS 1 id 1 1 byte",
        "> PUBLISH a QoS 2 id 2 1 byte",
    ]);
    assert_eq!(rig.client.unfinished(), 5);
    // A QoS 2 message counts until PUBCOMP.
    rig.feed(pubrec(2));
    rig.expect(&["< PUBREC id 2", "> PUBREL id 2"]);
    rig.feed(pubcomp(2));
    rig.expect(&[
        "< PUBCOMP id 2",
        "acknowledged 2 0x00",
        "> PUBLISH a QoS 1 id 3 1 byte",
    ]);
    rig.feed(puback(1));
    rig.expect(&[
        "< PUBACK id 1",
        "acknowledged 1 0x00",
        "> PUBLISH a QoS 2 id 4 1 byte",
        "> PUBLISH a QoS 0 1 byte",
        "acknowledged 5 0x00",
    ]);
}

#[test]
fn an_error_pubrec_makes_room() {
    let mut rig = Rig::online_with(
        V5,
        Rig::options(V5),
        connack_with(false, [Property::ReceiveMaximum(1)]),
    );
    rig.publish(1, "a", QoS::ExactlyOnce);
    rig.publish(2, "b", QoS::ExactlyOnce);
    rig.lines.clear();
    rig.feed(Packet::PubRec(Ack::with_reason(
        id(1),
        ReasonCode::NOT_AUTHORIZED,
    )));
    rig.expect(&[
        "< PUBREC id 1 reason 0x87",
        "acknowledged 1 0x87",
        "> PUBLISH b QoS 2 id 2 1 byte",
    ]);
}

#[test]
fn requests_do_not_wait_for_room() {
    let mut rig = Rig::online_with(
        V5,
        Rig::options(V5),
        connack_with(false, [Property::ReceiveMaximum(1)]),
    );
    rig.publish(1, "a", QoS::AtLeastOnce);
    rig.publish(2, "a", QoS::AtLeastOnce);
    rig.lines.clear();
    rig.subscribe(3, &["s"]);
    rig.expect(&["> SUBSCRIBE id 2 s QoS 2"]);
}

#[test]
fn requests_queued_offline_pass_messages_that_have_to_wait() {
    let mut rig = Rig::new(V5);
    rig.publish(1, "a", QoS::AtLeastOnce);
    rig.publish(2, "b", QoS::AtLeastOnce);
    rig.subscribe(3, &["s"]);
    rig.publish(4, "c", QoS::AtMostOnce);
    rig.connect(
        Rig::options(V5),
        connack_with(false, [Property::ReceiveMaximum(1)]),
    );
    assert_eq!(
        rig.out()[4..],
        ["> PUBLISH a QoS 1 id 1 1 byte", "> SUBSCRIBE id 2 s QoS 2"]
    );
    assert_eq!(rig.client.unfinished(), 3);
}

#[test]
fn the_servers_limits_are_honoured() {
    let limits = [
        Property::MaximumQoS(1),
        Property::RetainAvailable(0),
        Property::MaximumPacketSize(20),
    ];
    let mut rig = Rig::online_with(V5, Rig::options(V5), connack_with(false, limits));
    rig.publish(1, "a", QoS::ExactlyOnce);
    rig.send(
        2,
        Message {
            retain: true,
            ..Message::new("a", "x", QoS::AtMostOnce)
        },
    );
    rig.send(3, Message::new("a", vec![b'x'; 13], QoS::AtLeastOnce));
    rig.send(4, Message::new("a", vec![b'x'; 12], QoS::AtLeastOnce));
    rig.subscribe(5, &["a/very/long/topic/filter"]);
    rig.expect(&[
        "abandoned 1: the server takes no QoS above 1",
        "abandoned 2: the server keeps no retained messages",
        "abandoned 3: the packet has 21 bytes and the server takes at most 20",
        "> PUBLISH a QoS 1 id 2 12 bytes",
        "abandoned 5: the packet has 32 bytes and the server takes at most 20",
    ]);
    assert_eq!(rig.client.unfinished(), 1);
}

#[test]
fn subscriptions_the_server_does_not_have_are_not_asked_for() {
    let none = [
        Property::WildcardSubscriptionAvailable(0),
        Property::SubscriptionIdentifiersAvailable(0),
        Property::SharedSubscriptionAvailable(0),
    ];
    let mut rig = Rig::online_with(V5, Rig::options(V5), connack_with(false, none));
    rig.subscribe(1, &["a", "b/+"]);
    rig.subscribe(2, &["$share/g/a"]);
    let identifier = Properties::new().with(Property::SubscriptionIdentifier(1));
    rig.client
        .subscribe(Time::ZERO, Ticket(3), vec![subscription("a")], identifier);
    rig.subscribe(4, &["a"]);
    rig.expect(&[
        "abandoned 1: the server has no wildcard subscriptions",
        "abandoned 2: the server has no shared subscriptions",
        "abandoned 3: the server has no Subscription Identifiers",
        "> SUBSCRIBE id 1 a QoS 2",
    ]);
}

#[test]
fn subscribing_and_unsubscribing() {
    for (version, unsubacked) in [(V3, "unsubscribed 2 []"), (V5, "unsubscribed 2 [0x11]")] {
        let mut rig = Rig::online(version);
        rig.subscribe(1, &["a", "b"]);
        rig.client.unsubscribe(
            Time::ZERO,
            Ticket(2),
            vec![TopicFilter::parse_v5("a").unwrap()],
            Properties::new(),
        );
        rig.expect(&["> SUBSCRIBE id 1 a QoS 2, b QoS 2", "> UNSUBSCRIBE id 2 a"]);
        rig.feed(unsuback(2, &[0x11]));
        rig.feed(suback(1, &[2, 0x80]));
        let out = rig.out();
        assert_eq!(
            (&out[1][..], &out[3][..]),
            (unsubacked, "subscribed 1 [0x02 0x80]")
        );
        // The identifiers are free again.
        rig.subscribe(3, &["c"]);
        rig.expect(&["> SUBSCRIBE id 3 c QoS 2"]);
    }
}

#[test]
fn empty_and_invalid_requests_are_refused() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.subscribe(1, &[]);
        rig.client
            .unsubscribe(Time::ZERO, Ticket(2), Vec::new(), Properties::new());
        let out = rig.out();
        assert!(
            out[0].starts_with("abandoned 1: the packet would not be valid"),
            "{out:?}"
        );
        assert!(
            out[1].starts_with("abandoned 2: the packet would not be valid"),
            "{out:?}"
        );
    });
    let mut rig = Rig::online(V5);
    let mut shared = subscription("$share/g/a");
    shared.no_local = true;
    rig.client
        .subscribe(Time::ZERO, Ticket(1), vec![shared], Properties::new());
    assert!(rig.out()[0].contains("MQTT-3.8.3-4"));
}

#[test]
fn identifiers_are_shared_by_messages_and_requests_and_never_used_twice() {
    let mut rig = Rig::online(V5);
    rig.subscribe(0, &["s"]);
    for ticket in 1..65_535 {
        rig.publish(ticket, "a", QoS::AtLeastOnce);
    }
    rig.lines.clear();
    rig.publish(65_535, "last", QoS::AtLeastOnce);
    rig.subscribe(65_536, &["t"]);
    rig.expect(&[]);
    rig.feed(suback(1, &[0]));
    rig.expect(&[
        "< SUBACK id 1 reason 0x00",
        "subscribed 0 [0x00]",
        "> PUBLISH last QoS 1 id 1 1 byte",
    ]);
    rig.feed(puback(7));
    rig.expect(&[
        "< PUBACK id 7",
        "acknowledged 6 0x00",
        "> SUBSCRIBE id 7 t QoS 2",
    ]);
}
