//! Will messages (sections 3.1.2.5 to 3.1.2.7, 3.1.3 and 3.14.4).

use super::{
    Check, Need,
    forward::in_order,
    qos::{copies, has},
    wire::packet,
};
use crate::{
    cx::Cx,
    message::message,
    outcome::{Judged, Outcome, fail, fail_at, fail_on, inconclusive, pass, warn},
    party::Client,
};
use squall_protocol::{
    Packet, Properties, Property, QoS, ReasonCode, Text,
    packet::{Disconnect, Publish},
};
use std::time::Duration;
use tokio::time::Instant;

use crate::cx::PRECISION;

pub(super) const CHECKS: &[Check] = &[
    ON_DROP,
    NOT_ON_DISCONNECT,
    NONE_WITHOUT_FLAG,
    ON_PROTOCOL_ERROR,
    DISCONNECT_WITH_WILL,
    RETAINED,
    NOT_RETAINED,
    QOS,
    PROPERTIES,
    DELAYED,
    DELAY_CANCELLED,
];

/// A subscriber of the will topic that has got an ordinary message there, and the publisher of it.
pub(super) async fn witness<'a>(
    cx: &'a Cx,
    topic: &str,
) -> Result<(Client<'a>, Client<'a>), Outcome> {
    super::qos::pair(cx, topic, QoS::AtMostOnce).await
}

/// The wills that come within the quiet time: they would come from another connection, so no order proves their absence.
async fn wills_still(sub: &mut Client<'_>) -> Result<usize, Outcome> {
    let got = sub.quiet().await?;
    Ok(copies(&got, b"last words").len())
}

const ON_DROP: Check = Check {
    id: "will/on-drop",
    title: "The will is published when the connection is lost",
    expected: "The will message with its topic and payload, once.",
    v3_1_1: &["MQTT-3.1.2-8", "X-3.1.1-will-4"],
    v5_0: &["MQTT-3.1.2-8", "MQTT-3.1.2-7"],
    needs: &[],
    run: |cx| Box::pin(on_drop(cx)),
};

async fn on_drop(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = witness(cx, &topic).await?;
    let mut client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtMostOnce)
        .go()
        .await?;
    client.fence().await?;
    client.cut().await;
    let got = sub.gathered(|all| !all.is_empty()).await?;
    match got.first() {
        Some(m) if &m.payload[..] == b"last words" => {}
        Some(m) => return fail(format!("{} bytes came as the will", m.payload.len())),
        None => {
            return fail(format!(
                "no will within {:?} of the end of the connection",
                cx.wait()
            ));
        }
    }
    match wills_still(&mut sub).await? {
        0 => pass("the will came once"),
        n => fail(format!("the will came {} times", n + 1)),
    }
}

const NOT_ON_DISCONNECT: Check = Check {
    id: "will/not-on-disconnect",
    title: "DISCONNECT removes the will",
    expected: "No will message after a DISCONNECT (in 5.0 with 0x00).",
    v3_1_1: &["MQTT-3.14.4-3", "MQTT-3.1.2-10"],
    v5_0: &["MQTT-3.14.4-3", "MQTT-3.1.2-10"],
    needs: &[],
    run: |cx| Box::pin(not_on_disconnect(cx)),
};

async fn not_on_disconnect(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = witness(cx, &topic).await?;
    // The control: without DISCONNECT it comes.
    let lost = cx
        .dial("lost client")
        .will(&topic, b"control", QoS::AtMostOnce)
        .go()
        .await?;
    lost.cut().await;
    if sub.message().await?.is_none() {
        return Err(inconclusive(
            "the will of a lost connection does not come; will/on-drop judges that",
        ));
    }
    let client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtMostOnce)
        .go()
        .await?;
    client.bye().await;
    match wills_still(&mut sub).await? {
        0 => pass(format!("no will within {:?} of the DISCONNECT", cx.quiet())),
        _ => fail("the will was published although the client had sent DISCONNECT"),
    }
}

const NONE_WITHOUT_FLAG: Check = Check {
    id: "will/none-without-flag",
    title: "No will is published for a connection that was opened without one",
    expected: "Nothing on the will topic of the client's earlier connection.",
    v3_1_1: &["MQTT-3.1.2-12", "MQTT-3.1.2-10"],
    v5_0: &["MQTT-3.1.2-10"],
    needs: &[],
    run: |cx| Box::pin(none_without_flag(cx)),
};

async fn none_without_flag(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("will"));
    let (_publisher, mut sub) = witness(cx, &topic).await?;
    let first = cx
        .dial("client")
        .id(&id)
        .will(&topic, b"last words", QoS::AtMostOnce)
        .go()
        .await?;
    first.cut().await;
    if sub.message().await?.is_none() {
        return Err(inconclusive(
            "the will of a lost connection does not come; will/on-drop judges that",
        ));
    }
    let second = cx.dial("client, without will").id(&id).go().await?;
    second.cut().await;
    match wills_still(&mut sub).await? {
        0 => pass(format!("no second will within {:?}", cx.quiet())),
        _ => fail("a will was published for a connection without one"),
    }
}

const ON_PROTOCOL_ERROR: Check = Check {
    id: "will/on-protocol-error",
    title: "The will is published when the server closes the connection because of an error",
    expected: "The will message after a packet of the wrong kind.",
    v3_1_1: &["X-3.1.1-will-3"],
    v5_0: &["X-5.0-will-3"],
    needs: &[],
    run: |cx| Box::pin(on_protocol_error(cx)),
};

async fn on_protocol_error(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = witness(cx, &topic).await?;
    let mut client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtMostOnce)
        .go()
        .await?;
    client.fence().await?;
    client
        .send_raw(
            "SUBSCRIBE without a topic filter",
            &packet(0x82, &[0, 7, 0][..if cx.five() { 3 } else { 2 }]),
        )
        .await?;
    let ending = client.probe.expect_close(cx.wait()).await;
    if ending.close.is_none() {
        return Err(inconclusive(
            "the server does not close the connection; malformed/subscribe-empty judges that",
        ));
    }
    match sub.message().await? {
        Some(_) => pass("the will came"),
        None => fail(format!(
            "no will within {:?} after the server closed the connection",
            cx.wait()
        )),
    }
}

const DISCONNECT_WITH_WILL: Check = Check {
    id: "will/disconnect-with-will",
    title: "DISCONNECT 0x04 asks for the will",
    expected: "The will message.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-8", "X-5.0-will-4"],
    needs: &[],
    run: |cx| Box::pin(disconnect_with_will(cx)),
};

async fn disconnect_with_will(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = witness(cx, &topic).await?;
    let client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtMostOnce)
        .go()
        .await?;
    client
        .bye_with(Disconnect::with_reason(
            ReasonCode::DISCONNECT_WITH_WILL_MESSAGE,
        ))
        .await?;
    match sub.message().await? {
        Some(_) => pass("the will came"),
        None => fail(format!("no will within {:?} of DISCONNECT 0x04", cx.wait())),
    }
}

const RETAINED: Check = Check {
    id: "will/retained",
    title: "A will with Will Retain is published as a retained message",
    expected: "A later subscriber gets it with RETAIN 1.",
    v3_1_1: &["MQTT-3.1.2-17"],
    v5_0: &["MQTT-3.1.2-15"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(retained(cx, true)),
};

const NOT_RETAINED: Check = Check {
    id: "will/not-retained",
    title: "A will without Will Retain is an ordinary message",
    expected: "A later subscriber gets nothing.",
    v3_1_1: &["MQTT-3.1.2-16"],
    v5_0: &["MQTT-3.1.2-14"],
    needs: &[Need::Retain, Need::Qos1],
    run: |cx| Box::pin(retained(cx, false)),
};

async fn retained(cx: &Cx, retain: bool) -> Judged {
    let topic = cx.topic("will");
    cx.will_retain(&topic);
    let (mut publisher, mut sub) = witness(cx, &topic).await?;
    let client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtLeastOnce)
        .alter_will(|will| will.retain = retain)
        .go()
        .await?;
    client.cut().await;
    if sub.message().await?.is_none() {
        return Err(inconclusive(
            "the will of a lost connection does not come; will/on-drop judges that",
        ));
    }
    let mut late = cx.client("late subscriber").await?;
    late.subscribe(&topic, QoS::AtLeastOnce).await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    let enough = |all: &[Publish]| has(all, b"end") && (!retain || has(all, b"last words"));
    let got = late.all(enough).await?;
    match (copies(&got, b"last words").first(), retain) {
        (Some(m), true) if m.retain => pass("a later subscriber gets it with RETAIN 1"),
        (Some(_), true) => fail("a later subscriber gets it with RETAIN 0"),
        (None, true) => fail("a later subscriber does not get it"),
        (Some(m), false) if m.retain => fail("the will became a retained message"),
        // One with RETAIN 0 is the live will, and late.
        (_, false) => pass("a later subscriber gets no retained message"),
    }
}

const QOS: Check = Check {
    id: "will/qos",
    title: "The will is published with its QoS",
    expected: "Wills with QoS 0, 1 and 2 arrive with it.",
    v3_1_1: &["MQTT-3.1.2-9", "MQTT-3.8.4-6"],
    v5_0: &["MQTT-3.1.2-12", "MQTT-3.8.4-8"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(qos(cx)),
};

async fn qos(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let mut sub = cx.client("subscriber").await?;
    sub.subscribe(&topic, QoS::ExactlyOnce).await?;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let client = cx
            .dial("client")
            .will(&topic, b"last words", qos)
            .go()
            .await?;
        client.cut().await;
        match sub.message().await? {
            Some(m) if m.qos == qos => {}
            Some(m) => return fail(format!("a will with QoS {qos} came with QoS {}", m.qos)),
            None => {
                return Err(inconclusive(
                    "the will of a lost connection does not come; will/on-drop judges that",
                ));
            }
        }
    }
    pass("QoS 0, 1 and 2")
}

const PROPERTIES: Check = Check {
    id: "will/properties",
    title: "The will properties are those of the published message",
    expected: "Content Type, Response Topic, Correlation Data and User Properties in their order.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.3-10", "X-5.0-will-9"],
    needs: &[],
    run: |cx| Box::pin(properties(cx)),
};

async fn properties(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = witness(cx, &topic).await?;
    let pair =
        |name: &str, value: &str| Property::UserProperty(Text::from(name), Text::from(value));
    let wanted = Properties::new()
        .with(Property::ContentType(Text::from("text/plain")))
        .with(Property::ResponseTopic(Text::from("squall/answer")))
        .with(Property::CorrelationData(vec![0, 1, 255].into()))
        .with(pair("b", "1"))
        .with(pair("a", "2"))
        .with(pair("b", "3"));
    let sent = wanted.clone();
    let client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtMostOnce)
        .alter_will(move |will| will.properties = sent)
        .go()
        .await?;
    client.cut().await;
    let Some(m) = sub.message().await? else {
        return Err(inconclusive(
            "the will of a lost connection does not come; will/on-drop judges that",
        ));
    };
    let users = |p: &Properties| {
        p.user_properties()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
    };
    // What a server adds is judged by forward/nothing-added alone.
    if !in_order(&users(&m.properties), &users(&wanted)) {
        return fail(format!(
            "the User Properties are {:?}",
            users(&m.properties)
        ));
    }
    let same = m.properties.content_type() == wanted.content_type()
        && m.properties.response_topic() == wanted.response_topic()
        && m.properties.correlation_data() == wanted.correlation_data();
    match same {
        true => pass("all came as they were"),
        false => fail_on(
            &["X-5.0-will-9"],
            "Content Type, Response Topic or Correlation Data differ",
        ),
    }
}

/// A client with a session of 60 s whose will waits a second.
async fn lost_with_delay(cx: &Cx, id: &str, topic: &str) -> Result<Instant, Outcome> {
    let mut client = cx
        .dial("client")
        .id(id)
        .kept()
        .will(topic, b"last words", QoS::AtMostOnce)
        .alter_will(|will| will.properties.push(Property::WillDelayInterval(1)))
        .go()
        .await?;
    // Whether a session without subscriptions is kept is the question of session/kept-without-subscription.
    client
        .subscribe_up_to(&cx.topic("own"), QoS::AtLeastOnce)
        .await?;
    // The delay cannot begin before this.
    let before = Instant::now();
    client.cut().await;
    Ok(before)
}

const DELAYED: Check = Check {
    id: "will/delayed",
    title: "A will with a delay is published after it, not before",
    expected: "With Will Delay Interval 1 the will comes after 1 s.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-8", "X-5.0-will-6"],
    needs: &[],
    run: |cx| Box::pin(delayed(cx)),
};

async fn delayed(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (mut publisher, mut sub) = witness(cx, &topic).await?;
    let before = lost_with_delay(cx, &cx.id(), &topic).await?;
    let will = sub
        .message_within(Duration::from_secs(1) + cx.wait())
        .await?;
    let after = before.elapsed();
    if will.is_none() {
        // The path still works: what did not come is the will.
        publisher.publish(&topic, QoS::AtMostOnce, b"end").await?;
        sub.messages_to(b"end").await?;
        return fail(format!(
            "no will within {after:?} with Will Delay Interval 1"
        ));
    }
    match after {
        early if early + PRECISION < Duration::from_secs(1) => fail(format!(
            "the will came after {early:?}, before its delay of 1 s"
        )),
        late if late > Duration::from_secs(3) => warn(format!("the will came only after {late:?}")),
        after => pass(format!("the will came after {after:?}")),
    }
}

const DELAY_CANCELLED: Check = Check {
    id: "will/delay-cancelled",
    title: "A client that is back in time has no will published",
    expected: "With Will Delay Interval 1 and a reconnect before it, nothing is published.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.3-9"],
    needs: &[],
    run: |cx| Box::pin(delay_cancelled(cx)),
};

async fn delay_cancelled(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("will"));
    let (mut publisher, mut sub) = witness(cx, &topic).await?;
    let before = lost_with_delay(cx, &id, &topic).await?;
    let mut again = cx.dial("client, back in time").id(&id).kept().go().await?;
    if before.elapsed() >= Duration::from_secs(1) {
        return Err(inconclusive("the reconnect took longer than the delay"));
    }
    cx.resumed(&again.connack).await?;
    // Only time shows that it does not come: the delay of 1 s and as much again for a coarse clock.
    tokio::time::sleep(Duration::from_millis(2000)).await;
    again.fence().await?;
    publisher
        .publish_message(message(&topic, QoS::AtMostOnce, b"end"))
        .await?;
    let got = sub.all_beside(b"end").await?;
    match copies(&got, b"last words").first() {
        None => pass("no will within 2 s of the reconnect"),
        Some(m) => fail_at(
            &Packet::Publish((*m).clone()),
            "the will was published although the client was back in time",
        ),
    }
}
