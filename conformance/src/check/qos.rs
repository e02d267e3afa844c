//! PUBLISH and its acknowledgements on one connection (sections 3.3 to 3.7 and 4.3).

use super::{Check, Need};
use crate::{
    cx::Cx,
    message::message,
    outcome::{Judged, fail, fail_at, fail_on, inconclusive, pass},
    party::{Client, unexpected},
};
use squall_protocol::{
    Packet, PacketId, PacketType, QoS, ReasonCode,
    packet::{Ack, Publish},
};
use tokio::time::Instant;

pub(super) const CHECKS: &[Check] = &[
    QOS_0_DELIVERED,
    QOS_1_DELIVERED,
    QOS_2_DELIVERED,
    QOS_1_IDENTIFIERS,
    QOS_2_IDENTIFIERS,
    QOS_1_IDENTIFIER_FREE_AFTER_PUBACK,
    QOS_2_IDENTIFIER_FREE_AFTER_PUBCOMP,
    DUP_NOT_PASSED_ON,
    DOWNGRADED_TO_GRANT,
    QOS_2_SENDER,
    OUTGOING_IDENTIFIERS_DISTINCT,
    ORDER_KEPT,
    QOS_2_DUPLICATE_ON_ONE_CONNECTION,
    UNKNOWN_PUBREL,
];

/// A publisher and a subscriber of one topic, between whom a message has gone through.
pub(super) async fn pair<'a>(
    cx: &'a Cx,
    topic: &str,
    qos: QoS,
) -> Result<(Client<'a>, Client<'a>), crate::outcome::Outcome> {
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    sub.subscribe(topic, qos).await?;
    sub.hears(&mut publisher, topic, qos).await?;
    Ok((publisher, sub))
}

/// Only the copies of one payload.
pub(super) fn copies<'m>(messages: &'m [Publish], payload: &[u8]) -> Vec<&'m Publish> {
    messages.iter().filter(|m| m.payload == payload).collect()
}

/// Whether a payload is among them.
pub(super) fn has(messages: &[Publish], payload: &[u8]) -> bool {
    messages.iter().any(|m| m.payload == payload)
}

const QOS_0_DELIVERED: Check = Check {
    id: "qos/0-delivered",
    title: "A QoS 0 message is delivered once, without identifier and DUP",
    expected: "One copy with QoS 0, DUP 0 and the payload as it was; nothing goes back to the publisher.",
    v3_1_1: &[
        "MQTT-3.3.4-1",
        "MQTT-4.3.1-1",
        "MQTT-2.3.1-5",
        "MQTT-3.3.1-2",
    ],
    v5_0: &["MQTT-3.3.4-1", "MQTT-4.3.1-1", "MQTT-2.2.1-2"],
    needs: &[],
    run: |cx| Box::pin(delivered(cx, QoS::AtMostOnce)),
};

const QOS_1_DELIVERED: Check = Check {
    id: "qos/1-delivered",
    title: "A QoS 1 message is acknowledged and delivered",
    expected: "PUBACK to the publisher; the subscriber gets QoS 1, DUP 0 and the payload as it was.",
    v3_1_1: &[
        "MQTT-3.3.4-1",
        "MQTT-4.3.2-1",
        "MQTT-4.3.2-2",
        "MQTT-4.5.0-1",
    ],
    v5_0: &[
        "MQTT-3.3.4-1",
        "MQTT-4.3.2-2",
        "MQTT-4.3.2-4",
        "MQTT-4.5.0-1",
    ],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(delivered(cx, QoS::AtLeastOnce)),
};

const QOS_2_DELIVERED: Check = Check {
    id: "qos/2-delivered",
    title: "A QoS 2 message goes through PUBREC, PUBREL and PUBCOMP and is delivered once",
    expected: "PUBREC and PUBCOMP to the publisher; exactly one copy with QoS 2 and DUP 0 for the subscriber.",
    v3_1_1: &[
        "MQTT-3.3.4-1",
        "MQTT-4.3.3-1",
        "MQTT-4.3.3-2",
        "MQTT-4.5.0-1",
    ],
    v5_0: &[
        "MQTT-3.3.4-1",
        "MQTT-4.3.3-2",
        "MQTT-4.3.3-8",
        "MQTT-4.3.3-11",
        "MQTT-4.5.0-1",
    ],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(delivered(cx, QoS::ExactlyOnce)),
};

async fn delivered(cx: &Cx, qos: QoS) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, qos).await?;
    let payload = b"\x00\xFFpayload\x00";
    publisher.publish(&topic, qos, payload).await?;
    publisher.publish(&topic, qos, b"end").await?;
    let got = sub.ordered_to(&[payload], b"end").await?;
    let found = copies(&got, payload);
    let Some(first) = found.first() else {
        return fail(format!(
            "the message was not delivered within {:?}, a later one was",
            cx.wait()
        ));
    };
    if first.topic != topic.as_str() || first.qos != qos || first.dup {
        return fail(format!(
            "it was delivered as {}",
            Packet::Publish((*first).clone()).summary()
        ));
    }
    match (qos, found.len()) {
        (QoS::AtLeastOnce, _) | (_, 1) => pass(format!("delivered with QoS {qos}")),
        (_, n) => fail(format!("a QoS {qos} message was delivered {n} times")),
    }
}

const QOS_1_IDENTIFIERS: Check = Check {
    id: "qos/1-identifiers",
    title: "PUBACK repeats the packet identifier",
    expected: "The identifiers 1, 255 and 65535 come back as they were.",
    v3_1_1: &["MQTT-2.3.1-6", "MQTT-4.3.2-2"],
    v5_0: &["MQTT-2.2.1-5", "MQTT-4.3.2-4"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(identifiers(cx, QoS::AtLeastOnce)),
};

const QOS_2_IDENTIFIERS: Check = Check {
    id: "qos/2-identifiers",
    title: "PUBREC and PUBCOMP repeat the packet identifier",
    expected: "The identifiers 1, 255 and 65535 come back as they were.",
    v3_1_1: &["MQTT-2.3.1-6", "MQTT-4.3.3-2"],
    v5_0: &["MQTT-2.2.1-5", "MQTT-4.3.3-8", "MQTT-4.3.3-11"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(identifiers(cx, QoS::ExactlyOnce)),
};

async fn identifiers(cx: &Cx, qos: QoS) -> Judged {
    let mut publisher = cx.client("publisher").await?;
    for id in [1, 255, 65535] {
        let mut publish = message(&cx.topic("t"), qos, b"m");
        publish.packet_id = PacketId::new(id);
        // An acknowledgement with another identifier ends the check as a failure.
        publisher.publish_message(publish).await?;
    }
    pass("1, 255 and 65535 came back")
}

const QOS_1_IDENTIFIER_FREE_AFTER_PUBACK: Check = Check {
    id: "qos/1-identifier-free-after-puback",
    title: "After PUBACK the same packet identifier is a new message, even with DUP",
    expected: "Both messages are acknowledged and delivered.",
    v3_1_1: &["MQTT-4.3.2-2"],
    v5_0: &["MQTT-4.3.2-5"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(identifier_free(cx, QoS::AtLeastOnce)),
};

const QOS_2_IDENTIFIER_FREE_AFTER_PUBCOMP: Check = Check {
    id: "qos/2-identifier-free-after-pubcomp",
    title: "After PUBCOMP the same packet identifier is a new message",
    expected: "Both messages are acknowledged and delivered.",
    v3_1_1: &["MQTT-4.3.3-2"],
    v5_0: &["MQTT-4.3.3-12"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(identifier_free(cx, QoS::ExactlyOnce)),
};

async fn identifier_free(cx: &Cx, qos: QoS) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, qos).await?;
    for (payload, dup) in [(&b"first"[..], false), (b"second", true)] {
        let mut publish = message(&topic, qos, payload);
        publish.packet_id = PacketId::new(4711);
        publish.dup = dup;
        publisher.publish_message(publish).await?;
    }
    publisher.publish(&topic, qos, b"end").await?;
    let got = sub.ordered_to(&[b"first", b"second"], b"end").await?;
    match (copies(&got, b"first").len(), copies(&got, b"second").len()) {
        (0, _) => fail("the first message was not delivered"),
        (_, 0) => fail("the second message under the same identifier was not delivered"),
        _ => pass("both messages were delivered"),
    }
}

const DUP_NOT_PASSED_ON: Check = Check {
    id: "qos/dup-not-passed-on",
    title: "The DUP flag of an incoming message is not passed on",
    expected: "The subscriber's first copy has DUP 0 although the publisher set DUP.",
    v3_1_1: &["MQTT-3.3.1-3"],
    v5_0: &["MQTT-3.3.1-3"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(dup_not_passed_on(cx)),
};

async fn dup_not_passed_on(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtLeastOnce).await?;
    let mut publish = message(&topic, QoS::AtLeastOnce, b"dup");
    publish.dup = true;
    publisher.publish_message(publish).await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    let got = sub.ordered_to(&[b"dup"], b"end").await?;
    match copies(&got, b"dup").first() {
        None => fail_on(
            &["MQTT-4.5.0-1"],
            "the message with DUP was not delivered at all",
        ),
        Some(first) if first.dup => fail("the subscriber's first copy has DUP 1"),
        Some(_) => pass("delivered with DUP 0"),
    }
}

const DOWNGRADED_TO_GRANT: Check = Check {
    id: "qos/downgraded-to-grant",
    title: "Messages are delivered with the lower of their QoS and the granted one",
    expected: "For QoS 0, 1 and 2 published to grants of 0, 1 and 2, always the lower of the two.",
    v3_1_1: &["MQTT-3.8.4-6"],
    v5_0: &["MQTT-3.8.4-8"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(downgraded(cx)),
};

async fn downgraded(cx: &Cx) -> Judged {
    let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    for granted in all {
        let mut sub = cx.client("subscriber").await?;
        sub.subscribe(&topic, granted).await?;
        for qos in all {
            let payload = format!("published with QoS {qos}");
            publisher.publish(&topic, qos, payload.as_bytes()).await?;
            let got = sub.messages_to(payload.as_bytes()).await?;
            let lower = granted.min(qos);
            match got.last() {
                Some(m) if m.qos == lower => {}
                Some(m) => {
                    let text = format!(
                        "QoS {qos} to a grant of {granted} was delivered with QoS {}",
                        m.qos
                    );
                    return fail(text);
                }
                None => return Err(inconclusive("nothing was delivered")),
            }
        }
        sub.bye().await;
    }
    pass("always the lower of the two")
}

const QOS_2_SENDER: Check = Check {
    id: "qos/2-sender",
    title: "As a QoS 2 sender the server answers PUBREC with PUBREL of the same identifier",
    expected: "PUBREL with the identifier of the PUBLISH.",
    v3_1_1: &["MQTT-4.3.3-1", "MQTT-2.3.1-6", "MQTT-3.6.1-1"],
    v5_0: &["MQTT-4.3.3-4", "MQTT-2.2.1-5", "MQTT-3.6.1-1"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(sender(cx)),
};

async fn sender(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    sub.subscribe(&topic, QoS::ExactlyOnce).await?;
    // The control has no flow of its own, so the one under test is the first.
    sub.hears(&mut publisher, &topic, QoS::AtMostOnce).await?;
    sub.withhold();
    publisher.publish(&topic, QoS::ExactlyOnce, b"m").await?;
    let got = sub.gathered(|all| has(all, b"m")).await?;
    let Some(publish) = copies(&got, b"m").first().copied() else {
        return Err(inconclusive("the message did not arrive"));
    };
    let Some(id) = publish.packet_id else {
        return fail("it was not delivered with QoS 2");
    };
    sub.send(&Packet::PubRec(Ack::success(id))).await?;
    loop {
        match sub.hear(Instant::now() + cx.wait()).await? {
            Some(Packet::PubRel(rel)) if rel.packet_id == id => break,
            // A new message may come at any time, under another identifier.
            Some(Packet::Publish(m)) if m.packet_id != Some(id) => {}
            Some(other) => {
                let text = format!("{} answers the PUBREC of identifier {id}", other.summary());
                return fail_at(&other, text);
            }
            None => return fail(format!("no PUBREL within {:?} of the PUBREC", cx.wait())),
        }
    }
    sub.send(&Packet::PubComp(Ack::success(id))).await?;
    sub.fence().await?;
    pass("PUBREL with the same identifier came")
}

const OUTGOING_IDENTIFIERS_DISTINCT: Check = Check {
    id: "qos/outgoing-identifiers-distinct",
    title: "The server's unacknowledged messages have distinct packet identifiers",
    expected: "Five QoS 1 messages that are not acknowledged have five identifiers.",
    v3_1_1: &["MQTT-2.3.1-4", "MQTT-4.3.2-1"],
    v5_0: &["MQTT-2.2.1-4", "MQTT-4.3.2-1"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(distinct(cx)),
};

async fn distinct(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtLeastOnce).await?;
    sub.fence().await?;
    sub.withhold();
    for n in 0..5 {
        publisher
            .publish(&topic, QoS::AtLeastOnce, format!("{n}").as_bytes())
            .await?;
    }
    let mut ids = Vec::new();
    // A server may hold messages back while others are not acknowledged; two are enough to compare.
    while let Some(publish) = match ids.len() {
        0..5 => sub.message_within(cx.wait()).await?,
        _ => None,
    } {
        ids.extend(publish.packet_id.filter(|_| !publish.dup));
    }
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    match (ids.len(), sorted.len()) {
        (0 | 1, _) => Err(inconclusive(
            "fewer than two messages were in flight at once",
        )),
        (all, unlike) if all == unlike => {
            pass(format!("{all} messages in flight with {all} identifiers"))
        }
        (all, unlike) => fail(format!(
            "{all} messages in flight share {unlike} identifiers"
        )),
    }
}

const ORDER_KEPT: Check = Check {
    id: "qos/order-kept",
    title: "Messages of one publisher on one topic keep their order",
    expected: "Twenty messages of each QoS arrive in the order in which they were published.",
    v3_1_1: &["MQTT-4.6.0-6", "MQTT-4.6.0-5"],
    v5_0: &["MQTT-4.6.0-5", "MQTT-4.6.0-6"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(order(cx)),
};

async fn order(cx: &Cx) -> Judged {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let topic = cx.topic(&format!("qos{qos}"));
        let (mut publisher, mut sub) = pair(cx, &topic, qos).await?;
        let sent: Vec<String> = (0..20).map(|n| format!("{n}")).collect();
        for payload in &sent {
            publisher.publish(&topic, qos, payload.as_bytes()).await?;
        }
        publisher.publish(&topic, qos, b"end").await?;
        let wanted: Vec<&[u8]> = match qos {
            // It may be lost.
            QoS::AtMostOnce => Vec::new(),
            _ => sent.iter().map(String::as_bytes).collect(),
        };
        let got = sub.ordered_to(&wanted, b"end").await?;
        let mut first: Vec<String> = Vec::new();
        for m in got
            .iter()
            .filter(|m| m.payload != b"end"[..] && m.payload != b"control"[..])
        {
            let payload = String::from_utf8_lossy(&m.payload).into_owned();
            if !first.contains(&payload) {
                first.push(payload);
            }
        }
        // QoS 0 may lose messages, never their order.
        let mut rest = sent.iter();
        if !first.iter().all(|payload| rest.any(|s| s == payload)) {
            return fail(format!(
                "QoS {qos} messages arrived in the order {}",
                first.join(" ")
            ));
        }
        if qos != QoS::AtMostOnce && first.len() != sent.len() {
            let text = format!(
                "only {} of 20 acknowledged QoS {qos} messages arrived",
                first.len()
            );
            return fail_on(&["MQTT-4.5.0-1"], text);
        }
    }
    pass("all arrived in order")
}

const QOS_2_DUPLICATE_ON_ONE_CONNECTION: Check = Check {
    id: "qos/2-duplicate-on-one-connection",
    title: "A repeated QoS 2 PUBLISH before PUBREL is not a second message",
    expected: "PUBREC both times and one copy for the subscriber.",
    v3_1_1: &["MQTT-4.3.3-2", "X-3.1.1-qos-2"],
    v5_0: &["MQTT-4.3.3-10"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(duplicate(cx)),
};

async fn duplicate(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::ExactlyOnce).await?;
    let id = publisher.fresh_id();
    let mut publish = message(&topic, QoS::ExactlyOnce, b"twice");
    publish.packet_id = Some(id);
    publisher.send(&Packet::Publish(publish.clone())).await?;
    publisher.answer_to(PacketType::PubRec, id).await?;
    publish.dup = true;
    publisher.send(&Packet::Publish(publish)).await?;
    match publisher.answer_to(PacketType::PubRec, id).await? {
        Packet::PubRec(ack)
            if ack.reason.is_error() && ack.reason != ReasonCode::PACKET_IDENTIFIER_IN_USE =>
        {
            return fail(format!(
                "the repeated PUBLISH was refused with {}",
                ack.reason
            ));
        }
        _ => {}
    }
    publisher.send(&Packet::PubRel(Ack::success(id))).await?;
    publisher.answer_to(PacketType::PubComp, id).await?;
    publisher.publish(&topic, QoS::ExactlyOnce, b"end").await?;
    let got = sub.ordered_to(&[b"twice"], b"end").await?;
    match copies(&got, b"twice").len() {
        1 => pass("PUBREC both times, delivered once"),
        n => fail(format!("the message was delivered {n} times")),
    }
}

const UNKNOWN_PUBREL: Check = Check {
    id: "qos/unknown-pubrel",
    title: "PUBREL with an identifier that is not in use",
    expected: "PUBCOMP with the same identifier; in 5.0 with code 0x92.",
    v3_1_1: &["MQTT-4.3.3-2"],
    v5_0: &["MQTT-3.7.2-1", "MQTT-4.3.3-11"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(unknown_pubrel(cx)),
};

async fn unknown_pubrel(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    client
        .publish(&cx.topic("t"), QoS::ExactlyOnce, b"control")
        .await?;
    let id = PacketId::new(999).unwrap_or(PacketId::MIN);
    client.send(&Packet::PubRel(Ack::success(id))).await?;
    match client.answer_to(PacketType::PubComp, id).await? {
        Packet::PubComp(ack) => match (cx.five(), ack.reason) {
            (true, ReasonCode::PACKET_IDENTIFIER_NOT_FOUND) | (false, _) => pass("PUBCOMP came"),
            (true, code) => fail_on(&["MQTT-3.7.2-1"], format!("PUBCOMP has {code}, not 0x92")),
        },
        other => Err(unexpected(&other)),
    }
}
