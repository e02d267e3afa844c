//! What becomes of a session when its client connects again while the older connection still stands (sections 3.1.4 and
//! 4.4).

use super::{Check, Need, qos::has};
use crate::{
    cx::Cx,
    outcome::{Judged, Outcome, fail, fail_on, inconclusive, pass},
    party::Client,
};
use squall_protocol::{QoS, packet::Publish};

pub(super) const CHECKS: &[Check] = &[KEEPS_SESSION, RESENT];

/// A client with a session and a subscription, beside a publisher.
async fn settled<'a>(
    cx: &'a Cx,
    id: &str,
    topic: &str,
) -> Result<(Client<'a>, Client<'a>), Outcome> {
    let mut publisher = cx.client("publisher").await?;
    let mut client = cx.dial("client").id(id).kept().go().await?;
    client.subscribe(topic, QoS::AtLeastOnce).await?;
    client
        .hears(&mut publisher, topic, QoS::AtLeastOnce)
        .await?;
    client.fence().await?;
    Ok((publisher, client))
}

const KEEPS_SESSION: Check = Check {
    id: "session/kept-at-takeover",
    title: "A connection that takes over another one goes on with its session",
    expected: "The subscription of the first connection delivers to the second.",
    v3_1_1: &["MQTT-3.1.2-4"],
    v5_0: &["MQTT-3.1.2-5", "MQTT-4.1.0-1"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(keeps_session(cx)),
};

async fn keeps_session(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    if !cx.sessions().await.kept {
        return Err(inconclusive(
            "the server keeps no session; session/kept judges that",
        ));
    }
    let (mut publisher, _first) = settled(cx, &id, &topic).await?;
    let mut second = cx.dial("client, second").id(&id).kept().go().await?;
    second.fence().await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"m").await?;
    let got = second.gathered(|all| has(all, b"m")).await?;
    match has(&got, b"m") {
        true => pass("the subscription delivers to the second connection"),
        false => fail(format!(
            "the subscription of the first connection delivered nothing to the second within {:?}",
            cx.wait()
        )),
    }
}

const RESENT: Check = Check {
    id: "resume/1-resent-at-takeover",
    title: "A QoS 1 message without PUBACK is sent again to the connection that takes over",
    expected: "The same message with DUP 1.",
    v3_1_1: &["MQTT-4.4.0-1", "MQTT-3.3.1-1"],
    v5_0: &["MQTT-4.4.0-1", "MQTT-3.3.1-1"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(resent(cx)),
};

async fn resent(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let (mut publisher, mut first) = settled(cx, &id, &topic).await?;
    first.withhold();
    publisher
        .publish(&topic, QoS::AtLeastOnce, b"unanswered")
        .await?;
    if first.message().await?.is_none() {
        return Err(inconclusive("an ordinary message did not arrive"));
    }
    let mut second = cx.dial("client, second").id(&id).kept().go().await?;
    cx.resumed(&second.connack).await?;
    let here = |all: &[Publish]| has(all, b"unanswered");
    let mut got = second.gathered(here).await?;
    if !here(&got) {
        // It may be sent by a timer.
        got.extend(second.message_within(cx.patience()).await?);
    }
    match got.iter().find(|m| m.payload == b"unanswered"[..]) {
        Some(m) if m.dup => pass("sent again with DUP 1"),
        Some(_) => fail_on(&["MQTT-3.3.1-1"], "it was sent again with DUP 0"),
        None => fail(format!(
            "the message was not sent again within {:?}",
            cx.wait() + cx.extra()
        )),
    }
}
