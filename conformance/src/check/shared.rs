//! Shared subscriptions (section 4.8.2 of 5.0).

use super::{Check, Need, qos::copies};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, fail, fail_at, inconclusive, pass},
    party::Client,
};
use squall_protocol::{
    Packet, QoS, ReasonCode,
    packet::{Ack, Publish},
};

const SHARED: &[Need] = &[Need::Shared, Need::Qos1];

pub(super) const CHECKS: &[Check] = &[
    ONE_MEMBER,
    GROUPS_INDEPENDENT,
    NO_RETAINED,
    QOS,
    REFUSED_NOT_OFFERED,
    QOS_2_STAYS,
];

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

/// Two members of one group, of which one is sent `payload` and does not acknowledge it: that one first.
async fn chosen<'a>(
    cx: &'a Cx,
    publisher: &mut Client<'_>,
    qos: QoS,
) -> Result<(Client<'a>, Client<'a>, Publish), Outcome> {
    let topic = cx.topic("t");
    let filter = format!("$share/{}/{topic}", cx.id());
    let (mut one, mut two) = (
        cx.client("member one").await?,
        cx.client("member two").await?,
    );
    for member in [&mut one, &mut two] {
        member.subscribe(&filter, qos).await?;
        member.withhold();
    }
    let (published, first) = tokio::join!(publisher.publish(&topic, qos, b"m"), async {
        tokio::select! {
            biased;
            got = one.message() => got.map(|m| (true, m)),
            got = two.message() => got.map(|m| (false, m)),
        }
    });
    published?;
    let (chosen, mut other, publish) = match first? {
        (true, Some(publish)) => (one, two, publish),
        (false, Some(publish)) => (two, one, publish),
        (_, None) => {
            return Err(inconclusive(
                "the message reached no member; shared/one-member judges that",
            ));
        }
    };
    match other.quiet().await?.is_empty() {
        true => Ok((chosen, other, publish)),
        false => Err(inconclusive(
            "both members got the message at once; shared/one-member judges that",
        )),
    }
}

/// The message does not come to this member, neither at once nor with a later one.
async fn not_offered(
    cx: &Cx,
    publisher: &mut Client<'_>,
    other: &mut Client<'_>,
    why: &str,
) -> Judged {
    let mut got = other.quiet().await?;
    other.answers = true;
    publisher
        .publish(&cx.topic("t"), QoS::AtMostOnce, b"end")
        .await?;
    got.extend(other.quiet().await?);
    match got.iter().find(|m| m.payload == b"m"[..]) {
        Some(again) => fail_at(
            &Packet::Publish(again.clone()),
            format!("the message came to the other member after {why}"),
        ),
        None => pass(format!("nobody else got the message after {why}")),
    }
}

const REFUSED_NOT_OFFERED: Check = Check {
    id: "shared/refused-not-offered",
    title: "A message that a member refuses is offered to no other",
    expected: "After PUBACK 0x83 of the chosen member the other one gets nothing.",
    v3_1_1: &[],
    v5_0: &["MQTT-4.8.2-6"],
    needs: SHARED,
    run: |cx| Box::pin(refused_not_offered(cx)),
};

async fn refused_not_offered(cx: &Cx) -> Judged {
    let mut publisher = cx.client("publisher").await?;
    let (mut chosen, mut other, publish) = chosen(cx, &mut publisher, QoS::AtLeastOnce).await?;
    let id = publish
        .packet_id
        .ok_or_else(|| inconclusive("it came with QoS 0"))?;
    let mut refusal = Ack::success(id);
    refusal.reason = ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR;
    chosen.send(&Packet::PubAck(refusal)).await?;
    chosen.fence().await?;
    not_offered(
        cx,
        &mut publisher,
        &mut other,
        "PUBACK 0x83 of the chosen one",
    )
    .await
}

const QOS_2_STAYS: Check = Check {
    id: "shared/2-stays-with-its-member",
    title: "A QoS 2 message that was begun with a member goes to no other",
    expected: "After the end of the chosen member's session the other one gets nothing.",
    v3_1_1: &[],
    v5_0: &["MQTT-4.8.2-5"],
    needs: &[Need::Shared, Need::Qos2],
    run: |cx| Box::pin(qos_2_stays(cx)),
};

async fn qos_2_stays(cx: &Cx) -> Judged {
    let mut publisher = cx.client("publisher").await?;
    let (chosen, mut other, publish) = chosen(cx, &mut publisher, QoS::ExactlyOnce).await?;
    if publish.qos != QoS::ExactlyOnce {
        return Err(inconclusive("it came with a lower QoS"));
    }
    // Its session has no expiry, and ends with the connection.
    chosen.cut().await;
    not_offered(
        cx,
        &mut publisher,
        &mut other,
        "the end of the chosen one's session",
    )
    .await
}
