//! SUBSCRIBE, UNSUBSCRIBE and their answers (sections 3.8 to 3.11).

use super::{
    Check, Need,
    qos::{copies, has, pair},
};
use crate::{
    cx::Cx,
    outcome::{Judged, fail, fail_at, fail_on, inconclusive, not_applicable, pass, warn},
    party::{filter, subscription},
};
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, Property, QoS, ReasonCode,
    packet::{Publish, Subscribe, Subscription, Unsubscribe},
};

pub(super) const CHECKS: &[Check] = &[
    SUBACK,
    IDENTIFIERS,
    SEVERAL_FILTERS,
    REPLACED,
    OVERLAPPING,
    UNSUBSCRIBED,
    UNSUBSCRIBED_EXACT,
    UNSUBSCRIBE_UNKNOWN,
    UNSUBACK_CODES,
    NO_LOCAL,
    IDENTIFIER,
    IDENTIFIERS_OVERLAPPING,
];

const SUBACK: Check = Check {
    id: "subscribe/suback",
    title: "SUBACK has the identifier of its SUBSCRIBE and one code per filter, in order",
    expected: "For QoS 0, 1 and 2 in one SUBSCRIBE: three codes, each the granted QoS or a failure.",
    v3_1_1: &[
        "MQTT-3.8.4-1",
        "MQTT-3.8.4-2",
        "MQTT-3.8.4-4",
        "MQTT-3.9.3-1",
        "MQTT-3.9.3-2",
    ],
    v5_0: &[
        "MQTT-3.8.4-1",
        "MQTT-3.8.4-2",
        "MQTT-3.8.4-5",
        "MQTT-3.8.4-6",
        "MQTT-3.8.4-7",
        "MQTT-3.9.3-1",
    ],
    needs: &[],
    run: |cx| Box::pin(suback(cx)),
};

async fn suback(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    let wanted = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let subscriptions = wanted
        .into_iter()
        .map(|qos| subscription(&cx.topic(&format!("q{qos}")), qos));
    let ack = client
        .subscribe_many(subscriptions.collect::<Result<_, _>>()?, Properties::new())
        .await?;
    if ack.reasons.len() != 3 {
        return fail(format!("{} codes for 3 filters", ack.reasons.len()));
    }
    for (qos, code) in wanted.iter().zip(&ack.reasons) {
        if !code.is_error() && code.0 > qos.as_u8() {
            // [MQTT-3.8.4-5] (3.1.1) is in doubt about this, [MQTT-3.8.4-7] (5.0) is not.
            let rule = cx.pick("MQTT-3.8.4-5", "MQTT-3.8.4-7");
            return fail_on(
                &[rule],
                format!("QoS {qos} was asked for and {code} granted"),
            );
        }
    }
    let codes: Vec<_> = ack.reasons.iter().map(ToString::to_string).collect();
    pass(format!("the codes are {}", codes.join(", ")))
}

const IDENTIFIERS: Check = Check {
    id: "subscribe/identifiers",
    title: "Pipelined SUBSCRIBE and UNSUBSCRIBE are answered under their own identifiers",
    expected: "SUBACK and UNSUBACK with the identifiers 1, 255 and 65535.",
    v3_1_1: &["MQTT-2.3.1-7", "MQTT-3.8.4-2", "MQTT-3.10.4-4"],
    v5_0: &["MQTT-2.2.1-6", "MQTT-3.8.4-2", "MQTT-3.10.4-5"],
    needs: &[],
    run: |cx| Box::pin(identifiers(cx)),
};

async fn identifiers(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    let topic = cx.topic("t");
    let ids: Vec<PacketId> = [1, 255, 65535]
        .into_iter()
        .filter_map(PacketId::new)
        .collect();
    for packet_id in &ids {
        let subscribe = Subscribe {
            packet_id: *packet_id,
            properties: Properties::new(),
            subscriptions: vec![subscription(&topic, QoS::AtMostOnce)?],
        };
        client.send(&Packet::Subscribe(subscribe)).await?;
    }
    for id in &ids {
        client.answer_to(PacketType::SubAck, *id).await?;
    }
    for packet_id in &ids {
        let unsubscribe = Unsubscribe {
            packet_id: *packet_id,
            properties: Properties::new(),
            filters: vec![filter(&topic)?],
        };
        client.send(&Packet::Unsubscribe(unsubscribe)).await?;
    }
    for id in &ids {
        client.answer_to(PacketType::UnsubAck, *id).await?;
    }
    pass("all answers came under their identifiers")
}

const SEVERAL_FILTERS: Check = Check {
    id: "subscribe/several-filters",
    title: "Each filter of one SUBSCRIBE is a subscription",
    expected: "Messages for all three filters are delivered.",
    v3_1_1: &["MQTT-3.8.4-4"],
    v5_0: &["MQTT-3.8.4-5"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(several(cx)),
};

async fn several(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    let topics = ["a", "b", "c"].map(|leaf| cx.topic(leaf));
    let list = topics.iter().map(|t| subscription(t, QoS::AtLeastOnce));
    let ack = client
        .subscribe_many(list.collect::<Result<_, _>>()?, Properties::new())
        .await?;
    if ack.reasons.iter().any(|code| code.is_error()) {
        return Err(inconclusive("the server refuses an ordinary subscription"));
    }
    if ack.reasons.contains(&ReasonCode::GRANTED_QOS_0) {
        return Err(not_applicable(
            "the server grants QoS 0, whose messages may be lost",
        ));
    }
    for topic in &topics {
        client
            .publish(topic, QoS::AtLeastOnce, topic.as_bytes())
            .await?;
    }
    let got = client
        .gathered(|all| topics.iter().all(|t| has(all, t.as_bytes())))
        .await?;
    match topics
        .iter()
        .find(|t| copies(&got, t.as_bytes()).is_empty())
    {
        Some(missing) => fail(format!("no message on `{missing}`")),
        None => pass("messages for all three filters"),
    }
}

const REPLACED: Check = Check {
    id: "subscribe/replaced",
    title: "Subscribing again to the same filter replaces the subscription",
    expected: "One copy, with the newly granted QoS.",
    v3_1_1: &["MQTT-3.8.4-3"],
    v5_0: &["MQTT-3.8.4-3"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(replaced(cx)),
};

async fn replaced(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtLeastOnce).await?;
    sub.subscribe(&topic, QoS::AtMostOnce).await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"m").await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    let got = sub.ordered_to(&[b"m"], b"end").await?;
    match copies(&got, b"m")[..] {
        [m] if m.qos == QoS::AtMostOnce => pass("one copy with QoS 0"),
        [m] => fail(format!(
            "delivered with QoS {}, although the new subscription has QoS 0",
            m.qos
        )),
        [] => Err(inconclusive(
            "the message of QoS 0 was lost, which it may be",
        )),
        ref many => fail(format!(
            "{} copies: the old subscription still stands",
            many.len()
        )),
    }
}

const OVERLAPPING: Check = Check {
    id: "subscribe/overlapping",
    title: "Overlapping subscriptions deliver with the highest granted QoS",
    expected: "One copy with QoS 1, or one per subscription of which one has QoS 1.",
    v3_1_1: &["MQTT-3.3.5-1"],
    v5_0: &["MQTT-3.3.4-2"],
    needs: &[Need::Qos1, Need::Wildcard],
    run: |cx| Box::pin(overlapping(cx)),
};

async fn overlapping(cx: &Cx) -> Judged {
    let topic = cx.topic("a/b");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtMostOnce).await?;
    sub.subscribe(&cx.topic("a/+"), QoS::AtLeastOnce).await?;
    sub.subscribe(&cx.topic("a/#"), QoS::AtMostOnce).await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"m").await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    // Copies of `m` for other subscriptions may come after the first `end`.
    let got = sub.all_beside(b"end").await?;
    let found = copies(&got, b"m");
    if found.is_empty() {
        return fail("the message was not delivered");
    }
    if !found.iter().any(|m| m.qos == QoS::AtLeastOnce) {
        let shown = Packet::Publish(found[0].clone());
        return fail_at(&shown, "no copy has QoS 1, the highest granted");
    }
    match found.len() {
        1..=3 => pass(format!(
            "{} for three overlapping subscriptions, the best with QoS 1",
            number(found.len())
        )),
        n => fail(format!("{n} copies for three subscriptions")),
    }
}

fn number(copies: usize) -> String {
    if copies == 1 {
        "one copy".to_owned()
    } else {
        format!("{copies} copies")
    }
}

const UNSUBSCRIBED: Check = Check {
    id: "subscribe/unsubscribed",
    title: "After UNSUBSCRIBE nothing more is delivered",
    expected: "UNSUBACK, and no message that is published afterwards.",
    v3_1_1: &["MQTT-3.10.4-2", "MQTT-3.10.4-1", "MQTT-3.10.4-4"],
    v5_0: &["MQTT-3.10.4-2", "MQTT-3.10.4-1", "MQTT-3.10.4-4"],
    needs: &[],
    run: |cx| Box::pin(unsubscribed(cx)),
};

async fn unsubscribed(cx: &Cx) -> Judged {
    let (topic, other) = (cx.topic("t"), cx.topic("other"));
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtMostOnce).await?;
    sub.subscribe(&other, QoS::AtMostOnce).await?;
    sub.unsubscribe(&[&topic]).await?;
    publisher
        .publish(&topic, QoS::AtMostOnce, b"too late")
        .await?;
    publisher.publish(&other, QoS::AtMostOnce, b"end").await?;
    let got = sub.all_beside(b"end").await?;
    match copies(&got, b"too late").first() {
        None => pass("nothing came any more"),
        Some(m) => fail_at(
            &Packet::Publish((*m).clone()),
            "a message that was published after UNSUBACK was delivered",
        ),
    }
}

const UNSUBSCRIBED_EXACT: Check = Check {
    id: "subscribe/unsubscribed-exact",
    title: "UNSUBSCRIBE compares filters character by character",
    expected: "A filter that matches the same topics in other characters leaves the subscription alone.",
    v3_1_1: &["MQTT-3.10.4-1", "MQTT-3.10.4-5"],
    v5_0: &["MQTT-3.10.4-1", "MQTT-3.10.4-5"],
    needs: &[Need::Wildcard],
    run: |cx| Box::pin(unsubscribed_exact(cx)),
};

async fn unsubscribed_exact(cx: &Cx) -> Judged {
    let topic = cx.topic("a/b");
    let (mut publisher, mut sub) = pair(cx, &topic, QoS::AtMostOnce).await?;
    sub.unsubscribe(&[&cx.topic("a/+"), &cx.topic("#"), &cx.topic("A/b")])
        .await?;
    publisher
        .publish(&topic, QoS::AtMostOnce, b"still there")
        .await?;
    match has(
        &sub.gathered(|all| has(all, b"still there")).await?,
        b"still there",
    ) {
        true => pass("the subscription still delivers"),
        false => fail("UNSUBSCRIBE with other filters ended the subscription"),
    }
}

const UNSUBSCRIBE_UNKNOWN: Check = Check {
    id: "subscribe/unsubscribe-unknown",
    title: "UNSUBSCRIBE of what was never subscribed is answered",
    expected: "UNSUBACK; in 5.0 with one code per filter, which should be 0x11.",
    v3_1_1: &["MQTT-3.10.4-5"],
    v5_0: &["MQTT-3.10.4-5", "MQTT-3.11.3-2", "X-5.0-unsubscribe-3"],
    needs: &[],
    run: |cx| Box::pin(unsubscribe_unknown(cx)),
};

async fn unsubscribe_unknown(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    client.fence().await?;
    let ack = client.unsubscribe(&[&cx.topic("never")]).await?;
    match (cx.five(), &ack.reasons[..]) {
        (false, _) => pass("UNSUBACK came"),
        (true, [ReasonCode::NO_SUBSCRIPTION_EXISTED]) => pass("UNSUBACK with 0x11"),
        (true, [code]) => warn(format!(
            "UNSUBACK with {code}, not 0x11 (No subscription existed)"
        )),
        (true, codes) => fail_on(
            &["MQTT-3.11.3-2"],
            format!("UNSUBACK with {} codes for one filter", codes.len()),
        ),
    }
}

const UNSUBACK_CODES: Check = Check {
    id: "subscribe/unsuback-codes",
    title: "UNSUBACK has one code per filter, in order",
    expected: "One UNSUBACK with two codes: the first says that a subscription was deleted.",
    v3_1_1: &["MQTT-3.10.4-6"],
    v5_0: &["MQTT-3.11.3-1", "MQTT-3.11.3-2", "MQTT-3.10.4-6"],
    needs: &[],
    run: |cx| Box::pin(unsuback_codes(cx)),
};

async fn unsuback_codes(cx: &Cx) -> Judged {
    let (topic, other) = (cx.topic("t"), cx.topic("never"));
    let mut client = cx.client("client").await?;
    client.subscribe(&topic, QoS::AtMostOnce).await?;
    let ack = client.unsubscribe(&[&topic, &other]).await?;
    if !cx.five() {
        return pass("one UNSUBACK for two filters");
    }
    match &ack.reasons[..] {
        [first, _] if first.is_error() => fail(format!(
            "the first code is {first}, although a subscription was deleted"
        )),
        [ReasonCode::NO_SUBSCRIPTION_EXISTED, _] => {
            fail("the first code says that no subscription existed")
        }
        [_, _] => pass("two codes in order"),
        codes => fail(format!("{} codes for two filters", codes.len())),
    }
}

const NO_LOCAL: Check = Check {
    id: "subscribe/no-local",
    title: "With No Local a client does not get its own messages",
    expected: "The message of another client arrives, the client's own does not.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.8.3-3"],
    needs: &[],
    run: |cx| Box::pin(no_local(cx)),
};

async fn no_local(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.client("subscriber").await?;
    let mut wanted = subscription(&topic, QoS::AtMostOnce)?;
    wanted.no_local = true;
    sub.subscribe_to(wanted, Properties::new()).await?;
    sub.hears(&mut publisher, &topic, QoS::AtMostOnce).await?;
    sub.publish(&topic, QoS::AtMostOnce, b"own").await?;
    publisher.publish(&topic, QoS::AtMostOnce, b"end").await?;
    // Another publisher's message is ordered by nothing.
    let got = sub.all_beside(b"end").await?;
    match copies(&got, b"own").first() {
        None => pass("its own message did not come back"),
        Some(m) => fail_at(
            &Packet::Publish((*m).clone()),
            "the client got its own message back",
        ),
    }
}

fn numbered(id: u32) -> Properties {
    Properties::new().with(Property::SubscriptionIdentifier(id))
}

fn ids(messages: &[&Publish]) -> Vec<u32> {
    messages
        .iter()
        .flat_map(|m| m.properties.subscription_identifiers())
        .collect()
}

const IDENTIFIER: Check = Check {
    id: "subscribe/identifier",
    title: "A message carries the Subscription Identifier of its subscription",
    expected: "The identifier of the subscription, and none where the subscription has none.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.4-3", "X-5.0-subid-2", "X-5.0-subid-6"],
    needs: &[Need::SubscriptionIdentifiers],
    run: |cx| Box::pin(identifier(cx)),
};

async fn identifier(cx: &Cx) -> Judged {
    let (with, without) = (cx.topic("with"), cx.topic("without"));
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.client("subscriber").await?;
    let plain = |topic: &str| -> Result<Subscription, _> { subscription(topic, QoS::AtMostOnce) };
    sub.subscribe_to(plain(&with)?, numbered(268_435_455))
        .await?;
    sub.subscribe_to(plain(&without)?, Properties::new())
        .await?;
    for (topic, expected) in [(&with, &[268_435_455][..]), (&without, &[])] {
        publisher
            .publish(topic, QoS::AtMostOnce, topic.as_bytes())
            .await?;
        let got = sub.messages_to(topic.as_bytes()).await?;
        let found: Vec<&Publish> = got.iter().collect();
        if ids(&found) != expected {
            return fail(format!(
                "the identifiers are {:?} where {expected:?} was subscribed",
                ids(&found)
            ));
        }
    }
    pass("the identifier comes where there is one")
}

const IDENTIFIERS_OVERLAPPING: Check = Check {
    id: "subscribe/identifiers-overlapping",
    title: "Overlapping subscriptions: every identifier comes with the message",
    expected: "One copy with both identifiers, or two copies with one each.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.4-4", "MQTT-3.3.4-5", "MQTT-3.3.4-3"],
    needs: &[Need::SubscriptionIdentifiers, Need::Wildcard],
    run: |cx| Box::pin(identifiers_overlapping(cx)),
};

async fn identifiers_overlapping(cx: &Cx) -> Judged {
    let topic = cx.topic("a/b");
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.client("subscriber").await?;
    sub.subscribe_to(subscription(&topic, QoS::AtMostOnce)?, numbered(1))
        .await?;
    sub.subscribe_to(
        subscription(&cx.topic("a/+"), QoS::AtMostOnce)?,
        numbered(2),
    )
    .await?;
    publisher.publish(&topic, QoS::AtMostOnce, b"m").await?;
    publisher.publish(&topic, QoS::AtMostOnce, b"end").await?;
    let got = sub.all_beside(b"end").await?;
    let found = copies(&got, b"m");
    let mut all = ids(&found);
    all.sort_unstable();
    match (all == [1, 2], found.len()) {
        (true, 1 | 2) => pass(format!(
            "{} with the identifiers 1 and 2",
            number(found.len())
        )),
        (_, n) => fail(format!("{} with the identifiers {all:?}", number(n))),
    }
}
