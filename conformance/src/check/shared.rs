//! Shared subscriptions (section 4.8.2 of 5.0).

use super::{Check, Need, qos::copies};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, fail, pass},
    party::Client,
};
use squall_protocol::{QoS, packet::Publish};

const SHARED: &[Need] = &[Need::Shared, Need::Qos1];

pub(super) const CHECKS: &[Check] = &[ONE_MEMBER, GROUPS_INDEPENDENT, NO_RETAINED, QOS];

/// Publishes ten messages, and then has each client told on its own topic that it is over.
async fn ten(
    cx: &Cx,
    publisher: &mut Client<'_>,
    topic: &str,
    clients: &mut [Client<'_>],
) -> Result<Vec<Vec<Publish>>, Outcome> {
    for n in 0..10 {
        publisher
            .publish(topic, QoS::AtLeastOnce, format!("{n}").as_bytes())
            .await?;
    }
    let mut all = Vec::new();
    for (i, client) in clients.iter_mut().enumerate() {
        let own = cx.topic(&format!("own/{i}"));
        client.subscribe(&own, QoS::AtLeastOnce).await?;
        publisher.publish(&own, QoS::AtLeastOnce, b"end").await?;
        all.push(client.all_beside(b"end").await?);
    }
    // Shared subscriptions are not ordered: what is missing still has the time of an answer.
    for (client, got) in clients.iter_mut().zip(&mut all) {
        if got.len() < 11 {
            got.extend(client.message_within(cx.wait() / 2).await?);
            got.extend(client.quiet().await?);
        }
    }
    Ok(all)
}

const ONE_MEMBER: Check = Check {
    id: "shared/one-member",
    title: "Each message goes to one member of a shared subscription",
    expected: "Of ten messages each reaches exactly one of two members.",
    v3_1_1: &[],
    v5_0: &["X-5.0-shared-1"],
    needs: SHARED,
    run: |cx| Box::pin(one_member(cx)),
};

async fn one_member(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let filter = format!("$share/{}/{topic}", cx.id());
    let mut publisher = cx.client("publisher").await?;
    let mut members = [cx.client("member").await?, cx.client("member").await?];
    for member in &mut members {
        member.subscribe(&filter, QoS::AtLeastOnce).await?;
    }
    let got = ten(cx, &mut publisher, &topic, &mut members).await?;
    for n in 0..10 {
        let payload = format!("{n}");
        match got
            .iter()
            .map(|list| copies(list, payload.as_bytes()).len())
            .sum()
        {
            1 => {}
            0 => return fail(format!("message {n} reached no member")),
            times => return fail(format!("message {n} was delivered {times} times")),
        }
    }
    let parts: Vec<String> = got
        .iter()
        .map(|list| (list.len() - 1).to_string())
        .collect();
    pass(format!(
        "ten messages, {} to the members",
        parts.join(" and ")
    ))
}

const GROUPS_INDEPENDENT: Check = Check {
    id: "shared/groups-independent",
    title: "Two share names and an ordinary subscription are served independently",
    expected: "Each of the three gets every message.",
    v3_1_1: &[],
    v5_0: &["X-5.0-shared-2"],
    needs: SHARED,
    run: |cx| Box::pin(independent(cx)),
};

async fn independent(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut clients = [
        cx.client("group one").await?,
        cx.client("group two").await?,
        cx.client("ordinary").await?,
    ];
    let filters = [
        format!("$share/{}/{topic}", cx.id()),
        format!("$share/{}/{topic}", cx.id()),
        topic.clone(),
    ];
    for (client, filter) in clients.iter_mut().zip(&filters) {
        client.subscribe(filter, QoS::AtLeastOnce).await?;
    }
    let got = ten(cx, &mut publisher, &topic, &mut clients).await?;
    for (list, filter) in got.iter().zip(&filters) {
        if let Some(n) = (0..10).find(|n| copies(list, format!("{n}").as_bytes()).len() != 1) {
            let times = copies(list, format!("{n}").as_bytes()).len();
            return fail(format!("message {n} reached `{filter}` {times} times"));
        }
    }
    pass("each of the three got all ten")
}

const NO_RETAINED: Check = Check {
    id: "shared/no-retained",
    title: "A shared subscription gets no retained messages",
    expected: "Nothing that was retained before the subscription.",
    v3_1_1: &[],
    v5_0: &["X-5.0-subscribe-2"],
    needs: &[Need::Shared, Need::Qos1, Need::Retain],
    run: |cx| Box::pin(no_retained(cx)),
};

async fn no_retained(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    publisher
        .publish_message(message(&topic, QoS::AtLeastOnce, b"kept").retained())
        .await?;
    let mut member = cx.client("member").await?;
    member
        .subscribe(&format!("$share/{}/{topic}", cx.id()), QoS::AtLeastOnce)
        .await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    let got = member.all_beside(b"end").await?;
    match copies(&got, b"kept").len() {
        0 => pass("no retained message, the live one came"),
        _ => fail("the retained message came"),
    }
}

const QOS: Check = Check {
    id: "shared/qos",
    title: "Delivery through a shared subscription respects the QoS of the member",
    expected: "QoS 1 published to a member with QoS 0 arrives with QoS 0.",
    v3_1_1: &[],
    v5_0: &["MQTT-4.8.2-3"],
    needs: SHARED,
    run: |cx| Box::pin(qos(cx)),
};

async fn qos(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut member = cx.client("member").await?;
    member
        .subscribe(&format!("$share/{}/{topic}", cx.id()), QoS::AtMostOnce)
        .await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"m").await?;
    match member.message().await? {
        Some(m) if m.qos == QoS::AtMostOnce => pass("it came with QoS 0"),
        Some(m) => fail(format!("it came with QoS {}", m.qos)),
        None => Err(crate::outcome::inconclusive(
            "the message did not arrive; shared/one-member judges that",
        )),
    }
}
