use crate::stage::{Stage, kept};
use squall_protocol::Property;

pub(crate) fn qos0(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    s.subscribe(2, 1, &[("t", 1)]);
    for _ in 0..4 {
        s.publish(1, "t", "x", (0, 0));
    }
}

pub(crate) fn qos1_in(s: &mut Stage) {
    s.connect(1, "a");
    s.publish(1, "nobody", "x", (1, 1));
    s.connect(2, "b");
    s.subscribe(2, 1, &[("t", 0)]);
    s.publish(1, "t", "x", (1, 2));
    s.publish_with(1, "t", "new", (1, 2), |p| p.dup = true);
    s.publish(1, "t", "x", (1, 3));
    s.wait(1_000);
}

pub(crate) fn qos2_in(s: &mut Stage) {
    s.connect(2, "b");
    s.subscribe(2, 1, &[("t", 0)]);
    s.connect(1, "a");
    s.publish(1, "nobody", "x", (2, 9));
    s.pubrel(1, 9);
    s.publish(1, "t", "x", (2, 1));
    s.publish_with(1, "t", "x", (2, 1), |p| p.dup = true);
    s.publish(1, "t", "x", (2, 1));
    s.pubrel(1, 1);
    s.pubrel(1, 1);
    s.publish(1, "t", "next", (2, 1));
    s.pubrel(1, 1);
    s.publish_with(1, "r", "kept", (2, 2), |p| p.retain = true);
    s.retain(1, "r", "newer", (0, 0));
    s.publish_with(1, "r", "kept", (2, 2), |p| (p.retain, p.dup) = (true, true));
    s.subscribe(2, 2, &[("r", 0)]);
}

pub(crate) fn qos2_lost_connection(s: &mut Stage) {
    s.connect(2, "b");
    s.subscribe(2, 1, &[("t", 0)]);
    s.keep(1, "a");
    s.publish(1, "t", "x", (2, 1));
    s.close(1);
    s.keep(1, "a");
    s.publish_with(1, "t", "x", (2, 1), |p| p.dup = true);
    s.pubrel(1, 1);
}

/// Topics that are the server's.
pub(crate) fn refused_topics(s: &mut Stage) {
    s.connect(2, "b");
    s.subscribe(2, 1, &[("$SYS/#", 0)]);
    s.connect(1, "a");
    for (qos, id) in [(0, 0), (1, 1), (2, 2)] {
        s.publish(1, "$SYS/mine", "x", (qos, id));
    }
    s.publish(1, "nobody", "x", (2, 2));
    s.ping(1);
}

pub(crate) fn large_ids(s: &mut Stage) {
    s.connect(1, "a");
    s.publish(1, "t", "x", (1, 300));
    s.publish(1, "t", "x", (2, 400));
    s.pubrel(1, 400);
}

pub(crate) fn qos2_out(s: &mut Stage) {
    s.keep(1, "a");
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    s.publish(2, "t", "one", (2, 1));
    s.publish(2, "t", "two", (2, 2));
    s.pubrec(1, 2, 0);
    s.pubrec(1, 2, 0);
    s.close(1);
    s.keep(1, "a");
    s.pubrec(1, 99, 0);
    s.pubcomp(1, 2);
    s.pubrec(1, 1, 0);
    s.pubcomp(1, 1);
    s.publish(2, "t", "three", (2, 3));
    s.close(1);
    s.keep(1, "a");
}

pub(crate) fn acks_out_of_order(s: &mut Stage) {
    s.keep(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    for id in 1..4 {
        s.publish(2, "t", "x", (1, id));
    }
    s.puback(1, 2, 0);
    s.puback(1, 1, 0);
    s.close(1);
    s.keep(1, "a");
    s.publish(2, "t", "y", (1, 5));
}

pub(crate) fn payloads(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.publish(1, "t", "", (0, 0));
    s.publish(1, "t", &"long ".repeat(2_000), (0, 0));
    s.publish(1, "t", "before\0after", (0, 0));
}

/// A client that never acknowledges, on one connection.
pub(crate) fn resent(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.publish_with(1, "t", "x", (1, 1), |p| p.dup = true);
    s.wait(5_000);
}

pub(crate) fn idle(s: &mut Stage) {
    s.connect_with(1, "a", |c| c.keep_alive = 60);
    s.wait(20_000);
}

/// Messages that expire while they are being acknowledged (5.0).
pub(crate) fn qos2_expired(s: &mut Stage) {
    s.connect_with(1, "a", kept);
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    for id in [1, 2] {
        s.publish_props(2, "t", (2, id), &[Property::MessageExpiryInterval(2)]);
    }
    s.wait(5_000);
    s.pubrel(2, 1);
    s.pubrec(1, 1, 0);
    s.close(1);
    s.connect_with(1, "a", kept);
}

/// Both sides use the same identifier.
pub(crate) fn mixed_ids(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    s.subscribe(2, 1, &[("u", 0)]);
    s.publish(2, "t", "x", (2, 1));
    s.publish(1, "u", "own", (2, 1));
    s.pubrel(1, 1);
}

pub(crate) fn many_in_flight(s: &mut Stage) {
    s.keep(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    for id in 1..7 {
        s.publish(2, "t", "x", (1, id));
    }
    s.close(1);
    s.publish(2, "t", "y", (1, 8));
    s.keep(1, "a");
}

/// A subscriber that refuses (5.0).
pub(crate) fn errors_from_subscriber(s: &mut Stage) {
    s.connect_with(1, "a", |c| {
        kept(c);
        c.properties.push(Property::ReceiveMaximum(2));
    });
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    for id in 1..6 {
        s.publish(2, "t", "x", (if id % 2 == 0 { 1 } else { 2 }, id));
    }
    s.pubrec(1, 1, 0x83);
    s.puback(1, 2, 0x83);
    s.close(1);
    s.connect_with(1, "a", kept);
}
