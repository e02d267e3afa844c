//! Retained messages (section 3.3.1.3).

use super::{
    Check, Need,
    qos::{copies, has},
};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, fail, fail_at, fail_on, pass},
    party::{Client, subscription},
};
use squall_protocol::{
    Packet, Properties, Property, QoS,
    packet::{Publish, RetainHandling},
};
use squall_reports::Verdict;
use std::time::Duration;

const RETAIN: &[Need] = &[Need::Retain];

pub(super) const CHECKS: &[Check] = &[
    DELIVERED,
    REPLACED,
    CLEARED,
    NOT_TOUCHED_BY_ORDINARY,
    LIVE_FLAG,
    QOS,
    WILDCARD,
    OUTLIVES_SESSION,
    RESENT_ON_RESUBSCRIBE,
    HANDLING_1,
    HANDLING_2,
    AS_PUBLISHED,
    EXPIRES,
];

/// Publishes state with QoS 1; a server may drop what is retained with QoS 0 at any time.
async fn keep(publisher: &mut Client<'_>, topic: &str, payload: &[u8]) -> Result<(), Outcome> {
    publisher
        .publish_message(message(topic, QoS::AtLeastOnce, payload).retained())
        .await
}

/// What a new subscriber gets, besides a live message that is published after its SUBACK. No statement orders retained
/// messages and live ones, so what is `wanted` has the time of an answer, and what is not wanted the quiet time.
async fn found(
    cx: &Cx,
    publisher: &mut Client<'_>,
    filter: &str,
    live: &str,
    wanted: &[&[u8]],
) -> Result<Vec<Publish>, Outcome> {
    let mut sub = cx.client("subscriber").await?;
    // What a server sends without a subscription is no answer to one.
    sub.fence().await?;
    sub.waiting();
    sub.subscribe(filter, QoS::AtLeastOnce).await?;
    publisher.publish(live, QoS::AtLeastOnce, b"end").await?;
    let enough = |all: &[Publish]| has(all, b"end") && wanted.iter().all(|one| has(all, one));
    let mut got = sub.all(enough).await?;
    if !has(&got, b"end") {
        return Err(crate::outcome::inconclusive(
            "an ordinary message does not arrive, so nothing can be said of retained ones",
        ));
    }
    got.retain(|m| m.payload != b"end"[..]);
    sub.bye().await;
    Ok(got)
}

/// Only copies that a server sends because it retained them: one with RETAIN 0 was published live and is late, also at a
/// client that has subscribed since.
fn kept<'m>(messages: &'m [Publish], payload: &[u8]) -> Vec<&'m Publish> {
    let all = copies(messages, payload).into_iter();
    all.filter(|m| m.retain).collect()
}

const DELIVERED: Check = Check {
    id: "retained/delivered",
    title: "A new subscription gets the retained message, with RETAIN 1",
    expected: "The message with its payload and RETAIN 1.",
    v3_1_1: &["MQTT-3.3.1-6", "MQTT-3.3.1-5", "MQTT-3.3.1-8"],
    v5_0: &["MQTT-3.3.1-9", "MQTT-3.3.1-5", "X-5.0-retain-1"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(delivered(cx)),
};

async fn delivered(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    keep(&mut publisher, &topic, b"kept").await?;
    let got = found(cx, &mut publisher, &topic, &topic, &[b"kept"]).await?;
    match copies(&got, b"kept")[..] {
        // With QoS 1 it may come more than once.
        [m, ..] if m.retain => pass("it came with RETAIN 1"),
        [m, ..] => {
            let rule = cx.pick("MQTT-3.3.1-8", "X-5.0-retain-1");
            let text = "the retained message came with RETAIN 0";
            let outcome = Outcome::new(Verdict::Fail, text).citing(&[rule]);
            Ok(outcome.showing(&Packet::Publish(m.clone())))
        }
        [] => fail(format!(
            "a new subscription got no retained message within {:?}",
            cx.wait()
        )),
    }
}

const REPLACED: Check = Check {
    id: "retained/replaced",
    title: "A newer retained message takes the place of the older one",
    expected: "Only the newer message.",
    v3_1_1: &["MQTT-3.3.1-6", "MQTT-3.3.1-5"],
    v5_0: &["MQTT-3.3.1-5"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(replaced(cx)),
};

async fn replaced(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    keep(&mut publisher, &topic, b"older").await?;
    keep(&mut publisher, &topic, b"newer").await?;
    let got = found(cx, &mut publisher, &topic, &topic, &[b"newer"]).await?;
    match (kept(&got, b"older").len(), copies(&got, b"newer").len()) {
        (0, 1..) => pass("only the newer one came"),
        (0, 0) => fail("no retained message came"),
        (older, newer) => fail(format!(
            "the older message came {older} times, the newer one {newer} times"
        )),
    }
}

const CLEARED: Check = Check {
    id: "retained/cleared",
    title: "An empty retained message removes the retained message",
    expected: "A later subscription gets nothing.",
    v3_1_1: &["MQTT-3.3.1-10", "MQTT-3.3.1-11"],
    v5_0: &["MQTT-3.3.1-6", "MQTT-3.3.1-7"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(cleared(cx)),
};

async fn cleared(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    keep(&mut publisher, &topic, b"kept").await?;
    let before = found(cx, &mut publisher, &topic, &topic, &[b"kept"]).await?;
    if copies(&before, b"kept").is_empty() {
        return Err(crate::outcome::inconclusive(
            "nothing was retained; retained/delivered judges that",
        ));
    }
    keep(&mut publisher, &topic, b"").await?;
    let after = found(cx, &mut publisher, &topic, &topic, &[]).await?;
    if let Some(m) = kept(&after, b"kept").first() {
        let packet = Packet::Publish((*m).clone());
        return fail_at(&packet, "the retained message is still there");
    }
    match copies(&after, b"").iter().find(|m| m.retain) {
        None => pass(format!("nothing retained came within {:?}", cx.quiet())),
        Some(_) => {
            let rule = cx.pick("MQTT-3.3.1-11", "MQTT-3.3.1-7");
            fail_on(
                &[rule],
                "the empty message was kept as the retained message",
            )
        }
    }
}

const NOT_TOUCHED_BY_ORDINARY: Check = Check {
    id: "retained/not-touched-by-ordinary",
    title: "A message with RETAIN 0 neither becomes nor changes the retained message",
    expected: "A later subscription gets the retained message, not the ordinary one.",
    v3_1_1: &["MQTT-3.3.1-12"],
    v5_0: &["MQTT-3.3.1-8"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(not_touched(cx)),
};

async fn not_touched(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    keep(&mut publisher, &topic, b"kept").await?;
    publisher
        .publish(&topic, QoS::AtLeastOnce, b"ordinary")
        .await?;
    let got = found(cx, &mut publisher, &topic, &topic, &[b"kept"]).await?;
    match (copies(&got, b"kept").len(), kept(&got, b"ordinary").len()) {
        (1.., 0) => pass("the retained message was not touched"),
        (_, 1..) => fail("an ordinary message became the retained message"),
        _ => fail("an ordinary message removed the retained message"),
    }
}

const LIVE_FLAG: Check = Check {
    id: "retained/live-flag",
    title: "An established subscription gets retained messages with RETAIN 0",
    expected: "RETAIN 0 on the live copy.",
    v3_1_1: &["MQTT-3.3.1-9"],
    v5_0: &["MQTT-3.3.1-12"],
    needs: RETAIN,
    run: |cx| Box::pin(live_flag(cx)),
};

async fn live_flag(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let (mut publisher, mut sub) = super::qos::pair(cx, &topic, QoS::AtMostOnce).await?;
    publisher
        .publish_message(message(&topic, QoS::AtMostOnce, b"live").retained())
        .await?;
    let got = sub.messages_to(b"live").await?;
    match copies(&got, b"live")[..] {
        [m] if m.retain => fail_at(&Packet::Publish((*m).clone()), "the live copy has RETAIN 1"),
        _ => pass("the live copy has RETAIN 0"),
    }
}

const QOS: Check = Check {
    id: "retained/qos",
    title: "A retained message is delivered with the lower of its QoS and the granted one",
    expected: "Retained with QoS 1, it comes with QoS 1 to a grant of 2 and with QoS 0 to a grant of 0.",
    v3_1_1: &["MQTT-3.8.4-6", "MQTT-3.3.1-5"],
    v5_0: &["MQTT-3.8.4-8", "MQTT-3.3.1-5"],
    needs: &[Need::Retain, Need::Qos2],
    run: |cx| Box::pin(qos(cx)),
};

async fn qos(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    keep(&mut publisher, &topic, b"kept").await?;
    for (granted, expected) in [
        (QoS::ExactlyOnce, QoS::AtLeastOnce),
        (QoS::AtMostOnce, QoS::AtMostOnce),
    ] {
        let mut sub = cx.client("subscriber").await?;
        sub.subscribe(&topic, granted).await?;
        // A copy that is not due to this subscription says nothing about its grant.
        let fits = |all: &[Publish]| copies(all, b"kept").iter().any(|m| m.qos == expected);
        let got = sub.gathered(fits).await?;
        match copies(&got, b"kept").first() {
            Some(_) if fits(&got) => {}
            Some(m) => return fail(format!("QoS {} to a grant of {granted}", m.qos)),
            None => return fail("a new subscription got no retained message"),
        }
        sub.bye().await;
    }
    pass("QoS 1 and QoS 0, as granted")
}

const WILDCARD: Check = Check {
    id: "retained/wildcard",
    title: "A wildcard subscription gets the retained message of every topic it matches",
    expected: "Both retained messages.",
    v3_1_1: &["MQTT-3.3.1-6"],
    v5_0: &["MQTT-3.3.1-9"],
    needs: &[Need::Retain, Need::Wildcard, Need::Qos1],
    run: |cx| Box::pin(wildcard(cx)),
};

async fn wildcard(cx: &Cx) -> Judged {
    let mut publisher = cx.client("publisher").await?;
    for leaf in ["a/1", "a/2", "b/1"] {
        keep(&mut publisher, &cx.topic(leaf), leaf.as_bytes()).await?;
    }
    let (filter, live) = (cx.topic("a/+"), cx.topic("a/live"));
    let got = found(cx, &mut publisher, &filter, &live, &[b"a/1", b"a/2"]).await?;
    let seen = ["a/1", "a/2", "b/1"].map(|leaf| copies(&got, leaf.as_bytes()).len());
    match seen {
        [a, b, 0] if a > 0 && b > 0 => pass("both came"),
        [a, b, c] => fail(format!(
            "the two that match came {a} and {b} times, the one that does not {c} times"
        )),
    }
}

const OUTLIVES_SESSION: Check = Check {
    id: "retained/outlives-session",
    title: "Retained messages are not part of a session",
    expected: "The message is still there after the session of its publisher has ended.",
    v3_1_1: &["MQTT-3.1.2-7"],
    v5_0: &["X-5.0-session-6"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(outlives(cx)),
};

async fn outlives(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let id = cx.id();
    let mut author = cx.dial("author").id(&id).go().await?;
    keep(&mut author, &topic, b"kept").await?;
    author.bye().await;
    // The same client with another clean session: the old one is gone for certain.
    let mut publisher = cx.dial("author again").id(&id).go().await?;
    let got = found(cx, &mut publisher, &topic, &topic, &[b"kept"]).await?;
    match has(&got, b"kept") {
        true => pass("it is still there"),
        false => fail(format!(
            "it did not come within {:?} after its publisher's session had ended",
            cx.wait()
        )),
    }
}

const RESENT_ON_RESUBSCRIBE: Check = Check {
    id: "retained/resent-on-resubscribe",
    title: "Subscribing again brings the retained message again",
    expected: "The retained message comes at both subscribes.",
    v3_1_1: &["MQTT-3.8.4-3"],
    v5_0: &["MQTT-3.8.4-4", "MQTT-3.3.1-9"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(handling(cx, RetainHandling::Send, [true, true])),
};

const HANDLING_1: Check = Check {
    id: "retained/handling-1",
    title: "Retain Handling 1 brings the retained message only to a new subscription",
    expected: "The retained message comes at the first subscribe and not at the second.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.1-10"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(handling(cx, RetainHandling::SendIfNew, [true, false])),
};

const HANDLING_2: Check = Check {
    id: "retained/handling-2",
    title: "Retain Handling 2 brings no retained message",
    expected: "No retained message at either subscribe.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.1-11"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(handling(cx, RetainHandling::DoNotSend, [false, false])),
};

async fn handling(cx: &Cx, retain_handling: RetainHandling, expected: [bool; 2]) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    keep(&mut publisher, &topic, b"kept").await?;
    // The control: with the default options it comes.
    if copies(
        &found(cx, &mut publisher, &topic, &topic, &[b"kept"]).await?,
        b"kept",
    )
    .is_empty()
    {
        return Err(crate::outcome::inconclusive(
            "nothing was retained; retained/delivered judges that",
        ));
    }
    let mut sub = cx.client("subscriber").await?;
    for (time, expected) in ["first", "second"].into_iter().zip(expected) {
        let mut wanted = subscription(&topic, QoS::AtLeastOnce)?;
        wanted.retain_handling = retain_handling;
        sub.subscribe_to(wanted, Properties::new()).await?;
        publisher
            .publish(&topic, QoS::AtLeastOnce, time.as_bytes())
            .await?;
        let mark = time.as_bytes();
        let enough = |all: &[Publish]| has(all, mark) && (!expected || has(all, b"kept"));
        let got = sub.all(enough).await?;
        if !has(&got, mark) {
            return Err(crate::outcome::inconclusive(
                "an ordinary message does not arrive",
            ));
        }
        match (copies(&got, b"kept").is_empty(), expected) {
            (true, true) => return fail(format!("no retained message at the {time} subscribe")),
            (false, false) => {
                return fail(format!("the retained message came at the {time} subscribe"));
            }
            _ => {}
        }
    }
    pass("as the Retain Handling asks for")
}

const AS_PUBLISHED: Check = Check {
    id: "retained/as-published",
    title: "Retain As Published keeps the publisher's RETAIN flag",
    expected: "RETAIN 1 on what was published with RETAIN 1, and 0 on what was not.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.1-13"],
    needs: RETAIN,
    run: |cx| Box::pin(as_published(cx)),
};

async fn as_published(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.client("subscriber").await?;
    let mut wanted = subscription(&topic, QoS::AtMostOnce)?;
    wanted.retain_as_published = true;
    sub.subscribe_to(wanted, Properties::new()).await?;
    for (payload, retain) in [(&b"ordinary"[..], false), (b"state", true)] {
        let mut publish = message(&topic, QoS::AtMostOnce, payload);
        publish.retain = retain;
        publisher.publish_message(publish).await?;
        let got = sub.messages_to(payload).await?;
        if copies(&got, payload).iter().any(|m| m.retain != retain) {
            return fail(format!(
                "published with RETAIN {}, delivered with the opposite",
                u8::from(retain)
            ));
        }
    }
    pass("the flag was kept")
}

const EXPIRES: Check = Check {
    id: "retained/expires",
    title: "A retained message that has expired is gone",
    expected: "After its Message Expiry Interval of 2 s a new subscription gets nothing.",
    v3_1_1: &[],
    v5_0: &["X-5.0-retain-3", "MQTT-3.3.2-5"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(expires(cx)),
};

async fn expires(cx: &Cx) -> Judged {
    let topic = cx.topic("state");
    let mut publisher = cx.client("publisher").await?;
    let brief = message(&topic, QoS::AtLeastOnce, b"brief")
        .retained()
        .with(Property::MessageExpiryInterval(2));
    // A clock that counts whole seconds may end the second second at once, so 1 s could be no time at all.
    publisher.publish_message(brief).await?;
    let began = found(cx, &mut publisher, &topic, &topic, &[b"brief"]).await?;
    if !has(&began, b"brief") {
        // It may have been late and expired on its way.
        return Err(crate::outcome::inconclusive(
            "the retained message did not come before it expired; retained/delivered judges that",
        ));
    }
    // Only time makes a message expire: 2 s, and a second more for a coarse clock.
    tokio::time::sleep(Duration::from_millis(3200)).await;
    match copies(
        &found(cx, &mut publisher, &topic, &topic, &[]).await?,
        b"brief",
    )
    .len()
    {
        0 => pass("it is gone after its expiry"),
        _ => fail("it still came 3.2 s after it was published with an expiry of 2 s"),
    }
}
