//! Packets that a server has to refuse after CONNECT, one fault each (sections 2 and 3, errors of section 4.8 in
//! 3.1.1 and 4.13 in 5.0).

use super::{
    Check, Need,
    qos::{copies, has, pair},
    wire::{field, join, packet, properties},
};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, pass, warn},
    reaction::{End, Late, judge, late, reaction},
    rigour::{granted, unanswered},
};
use squall_protocol::{Packet, PacketType, Property, QoS, Text};
use squall_reports::Verdict;

const NOT_UTF8: &[u8] = b"a\xED\xA0\x80";
const EXPECTED: &str =
    "The server closes the connection; in 5.0 it should say why in a DISCONNECT first.";

macro_rules! closes {
    ($id:literal, $title:literal, v3 $v3:tt, v5 $v5:tt, $($needs:ident)*, $bytes:expr) => {
        Check {
            id: $id,
            title: $title,
            expected: EXPECTED,
            v3_1_1: &$v3,
            v5_0: &$v5,
            needs: &[$(Need::$needs),*],
            run: |cx| {
                let bytes: fn(&Cx) -> Vec<u8> = $bytes;
                Box::pin(refused(cx, $title, bytes(cx)))
            },
        }
    };
}

pub(super) const CHECKS: &[Check] = &[
    closes!("malformed/pingreq-flags", "PINGREQ with flags 0001",
        v3 ["MQTT-2.2.2-2"], v5 ["X-5.0-flags-1", "MQTT-2.1.3-1"], , |_| packet(0xC1, &[])),
    closes!("malformed/puback-flags", "PUBACK with flags 0001",
        v3 ["MQTT-2.2.2-2"], v5 ["X-5.0-flags-1", "MQTT-2.1.3-1"], , |_| packet(0x41, &[0, 1])),
    closes!("malformed/pubrec-flags", "PUBREC with flags 0001",
        v3 ["MQTT-2.2.2-2"], v5 ["X-5.0-flags-1", "MQTT-2.1.3-1"], , |_| packet(0x51, &[0, 1])),
    closes!("malformed/pubcomp-flags", "PUBCOMP with flags 0001",
        v3 ["MQTT-2.2.2-2"], v5 ["X-5.0-flags-1", "MQTT-2.1.3-1"], , |_| packet(0x71, &[0, 1])),
    closes!("malformed/pubrel-flags", "PUBREL with flags 0000",
        v3 ["MQTT-3.6.1-1", "MQTT-2.2.2-2"], v5 ["MQTT-3.6.1-1"], , |_| packet(0x60, &[0, 1])),
    closes!("malformed/subscribe-flags", "SUBSCRIBE with flags 0000",
        v3 ["MQTT-3.8.1-1", "MQTT-2.2.2-2"], v5 ["MQTT-3.8.1-1"], , |cx| subscribe(cx, 0x80, 7, &[], b"a", &[0])),
    closes!("malformed/unsubscribe-flags", "UNSUBSCRIBE with flags 0000",
        v3 ["MQTT-3.10.1-1", "MQTT-2.2.2-2"], v5 ["MQTT-3.10.1-1"], , |cx| unsubscribe(cx, 0xA0, 7, b"a")),
    closes!("malformed/auth-flags", "AUTH with flags 0001",
        v3 [], v5 ["X-5.0-flags-1", "MQTT-3.15.1-1"], , |_| packet(0xF1, &auth())),
    closes!("malformed/auth-without-method", "AUTH although CONNECT named no Authentication Method",
        v3 [], v5 ["MQTT-4.12.0-7", "X-5.0-auth-2"], , |_| packet(0xF0, &auth())),
    closes!("malformed/packet-type-0", "A packet of the reserved type 0",
        v3 ["X-3.1.1-type-1"], v5 ["X-5.0-type-1"], , |_| packet(0x00, &[])),
    closes!("malformed/packet-type-15", "A packet of type 15, which 3.1.1 reserves",
        v3 ["X-3.1.1-type-1"], v5 [], , |_| packet(0xF0, &[])),
    closes!("malformed/connack-from-client", "CONNACK from a client",
        v3 ["X-3.1.1-type-1"], v5 ["X-5.0-type-1"], , |cx| packet(0x20, &join(&[&[0, 0], &properties(cx, &[])]))),
    closes!("malformed/suback-from-client", "SUBACK from a client",
        v3 ["X-3.1.1-type-1"], v5 ["X-5.0-type-1"], ,
        |cx| packet(0x90, &join(&[&[0, 1], &properties(cx, &[]), &[0]]))),
    closes!("malformed/remaining-length-five-bytes", "A Remaining Length of five bytes",
        v3 ["X-3.1.1-remlen-1"], v5 ["X-5.0-vbi-1"], , |_| vec![0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
    closes!("malformed/publish-qos-3", "PUBLISH with both QoS bits set",
        v3 ["MQTT-3.3.1-4"], v5 ["MQTT-3.3.1-4"], , |cx| publish(cx, 0x36, cx.topic("t").as_bytes(), 7, &[])),
    closes!("malformed/publish-topic-not-utf8", "PUBLISH whose Topic Name is not UTF-8",
        v3 ["MQTT-1.5.3-1", "MQTT-3.3.2-1"], v5 ["MQTT-3.3.2-1", "MQTT-1.5.4-1", "X-5.0-utf8-1"], ,
        |cx| publish(cx, 0x30, NOT_UTF8, 0, &[])),
    closes!("malformed/publish-topic-nul", "PUBLISH whose Topic Name holds U+0000",
        v3 ["MQTT-1.5.3-2", "MQTT-4.7.3-2"], v5 ["MQTT-1.5.4-2", "MQTT-4.7.3-2"], ,
        |cx| publish(cx, 0x30, b"a\0b", 0, &[])),
    closes!("malformed/publish-topic-wildcard", "PUBLISH whose Topic Name has a wildcard",
        v3 ["MQTT-3.3.2-2", "MQTT-4.7.1-1"], v5 ["MQTT-3.3.2-2", "MQTT-4.7.0-1"], ,
        |cx| publish(cx, 0x30, cx.topic("+").as_bytes(), 0, &[])),
    closes!("malformed/publish-topic-empty", "PUBLISH with an empty Topic Name and no alias",
        v3 ["MQTT-4.7.3-1"], v5 ["X-5.0-publish-1"], , |cx| publish(cx, 0x30, b"", 0, &[])),
    closes!(
        "malformed/publish-identifier-0",
        "PUBLISH with QoS 1 and packet identifier 0",
        v3["MQTT-2.3.1-1"],
        v5["MQTT-2.2.1-3"],
        Qos1,
        |cx| publish(cx, 0x32, cx.topic("t").as_bytes(), 0, &[])
    ),
    closes!("malformed/publish-truncated", "PUBLISH whose Topic Name is longer than the packet",
        v3 ["X-3.1.1-conform-1"], v5 ["X-5.0-conform-1"], , |_| packet(0x30, &[0x00, 0x40, b'a'])),
    closes!("malformed/publish-subscription-identifier", "PUBLISH from a client with a Subscription Identifier",
        v3 [], v5 ["MQTT-3.3.4-6"], , |cx| publish(cx, 0x30, cx.topic("t").as_bytes(), 0, &[0x0B, 1])),
    closes!("malformed/publish-foreign-property", "PUBLISH with a Session Expiry Interval",
        v3 [], v5 ["X-5.0-prop-1"], , |cx| publish(cx, 0x30, cx.topic("t").as_bytes(), 0, &[0x11, 0, 0, 0, 1])),
    closes!("malformed/publish-content-type-twice", "PUBLISH with two Content Types",
        v3 [], v5 ["X-5.0-prop-3"], ,
        |cx| publish(cx, 0x30, cx.topic("t").as_bytes(), 0, &[3, 0, 1, b'a', 3, 0, 1, b'b'])),
    closes!("malformed/publish-content-type-not-utf8", "PUBLISH whose Content Type is not UTF-8",
        v3 [], v5 ["MQTT-3.3.2-19", "MQTT-1.5.4-1"], ,
        |cx| publish(cx, 0x30, cx.topic("t").as_bytes(), 0, &join(&[&[3], &field(NOT_UTF8)]))),
    closes!("malformed/publish-response-topic-not-utf8", "PUBLISH whose Response Topic is not UTF-8",
        v3 [], v5 ["MQTT-3.3.2-13", "MQTT-1.5.4-1"], ,
        |cx| publish(cx, 0x30, cx.topic("t").as_bytes(), 0, &join(&[&[8], &field(NOT_UTF8)]))),
    closes!("malformed/publish-user-property-nul", "PUBLISH with a User Property that holds U+0000",
        v3 [], v5 ["MQTT-1.5.7-1", "MQTT-1.5.4-2"], ,
        |cx| publish(cx, 0x30, cx.topic("t").as_bytes(), 0, &join(&[&[0x26], &field(b"a\0"), &field(b"b")]))),
    closes!("malformed/subscribe-identifier-0", "SUBSCRIBE with packet identifier 0",
        v3 ["MQTT-2.3.1-1"], v5 ["MQTT-2.2.1-3"], , |cx| subscribe(cx, 0x82, 0, &[], cx.topic("t").as_bytes(), &[0])),
    closes!("malformed/subscribe-empty", "SUBSCRIBE without a topic filter",
        v3 ["MQTT-3.8.3-3"], v5 ["MQTT-3.8.3-2"], , |cx| packet(0x82, &join(&[&[0, 7], &properties(cx, &[])]))),
    closes!("malformed/subscribe-reserved-bits", "SUBSCRIBE with a reserved bit set in the options",
        v3 ["MQTT-3.8.3-4"], v5 ["MQTT-3.8.3-5"], ,
        |cx| subscribe(cx, 0x82, 7, &[], cx.topic("t").as_bytes(), &[0x80])),
    closes!("malformed/subscribe-qos-3", "SUBSCRIBE that asks for QoS 3",
        v3 ["MQTT-3.8.3-4"], v5 ["X-5.0-subopt-1"], ,
        |cx| subscribe(cx, 0x82, 7, &[], cx.topic("t").as_bytes(), &[0x03])),
    closes!("malformed/subscribe-retain-handling-3", "SUBSCRIBE with Retain Handling 3",
        v3 [], v5 ["X-5.0-subopt-2"], , |cx| subscribe(cx, 0x82, 7, &[], cx.topic("t").as_bytes(), &[0x30])),
    closes!("malformed/subscribe-no-local-shared", "SUBSCRIBE with No Local on a shared subscription",
        v3 [], v5 ["MQTT-3.8.3-4"], Shared,
        |cx| subscribe(cx, 0x82, 7, &[], format!("$share/g/{}", cx.topic("t")).as_bytes(), &[0x04])),
    closes!("malformed/subscribe-filter-not-utf8", "SUBSCRIBE whose Topic Filter is not UTF-8",
        v3 ["MQTT-3.8.3-1", "MQTT-1.5.3-1"], v5 ["MQTT-3.8.3-1", "MQTT-1.5.4-1"], ,
        |cx| subscribe(cx, 0x82, 7, &[], NOT_UTF8, &[0])),
    closes!("malformed/subscribe-filter-nul", "SUBSCRIBE whose Topic Filter holds U+0000",
        v3 ["MQTT-1.5.3-2", "MQTT-4.7.3-2"], v5 ["MQTT-1.5.4-2", "MQTT-4.7.3-2"], ,
        |cx| subscribe(cx, 0x82, 7, &[], b"a\0b", &[0])),
    closes!("malformed/subscribe-identifier-property-0", "SUBSCRIBE with Subscription Identifier 0",
        v3 [], v5 ["X-5.0-subid-1"], SubscriptionIdentifiers,
        |cx| subscribe(cx, 0x82, 7, &[0x0B, 0], cx.topic("t").as_bytes(), &[0])),
    closes!("malformed/subscribe-identifier-property-twice", "SUBSCRIBE with two Subscription Identifiers",
        v3 [], v5 ["X-5.0-subid-5"], SubscriptionIdentifiers,
        |cx| subscribe(cx, 0x82, 7, &[0x0B, 1, 0x0B, 2], cx.topic("t").as_bytes(), &[0])),
    closes!("malformed/unsubscribe-empty", "UNSUBSCRIBE without a topic filter",
        v3 ["MQTT-3.10.3-2"], v5 ["MQTT-3.10.3-2"], , |cx| packet(0xA2, &join(&[&[0, 7], &properties(cx, &[])]))),
    closes!("malformed/unsubscribe-filter-not-utf8", "UNSUBSCRIBE whose Topic Filter is not UTF-8",
        v3 ["MQTT-3.10.3-1", "MQTT-1.5.3-1"], v5 ["MQTT-3.10.3-1", "MQTT-1.5.4-1"], ,
        |cx| unsubscribe(cx, 0xA2, 7, NOT_UTF8)),
    FILTER_HASH_INSIDE,
    FILTER_HASH_NOT_LAST,
    FILTER_PLUS_INSIDE,
    PUBLISH_RESPONSE_TOPIC_WILDCARD,
    FILTER_EMPTY,
];

/// PUBLISH with this first byte; the identifier stands there when the QoS bits are not 0.
fn publish(cx: &Cx, first: u8, topic: &[u8], id: u16, props: &[u8]) -> Vec<u8> {
    let id = match first & 0x06 {
        0 => Vec::new(),
        _ => id.to_be_bytes().to_vec(),
    };
    packet(
        first,
        &join(&[&field(topic), &id, &properties(cx, props), b"payload"]),
    )
}

fn subscribe(cx: &Cx, first: u8, id: u16, props: &[u8], filter: &[u8], options: &[u8]) -> Vec<u8> {
    packet(
        first,
        &join(&[
            &id.to_be_bytes(),
            &properties(cx, props),
            &field(filter),
            options,
        ]),
    )
}

fn unsubscribe(cx: &Cx, first: u8, id: u16, filter: &[u8]) -> Vec<u8> {
    packet(
        first,
        &join(&[&id.to_be_bytes(), &properties(cx, &[]), &field(filter)]),
    )
}

/// AUTH 0x19 with a method.
fn auth() -> Vec<u8> {
    let method = join(&[&[0x15], &field(b"SQUALL")]);
    join(&[&[0x19, method.len() as u8], &method])
}

/// The control: the same connection subscribes, publishes and gets its own message.
async fn refused(cx: &Cx, what: &str, bytes: Vec<u8>) -> Judged {
    let mut client = cx.client("client").await?;
    let topic = cx.topic("control");
    client.subscribe(&topic, QoS::AtMostOnce).await?;
    client.publish(&topic, QoS::AtMostOnce, b"control").await?;
    client.messages_to(b"control").await?;
    client.send_raw(what, &bytes).await?;
    let reaction = reaction(cx, &mut client.probe).await?;
    judge(cx, &reaction, cx.main, false)
}

const FILTER_HASH_INSIDE: Check = Check {
    id: "malformed/filter-hash-inside",
    title: "SUBSCRIBE to a filter whose # is not a level of its own",
    expected: "The server closes the connection or refuses the subscription.",
    v3_1_1: &["MQTT-4.7.1-2"],
    v5_0: &["MQTT-4.7.1-1"],
    needs: &[],
    run: |cx| Box::pin(bad_filter(cx, cx.topic("a#"))),
};

const FILTER_HASH_NOT_LAST: Check = Check {
    id: "malformed/filter-hash-not-last",
    title: "SUBSCRIBE to a filter whose # is not the last level",
    expected: "The server closes the connection or refuses the subscription.",
    v3_1_1: &["MQTT-4.7.1-2"],
    v5_0: &["MQTT-4.7.1-1"],
    needs: &[],
    run: |cx| Box::pin(bad_filter(cx, cx.topic("#/a"))),
};

const FILTER_PLUS_INSIDE: Check = Check {
    id: "malformed/filter-plus-inside",
    title: "SUBSCRIBE to a filter whose + does not fill a level",
    expected: "The server closes the connection or refuses the subscription.",
    v3_1_1: &["MQTT-4.7.1-3"],
    v5_0: &["MQTT-4.7.1-2"],
    needs: &[],
    run: |cx| Box::pin(bad_filter(cx, cx.topic("a+"))),
};

const FILTER_EMPTY: Check = Check {
    id: "malformed/filter-empty",
    title: "SUBSCRIBE to an empty filter",
    expected: "The server closes the connection or refuses the subscription.",
    v3_1_1: &["MQTT-4.7.3-1"],
    v5_0: &["MQTT-4.7.3-1"],
    needs: &[],
    run: |cx| Box::pin(bad_filter(cx, String::new())),
};

async fn bad_filter(cx: &Cx, filter: String) -> Judged {
    let mut client = cx.client("client").await?;
    client
        .subscribe(&cx.topic("control"), QoS::AtMostOnce)
        .await?;
    let what = format!("SUBSCRIBE to `{filter}`");
    client
        .send_raw(
            &what,
            &subscribe(cx, 0x82, 77, &[], filter.as_bytes(), &[0]),
        )
        .await?;
    let mut reaction = reaction(cx, &mut client.probe).await?;
    let answered = |p: &Packet| matches!(p, Packet::SubAck(_));
    if matches!(reaction.end, End::CarriesOn) && !reaction.packets.iter().any(answered) {
        match late(cx, &mut client.probe, PacketType::SubAck).await {
            Late::Came(suback) => reaction.packets.push(suback),
            Late::Closed => reaction.end = End::Closed,
            Late::Never => {}
        }
    }
    let suback = reaction.packets.iter().find_map(|p| match p {
        Packet::SubAck(ack) => Some((p, &ack.reasons)),
        _ => None,
    });
    match (suback, &reaction.end) {
        // The standard asks for a close; a refusal of the one filter is a reading that it leaves room for.
        (Some((_, codes)), _) if !codes.is_empty() && codes.iter().all(|code| code.is_error()) => {
            pass(format!("the server refused the filter with {}", codes[0]))
        }
        (Some((packet, _)), _) => {
            let text = format!("the server granted the filter `{filter}`");
            granted(cx, cx.main, packet, text)
        }
        (None, End::Closed) => judge(cx, &reaction, cx.main, false),
        (None, _) => unanswered(
            cx,
            cx.main,
            "MQTT-3.8.4-1",
            "the server neither answered the SUBSCRIBE nor closed the connection".to_owned(),
        ),
    }
}

const PUBLISH_RESPONSE_TOPIC_WILDCARD: Check = Check {
    id: "malformed/publish-response-topic-wildcard",
    title: "PUBLISH whose Response Topic has a wildcard",
    expected: EXPECTED,
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-14"],
    needs: &[],
    run: |cx| Box::pin(response_topic_wildcard(cx)),
};

/// A Response Topic with a wildcard: refused, or not looked at and handed on; see the table in [`crate::rigour`].
async fn response_topic_wildcard(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtMostOnce).await?;
    let publish = message(&topic, QoS::AtMostOnce, b"request")
        .with(Property::ResponseTopic(Text::from("r/#")));
    publisher.send(&Packet::Publish(publish)).await?;
    let reaction = reaction(cx, &mut publisher.probe).await?;
    if matches!(reaction.end, End::Closed) {
        return judge(cx, &reaction, cx.main, false);
    }
    let got = sub.gathered(|all| has(all, b"request")).await?;
    match copies(&got, b"request").first() {
        Some(m) if m.properties.response_topic().is_some_and(|t| t == "r/#") => {
            let outcome = Outcome::new(
                Verdict::Warn,
                "the server handed it on: it obeys MQTT-3.3.2-15, and sends what MQTT-3.3.2-14 forbids",
            );
            Ok(outcome.showing(&Packet::Publish((*m).clone())))
        }
        Some(_) => warn("the server handed the message on without its Response Topic"),
        None => warn("the server carries on, and the message reached nobody"),
    }
}
