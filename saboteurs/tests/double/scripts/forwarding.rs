use crate::stage::{Stage, kept};
use squall_protocol::{Properties, Property};

fn all() -> Vec<Property> {
    let user = |name: &str, value: &str| Property::UserProperty(name.into(), value.into());
    vec![
        Property::PayloadFormatIndicator(1),
        Property::ContentType("te\u{E9}".into()),
        Property::ResponseTopic("answer/\u{E9}".into()),
        Property::CorrelationData(b"a\0b".to_vec().into()),
        user("b", "1"),
        user("a", "2"),
        user("b", "3"),
    ]
}

pub(crate) fn properties(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.publish_props(1, "t", (1, 1), &all());
    s.publish(1, "t", "text", (0, 0));
}

pub(crate) fn properties_offline(s: &mut Stage) {
    s.connect_with(1, "a", kept);
    s.subscribe(1, 1, &[("t", 2)]);
    s.connect(2, "b");
    s.publish_props(2, "t", (2, 1), &all());
    s.close(1);
    s.publish_props(2, "t", (2, 2), &all());
    s.connect_with(1, "a", kept);
}

pub(crate) fn message_expiry(s: &mut Stage) {
    s.connect_with(1, "a", kept);
    s.subscribe(1, 1, &[("t", 1)]);
    s.close(1);
    s.connect(2, "b");
    s.publish_props(2, "t", (1, 1), &[Property::MessageExpiryInterval(20)]);
    s.publish_props(2, "t", (1, 2), &[Property::MessageExpiryInterval(3)]);
    s.wait(6_000);
    s.connect_with(1, "a", kept);
    s.publish_props(2, "t", (1, 3), &[Property::MessageExpiryInterval(20)]);
}

pub(crate) fn texts(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("#", 0)]);
    s.publish(1, "caf\u{E9}", "x", (0, 0));
    s.publish(1, &"long/".repeat(30), "x", (0, 0));
}

pub(crate) fn property_order(s: &mut Stage) {
    s.connect(1, "a");
    let subscription = s.subscription("t", 0);
    let properties: Properties = [
        Property::UserProperty("a".into(), "b".into()),
        Property::SubscriptionIdentifier(3),
    ]
    .into_iter()
    .collect();
    s.subscribe_with(1, 1, properties, vec![subscription]);
    s.publish(1, "t", "x", (0, 0));
}
