//! Properties of a message that a 5.0 server has to hand on as they are (section 3.3.2.3).

use super::{Check, qos::pair};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, fail, inconclusive, pass, warn},
};
use squall_protocol::{Properties, Property, QoS, Text, packet::Publish};

pub(super) const CHECKS: &[Check] = &[
    USER_PROPERTIES,
    RESPONSE_TOPIC,
    CONTENT_TYPE,
    PAYLOAD_FORMAT_INDICATOR,
    NOTHING_ADDED,
];

/// What a subscriber gets of a message with these properties.
async fn forwarded(cx: &Cx, properties: &[Property]) -> Result<Publish, Outcome> {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtMostOnce).await?;
    let publish = properties.iter().fold(
        message(&topic, QoS::AtMostOnce, b"m"),
        |publish, property| publish.with(property.clone()),
    );
    publisher.publish_message(publish).await?;
    let mut got = sub.messages_to(b"m").await?;
    got.pop().ok_or_else(|| inconclusive("nothing arrived"))
}

fn user(name: &str, value: &str) -> Property {
    Property::UserProperty(Text::from(name), Text::from(value))
}

fn users(properties: &Properties) -> Vec<String> {
    properties
        .user_properties()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

const USER_PROPERTIES: Check = Check {
    id: "forward/user-properties",
    title: "User Properties are handed on, all of them and in order",
    expected: "The same names and values, repetitions included, in the same order.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-17", "MQTT-3.3.2-18", "X-5.0-prop-4"],
    needs: &[],
    run: |cx| Box::pin(user_properties(cx)),
};

async fn user_properties(cx: &Cx) -> Judged {
    let sent = [
        user("b", "1"),
        user("a", "2"),
        user("b", "3"),
        user("", ""),
        user("b", "1"),
    ];
    let m = forwarded(cx, &sent).await?;
    let wanted: Properties = sent.into_iter().collect();
    let (got, mut sorted, mut wanted_sorted) =
        (users(&m.properties), users(&m.properties), users(&wanted));
    // What a server adds is judged by forward/nothing-added alone.
    if in_order(&got, &wanted_sorted) {
        return pass("all five in order");
    }
    sorted.sort_unstable();
    wanted_sorted.sort_unstable();
    let rule = if in_order(&sorted, &wanted_sorted) {
        "MQTT-3.3.2-18"
    } else {
        "MQTT-3.3.2-17"
    };
    crate::outcome::fail_on(&[rule], format!("they came as {}", got.join(", ")))
}

/// Whether all that is wanted is there in its order, among other things perhaps.
pub(super) fn in_order(got: &[String], wanted: &[String]) -> bool {
    let mut rest = got.iter();
    wanted.iter().all(|w| rest.any(|g| g == w))
}

const RESPONSE_TOPIC: Check = Check {
    id: "forward/response-topic",
    title: "Response Topic and Correlation Data are handed on",
    expected: "Both come as they were.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-15", "MQTT-3.3.2-16", "X-5.0-reqresp-3"],
    needs: &[],
    run: |cx| Box::pin(response_topic(cx)),
};

async fn response_topic(cx: &Cx) -> Judged {
    let topic = cx.topic("answer");
    let data = bytes::Bytes::from_static(b"\x00\xFF\x01");
    let sent = [
        Property::ResponseTopic(Text::from(topic.as_str())),
        Property::CorrelationData(data.clone()),
    ];
    let m = forwarded(cx, &sent).await?;
    if m.properties
        .response_topic()
        .is_none_or(|t| t != topic.as_str())
    {
        return crate::outcome::fail_on(
            &["MQTT-3.3.2-15"],
            format!("the Response Topic is {:?}", m.properties.response_topic()),
        );
    }
    match m.properties.correlation_data() {
        Some(got) if got == data => pass("both came as they were"),
        other => crate::outcome::fail_on(
            &["MQTT-3.3.2-16"],
            format!("the Correlation Data is {other:?}"),
        ),
    }
}

const CONTENT_TYPE: Check = Check {
    id: "forward/content-type",
    title: "Content Type is handed on",
    expected: "It comes as it was.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-20"],
    needs: &[],
    run: |cx| Box::pin(content_type(cx)),
};

async fn content_type(cx: &Cx) -> Judged {
    let m = forwarded(
        cx,
        &[Property::ContentType(Text::from(
            "text/plain; charset=utf-8",
        ))],
    )
    .await?;
    match m.properties.content_type() {
        Some(t) if t == "text/plain; charset=utf-8" => pass("it came as it was"),
        other => fail(format!("the Content Type is {other:?}")),
    }
}

const PAYLOAD_FORMAT_INDICATOR: Check = Check {
    id: "forward/payload-format-indicator",
    title: "Payload Format Indicator is handed on",
    expected: "1 comes as 1; a 0 may be left out.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-4"],
    needs: &[],
    run: |cx| Box::pin(payload_format(cx)),
};

async fn payload_format(cx: &Cx) -> Judged {
    let m = forwarded(cx, &[Property::PayloadFormatIndicator(1)]).await?;
    match m.properties.payload_format_indicator() {
        Some(1) => {}
        other => return fail(format!("Payload Format Indicator 1 came as {other:?}")),
    }
    let m = forwarded(cx, &[Property::PayloadFormatIndicator(0)]).await?;
    match m.properties.payload_format_indicator() {
        Some(0) => pass("1 and 0 came as they were"),
        None => pass("1 came as 1; 0, which means the same as none, was left out"),
        Some(other) => warn(format!("Payload Format Indicator 0 came as {other}")),
    }
}

const NOTHING_ADDED: Check = Check {
    id: "forward/nothing-added",
    title: "A message without properties comes without any of the publisher's",
    expected: "No User Property, Content Type, Response Topic, Correlation Data or expiry that nobody sent.",
    v3_1_1: &[],
    v5_0: &["X-5.0-expiry-1", "MQTT-3.3.2-17"],
    needs: &[],
    run: |cx| Box::pin(nothing_added(cx)),
};

async fn nothing_added(cx: &Cx) -> Judged {
    let m = forwarded(cx, &[]).await?;
    let p = &m.properties;
    if p.message_expiry_interval().is_some() {
        // The standard says that it does not expire, and forbids nobody to say when it does.
        return warn("the message came with a Message Expiry Interval");
    }
    let strange = p.content_type().is_some()
        || p.response_topic().is_some()
        || p.correlation_data().is_some()
        || p.user_properties().next().is_some();
    match strange {
        true => warn(format!(
            "the message came with properties that its publisher did not send: {p:?}"
        )),
        false => pass("nothing was added"),
    }
}
