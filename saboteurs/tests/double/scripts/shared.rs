use crate::stage::{Stage, kept};
use squall_protocol::{Properties, Property};

/// Three members with QoS 0 to 2 and identifiers, and somebody who subscribed for himself.
fn group(s: &mut Stage) {
    for n in 1..4 {
        s.connect_with(n, &format!("member-{n}"), kept);
        let subscription = s.subscription("$share/g/t", n - 1);
        let id: Properties = [Property::SubscriptionIdentifier(u32::from(n))]
            .into_iter()
            .collect();
        s.subscribe_with(n, 1, id, vec![subscription]);
    }
    s.connect(9, "publisher");
}

pub(crate) fn turns(s: &mut Stage) {
    if s.is_v5() {
        group(s);
        s.subscribe(9, 1, &[("t", 0)]);
        for id in 1..7 {
            s.publish(9, "t", "x", (1, id));
        }
    }
}

pub(crate) fn groups(s: &mut Stage) {
    if s.is_v5() {
        group(s);
        s.connect(4, "other");
        s.subscribe(4, 1, &[("$share/h/t", 0)]);
        s.publish(9, "t", "x", (1, 1));
        s.publish(9, "t", "x", (1, 2));
    }
}

pub(crate) fn qos_of_members(s: &mut Stage) {
    if s.is_v5() {
        group(s);
        for id in 1..4 {
            s.publish(9, "t", "x", (2, id));
        }
    }
}

pub(crate) fn leaving(s: &mut Stage) {
    if s.is_v5() {
        group(s);
        s.publish(9, "t", "x", (0, 0));
        s.unsubscribe(2, 2, &["$share/g/t"]);
        for _ in 0..3 {
            s.publish(9, "t", "y", (0, 0));
        }
    }
}

/// Two members, of which one has `qos` in flight.
fn two(s: &mut Stage, qos: u8) {
    for n in 1..3 {
        s.connect_with(n, &format!("member-{n}"), kept);
        s.subscribe(n, 1, &[("$share/g/t", 2)]);
    }
    s.connect(9, "publisher");
    s.publish(9, "t", "x", (qos, 1));
}

pub(crate) fn session_ends(s: &mut Stage) {
    if s.is_v5() {
        for qos in [1, 2] {
            two(s, qos);
            s.disconnect(1, 0, &[Property::SessionExpiryInterval(0)]);
            s.disconnect(2, 0, &[Property::SessionExpiryInterval(0)]);
        }
        s.connect(3, "late");
        s.subscribe(3, 1, &[("$share/g/t", 2)]);
    }
}

pub(crate) fn connection_breaks(s: &mut Stage) {
    if s.is_v5() {
        for qos in [1, 2] {
            two(s, qos);
            s.close(1);
            s.connect_with(1, "member-1", kept);
            s.connect(1, "member-1");
            s.connect(2, "member-2");
        }
    }
}

pub(crate) fn refused_by_member(s: &mut Stage) {
    if s.is_v5() {
        two(s, 1);
        s.puback(1, 1, 0x83);
    }
}

pub(crate) fn twice(s: &mut Stage) {
    if s.is_v5() {
        two(s, 0);
        s.subscribe(1, 2, &[("$share/g/t", 1)]);
        s.publish(9, "t", "x", (0, 0));
        s.unsubscribe(1, 3, &["$share/g/t"]);
        s.publish(9, "t", "x", (0, 0));
        s.publish(9, "t", "x", (0, 0));
        s.publish(9, "t", "x", (0, 0));
    }
}

pub(crate) fn nobody_here(s: &mut Stage) {
    if s.is_v5() {
        two(s, 0);
        s.close(1);
        s.close(2);
        s.publish(9, "t", "x", (1, 2));
        s.connect_with(1, "member-1", kept);
        s.connect_with(2, "member-2", kept);
    }
}
