use crate::stage::{Stage, kept, will};
use squall_protocol::{Property, Text};

fn slow(s: &mut Stage, maximum: u16) {
    s.connect_with(1, "slow", |c| {
        kept(c);
        c.properties.push(Property::ReceiveMaximum(maximum));
    });
}

pub(crate) fn quota(s: &mut Stage) {
    slow(s, 2);
    s.subscribe(1, 1, &[("t", 1), ("z", 0)]);
    s.connect(2, "b");
    for id in 1..5 {
        s.publish(2, "t", &"x".repeat(8 - usize::from(id)), (1, id));
    }
    s.publish(2, "z", "x", (0, 0));
    s.ping(1);
    s.subscribe(1, 2, &[("y", 1)]);
    s.unsubscribe(1, 3, &["y"]);
    for id in 1..5 {
        s.puback(1, id, 0);
    }
}

pub(crate) fn quota_qos2(s: &mut Stage) {
    slow(s, 1);
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    s.publish(2, "t", "one", (2, 1));
    s.publish(2, "t", "two", (2, 2));
    s.pubrec(1, 1, 0);
    s.pubcomp(1, 1);
}

pub(crate) fn quota_errors(s: &mut Stage) {
    slow(s, 1);
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    s.publish(2, "t", "one", (2, 1));
    s.publish(2, "t", "two", (2, 2));
    s.pubrec(1, 1, 0x80);
}

pub(crate) fn quota_resumed(s: &mut Stage) {
    slow(s, 1);
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    for id in 1..5 {
        s.publish(2, "t", "x", (1, id));
    }
    s.close(1);
    slow(s, 3);
    s.close(1);
    slow(s, 1);
}

pub(crate) fn quota_repeated(s: &mut Stage) {
    slow(s, 1);
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    s.publish(2, "t", "one", (2, 1));
    s.pubrec(1, 1, 0);
    s.pubcomp(1, 1);
    s.pubcomp(1, 1);
    s.publish(2, "t", "two", (2, 2));
    s.publish(2, "t", "three", (2, 3));
}

pub(crate) fn quota_order(s: &mut Stage) {
    slow(s, 1);
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    for id in 1..5 {
        s.publish(2, "t", "x", (1, id));
    }
    s.puback(1, 1, 0);
}

/// More in flight than the server takes.
pub(crate) fn own_quota(s: &mut Stage) {
    s.connect(1, "a");
    for id in 1..19 {
        s.publish(1, "t", "x", (2, id));
    }
    s.ping(1);
    s.connect(2, "b");
    s.raw(2, &[0x30, 0x81, 0x80, 0x40]);
}

fn small(s: &mut Stage, maximum: u32) {
    s.connect_with(1, "small", |c| {
        kept(c);
        c.properties.push(Property::MaximumPacketSize(maximum));
        c.properties.push(Property::ReceiveMaximum(1));
    });
}

pub(crate) fn sizes(s: &mut Stage) {
    small(s, 40);
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    // 41 bytes: one too many, and just right without the fixed header.
    s.publish(2, "t", &"x".repeat(33), (1, 1));
    s.publish(2, "t", &"x".repeat(100), (1, 2));
    s.publish(2, "t", "fits", (1, 3));
    s.publish(2, "t", "fits too", (1, 4));
    s.puback(1, 1, 0);
}

pub(crate) fn size_offline(s: &mut Stage) {
    small(s, 40);
    s.subscribe(1, 1, &[("t", 1)]);
    s.close(1);
    s.connect(2, "b");
    s.publish(2, "t", &"x".repeat(100), (1, 2));
    small(s, 40);
}

pub(crate) fn aliases(s: &mut Stage) {
    if !s.is_v5() {
        return;
    }
    s.connect(2, "b");
    s.subscribe(2, 1, &[("#", 0)]);
    s.connect_with(1, "a", |c| {
        kept(c);
        c.properties.push(Property::TopicAliasMaximum(4));
    });
    s.subscribe(1, 1, &[("t", 0)]);
    let alias = |s: &mut Stage, topic: &str, alias| {
        s.publish_with(1, topic, "x", (0, 0), |p| {
            p.topic = Text::from(topic);
            p.properties.push(Property::TopicAlias(alias));
        });
    };
    alias(s, "t", 1);
    alias(s, "", 1);
    alias(s, "u", 1);
    alias(s, "", 1);
    alias(s, "v", 8);
    s.ping(1);
    s.close(1);
    s.connect_with(1, "a", kept);
    alias(s, "", 8);
    s.ping(1);
}

pub(crate) fn aliases_refused(s: &mut Stage) {
    if !s.is_v5() {
        return;
    }
    for (topic, alias) in [("t", 9), ("t", 0), ("", 3)] {
        s.connect(1, "a");
        s.publish_with(1, topic, "x", (1, 1), |p| {
            p.properties.push(Property::TopicAlias(alias))
        });
        s.ping(1);
    }
}

pub(crate) fn aliases_out(s: &mut Stage) {
    s.connect_with(1, "a", |c| {
        c.properties.push(Property::TopicAliasMaximum(2))
    });
    s.subscribe(1, 1, &[("#", 0)]);
    for topic in ["t", "t", "u", "v", "t"] {
        s.publish(1, topic, "x", (0, 0));
    }
}

pub(crate) fn stuck(s: &mut Stage) {
    slow(s, 1);
    s.subscribe(1, 1, &[("t", 1)]);
    s.connect(2, "b");
    s.connect(3, "other");
    s.subscribe(3, 1, &[("t", 1)]);
    for id in 1..4 {
        s.publish(2, "t", "x", (1, id));
    }
    s.puback(1, 1, 0);
}

/// Every acknowledgement, to a client that takes 60 bytes at most.
pub(crate) fn reasons_small(s: &mut Stage) {
    s.connect_with(1, "a", |c| {
        c.properties.push(Property::MaximumPacketSize(60))
    });
    s.subscribe(1, 1, &[("t", 2)]);
    s.unsubscribe(1, 2, &["nothing"]);
    s.publish(1, "$SYS/x", "x", (1, 1));
    s.publish(1, "$SYS/x", "x", (2, 2));
    s.pubrel(1, 99);
    s.pubrec(1, 99, 0);
    s.raw(1, &[0xF0, 0]);
}

pub(crate) fn problem_information(s: &mut Stage) {
    s.connect_with(1, "a", |c| {
        c.properties.push(Property::RequestProblemInformation(0));
        will(c, "gone", 0, &[]);
    });
    s.subscribe(1, 1, &[("t", 2)]);
    s.publish(1, "$SYS/x", "x", (1, 1));
    s.pubrel(1, 99);
}
