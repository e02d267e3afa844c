//! What a resumed session sends again (sections 4.4 and 4.6), and what it knows of unfinished flows.

use super::{Check, Need, qos::copies};
use crate::{
    cx::Cx,
    message::message,
    outcome::{Judged, Outcome, fail, fail_on, inconclusive, pass},
    party::Client,
};
use squall_protocol::{
    Packet, PacketId, PacketType, QoS,
    packet::{Ack, Publish},
};
use tokio::time::Instant;

pub(super) const CHECKS: &[Check] = &[
    QOS_1_RESENT,
    QOS_2_RESENT,
    QOS_2_PUBREL_RESENT,
    ORDER_KEPT,
    QOS_2_DUPLICATE_DELIVERED_ONCE,
    QOS_2_INBOUND_COMPLETED,
];

/// A subscriber that has left one message of this QoS unanswered and whose connection was cut.
async fn left_open(
    cx: &Cx,
    qos: QoS,
    id: &str,
    payloads: &[&[u8]],
) -> Result<Vec<Publish>, Outcome> {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.dial("subscriber").id(id).kept().go().await?;
    sub.subscribe(&topic, qos).await?;
    sub.hears(&mut publisher, &topic, qos).await?;
    sub.fence().await?;
    sub.withhold();
    for payload in payloads {
        publisher.publish(&topic, qos, payload).await?;
    }
    let mut open = Vec::new();
    for _ in payloads {
        match sub.message().await? {
            Some(publish) => open.push(publish),
            None => return Err(inconclusive("an ordinary message did not arrive")),
        }
    }
    sub.cut().await;
    publisher.bye().await;
    Ok(open)
}

/// The same client again; the session has to be there.
async fn back<'a>(cx: &'a Cx, id: &str) -> Result<Client<'a>, Outcome> {
    let client = cx.dial("subscriber again").id(id).kept().go().await?;
    cx.resumed(&client.connack).await?;
    Ok(client)
}

/// The next message. When it has to come is not said, and some servers send it by a timer of 10 to 30 s.
async fn sent_again(sub: &mut Client<'_>) -> Result<Option<Publish>, Outcome> {
    match sub.message().await? {
        Some(publish) => Ok(Some(publish)),
        None => sub.message_within(sub.cx.patience()).await,
    }
}

fn not_again(what: &str, cx: &Cx) -> String {
    format!("{what} not sent again within {:?}", cx.wait() + cx.extra())
}

const QOS_1_RESENT: Check = Check {
    id: "resume/1-resent",
    title: "A QoS 1 message without PUBACK is sent again when the session is resumed",
    expected: "The same message with the same packet identifier and DUP 1.",
    v3_1_1: &["MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-2.3.1-4"],
    v5_0: &["MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-4.3.2-3"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(resent(cx, QoS::AtLeastOnce)),
};

const QOS_2_RESENT: Check = Check {
    id: "resume/2-resent",
    title: "A QoS 2 message without PUBREC is sent again when the session is resumed",
    expected: "The same message with the same packet identifier and DUP 1.",
    v3_1_1: &["MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-2.3.1-4"],
    v5_0: &["MQTT-4.4.0-1", "MQTT-3.3.1-1", "MQTT-4.3.3-3"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(resent(cx, QoS::ExactlyOnce)),
};

async fn resent(cx: &Cx, qos: QoS) -> Judged {
    let id = cx.id();
    let open = left_open(cx, qos, &id, &[b"unanswered"]).await?;
    let mut sub = back(cx, &id).await?;
    let Some(again) = sent_again(&mut sub).await? else {
        return fail(not_again("the message was", cx));
    };
    let first = &open[0];
    if again.payload != first.payload {
        return fail("another message came in its place");
    }
    if again.packet_id != first.packet_id {
        let rule = cx.pick("MQTT-2.3.1-4", "MQTT-4.4.0-1");
        return fail_on(&[rule], "it was sent again under another packet identifier");
    }
    if !again.dup {
        return fail_on(&["MQTT-3.3.1-1"], "it was sent again with DUP 0");
    }
    pass("sent again with DUP 1 and the same identifier")
}

const QOS_2_PUBREL_RESENT: Check = Check {
    id: "resume/2-pubrel-resent",
    title: "A PUBREL without PUBCOMP is sent again when the session is resumed",
    expected: "PUBREL with the same packet identifier, and the PUBLISH not again.",
    v3_1_1: &["MQTT-4.4.0-1", "MQTT-4.3.3-1"],
    v5_0: &["MQTT-4.4.0-1", "MQTT-4.3.3-5", "MQTT-4.3.3-6"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(pubrel_resent(cx)),
};

async fn pubrel_resent(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let id = cx.id();
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.dial("subscriber").id(&id).kept().go().await?;
    sub.subscribe(&topic, QoS::ExactlyOnce).await?;
    sub.hears(&mut publisher, &topic, QoS::ExactlyOnce).await?;
    sub.fence().await?;
    sub.withhold();
    publisher
        .publish(&topic, QoS::ExactlyOnce, b"half way")
        .await?;
    let flow = sub.message().await?.and_then(|m| m.packet_id);
    let Some(flow) = flow else {
        return Err(inconclusive("the message did not arrive with QoS 2"));
    };
    sub.send(&Packet::PubRec(Ack::success(flow))).await?;
    match sub.hear(Instant::now() + cx.wait()).await? {
        Some(Packet::PubRel(_)) => {}
        _ => return Err(inconclusive("no PUBREL came; qos/2-sender judges that")),
    }
    sub.cut().await;
    let mut sub = back(cx, &id).await?;
    sub.withhold();
    let heard = match sub.hear(Instant::now() + cx.wait()).await? {
        Some(packet) => Some(packet),
        None => sub.hear(Instant::now() + cx.patience()).await?,
    };
    match heard {
        Some(Packet::PubRel(rel)) if rel.packet_id == flow => {}
        Some(Packet::Publish(m)) if m.packet_id == Some(flow) => {
            let rule = cx.pick("MQTT-4.3.3-1", "MQTT-4.3.3-6");
            return fail_on(&[rule], "the PUBLISH was sent again after PUBREL");
        }
        Some(other) => {
            return fail(format!(
                "{} came where PUBREL {flow} was due",
                other.summary()
            ));
        }
        None => return fail(not_again("the PUBREL was", cx)),
    }
    sub.send(&Packet::PubComp(Ack::success(flow))).await?;
    sub.fence().await?;
    pass("PUBREL was sent again")
}

const ORDER_KEPT: Check = Check {
    id: "resume/order-kept",
    title: "Messages are sent again in the order of their first sending",
    expected: "Three unacknowledged messages come again in their order.",
    v3_1_1: &["MQTT-4.6.0-6", "MQTT-4.4.0-1"],
    v5_0: &["MQTT-4.6.0-5", "MQTT-4.4.0-1"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(order(cx)),
};

async fn order(cx: &Cx) -> Judged {
    let id = cx.id();
    let open = left_open(cx, QoS::AtLeastOnce, &id, &[b"one", b"two", b"three"]).await?;
    let mut sub = back(cx, &id).await?;
    let mut again = Vec::new();
    for _ in &open {
        match sent_again(&mut sub).await? {
            Some(m) => again.push(m),
            None => {
                return fail_on(
                    &["MQTT-4.4.0-1"],
                    not_again(&format!("{} of 3 messages were", 3 - again.len()), cx),
                );
            }
        }
    }
    let names = |list: &[Publish]| {
        list.iter()
            .map(|m| String::from_utf8_lossy(&m.payload).into_owned())
            .collect::<Vec<_>>()
    };
    match names(&again) == names(&open) {
        true => pass("one, two, three, as at first"),
        false => fail(format!("they came as {}", names(&again).join(", "))),
    }
}

/// A publisher that has sent a QoS 2 message, got its PUBREC and lost the connection.
async fn half_published(cx: &Cx, topic: &str, id: &str) -> Result<PacketId, Outcome> {
    let mut publisher = cx.dial("publisher").id(id).kept().go().await?;
    // Whether a session without subscriptions is kept is the question of session/kept-without-subscription.
    publisher
        .subscribe(&cx.topic("own"), QoS::AtLeastOnce)
        .await?;
    publisher
        .publish(topic, QoS::ExactlyOnce, b"control")
        .await?;
    let flow = publisher.fresh_id();
    let mut publish = message(topic, QoS::ExactlyOnce, b"half way");
    publish.packet_id = Some(flow);
    publisher.send(&Packet::Publish(publish)).await?;
    publisher.answer_to(PacketType::PubRec, flow).await?;
    publisher.cut().await;
    Ok(flow)
}

const QOS_2_DUPLICATE_DELIVERED_ONCE: Check = Check {
    id: "resume/2-duplicate-delivered-once",
    title: "A QoS 2 PUBLISH repeated after a reconnect is not a second message",
    expected: "PUBREC for the repetition with DUP, and one copy for the subscriber.",
    v3_1_1: &["MQTT-4.3.3-2", "MQTT-4.1.0-1", "X-3.1.1-session-2"],
    v5_0: &["MQTT-4.3.3-10", "X-5.0-session-4"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(duplicate(cx)),
};

async fn duplicate(cx: &Cx) -> Judged {
    let (topic, id) = (cx.topic("t"), cx.id());
    let mut sub = cx.client("subscriber").await?;
    sub.subscribe(&topic, QoS::ExactlyOnce).await?;
    let flow = half_published(cx, &topic, &id).await?;
    let mut publisher = back(cx, &id).await?;
    publisher.still_owed(PacketType::PubRec, flow);
    let mut publish = message(&topic, QoS::ExactlyOnce, b"half way");
    (publish.packet_id, publish.dup) = (Some(flow), true);
    publisher.send(&Packet::Publish(publish)).await?;
    publisher.answer_to(PacketType::PubRec, flow).await?;
    finish(&mut publisher, &mut sub, &topic, flow).await
}

const QOS_2_INBOUND_COMPLETED: Check = Check {
    id: "resume/2-inbound-completed",
    title: "A QoS 2 flow the client left after PUBREC is completed after a reconnect",
    expected: "PUBREL is answered by PUBCOMP, and the message was delivered once.",
    v3_1_1: &["MQTT-4.3.3-2", "X-3.1.1-session-2"],
    v5_0: &["MQTT-4.3.3-11", "X-5.0-session-4"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(inbound_completed(cx)),
};

async fn inbound_completed(cx: &Cx) -> Judged {
    let (topic, id) = (cx.topic("t"), cx.id());
    let mut sub = cx.client("subscriber").await?;
    sub.subscribe(&topic, QoS::ExactlyOnce).await?;
    let flow = half_published(cx, &topic, &id).await?;
    let mut publisher = back(cx, &id).await?;
    publisher.still_owed(PacketType::PubRec, flow);
    finish(&mut publisher, &mut sub, &topic, flow).await
}

async fn finish(
    publisher: &mut Client<'_>,
    sub: &mut Client<'_>,
    topic: &str,
    flow: PacketId,
) -> Judged {
    publisher.send(&Packet::PubRel(Ack::success(flow))).await?;
    publisher.answer_to(PacketType::PubComp, flow).await?;
    let end = PacketId::new(60_000);
    let mut last = message(topic, QoS::ExactlyOnce, b"end");
    last.packet_id = end;
    publisher.publish_message(last).await?;
    let got = sub.ordered_to(&[b"half way"], b"end").await?;
    match copies(&got, b"half way").len() {
        1 => pass("PUBCOMP came and the message was delivered once"),
        0 => fail_on(&["MQTT-4.5.0-1"], "the message was not delivered"),
        n => fail(format!("the message was delivered {n} times")),
    }
}
