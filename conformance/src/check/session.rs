//! Session state (sections 3.1.2.4, 3.2.2.2 and 4.1).

use super::{
    Check, Need,
    qos::{copies, has},
};
use crate::{
    cx::Cx,
    outcome::{Judged, fail, fail_on, inconclusive, not_applicable, pass},
    party::Client,
};
use squall_protocol::{Properties, Property, QoS, ReasonCode, packet::Disconnect};
use squall_reports::Verdict;
use std::time::Duration;

pub(super) const CHECKS: &[Check] = &[
    KEPT,
    KEPT_WITHOUT_SUBSCRIPTION,
    NONE_PRESENT,
    DISCARDED,
    NOT_KEPT,
    QOS_1_QUEUED,
    QOS_2_QUEUED,
    UNSUBSCRIBED_STAYS_SO,
    OWN_IDENTIFIER,
    EXPIRES,
    EXPIRY_AT_DISCONNECT,
];

const KEPT: Check = Check {
    id: "session/kept",
    title: "A session that is to be kept is found again, with its subscriptions",
    expected: "Session Present 1, and the subscription delivers without a new SUBSCRIBE.",
    v3_1_1: &["MQTT-3.1.2-4", "MQTT-3.2.2-2", "MQTT-4.1.0-1"],
    v5_0: &["MQTT-3.1.2-5", "MQTT-3.1.2-23", "MQTT-3.2.2-3"],
    needs: &[],
    run: |cx| Box::pin(kept(cx)),
};

async fn kept(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let mut publisher = cx.client("publisher").await?;
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    client.subscribe(&topic, QoS::AtMostOnce).await?;
    client
        .hears(&mut publisher, &topic, QoS::AtMostOnce)
        .await?;
    client.bye().await;
    let mut again = cx.dial("client again").id(&id).kept().go().await?;
    publisher.publish(&topic, QoS::AtMostOnce, b"m").await?;
    let delivers = has(&again.gathered(|all| has(all, b"m")).await?, b"m");
    match (again.connack.session_present, delivers) {
        (true, true) => pass("Session Present 1, and the subscription delivers"),
        (true, false) => fail("the subscription of the kept session does not deliver"),
        // The two faults are told apart: a session that is there, and a session that is not.
        (false, true) => {
            let rule = cx.pick("MQTT-3.2.2-2", "MQTT-3.2.2-3");
            fail_on(
                &[rule],
                "Session Present is 0, although the session was kept: its subscription delivers",
            )
        }
        (false, false) => {
            let rule = cx.pick("MQTT-3.1.2-4", "MQTT-3.1.2-23");
            fail_on(
                &[rule],
                "the session was not kept: Session Present is 0, and its subscription does not deliver",
            )
        }
    }
}

const KEPT_WITHOUT_SUBSCRIPTION: Check = Check {
    id: "session/kept-without-subscription",
    title: "A session without subscriptions is kept too",
    expected: "Session Present 1 for a client that comes back, although it never subscribed.",
    v3_1_1: &["MQTT-3.1.2-4", "MQTT-3.2.2-2"],
    v5_0: &["MQTT-3.1.2-23", "MQTT-3.2.2-3"],
    needs: &[],
    run: |cx| Box::pin(kept_without_subscription(cx)),
};

async fn kept_without_subscription(cx: &Cx) -> Judged {
    let id = cx.id();
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    client.fence().await?;
    client.bye().await;
    let mut again = cx.dial("client again").id(&id).kept().go().await?;
    again.fence().await?;
    if again.connack.session_present {
        return pass("Session Present 1");
    }
    if !cx.sessions().await.said {
        return Err(inconclusive(
            "Session Present is 0 for a session with a subscription too; session/kept judges that",
        ));
    }
    fail("Session Present is 0, where a session with a subscription is kept")
}

const NONE_PRESENT: Check = Check {
    id: "session/none-present",
    title: "Session Present is 0 where there is no session",
    expected: "Session Present 0 for a Client Identifier that was never used.",
    v3_1_1: &["MQTT-3.2.2-3"],
    v5_0: &["MQTT-3.2.2-3", "MQTT-3.1.2-6"],
    needs: &[],
    run: |cx| Box::pin(none_present(cx)),
};

async fn none_present(cx: &Cx) -> Judged {
    let mut client = cx.dial("client").kept().go().await?;
    client.fence().await?;
    match client.connack.session_present {
        false => pass("Session Present 0"),
        true => fail("Session Present 1 for a Client Identifier that was never used"),
    }
}

const DISCARDED: Check = Check {
    id: "session/discarded",
    title: "A clean start discards the session",
    expected: "Session Present 0, no subscription and no queued message.",
    v3_1_1: &["MQTT-3.1.2-6", "MQTT-3.2.2-1"],
    v5_0: &["MQTT-3.1.2-4", "MQTT-3.2.2-2"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(discarded(cx)),
};

async fn discarded(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let mut publisher = cx.client("publisher").await?;
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    client.subscribe(&topic, QoS::AtLeastOnce).await?;
    client
        .hears(&mut publisher, &topic, QoS::AtLeastOnce)
        .await?;
    client.bye().await;
    publisher
        .publish(&topic, QoS::AtLeastOnce, b"queued")
        .await?;
    let mut clean = cx.dial("client, clean").id(&id).go().await?;
    if clean.connack.session_present {
        let rule = cx.pick("MQTT-3.2.2-1", "MQTT-3.2.2-2");
        return fail_on(&[rule], "Session Present is 1 after a clean start");
    }
    publisher.publish(&topic, QoS::AtLeastOnce, b"live").await?;
    let other = cx.topic("other");
    clean.subscribe(&other, QoS::AtLeastOnce).await?;
    publisher.publish(&other, QoS::AtLeastOnce, b"end").await?;
    let got = clean.all_beside(b"end").await?;
    if !copies(&got, b"queued").is_empty() {
        return fail("a message queued for the discarded session was delivered");
    }
    if !copies(&got, b"live").is_empty() {
        return fail("the subscription of the discarded session still delivers");
    }
    pass("nothing of the old session is left")
}

const NOT_KEPT: Check = Check {
    id: "session/not-kept",
    title: "A session that is not to be kept ends with the connection",
    expected: "Session Present 0 on the next connection.",
    v3_1_1: &["MQTT-3.1.2-6"],
    v5_0: &["MQTT-4.1.0-2", "X-5.0-session-1"],
    needs: &[],
    run: |cx| Box::pin(not_kept(cx)),
};

async fn not_kept(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let mut client = cx.dial("client").id(&id).go().await?;
    client.subscribe(&topic, QoS::AtMostOnce).await?;
    client.bye().await;
    let mut again = cx.dial("client again").id(&id).kept().go().await?;
    again.fence().await?;
    match again.connack.session_present {
        false => pass("Session Present 0"),
        true => fail("the session of a clean connection was kept"),
    }
}

const QOS_1_QUEUED: Check = Check {
    id: "session/1-queued",
    title: "QoS 1 messages for an absent client are queued",
    expected: "All twenty messages arrive, in order, when the client is back.",
    v3_1_1: &["MQTT-3.1.2-5"],
    v5_0: &["MQTT-3.1.2-23", "MQTT-4.5.0-1", "X-5.0-session-4"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(queued(cx, QoS::AtLeastOnce)),
};

const QOS_2_QUEUED: Check = Check {
    id: "session/2-queued",
    title: "QoS 2 messages for an absent client are queued",
    expected: "All twenty messages arrive once, in order, when the client is back.",
    v3_1_1: &["MQTT-3.1.2-5"],
    v5_0: &["MQTT-3.1.2-23", "MQTT-4.5.0-1", "X-5.0-session-4"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(queued(cx, QoS::ExactlyOnce)),
};

/// Absences of the client. Where what is published meanwhile overtakes what was queued, it is a race that the server may
/// win once, and hardly each time.
const ABSENCES: usize = 4;

async fn queued(cx: &Cx, qos: QoS) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let mut publisher = cx.client("publisher").await?;
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    client.subscribe(&topic, qos).await?;
    client.hears(&mut publisher, &topic, qos).await?;
    client.fence().await?;
    client.bye().await;
    for absence in 1..ABSENCES {
        let judged = queued_once(cx, &mut publisher, &id, &topic, qos, absence).await?;
        if judged.verdict != Verdict::Pass {
            return Ok(judged);
        }
    }
    queued_once(cx, &mut publisher, &id, &topic, qos, ABSENCES).await
}

/// One absence: what is published in it comes, in order, when the client is back.
async fn queued_once(
    cx: &Cx,
    publisher: &mut Client<'_>,
    id: &str,
    topic: &str,
    qos: QoS,
    absence: usize,
) -> Judged {
    // So many that one published meanwhile would overtake them, if it could.
    let sent: Vec<String> = (1..=20).map(|n| format!("queued {absence}.{n}")).collect();
    for payload in &sent {
        publisher.publish(topic, qos, payload.as_bytes()).await?;
    }
    let mut again = cx.dial("client again").id(id).kept().go().await?;
    cx.resumed(&again.connack).await?;
    let end = format!("end {absence}");
    publisher.publish(topic, qos, end.as_bytes()).await?;
    let wanted: Vec<&[u8]> = sent.iter().map(String::as_bytes).collect();
    let got = again.ordered_to(&wanted, end.as_bytes()).await?;
    // What was acknowledged has reached the server before the client is gone again.
    again.fence().await?;
    again.bye().await;
    let all: Vec<String> = got
        .iter()
        .map(|m| String::from_utf8_lossy(&m.payload).into_owned())
        .collect();
    let mut first: Vec<&String> = Vec::new();
    for payload in all.iter().filter(|p| sent.contains(p)) {
        if !first.contains(&payload) {
            first.push(payload);
        } else if qos == QoS::ExactlyOnce {
            let rule = cx.pick("MQTT-4.3.3-1", "MQTT-4.3.3-6");
            return fail_on(&[rule], format!("`{payload}` was delivered twice"));
        }
    }
    if let Some(missing) = sent.iter().find(|p| !first.contains(p)) {
        return fail(format!(
            "`{missing}` was lost: {} of {} arrived within {:?}",
            first.len(),
            sent.len(),
            cx.wait()
        ));
    }
    match first.iter().zip(&sent).all(|(a, b)| *a == b) {
        true => pass("all of them arrived in order"),
        false => {
            let rule = cx.pick("MQTT-4.6.0-6", "MQTT-4.6.0-5");
            fail_on(&[rule], format!("they arrived as {first:?}"))
        }
    }
}

const UNSUBSCRIBED_STAYS_SO: Check = Check {
    id: "session/unsubscribed-stays-so",
    title: "A subscription that was given up does not come back with the session",
    expected: "Nothing is delivered for it after a reconnect.",
    v3_1_1: &["MQTT-3.10.4-1", "MQTT-3.10.4-2"],
    v5_0: &["MQTT-3.10.4-1", "MQTT-3.10.4-2"],
    needs: &[],
    run: |cx| Box::pin(unsubscribed(cx)),
};

async fn unsubscribed(cx: &Cx) -> Judged {
    let (id, topic, other) = (cx.id(), cx.topic("t"), cx.topic("other"));
    let mut publisher = cx.client("publisher").await?;
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    // What becomes of subscriptions with QoS 0 is the question of session/kept.
    let qos = client.subscribe_up_to(&topic, QoS::AtLeastOnce).await?;
    client.subscribe(&other, qos).await?;
    client.hears(&mut publisher, &topic, qos).await?;
    client.fence().await?;
    client.unsubscribe(&[&topic]).await?;
    client.bye().await;
    let mut again = cx.dial("client again").id(&id).kept().go().await?;
    cx.resumed(&again.connack).await?;
    publisher.publish(&topic, qos, b"m").await?;
    publisher.publish(&other, qos, b"end").await?;
    let got = again.all_beside(b"end").await?;
    match copies(&got, b"m").len() {
        0 => pass("only the other subscription delivers"),
        _ => fail("the subscription that was given up delivers again"),
    }
}

const OWN_IDENTIFIER: Check = Check {
    id: "session/own-identifier",
    title: "Two Client Identifiers have two sessions",
    expected: "Each client gets back its own subscription and not the other's.",
    v3_1_1: &["MQTT-3.1.3-2"],
    v5_0: &["MQTT-3.1.3-2"],
    needs: &[],
    run: |cx| Box::pin(own_identifier(cx)),
};

async fn own_identifier(cx: &Cx) -> Judged {
    let mut publisher = cx.client("publisher").await?;
    let names = [(cx.id(), cx.topic("one")), (cx.id(), cx.topic("two"))];
    let mut qos = QoS::AtLeastOnce;
    for (id, topic) in &names {
        let mut client = cx.dial("client").id(id).kept().go().await?;
        qos = client.subscribe_up_to(topic, qos).await?;
        client.bye().await;
    }
    let mut again = Vec::new();
    for (id, _) in &names {
        let client = cx.dial("client again").id(id).kept().go().await?;
        cx.resumed(&client.connack).await?;
        again.push(client);
    }
    for (_, topic) in &names {
        publisher.publish(topic, qos, topic.as_bytes()).await?;
    }
    for (client, (_, topic)) in again.iter_mut().zip(&names) {
        match client.message().await? {
            Some(m) if m.topic == topic.as_str() => {}
            Some(m) => return fail(format!("the session of `{topic}` got `{}`", m.topic)),
            None => return fail(format!("the session of `{topic}` got nothing")),
        }
        if let Some(m) = client
            .quiet()
            .await?
            .iter()
            .find(|m| m.topic != topic.as_str())
        {
            return fail(format!("the session of `{topic}` also got `{}`", m.topic));
        }
    }
    pass("each got its own")
}

const EXPIRES: Check = Check {
    id: "session/expires",
    title: "A session ends when its expiry has passed",
    expected: "With Session Expiry Interval 1, Session Present is 0 after more than a second.",
    v3_1_1: &[],
    v5_0: &["MQTT-4.1.0-2"],
    needs: &[],
    run: |cx| Box::pin(expires(cx)),
};

async fn expires(cx: &Cx) -> Judged {
    let id = cx.id();
    let dial = || {
        cx.dial("client")
            .id(&id)
            .kept()
            .property(Property::SessionExpiryInterval(1))
    };
    let mut client = dial().go().await?;
    if client
        .connack
        .properties
        .session_expiry_interval()
        .is_some_and(|s| s > 1)
    {
        return Err(not_applicable(
            "the server sets a longer Session Expiry Interval",
        ));
    }
    client.subscribe(&cx.topic("t"), QoS::AtMostOnce).await?;
    client.bye().await;
    let mut soon = dial().go().await?;
    cx.told(&soon.connack).await?;
    soon.fence().await?;
    soon.bye().await;
    // Only time ends a session: 1 s, and more than as much again for a coarse clock.
    tokio::time::sleep(Duration::from_millis(3000)).await;
    let mut late = dial().go().await?;
    late.fence().await?;
    match late.connack.session_present {
        false => pass("the session was there at once and gone after 3 s"),
        true => fail(
            "the session was still there 3 s after a connection with Session Expiry Interval 1",
        ),
    }
}

const EXPIRY_AT_DISCONNECT: Check = Check {
    id: "session/expiry-at-disconnect",
    title: "A Session Expiry Interval in DISCONNECT takes the place of the earlier one",
    expected: "With 60 in CONNECT and 0 in DISCONNECT, the session is gone.",
    v3_1_1: &[],
    v5_0: &["X-5.0-disconnect-4", "MQTT-4.1.0-2"],
    needs: &[],
    run: |cx| Box::pin(expiry_at_disconnect(cx)),
};

async fn expiry_at_disconnect(cx: &Cx) -> Judged {
    let id = cx.id();
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    client.subscribe(&cx.topic("t"), QoS::AtMostOnce).await?;
    client.bye().await;
    let mut client = cx.dial("client").id(&id).kept().go().await?;
    cx.told(&client.connack).await?;
    client.fence().await?;
    let goodbye = Disconnect {
        reason: ReasonCode::NORMAL_DISCONNECTION,
        properties: Properties::new().with(Property::SessionExpiryInterval(0)),
    };
    client.bye_with(goodbye).await?;
    let mut again = cx.dial("client again").id(&id).kept().go().await?;
    again.fence().await?;
    match again.connack.session_present {
        false => pass("the session ended with the connection"),
        true => fail("the session is still there"),
    }
}
