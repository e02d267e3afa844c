use crate::stage::{Stage, kept, will};
use squall_protocol::Property;

/// Messages of every QoS wait for a client, which then comes twice.
pub(crate) fn resume(s: &mut Stage) {
    s.keep(1, "sleeper");
    s.subscribe(1, 10, &[("a/#", 2)]);
    s.close(1);
    s.connect(2, "publisher");
    for (i, payload) in ["one", "second", "3", "the fourth", "5"].iter().enumerate() {
        let id = u16::try_from(i).expect("small") + 1;
        s.publish(2, "a/x", payload, (1, id));
    }
    s.publish(2, "a/x", "qos 0", (0, 0));
    s.publish(2, "a/x", "qos 2", (2, 9));
    s.keep(1, "sleeper");
    s.acknowledge(1);
    for id in 1..6 {
        s.puback(1, id, 0);
    }
    s.pubrec(1, 6, 0);
    s.publish(2, "a/x", "live", (1, 20));
    s.wait(100);
    s.publish(2, "a/x", "live again", (1, 21));
    s.close(1);
    s.keep(1, "sleeper");
    s.publish(2, "a/x", "later", (1, 22));
}

/// What is in flight at the end of a connection is sent again.
pub(crate) fn resume_unacked(s: &mut Stage) {
    s.keep(1, "sleeper");
    s.subscribe(1, 10, &[("a", 2)]);
    s.connect(2, "publisher");
    s.publish(2, "a", "one", (1, 1));
    s.publish(2, "a", "two", (2, 2));
    s.publish(2, "a", "three", (2, 3));
    s.publish(2, "a", "four", (1, 4));
    s.pubrec(1, 2, 0);
    s.close(1);
    s.publish(2, "a", "five", (1, 5));
    s.keep(1, "sleeper");
    s.publish(2, "a", "six", (1, 6));
    s.puback(1, 1, 0);
    s.close(1);
    s.keep(1, "sleeper");
}

pub(crate) fn clean_start(s: &mut Stage) {
    s.keep(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.close(1);
    s.connect(1, "a");
    s.publish(1, "t", "x", (1, 1));
    s.disconnect(1, 0, &[]);
    s.connect_with(1, "a", |c| c.clean_start = false);
    s.publish(1, "t", "x", (1, 1));
    s.disconnect(1, 0, &[]);
    s.keep(1, "a");
}

pub(crate) fn expiry(s: &mut Stage) {
    let ten = |s: &mut Stage| {
        s.connect_with(1, "a", |c| {
            kept(c);
            c.properties.set(Property::SessionExpiryInterval(10));
        });
    };
    ten(s);
    s.wait(8_000);
    s.close(1);
    s.wait(5_500);
    ten(s);
    s.close(1);
    s.wait(20_000);
    ten(s);
}

/// A session that is in use for a long time, after it was resumed.
pub(crate) fn used_session(s: &mut Stage) {
    let ten = |s: &mut Stage| {
        s.connect_with(1, "a", |c| {
            kept(c);
            c.properties.set(Property::SessionExpiryInterval(10));
        });
    };
    ten(s);
    s.subscribe(1, 1, &[("t", 0)]);
    s.close(1);
    s.wait(3_000);
    ten(s);
    s.connect(2, "clean");
    s.subscribe(2, 1, &[("t", 0)]);
    s.wait(20_000);
    s.publish(2, "t", "x", (0, 0));
}

pub(crate) fn disconnect_expiry(s: &mut Stage) {
    s.keep(1, "a");
    s.disconnect(1, 0, &[Property::SessionExpiryInterval(0)]);
    s.keep(1, "a");
    s.disconnect(1, 0, &[]);
    s.keep(1, "a");
    s.connect(2, "b");
    s.disconnect(2, 0, &[Property::SessionExpiryInterval(50)]);
    s.keep(2, "b");
    s.ping(2);
}

pub(crate) fn names(s: &mut Stage) {
    s.keep(1, "Abc");
    s.keep(2, "abc");
    s.keep(3, "abcdefghijklmnopqrst1");
    s.keep(4, "abcdefghijklmnopqrst2");
    s.ping(1);
    s.ping(3);
}

fn takeover_by(s: &mut Stage, delay: u32, clean: bool) {
    s.connect(9, "watcher");
    s.subscribe(9, 1, &[("will", 1), ("t", 0)]);
    s.connect_with(1, "a", |c| {
        kept(c);
        will(c, "gone", 1, &[Property::WillDelayInterval(delay)]);
    });
    s.subscribe(1, 1, &[("t", 1)]);
    s.publish(9, "t", "in flight", (1, 1));
    s.publish(9, "t", "acknowledged", (1, 2));
    s.publish(1, "t", "held", (2, 7));
    s.puback(1, 1, 0);
    s.connect_with(2, "a", |c| {
        kept(c);
        c.clean_start = clean;
    });
    s.publish_with(2, "t", "held", (2, 7), |p| p.dup = true);
    s.pubrel(2, 7);
    s.ping(1);
    s.ping(2);
    s.wait(20_000);
    s.close(2);
    s.wait(1_000);
}

pub(crate) fn takeover(s: &mut Stage) {
    takeover_by(s, 0, false);
}

pub(crate) fn takeover_delayed(s: &mut Stage) {
    takeover_by(s, 10, false);
}

pub(crate) fn takeover_clean(s: &mut Stage) {
    takeover_by(s, 10, true);
}

pub(crate) fn keep_alive(s: &mut Stage) {
    s.connect(9, "watcher");
    s.subscribe(9, 1, &[("will", 0)]);
    s.connect_with(1, "a", |c| {
        c.keep_alive = 2;
        will(c, "gone", 0, &[]);
    });
    s.wait(2_500);
    s.ping(1);
    s.wait(5_000);
}

/// A client that publishes and one that only listens.
pub(crate) fn keep_alive_traffic(s: &mut Stage) {
    s.connect_with(1, "talks", |c| c.keep_alive = 2);
    s.connect_with(2, "listens", |c| c.keep_alive = 2);
    s.subscribe(2, 1, &[("t", 0)]);
    for _ in 0..5 {
        s.publish(1, "t", "x", (0, 0));
        s.wait(1_000);
    }
}

pub(crate) fn keep_alive_zero(s: &mut Stage) {
    s.connect(1, "a");
    s.wait(30_000);
    s.ping(1);
}

pub(crate) fn pings(s: &mut Stage) {
    s.connect(1, "a");
    s.raw(1, &[0xC0, 0, 0xC0, 0]);
    s.wait(800);
}
