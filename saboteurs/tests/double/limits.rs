//! The plain double obeys: sizes, aliases, refusals, and who gets what.

use crate::{
    plain::{both, v5},
    stage::kept,
};
use squall_protocol::Property;

#[test]
fn a_client_whose_connack_is_too_large_gets_nothing_at_all() {
    let seen = v5(|s| {
        s.keep(1, "a");
        s.subscribe(1, 1, &[("t", 1)]);
        s.close(1);
        s.connect(2, "b");
        s.publish(2, "t", "x", (1, 1));
        s.connect_with(1, "a", |c| {
            kept(c);
            c.properties.push(Property::MaximumPacketSize(12));
        });
        s.wait(0);
        s.seen(1)
    });
    assert_eq!(seen, ["closed"]);
}

#[test]
fn a_message_too_large_for_its_client_counts_as_sent() {
    let seen = v5(|s| {
        s.connect_with(1, "a", |c| {
            c.properties.push(Property::MaximumPacketSize(40));
            c.properties.push(Property::ReceiveMaximum(1));
        });
        s.subscribe(1, 1, &[("t", 1)]);
        s.seen(1);
        s.connect(2, "b");
        // 41 bytes with the fixed header, then 40.
        s.publish(2, "t", &"x".repeat(33), (1, 1));
        s.publish(2, "t", &"x".repeat(32), (1, 2));
        s.seen(1)
    });
    assert_eq!(seen, ["PUBLISH t QoS 1 id 1 32 bytes"]);
}

#[test]
fn no_local_holds_for_the_publisher_alone() {
    let seen = v5(|s| {
        s.connect(1, "a");
        let subscription = squall_protocol::packet::Subscription {
            no_local: true,
            ..s.subscription("t", 0)
        };
        s.subscribe_with(1, 1, squall_protocol::Properties::new(), vec![subscription]);
        s.connect(2, "b");
        s.seen(1);
        s.publish(1, "t", "own", (0, 0));
        s.publish(2, "t", "other", (0, 0));
        s.seen(1)
    });
    assert_eq!(seen, ["PUBLISH t QoS 0 5 bytes"]);
}

#[test]
fn an_overlap_brings_one_copy_at_the_highest_qos() {
    for seen in both(|s| {
        s.connect(1, "a");
        s.subscribe(1, 1, &[("o/#", 1), ("o/+", 2), ("o/t", 0)]);
        s.seen(1);
        s.connect(2, "b");
        s.publish(2, "o/t", "x", (2, 1));
        s.seen(1)
    }) {
        assert_eq!(seen, ["PUBLISH o/t QoS 2 id 1 1 byte"]);
    }
}

#[test]
fn an_unsubscribe_ends_what_is_new_and_completes_what_was_begun() {
    for seen in both(|s| {
        s.connect(1, "a");
        s.subscribe(1, 1, &[("t", 2)]);
        s.connect(2, "b");
        s.publish(2, "t", "x", (2, 1));
        s.seen(1);
        s.unsubscribe(1, 2, &["t"]);
        s.publish(2, "t", "new", (1, 2));
        s.pubrec(1, 1, 0);
        s.seen(1)
    }) {
        let unsuback = seen[0].starts_with("UNSUBACK id 2");
        assert!(unsuback && seen[1..] == ["PUBREL id 1"], "{seen:?}");
    }
}

#[test]
fn the_servers_own_topics_are_refused_and_the_session_goes_on() {
    let [v3, v5] = both(|s| {
        s.connect(1, "a");
        s.subscribe(1, 1, &[("$SYS/#", 0)]);
        s.seen(1);
        s.publish(1, "$SYS/x", "x", (1, 1));
        s.publish(1, "$SYS/x", "x", (2, 2));
        s.ping(1);
        s.seen(1)
    });
    assert_eq!(v3, ["PUBACK id 1", "PUBREC id 2", "PINGRESP"]);
    assert_eq!(
        v5,
        [
            "PUBACK id 1 reason 0x87",
            "PUBREC id 2 reason 0x87",
            "PINGRESP"
        ]
    );
}

#[test]
fn an_alias_stands_for_its_topic_until_the_connection_ends() {
    v5(|s| {
        s.connect(2, "watcher");
        s.subscribe(2, 1, &[("#", 0)]);
        s.seen(2);
        s.connect(1, "a");
        for topic in ["t", "", "u", ""] {
            s.publish_props(1, topic, (0, 0), &[Property::TopicAlias(8)]);
        }
        let seen = s.seen(2);
        let topics: Vec<_> = seen.iter().filter_map(|p| p.split(' ').nth(1)).collect();
        assert_eq!(topics, ["t", "t", "u", "u"]);
        s.connect(1, "a");
        s.seen(1);
        s.publish_props(1, "", (0, 0), &[Property::TopicAlias(8)]);
        assert_eq!(s.seen(1), ["DISCONNECT reason 0x82", "closed"]);
        Vec::new()
    });
}
