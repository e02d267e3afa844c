use crate::stage::{Stage, kept};
use squall_protocol::{Properties, Property, packet::Subscription};

pub(crate) fn subscribe(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 10, &[("a", 0), ("b", 1), ("c/#", 2)]);
    s.subscribe(1, 11, &[("b", 1)]);
    for topic in ["a", "b", "c/d"] {
        s.publish(1, topic, "x", (0, 0));
    }
    s.wait(500);
}

pub(crate) fn unsubscribe(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 10, &[("a/b", 0), ("a/c", 0), ("d", 0), ("e", 0)]);
    s.unsubscribe(1, 11, &["a/+"]);
    s.unsubscribe(1, 12, &["nothing", "d", "e"]);
    for topic in ["a/b", "a/c", "d", "e"] {
        s.publish(1, topic, "x", (0, 0));
    }
    s.unsubscribe(1, 13, &["a/b"]);
    s.publish(1, "a/b", "x", (0, 0));
}

pub(crate) fn levels_of_qos(s: &mut Stage) {
    s.connect(1, "publisher");
    for granted in 0..3 {
        s.connect(granted + 2, &format!("subscriber-{granted}"));
        s.subscribe(granted + 2, 1, &[("t", granted)]);
        s.acknowledge(granted + 2);
    }
    for qos in 0..3 {
        s.publish(1, "t", "x", (qos, u16::from(qos) * 5));
    }
    s.wait(1_000);
}

pub(crate) fn resubscribe(s: &mut Stage) {
    s.connect(1, "a");
    s.acknowledge(1);
    s.retain(1, "t", "kept", (1, 1));
    s.subscribe(1, 10, &[("t", 1)]);
    s.publish(1, "t", "once", (1, 2));
    s.subscribe(1, 11, &[("t", 0)]);
    s.publish(1, "t", "twice", (1, 3));
    s.connect_with(2, "slow", |c| {
        c.properties.push(Property::ReceiveMaximum(1))
    });
    s.subscribe(2, 10, &[("u", 1)]);
    s.publish(1, "u", "first", (1, 4));
    s.publish(1, "u", "waits", (1, 5));
    s.subscribe(2, 11, &[("u", 1)]);
    s.puback(2, 1, 0);
}

pub(crate) fn unsubscribe_in_flight(s: &mut Stage) {
    s.connect_with(1, "a", |c| {
        kept(c);
        c.properties.push(Property::ReceiveMaximum(2));
    });
    s.subscribe(1, 10, &[("t", 2)]);
    s.connect(2, "b");
    s.publish(2, "t", "one", (2, 1));
    s.publish(2, "t", "two", (1, 2));
    s.publish(2, "t", "waits", (1, 3));
    s.unsubscribe(1, 11, &["t"]);
    s.pubrec(1, 1, 0);
    s.close(1);
    s.keep(1, "a");
    s.pubcomp(1, 1);
    s.puback(1, 2, 0);
}

pub(crate) fn overlaps(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 10, &[("o/#", 2), ("o/+", 0), ("o/t", 1)]);
    s.connect(2, "b");
    s.publish(2, "o/t", "x", (2, 1));
    let one: Properties = [Property::SubscriptionIdentifier(1)].into_iter().collect();
    let two: Properties = [Property::SubscriptionIdentifier(2)].into_iter().collect();
    let (first, second) = (s.subscription("o/#", 2), s.subscription("o/+", 0));
    s.subscribe_with(1, 11, one, vec![first]);
    s.subscribe_with(1, 12, two, vec![second]);
    s.publish(2, "o/t", "x", (1, 2));
    s.connect(3, "c");
    s.subscribe(3, 1, &[("p/#", 1), ("p/+", 2)]);
    s.publish(2, "p/t", "x", (2, 3));
}

/// Subscription Identifiers (5.0).
pub(crate) fn identifiers(s: &mut Stage) {
    s.keep(1, "a");
    s.retain(1, "t", "kept", (0, 0));
    let id = |id| -> Properties { [Property::SubscriptionIdentifier(id)].into_iter().collect() };
    let (first, second) = (s.subscription("t", 1), s.subscription("u", 1));
    s.subscribe_with(1, 10, id(5), vec![first.clone(), second]);
    s.publish(1, "t", "x", (0, 0));
    s.publish(1, "u", "x", (0, 0));
    s.close(1);
    s.keep(1, "a");
    s.publish(1, "t", "x", (0, 0));
    s.subscribe_with(1, 11, Properties::new(), vec![first]);
    s.publish(1, "t", "x", (0, 0));
}

pub(crate) fn no_local(s: &mut Stage) {
    if !s.is_v5() {
        return;
    }
    s.keep(1, "a");
    s.connect(2, "b");
    let subscription = Subscription {
        no_local: true,
        ..s.subscription("t", 1)
    };
    s.subscribe_with(1, 10, Properties::new(), vec![subscription]);
    s.publish(1, "t", "own", (0, 0));
    s.publish(2, "t", "other", (0, 0));
    s.close(1);
    s.keep(1, "a");
    s.publish(1, "t", "own", (0, 0));
}

pub(crate) fn late(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 10, &[("t", 0)]);
    s.unsubscribe(1, 11, &["t"]);
    s.wait(100);
    s.publish(1, "t", "x", (0, 0));
    s.wait(1_000);
}
