//! Topic names, filters and matching (section 4.7).

use super::{
    Check, Need,
    qos::{copies, has},
};
use crate::{
    cx::Cx,
    outcome::{Judged, Outcome, fail, fail_at, fail_on, inconclusive, pass, warn},
};
use squall_protocol::{Packet, QoS, packet::Publish};
use squall_reports::Verdict;
use tokio::time::Instant;

pub(super) const CHECKS: &[Check] = &[
    MULTI_LEVEL_WILDCARD,
    SINGLE_LEVEL_WILDCARD,
    SINGLE_LEVEL_WILDCARD_INSIDE,
    EXACT,
    NO_NORMALISATION,
    BYTE_ORDER_MARK_KEPT,
    DOLLAR_NOT_MATCHED_BY_HASH,
    DOLLAR_NOT_MATCHED_BY_PLUS,
    DELIVERED_TOPIC_MATCHES,
    MANY_LEVELS,
];

const MULTI_LEVEL_WILDCARD: Check = Check {
    id: "topic/multi-level-wildcard",
    title: "# matches the parent level and everything below it",
    expected: "a/# matches a, a/b and a/b/c, and not ab.",
    v3_1_1: &["X-3.1.1-topic-1", "MQTT-4.5.0-1"],
    v5_0: &["X-5.0-topic-1", "MQTT-4.5.0-1"],
    needs: &[Need::Wildcard],
    run: |cx| {
        Box::pin(matches(
            cx,
            "a/#",
            &["a", "a/", "a/b", "a/b/c"],
            &["ab", "b/a"],
        ))
    },
};

const SINGLE_LEVEL_WILDCARD: Check = Check {
    id: "topic/single-level-wildcard",
    title: "+ matches exactly one level, which may be empty",
    expected: "a/+ matches a/b and a/, and neither a nor a/b/c.",
    v3_1_1: &["X-3.1.1-topic-2"],
    v5_0: &["X-5.0-topic-2"],
    needs: &[Need::Wildcard],
    run: |cx| Box::pin(matches(cx, "a/+", &["a/b", "a/"], &["a", "a/b/c", "b/b"])),
};

const SINGLE_LEVEL_WILDCARD_INSIDE: Check = Check {
    id: "topic/single-level-wildcard-inside",
    title: "+ in the middle of a filter",
    expected: "a/+/c matches a/b/c and a//c, and not a/b/d.",
    v3_1_1: &["X-3.1.1-topic-2"],
    v5_0: &["X-5.0-topic-2"],
    needs: &[Need::Wildcard],
    run: |cx| {
        Box::pin(matches(
            cx,
            "a/+/c",
            &["a/b/c", "a//c"],
            &["a/b/d", "a/c", "a/b/c/d"],
        ))
    },
};

const EXACT: Check = Check {
    id: "topic/exact",
    title: "Filters without wildcards compare character by character",
    expected: "Case, spaces and separators at either end make another topic.",
    v3_1_1: &["X-3.1.1-topic-4", "MQTT-4.7.3-4"],
    v5_0: &["X-5.0-topic-4", "MQTT-4.7.3-4"],
    needs: &[],
    run: |cx| Box::pin(matches(cx, "A b", &["A b"], &["a b", "A b/", "A  b", "Ab"])),
};

const NO_NORMALISATION: Check = Check {
    id: "topic/no-normalisation",
    title: "Matching does not normalise characters",
    expected: "Composed and decomposed characters make different topics.",
    v3_1_1: &["MQTT-4.7.3-4"],
    v5_0: &["MQTT-4.7.3-4"],
    needs: &[],
    run: |cx| Box::pin(matches(cx, "\u{e9}", &["\u{e9}"], &["e\u{301}"])),
};

/// One subscription, and topics that it has to match and must not match.
async fn matches(cx: &Cx, filter: &str, hits: &[&str], misses: &[&str]) -> Judged {
    let filter = cx.topic(filter);
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    let control = cx.topic("control");
    sub.subscribe(&control, QoS::AtMostOnce).await?;
    // A QoS 0 message may be lost, a QoS 1 message may not; where the server has no QoS 1, doubt remains.
    let best = match publisher.connack.properties.maximum_qos() {
        Some(0) => QoS::AtMostOnce,
        _ => QoS::AtLeastOnce,
    };
    let granted = sub.subscribe_up_to(&filter, best).await?;
    sub.hears(&mut publisher, &control, QoS::AtMostOnce).await?;
    for leaf in misses.iter().chain(hits) {
        publisher
            .publish(&cx.topic(leaf), granted, leaf.as_bytes())
            .await?;
    }
    publisher.publish(&control, QoS::AtMostOnce, b"end").await?;
    let enough =
        |all: &[Publish]| has(all, b"end") && hits.iter().all(|leaf| has(all, leaf.as_bytes()));
    let got = sub.all(enough).await?;
    if !has(&got, b"end") {
        return Err(inconclusive("an ordinary message does not arrive"));
    }
    if let Some(missed) = hits.iter().find(|leaf| !has(&got, leaf.as_bytes())) {
        let text = format!(
            "`{filter}` did not get `{}` within {:?}",
            cx.topic(missed),
            cx.wait()
        );
        // [MQTT-4.5.0-1]: a message that was taken over goes to every matching subscription, and section 4.7 says what
        // matches.
        return match granted {
            QoS::AtMostOnce => fail(text),
            _ => fail_on(&["MQTT-4.5.0-1"], text),
        };
    }
    if let Some(wrong) = misses
        .iter()
        .find(|leaf| !copies(&got, leaf.as_bytes()).is_empty())
    {
        // [MQTT-3.3.2-3]: what is delivered matches the filter.
        let text = format!("`{filter}` got `{}`", cx.topic(wrong));
        let outcome = Outcome::new(Verdict::Fail, text).citing(&["MQTT-3.3.2-3"]);
        let guilty = copies(&got, wrong.as_bytes());
        return Ok(outcome.showing(&Packet::Publish(guilty[0].clone())));
    }
    pass(format!(
        "`{filter}` got {} of {} topics, and the right ones",
        hits.len(),
        hits.len() + misses.len()
    ))
}

const BYTE_ORDER_MARK_KEPT: Check = Check {
    id: "topic/byte-order-mark-kept",
    title: "U+FEFF at the beginning of a topic is part of it",
    expected: "The topic with it and the topic without it are different, and it is delivered as it was.",
    v3_1_1: &["MQTT-1.5.3-3"],
    v5_0: &["MQTT-1.5.4-3"],
    needs: &[],
    run: |cx| Box::pin(byte_order_mark(cx)),
};

async fn byte_order_mark(cx: &Cx) -> Judged {
    let (with, without) = (format!("\u{feff}{}", cx.topic("t")), cx.topic("t"));
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    sub.subscribe(&with, QoS::AtMostOnce).await?;
    sub.subscribe(&without, QoS::AtMostOnce).await?;
    publisher.publish(&with, QoS::AtMostOnce, b"with").await?;
    publisher.publish(&without, QoS::AtMostOnce, b"end").await?;
    let got = sub.all(|all| has(all, b"with") && has(all, b"end")).await?;
    match copies(&got, b"with")[..] {
        [m] if m.topic == with.as_str() => pass("it was kept"),
        [m] => fail(format!("it was delivered on `{}`", m.topic)),
        [] => fail("the message on the topic that begins with U+FEFF was not delivered"),
        _ => fail("both subscriptions got it"),
    }
}

const DOLLAR_NOT_MATCHED_BY_HASH: Check = Check {
    id: "topic/dollar-not-matched-by-hash",
    title: "# does not match topics that begin with $",
    expected: "A subscriber of # gets nothing from $SYS or another $ topic.",
    v3_1_1: &["MQTT-4.7.2-1"],
    v5_0: &["MQTT-4.7.2-1"],
    needs: &[Need::Wildcard],
    run: |cx| Box::pin(dollar(cx, "#")),
};

const DOLLAR_NOT_MATCHED_BY_PLUS: Check = Check {
    id: "topic/dollar-not-matched-by-plus",
    title: "+ as the first level does not match topics that begin with $",
    expected: "A subscriber of +/# gets nothing from $SYS or another $ topic.",
    v3_1_1: &["MQTT-4.7.2-1"],
    v5_0: &["MQTT-4.7.2-1"],
    needs: &[Need::Wildcard],
    run: |cx| Box::pin(dollar(cx, "+/#")),
};

async fn dollar(cx: &Cx, filter: &str) -> Judged {
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    let topic = cx.topic("t");
    let hidden = format!("${topic}");
    let mut direct = cx.client("direct subscriber").await?;
    direct.subscribe(&hidden, QoS::AtMostOnce).await?;
    sub.subscribe(filter, QoS::AtMostOnce).await?;
    // Everybody's messages arrive here, so what ends a wait has to be our own.
    sub.takes_all = true;
    let (begin, end) = (cx.id(), cx.id());
    publisher
        .publish(&topic, QoS::AtMostOnce, begin.as_bytes())
        .await?;
    sub.messages_to(begin.as_bytes()).await?;
    publisher
        .publish(&hidden, QoS::AtMostOnce, b"hidden")
        .await?;
    publisher
        .publish(&topic, QoS::AtMostOnce, end.as_bytes())
        .await?;
    let mut got = sub.messages_to(end.as_bytes()).await?;
    let until = Instant::now() + cx.quiet();
    while let Some(m) = sub
        .message_within(until.saturating_duration_since(Instant::now()))
        .await?
    {
        got.push(m);
    }
    // What other clients publish meanwhile also arrives here; only the topics count.
    if let Some(m) = got.iter().find(|m| m.topic.starts_with('$')) {
        let text = format!("`{filter}` got `{}`", m.topic);
        return fail_at(&Packet::Publish(m.clone()), text);
    }
    // X-…-topic-3: a server may keep clients from using such topics at all.
    match direct.message_within(cx.quiet()).await? {
        Some(_) => pass(format!(
            "`{filter}` did not get `{hidden}`, a direct subscription did"
        )),
        None => pass(format!(
            "`{filter}` did not get `{hidden}`, and neither did a direct subscription"
        )),
    }
}

const DELIVERED_TOPIC_MATCHES: Check = Check {
    id: "topic/delivered-topic-matches",
    title: "The delivered Topic Name matches the filter",
    expected: "Every message a wildcard subscription gets has a topic that matches it.",
    v3_1_1: &["MQTT-3.3.2-3"],
    v5_0: &["MQTT-3.3.2-3"],
    needs: &[Need::Wildcard],
    run: |cx| Box::pin(delivered_topic(cx)),
};

async fn delivered_topic(cx: &Cx) -> Judged {
    let filter = cx.topic("+/x/#");
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    sub.subscribe(&filter, QoS::AtMostOnce).await?;
    for leaf in ["a/x", "b/x/y", "c/x/y/z", "d/y"] {
        publisher
            .publish(&cx.topic(leaf), QoS::AtMostOnce, b"m")
            .await?;
    }
    publisher
        .publish(&cx.topic("e/x"), QoS::AtMostOnce, b"end")
        .await?;
    let got = sub.all_beside(b"end").await?;
    match got
        .iter()
        .find(|m| !squall_protocol::topic::matches(&filter, &m.topic))
    {
        Some(m) => fail(format!("`{}` was delivered to `{filter}`", m.topic)),
        None => pass(format!("{} messages, all of them matching", got.len())),
    }
}

const MANY_LEVELS: Check = Check {
    id: "topic/many-levels",
    title: "A topic of 200 levels",
    expected: "It is delivered; the number of levels has no limit of its own.",
    v3_1_1: &["X-3.1.1-topic-5"],
    v5_0: &["X-5.0-topic-5"],
    needs: &[],
    run: |cx| Box::pin(many_levels(cx)),
};

async fn many_levels(cx: &Cx) -> Judged {
    let topic = cx.topic(&["x"; 197].join("/"));
    let mut client = cx.client("client").await?;
    client
        .subscribe(&cx.topic("control"), QoS::AtMostOnce)
        .await?;
    if let Err(outcome) = client.subscribe(&topic, QoS::AtMostOnce).await {
        return warn(format!(
            "a topic of 200 levels cannot be subscribed: {}",
            outcome.message
        ));
    }
    client.publish(&topic, QoS::AtMostOnce, b"deep").await?;
    match client.message().await? {
        Some(m) if m.topic == topic.as_str() => pass("delivered"),
        Some(m) => fail(format!("delivered on `{}`", m.topic)),
        None => Err(inconclusive(
            "a message on a topic of 200 levels was not delivered",
        )),
    }
}
