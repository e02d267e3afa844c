use crate::stage::{Stage, kept};
use squall_protocol::{Properties, Property, packet::Subscription};

pub(crate) fn replaced(s: &mut Stage) {
    s.connect(1, "a");
    s.retain(1, "t", "the first", (1, 1));
    s.retain(1, "t", "next", (1, 2));
    s.subscribe(1, 10, &[("t", 1)]);
    s.retain(1, "t", "qos 0", (0, 0));
    s.subscribe(1, 11, &[("t", 1)]);
    s.publish(1, "t", "live and longer", (0, 0));
    s.publish(1, "u", "live", (0, 0));
    s.subscribe(1, 12, &[("t", 1), ("u", 1)]);
    s.publish(1, "t", "", (0, 0));
    s.subscribe(1, 13, &[("t", 1)]);
    s.disconnect(1, 0, &[]);
    s.connect(2, "b");
    s.subscribe(2, 1, &[("t", 0)]);
}

pub(crate) fn cleared(s: &mut Stage) {
    s.connect(1, "a");
    s.retain(1, "t", "kept", (1, 1));
    s.subscribe(1, 10, &[("t", 1)]);
    s.retain(1, "t", "", (1, 2));
    s.subscribe(1, 11, &[("t", 1)]);
}

pub(crate) fn at_subscribe(s: &mut Stage) {
    s.connect(1, "a");
    s.retain(1, "t/1", "one", (2, 1));
    s.pubrel(1, 1);
    s.retain(1, "t/2", "two", (1, 2));
    s.connect(2, "b");
    s.subscribe(2, 10, &[("t/+", 2)]);
    s.publish(1, "t/1", "live", (1, 3));
    s.wait(1_000);
}

/// Retain Handling (5.0).
pub(crate) fn handling_options(s: &mut Stage) {
    if !s.is_v5() {
        return;
    }
    s.connect(1, "a");
    s.retain(1, "t", "kept", (1, 1));
    s.connect_with(2, "b", kept);
    for (i, handling) in [0, 0, 1, 2].into_iter().enumerate() {
        let subscription = s.handling("t", handling);
        let id = u16::try_from(i).expect("few") + 10;
        s.subscribe_with(2, id, Properties::new(), vec![subscription]);
    }
    s.retain(1, "t", "live", (1, 2));
    s.close(2);
    s.connect_with(2, "b", kept);
    let subscription = s.handling("t", 1);
    s.subscribe_with(2, 20, Properties::new(), vec![subscription]);
    s.connect(3, "c");
    let subscription = s.handling("t", 1);
    s.subscribe_with(3, 20, Properties::new(), vec![subscription]);
}

/// Retain As Published (5.0), and the flag without it.
pub(crate) fn as_published(s: &mut Stage) {
    s.connect_with(1, "a", kept);
    let subscription = Subscription {
        retain_as_published: s.is_v5(),
        ..s.subscription("t", 1)
    };
    s.subscribe_with(1, 10, Properties::new(), vec![subscription]);
    s.subscribe(1, 11, &[("u", 1)]);
    s.connect(2, "b");
    s.retain(2, "t", "x", (1, 1));
    s.retain(2, "u", "x", (1, 2));
    s.close(1);
    s.retain(2, "t", "y", (1, 3));
    s.connect_with(1, "a", kept);
}

pub(crate) fn expiring(s: &mut Stage) {
    s.connect(1, "a");
    s.publish_with(1, "t", "x", (1, 1), |p| {
        p.retain = true;
        p.properties.push(Property::MessageExpiryInterval(5));
        p.properties.push(Property::ContentType("text".into()));
    });
    s.wait(2_000);
    s.subscribe(1, 10, &[("t", 1)]);
    s.wait(4_000);
    s.subscribe(1, 11, &[("t", 1)]);
}

pub(crate) fn retained_by_alias(s: &mut Stage) {
    if s.is_v5() {
        s.connect(1, "a");
        s.publish_with(1, "t", "x", (1, 1), |p| {
            p.retain = true;
            p.properties.push(Property::TopicAlias(1));
        });
        s.subscribe(1, 10, &[("t", 1)]);
    }
}

pub(crate) fn several(s: &mut Stage) {
    s.connect(1, "a");
    for topic in ["t/1", "t/2", "t/3"] {
        s.retain(1, topic, topic, (0, 0));
    }
    s.subscribe(1, 10, &[("t/#", 1), ("t/2", 0)]);
    if s.is_v5() {
        s.subscribe(1, 11, &[("$share/g/t/#", 1)]);
    }
}
