//! A transport that takes no more is like a full Receive Maximum: QoS 1 and 2 messages and retained ones wait, QoS 0 is
//! dropped and counted, answers go out.

use super::*;
use crate::{Counters, WhenFull};

/// Room for one packet, whatever its size.
const ONE: usize = 1;

impl Bench {
    fn room(&mut self, conn: ConnId, bytes: usize) {
        self.broker.handle_room(self.now, conn, bytes);
        self.drain();
    }

    /// Takes payloads that a client was sent.
    fn payloads(&mut self, conn: ConnId) -> Vec<String> {
        let text = |p: Publish| String::from_utf8_lossy(&p.payload).into_owned();
        self.messages(conn).into_iter().map(text).collect()
    }

    fn counters(&self) -> Counters {
        self.broker.counters()
    }

    /// Gives room for one packet after the other until nothing comes.
    fn drip(&mut self, conn: ConnId) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            self.room(conn, ONE);
            let seen = self.seen(conn);
            assert!(seen.len() <= 1, "{seen:?}");
            if seen.is_empty() {
                return all;
            }
            all.extend(seen);
        }
    }
}

/// A subscriber to everything, with its session kept, and a publisher.
fn pair(version: Version, qos: QoS) -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::new();
    let sub = bench.join(hello_again(version, "s"));
    bench.subscribe(sub, "#", qos);
    let publisher = bench.connect(version, "p");
    (bench, sub, publisher)
}

#[test]
fn what_needs_an_acknowledgement_waits_and_answers_do_not() {
    for version in Version::ALL {
        let (mut bench, sub, publisher) = pair(version, Q2);
        bench.room(sub, 0);
        for (payload, qos) in [("one", Q1), ("two", Q2), ("three", Q1)] {
            bench.publish(publisher, "t", payload, qos);
            bench.send(publisher, pubrel(7));
        }
        bench.send(sub, Packet::PingReq);
        assert_eq!(bench.seen(sub), ["pingresp"]);
        let came = [
            "publish t one q1 #1",
            "publish t two q2 #2",
            "publish t three q1 #3",
        ];
        assert_eq!(bench.drip(sub), came);
        assert_eq!(bench.counters(), Counters::default(), "nothing is lost");
    }
}

#[test]
fn qos_0_is_dropped_and_counted_and_the_publisher_told_if_nobody_has_it() {
    for version in Version::ALL {
        let (mut bench, sub, publisher) = pair(version, Q0);
        bench.packets(publisher);
        bench.room(sub, 0);
        bench.publish(publisher, "t", "lost", Q0);
        bench.publish(publisher, "t", "lost", Q1);
        let told = match version {
            V3 => "puback #7",
            V5 => "puback #7 0x97",
        };
        assert_eq!(bench.seen(publisher), [told]);
        assert_eq!(bench.counters().dropped_line_full, 2);
        let other = bench.connect(version, "other");
        bench.subscribe(other, "t", Q0);
        bench.publish(publisher, "t", "there", Q1);
        assert_eq!(bench.seen(publisher), ["puback #7"]);
        assert_eq!(bench.payloads(other), ["there"]);
        assert_eq!(bench.drip(sub), [""; 0]);
        bench.publish(publisher, "t", "next", Q0);
        assert_eq!(bench.payloads(sub), ["next"]);
    }
}

#[test]
fn the_room_counts_down_by_what_a_packet_takes() {
    let (mut bench, sub, publisher) = pair(V3, Q0);
    // A PUBLISH of 8 bytes, twice.
    bench.room(sub, 2 * (Output::PACKET_BYTES + 8));
    for _ in 0..3 {
        bench.publish(publisher, "t", "abc", Q0);
    }
    assert_eq!(bench.payloads(sub).len(), 2);
    bench.room(sub, 2 * (Output::PACKET_BYTES + 8) + 1);
    for _ in 0..4 {
        bench.publish(publisher, "t", "abc", Q0);
    }
    assert_eq!(
        bench.payloads(sub).len(),
        3,
        "there was room for its first byte"
    );
    // What was said of one connection is not true of the next.
    bench.hang_up(sub);
    let again = bench.join(hello_again(V3, "s"));
    bench.publish(publisher, "t", "abc", Q0);
    assert_eq!(bench.payloads(again).len(), 1);
}

#[test]
fn a_resumed_session_is_sent_everything_in_order_and_nothing_new_before() {
    for version in Version::ALL {
        let (mut bench, sub, publisher) = pair(version, Q2);
        for (payload, qos) in [("one", Q1), ("two", Q2), ("three", Q2)] {
            bench.publish(publisher, "t", payload, qos);
            bench.send(publisher, pubrel(7));
        }
        bench.send(sub, pubrec(2));
        bench.hang_up(sub);
        bench.packets(sub);
        bench.publish(publisher, "t", "four", Q1);
        let sub = bench.open();
        bench.versions.insert(sub, version);
        bench.room(sub, 0);
        bench.send(sub, Packet::Connect(Box::new(hello_again(version, "s"))));
        assert_eq!(bench.seen(sub), ["connack 1 0x00"]);
        bench.publish(publisher, "t", "five", Q1);
        bench.room(sub, ONE);
        assert_eq!(bench.seen(sub), ["publish t one q1 #1 dup"]);
        // Its room is for the next that is sent again, and not for what is new.
        bench.room(sub, ONE);
        assert_eq!(bench.seen(sub).len(), 1);
        bench.publish(publisher, "t", "six", Q1);
        let rest = bench.drip(sub).len();
        assert_eq!(rest, 4, "one more again, then four, five and six");
    }
}

#[test]
fn a_queue_of_any_size_goes_through_a_small_line() {
    let (mut bench, sub, publisher) = pair(V5, Q1);
    bench.hang_up(sub);
    for n in 0..2_000 {
        bench.publish(publisher, "t", &format!("{n:1000}"), Q1);
    }
    let sub = bench.open();
    bench.room(sub, 10_000);
    bench.send(sub, Packet::Connect(Box::new(hello_again(V5, "s"))));
    let mut came = 0;
    while came < 2_000 {
        let packets = bench.packets(sub);
        assert!((1..=11).contains(&packets.len()), "{}", packets.len());
        for packet in packets {
            if let Packet::Publish(publish) = packet {
                let n: usize = std::str::from_utf8(&publish.payload)
                    .unwrap()
                    .trim()
                    .parse()
                    .unwrap();
                assert_eq!(n, came);
                came += 1;
            }
        }
        bench.room(sub, 10_000);
    }
    assert_eq!(bench.counters(), Counters::default());
}

/// Nine retained messages, and a subscriber with no room to whom they are sent.
fn found(version: Version, qos: QoS) -> (Bench, ConnId, ConnId) {
    let mut bench = Bench::new();
    let publisher = bench.connect(version, "p");
    for n in 0..9 {
        bench.publish_retained(publisher, &format!("r/{n}"), &format!("old {n}"), Q1);
    }
    bench.packets(publisher);
    let sub = bench.join(hello_again(version, "s"));
    bench.room(sub, 0);
    bench.subscribe(sub, "r/#", qos);
    (bench, sub, publisher)
}

#[test]
fn retained_messages_wait_at_any_qos() {
    for version in Version::ALL {
        for qos in [Q0, Q1] {
            let (mut bench, sub, _) = found(version, qos);
            let came = bench.drip(sub);
            assert_eq!(came.len(), 9);
            for (n, packet) in came.iter().enumerate() {
                let whole = packet.starts_with(&format!("publish r/{n} old {n} q{qos}"));
                assert!(whole && packet.ends_with("retain"), "{packet}");
            }
            assert_eq!(bench.counters(), Counters::default());
        }
    }
}

#[test]
fn a_retained_message_that_changes_before_its_turn_is_sent_once_and_in_order() {
    for qos in [Q0, Q1] {
        let (mut bench, sub, publisher) = found(V5, qos);
        bench.publish_retained(publisher, "r/1", "new 1", Q1);
        bench.publish_retained(publisher, "r/2", "", Q1);
        bench.publish(publisher, "r/3", "later 3", Q1);
        bench.publish(publisher, "r/9", "only now 9", Q1);
        let mut came = Vec::new();
        for packet in bench.drip(sub) {
            let words: Vec<_> = packet.split(' ').collect();
            came.push(words[1..4].join(" "));
        }
        let old = [0, 3, 4, 5, 6, 7, 8].map(|n| format!("r/{n} old {n}"));
        assert_eq!(came[..7], old);
        let new: Vec<&str> = came[7..].iter().map(String::as_str).collect();
        match qos {
            // Whoever would overtake an older message of its topic is dropped.
            Q0 => assert_eq!(new, [""; 0]),
            _ => assert_eq!(new, ["r/1 new 1", "r/2  q1", "r/3 later 3", "r/9 only now"]),
        }
        let dropped = if qos == Q0 { 4 } else { 0 };
        assert_eq!(bench.counters().dropped_line_full, dropped);
    }
}

#[test]
fn what_a_subscription_finds_keeps_its_place_between_messages() {
    let (mut bench, sub, publisher) = pair(V5, Q1);
    bench.publish_retained(publisher, "r", "found", Q1);
    bench.packets(sub);
    bench.room(sub, 0);
    for payload in ["one", "two"] {
        bench.publish(publisher, "t", payload, Q1);
    }
    bench.subscribe(sub, "r", Q1);
    bench.publish(publisher, "t", "three", Q1);
    bench.room(sub, usize::MAX);
    assert_eq!(bench.payloads(sub), ["one", "two", "found", "three"]);
}

#[test]
fn qos_0_does_not_overtake_an_older_message_of_its_topic_that_waits_for_an_acknowledgement() {
    let mut bench = Bench::new();
    let publisher = bench.connect(V5, "p");
    for (topic, qos) in [("r/1", Q1), ("r/2", Q1), ("r/3", Q0)] {
        bench.publish_retained(publisher, topic, "old", qos);
    }
    let one_at_a_time = with_property(hello(V5, "s"), Property::ReceiveMaximum(1));
    let sub = bench.join(one_at_a_time);
    bench.room(sub, 0);
    bench.subscribe(sub, "r/+", Q1);
    bench.subscribe(sub, "other", Q0);
    bench.room(sub, usize::MAX);
    assert_eq!(bench.seen(sub), ["publish r/1 old q1 #1 retain"]);
    bench.publish(publisher, "r/3", "new", Q0);
    bench.publish(publisher, "other", "new", Q0);
    assert_eq!(bench.seen(sub), ["publish other new q0"]);
    bench.send(sub, puback(1));
    bench.send(sub, puback(2));
    let rest = ["publish r/2 old q1 #2 retain", "publish r/3 old q0 retain"];
    assert_eq!(bench.seen(sub), rest);
    assert_eq!(bench.counters().dropped_line_full, 1);
}

#[test]
fn what_subscriptions_found_ends_with_them_and_with_a_connection_at_qos_0() {
    let (mut bench, sub, _) = found(V5, Q1);
    bench.unsubscribe(sub, &["r/#"]);
    bench.packets(sub);
    assert_eq!(bench.drip(sub), [""; 0]);

    for (qos, kept) in [(Q0, 0), (Q1, 9)] {
        let (mut bench, sub, _) = found(V5, qos);
        bench.hang_up(sub);
        let sub = bench.join(hello_again(V5, "s"));
        assert_eq!(bench.messages(sub).len(), kept);
    }
}

#[test]
fn who_subscribes_again_and_again_is_sent_everything_once_more_and_no_more() {
    let (mut bench, sub, _) = found(V3, Q0);
    bench.room(sub, ONE);
    assert_eq!(bench.messages(sub).len(), 1);
    for _ in 0..100 {
        bench.subscribe(sub, "r/#", Q0);
    }
    assert_eq!(bench.drip(sub).len(), 9);
}

#[test]
fn retained_messages_beyond_what_a_session_may_keep_wait_for_acknowledgements() {
    let mut bench = Bench::with(Config {
        max_queued_bytes: 4_000,
        ..Config::default()
    });
    let publisher = bench.connect(V5, "p");
    for n in 0..20 {
        bench.publish_retained(publisher, &format!("r/{n:02}"), &"x".repeat(1000), Q1);
    }
    let sub = bench.connect(V5, "s");
    bench.room(sub, 0);
    bench.subscribe(sub, "r/#", Q1);
    bench.room(sub, usize::MAX);
    let mut came = 0;
    loop {
        let messages = bench.messages(sub);
        assert!(messages.len() <= 2, "4,000 bytes are two of them");
        if messages.is_empty() {
            break;
        }
        came += messages.len();
        for message in messages {
            bench.send(
                sub,
                Packet::PubAck(Ack::success(message.packet_id.unwrap())),
            );
        }
    }
    assert_eq!(came, 20);
    assert_eq!(bench.counters(), Counters::default());
}

#[test]
fn the_oldest_go_where_they_are_to() {
    for (when_queue_full, kept, last) in [
        (WhenFull::DropNewest, ["1", "2", "3"], "puback #7 0x97"),
        (WhenFull::DropOldest, ["3", "4", "5"], "puback #7"),
    ] {
        let mut bench = Bench::with(Config {
            max_queued: 3,
            when_queue_full,
            ..Config::default()
        });
        let sub = bench.join(hello_again(V5, "s"));
        bench.subscribe(sub, "t", Q1);
        bench.hang_up(sub);
        let publisher = bench.connect(V5, "p");
        for n in 1..=5 {
            bench.publish(publisher, "t", &n.to_string(), Q1);
        }
        assert_eq!(bench.seen(publisher).last().unwrap(), last);
        assert_eq!(bench.counters().dropped_queue_full, 2);
        let sub = bench.join(hello_again(V5, "s"));
        assert_eq!(bench.payloads(sub), kept);
    }
}

#[test]
fn the_oldest_do_not_go_for_what_can_never_be_kept() {
    let mut bench = Bench::with(Config {
        max_queued_bytes: 2_000,
        when_queue_full: WhenFull::DropOldest,
        ..Config::default()
    });
    let sub = bench.join(hello_again(V5, "s"));
    bench.subscribe(sub, "t", Q1);
    bench.hang_up(sub);
    let publisher = bench.connect(V5, "p");
    for payload in ["small", &"x".repeat(2_000)] {
        bench.publish(publisher, "t", payload, Q1);
    }
    assert_eq!(bench.seen(publisher), ["puback #7", "puback #7 0x97"]);
    let sub = bench.join(hello_again(V5, "s"));
    assert_eq!(bench.payloads(sub), ["small"]);
    // In flight, it does not go either.
    bench.publish(publisher, "t", &"y".repeat(1_300), Q1);
    assert_eq!(bench.seen(publisher), ["puback #7 0x97"]);
}

#[test]
fn a_client_that_is_given_up_is_counted_and_loses_its_connection_as_by_any_failure() {
    let mut bench = Bench::new();
    let sub = bench.join(with_will(hello_again(V5, "s"), will("w", "gone")));
    let other = bench.connect(V5, "other");
    bench.subscribe(other, "w", Q0);
    bench.broker.handle_slow(bench.now, sub);
    bench.broker.handle_slow(bench.now, sub);
    bench.drain();
    assert_eq!(bench.cause(sub), Some(CloseCause::TooSlow));
    assert_eq!(bench.counters().closed_slow, 1);
    assert_eq!(bench.payloads(other), ["gone"]);
    let again = bench.dial(hello_again(V5, "s"));
    assert_eq!(bench.seen(again), ["connack 1 0x00"]);
}

#[test]
fn a_packet_too_large_for_the_client_takes_no_room() {
    let mut bench = Bench::new();
    let small = with_property(hello(V5, "s"), Property::MaximumPacketSize(20));
    let sub = bench.join(small);
    bench.subscribe(sub, "t", Q1);
    bench.room(sub, ONE);
    let publisher = bench.connect(V5, "p");
    bench.publish(publisher, "t", &"x".repeat(100), Q1);
    bench.publish(publisher, "t", "fits", Q1);
    assert_eq!(bench.payloads(sub), ["fits"]);
    assert_eq!(bench.counters().dropped_too_large, 1);
    assert_eq!(bench.seen(publisher).len(), 2);
}
