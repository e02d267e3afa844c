//! The plain double obeys: packets in, packets out, in virtual time.

use crate::stage::{Stage, kept, will};
use squall_protocol::{Packet, Property, Version};
use squall_saboteurs::{Decoy, double::Double};

fn stage(version: Version) -> Stage {
    Stage::new(version, Double::new([]))
}

/// Plays to a plain double of each version and says what a client saw.
pub(crate) fn both(script: impl Fn(&mut Stage) -> Vec<String>) -> [Vec<String>; 2] {
    Version::ALL.map(|version| script(&mut stage(version)))
}

pub(crate) fn v5(script: impl FnOnce(&mut Stage) -> Vec<String>) -> Vec<String> {
    script(&mut stage(Version::V5_0))
}

const CONNACK: &str = "CONNACK session present 0 reason 0x00";
const RESUMED: &str = "CONNACK session present 1 reason 0x00";

#[test]
fn a_session_is_there_exactly_when_it_was_kept() {
    for seen in both(|s| {
        let mut all = Vec::new();
        for clean in [false, false, true, false] {
            s.connect_with(1, "a", |c| {
                kept(c);
                // Clean Session 1 of 3.1.1 and an expiry of 0 end with the connection.
                if clean {
                    c.properties = squall_protocol::Properties::new();
                }
                c.clean_start = clean;
            });
            all.extend(s.seen(1));
            s.close(1);
        }
        all
    }) {
        assert_eq!(seen, [CONNACK, RESUMED, CONNACK, CONNACK]);
    }
}

#[test]
fn a_session_expires_at_its_interval_and_not_before() {
    for (wait, expected) in [(99_999, RESUMED), (100_000, CONNACK)] {
        let seen = v5(|s| {
            s.keep(1, "a");
            s.close(1);
            s.wait(wait);
            s.keep(1, "a");
            s.seen(1)
        });
        assert_eq!(seen, [expected], "after {wait} ms");
    }
}

#[test]
fn delivery_is_at_the_lower_qos() {
    for published in 0..3 {
        for granted in 0..3 {
            for seen in both(|s| {
                s.connect(1, "a");
                s.subscribe(1, 1, &[("t", granted)]);
                s.seen(1);
                s.connect(2, "b");
                s.publish(2, "t", "x", (published, u16::from(published)));
                s.seen(1)
            }) {
                let expected = match published.min(granted) {
                    0 => "PUBLISH t QoS 0 1 byte".to_owned(),
                    qos => format!("PUBLISH t QoS {qos} id 1 1 byte"),
                };
                assert_eq!(seen, [expected], "{published} published, {granted} granted");
            }
        }
    }
}

#[test]
fn a_qos_2_message_is_delivered_once_however_often_it_is_sent() {
    for seen in both(|s| {
        s.connect(1, "a");
        s.subscribe(1, 1, &[("t", 0)]);
        s.seen(1);
        s.keep(2, "b");
        s.publish(2, "t", "x", (2, 7));
        s.close(2);
        s.keep(2, "b");
        s.publish_with(2, "t", "x", (2, 7), |p| p.dup = true);
        s.pubrel(2, 7);
        let mut all = s.seen(2);
        all.extend(s.seen(1));
        all
    }) {
        let expected = [
            RESUMED,
            "PUBREC id 7",
            "PUBCOMP id 7",
            "PUBLISH t QoS 0 1 byte",
        ];
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_resumed_client_gets_what_it_did_not_acknowledge_first_and_with_dup() {
    for seen in both(|s| {
        s.keep(1, "a");
        s.subscribe(1, 1, &[("t", 2)]);
        s.connect(2, "b");
        s.publish(2, "t", "1", (1, 1));
        s.publish(2, "t", "22", (2, 2));
        s.pubrec(1, 2, 0);
        s.close(1);
        s.publish(2, "t", "333", (1, 3));
        s.keep(1, "a");
        s.seen(1)
    }) {
        let expected = [
            RESUMED,
            "PUBLISH t QoS 1 id 1 DUP 1 byte",
            "PUBREL id 2",
            "PUBLISH t QoS 1 id 3 3 bytes",
        ];
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_silent_client_is_dropped_after_one_and_a_half_keep_alives() {
    for (wait, dropped) in [(2_999, false), (3_000, true)] {
        for version in Version::ALL {
            let mut s = stage(version);
            s.connect_with(1, "a", |c| c.keep_alive = 2);
            s.seen(1);
            s.wait(wait);
            let seen = s.seen(1);
            assert_eq!(
                seen.last().is_some_and(|s| s == "closed"),
                dropped,
                "{seen:?}"
            );
        }
    }
}

#[test]
fn a_will_is_published_unless_disconnect_removed_it() {
    for (normal, expected) in [(true, vec![]), (false, vec!["PUBLISH will QoS 0 4 bytes"])] {
        for seen in both(|s| {
            s.connect(9, "watcher");
            s.subscribe(9, 1, &[("will", 0)]);
            s.seen(9);
            s.connect_with(1, "a", |c| will(c, "gone", 1, &[]));
            if normal {
                s.disconnect(1, 0, &[]);
            } else {
                s.close(1);
            }
            s.seen(9)
        }) {
            assert_eq!(seen, expected);
        }
    }
}

#[test]
fn a_delayed_will_waits_for_its_delay_or_for_the_end_of_its_session() {
    for (delay, expiry, due) in [(5, 100, 5_000), (100, 7, 7_000), (0, 100, 0)] {
        v5(|s| {
            s.connect(9, "watcher");
            s.subscribe(9, 1, &[("will", 0)]);
            s.connect_with(1, "a", |c| {
                will(c, "gone", 0, &[Property::WillDelayInterval(delay)]);
                c.properties.push(Property::SessionExpiryInterval(expiry));
            });
            s.seen(9);
            s.close(1);
            if due > 0 {
                s.wait(due - 1);
                assert_eq!(s.seen(9), Vec::<String>::new(), "{delay} and {expiry}");
                s.wait(1);
            }
            assert_eq!(
                s.seen(9),
                ["PUBLISH will QoS 0 4 bytes"],
                "{delay} and {expiry}"
            );
            Vec::new()
        });
    }
}

#[test]
fn retained_messages_come_with_a_subscription_and_go_with_an_empty_one() {
    for seen in both(|s| {
        s.connect(1, "a");
        s.retain(1, "t", "kept", (1, 1));
        s.subscribe(1, 2, &[("t", 1)]);
        s.retain(1, "t", "", (0, 0));
        s.subscribe(1, 3, &[("t", 1)]);
        s.seen(1)
    }) {
        let packets: Vec<_> = seen.iter().filter(|p| !p.starts_with("PUBACK")).collect();
        let expected = [
            CONNACK,
            "SUBACK id 2 reason 0x01",
            "PUBLISH t QoS 1 id 1 RETAIN 4 bytes",
            "PUBLISH t QoS 0 0 bytes",
            "SUBACK id 3 reason 0x01",
        ];
        assert_eq!(packets, expected);
    }
}

#[test]
fn a_receive_maximum_is_kept_to_and_holds_nothing_else_up() {
    let seen = v5(|s| {
        s.connect_with(1, "a", |c| c.properties.push(Property::ReceiveMaximum(1)));
        s.subscribe(1, 1, &[("t", 1)]);
        s.seen(1);
        s.connect(2, "b");
        s.publish(2, "t", "1", (1, 1));
        s.publish(2, "t", "22", (1, 2));
        s.publish(2, "t", "0", (0, 0));
        s.ping(1);
        s.puback(1, 1, 0);
        s.seen(1)
    });
    let expected = [
        "PUBLISH t QoS 1 id 1 1 byte",
        "PUBLISH t QoS 0 1 byte",
        "PINGRESP",
        "PUBLISH t QoS 1 id 2 2 bytes",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_takeover_tells_the_older_connection_of_5_0() {
    let expected = [vec!["closed"], vec!["DISCONNECT reason 0x8E", "closed"]];
    let seen = both(|s| {
        s.connect(1, "a");
        s.seen(1);
        s.connect(2, "a");
        s.seen(1)
    });
    assert_eq!(seen.map(|s| s.join(" ")), expected.map(|s| s.join(" ")));
}

#[test]
fn a_message_waits_no_longer_than_its_expiry_and_tells_what_is_left() {
    v5(|s| {
        s.connect_with(1, "a", kept);
        s.subscribe(1, 1, &[("t", 1)]);
        s.close(1);
        s.connect(2, "b");
        s.publish_props(2, "t", (1, 1), &[Property::MessageExpiryInterval(10)]);
        s.publish_props(2, "t", (1, 2), &[Property::MessageExpiryInterval(3)]);
        s.wait(4_500);
        s.connect_with(1, "a", kept);
        let seen = s.seen(1);
        assert_eq!(seen.len(), 2, "{seen:?}");
        let left: Vec<u8> = [2, 0, 0, 0, 6].to_vec();
        let log = format!("{left:02x?}").replace(['[', ']'], "");
        assert!(s.log.contains(&log), "6 of 10 seconds are left");
        seen
    });
}

#[test]
fn a_group_takes_turns_and_loses_nothing_when_a_session_ends() {
    v5(|s| {
        for n in [1, 2] {
            s.connect_with(n, &format!("member-{n}"), kept);
            s.subscribe(n, 1, &[("$share/g/t", 1)]);
            s.seen(n);
        }
        s.connect(9, "b");
        s.publish(9, "t", "1", (1, 1));
        s.publish(9, "t", "22", (1, 2));
        assert_eq!(s.seen(1), ["PUBLISH t QoS 1 id 1 1 byte"]);
        assert_eq!(s.seen(2), ["PUBLISH t QoS 1 id 1 2 bytes"]);
        s.disconnect(1, 0, &[Property::SessionExpiryInterval(0)]);
        assert_eq!(s.seen(2), ["PUBLISH t QoS 1 id 2 1 byte"]);
        Vec::new()
    });
}

#[test]
fn every_broken_packet_ends_the_connection_and_5_0_is_told_why() {
    for (bytes, reason) in [
        (vec![0x00, 0x00], "0x81"),
        (vec![0x20, 2, 0, 0], "0x82"),
        (vec![0x80, 5, 0, 1, 0, 0, 0], "0x81"),
        (vec![0x36, 0], "0x81"),
    ] {
        let [v3, v5] = both(|s| {
            s.connect(1, "a");
            s.seen(1);
            s.raw(1, &bytes);
            s.seen(1)
        });
        assert_eq!(v3, ["closed"], "{bytes:02x?}");
        let told = format!("DISCONNECT reason {reason}");
        assert_eq!(v5, [told.as_str(), "closed"], "{bytes:02x?}");
    }
}

#[test]
fn bytes_in_any_split_give_the_same_answers() {
    for version in Version::ALL {
        let play = |whole: bool| {
            let mut s = stage(version);
            s.connect(1, "a");
            s.seen(1);
            let ping =
                squall_protocol::encode(&Packet::PingReq, version).expect("it can be written");
            let bytes = [ping.as_ref(), ping.as_ref()].concat();
            if whole {
                s.raw(1, &bytes);
            } else {
                bytes.chunks(1).for_each(|byte| s.raw(1, byte));
            }
            s.seen(1)
        };
        assert_eq!(play(true), play(false));
        assert_eq!(play(true), ["PINGRESP", "PINGRESP"]);
    }
}

#[test]
fn decoys_lose_nothing_that_has_to_arrive() {
    // Whatever the oddity, a QoS 1 message to a QoS 1 subscription of the same client arrives, unless less is granted.
    for decoy in Decoy::ALL {
        for version in Version::ALL {
            let mut s = Stage::new(version, Double::with([], [*decoy]));
            s.connect(1, "a");
            s.wait(1_000);
            s.subscribe(1, 1, &[("t", 1)]);
            s.wait(1_000);
            let granted = s
                .seen(1)
                .iter()
                .any(|p| p.starts_with("SUBACK id 1 reason 0x01"));
            s.connect(2, "b");
            s.wait(1_000);
            if granted {
                s.publish(2, "t", "x", (1, 1));
                s.wait(2_000);
                let seen = s.seen(1);
                let arrived = seen.iter().any(|p| p.starts_with("PUBLISH"));
                assert!(arrived, "{} in {version}: {seen:?}", decoy.name());
                let acknowledged = s.seen(2);
                let acknowledged = acknowledged.iter().any(|p| p.starts_with("PUBACK id 1"));
                assert!(acknowledged, "{} in {version}", decoy.name());
            }
        }
    }
}
