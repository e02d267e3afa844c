//! Topic aliases (section 3.3.2.3.4 of 5.0).

use super::{
    Check, Need,
    qos::{copies, has},
};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, fail, inconclusive, pass},
    party::Client,
    reaction::{judge, reaction},
};
use squall_protocol::{Packet, Property, QoS, packet::Publish};

pub(super) const CHECKS: &[Check] = &[
    USED,
    LARGEST,
    ZERO,
    BEYOND_MAXIMUM,
    UNKNOWN,
    FORGOTTEN,
    NONE_TO_CLIENT,
    WITHIN_CLIENT_MAXIMUM,
];

/// The control: a message without an alias goes through.
async fn pair<'a>(cx: &'a Cx, topics: &[&str]) -> Result<(Client<'a>, Client<'a>), Outcome> {
    let mut sub = cx.client("subscriber").await?;
    let mut publisher = cx.client("publisher").await?;
    for topic in topics {
        sub.subscribe(topic, QoS::AtLeastOnce).await?;
        sub.hears(&mut publisher, topic, QoS::AtLeastOnce).await?;
    }
    Ok((publisher, sub))
}

/// With QoS 1: a message of QoS 0 may be lost, and nothing would follow from it.
async fn delivered(
    publisher: &mut Client<'_>,
    topic: &str,
    alias: u16,
    payload: &[u8],
) -> Result<(), Outcome> {
    let publish = message(topic, QoS::AtLeastOnce, payload).with(Property::TopicAlias(alias));
    publisher.publish_message(publish).await
}

/// With QoS 0, where the server may close the connection for it.
async fn aliased(
    publisher: &mut Client<'_>,
    topic: &str,
    alias: u16,
    payload: &[u8],
) -> Result<(), Outcome> {
    let publish = message(topic, QoS::AtMostOnce, payload).with(Property::TopicAlias(alias));
    publisher.send(&Packet::Publish(publish)).await
}

const USED: Check = Check {
    id: "alias/used",
    title: "A Topic Alias stands for the topic it was set for",
    expected: "A message with the alias alone is delivered on the topic; setting the alias anew changes it.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-12", "X-5.0-alias-2"],
    needs: &[Need::TopicAlias, Need::Qos1],
    run: |cx| Box::pin(used(cx)),
};

async fn used(cx: &Cx) -> Judged {
    let (one, two) = (cx.topic("one"), cx.topic("two"));
    let (mut publisher, mut sub) = pair(cx, &[&one, &two]).await?;
    delivered(&mut publisher, &one, 1, b"set to one").await?;
    delivered(&mut publisher, "", 1, b"used for one").await?;
    delivered(&mut publisher, &two, 1, b"set to two").await?;
    delivered(&mut publisher, "", 1, b"used for two").await?;
    // Two topics: nothing orders them, so each is waited for.
    let both = |all: &[Publish]| has(all, b"used for one") && has(all, b"used for two");
    let got = sub.gathered(both).await?;
    for (payload, topic) in [(&b"used for one"[..], &one), (b"used for two", &two)] {
        match copies(&got, payload)[..] {
            [m, ..] if m.topic == topic.as_str() => {}
            [m, ..] => return fail(format!("`{}` got what was meant for `{topic}`", m.topic)),
            _ => {
                return fail(format!(
                    "the message with the alias alone did not reach `{topic}`"
                ));
            }
        }
    }
    pass("the alias stood for both topics in turn")
}

const LARGEST: Check = Check {
    id: "alias/largest",
    title: "The largest Topic Alias the server allows is accepted",
    expected: "A message under the announced Topic Alias Maximum is delivered.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-12"],
    needs: &[Need::TopicAlias, Need::Qos1],
    run: |cx| Box::pin(largest(cx)),
};

async fn largest(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, mut sub) = pair(cx, &[&topic]).await?;
    let max = publisher
        .connack
        .properties
        .topic_alias_maximum()
        .unwrap_or(1);
    delivered(&mut publisher, &topic, max, b"set").await?;
    delivered(&mut publisher, "", max, b"used").await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    let got = sub.messages_to(b"end").await?;
    match copies(&got, b"used").len() {
        1 => pass(format!("alias {max} was accepted")),
        n => fail(format!(
            "a message under alias {max} was delivered {n} times"
        )),
    }
}

const ZERO: Check = Check {
    id: "alias/zero",
    title: "Topic Alias 0",
    expected: "The server closes the connection, with DISCONNECT 0x94 before it.",
    v3_1_1: &[],
    v5_0: &["X-5.0-alias-3", "MQTT-3.3.2-8"],
    needs: &[],
    run: |cx| Box::pin(refused(cx, Some(0), true)),
};

const BEYOND_MAXIMUM: Check = Check {
    id: "alias/beyond-maximum",
    title: "A Topic Alias above the server's Topic Alias Maximum",
    expected: "The server closes the connection, with DISCONNECT 0x94 before it.",
    v3_1_1: &[],
    v5_0: &["X-5.0-alias-3", "MQTT-3.3.2-9", "MQTT-3.2.2-17"],
    needs: &[],
    run: |cx| Box::pin(refused(cx, None, true)),
};

const UNKNOWN: Check = Check {
    id: "alias/unknown",
    title: "An empty Topic Name with a Topic Alias that was never set",
    expected: "The server closes the connection, with DISCONNECT 0x82 before it.",
    v3_1_1: &[],
    v5_0: &["X-5.0-alias-4"],
    needs: &[Need::TopicAlias],
    run: |cx| Box::pin(refused(cx, Some(1), false)),
};

/// `None` is one more than the server allows.
async fn refused(cx: &Cx, alias: Option<u16>, with_topic: bool) -> Judged {
    let topic = cx.topic("t");
    let (mut publisher, _sub) = pair(cx, &[&topic]).await?;
    let max = publisher
        .connack
        .properties
        .topic_alias_maximum()
        .unwrap_or(0);
    let alias = match alias {
        Some(alias) => alias,
        None => match max.checked_add(1) {
            Some(alias) => alias,
            None => {
                return Err(crate::outcome::not_applicable(
                    "the server allows every Topic Alias",
                ));
            }
        },
    };
    let name = if with_topic { topic.as_str() } else { "" };
    aliased(&mut publisher, name, alias, b"m").await?;
    let reaction = reaction(cx, &mut publisher.probe).await?;
    judge(cx, &reaction, cx.main, false)
}

const FORGOTTEN: Check = Check {
    id: "alias/forgotten",
    title: "Topic Aliases do not outlive the connection",
    expected: "After a reconnect the alias means nothing; the server closes the connection.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-7"],
    needs: &[Need::TopicAlias],
    run: |cx| Box::pin(forgotten(cx)),
};

async fn forgotten(cx: &Cx) -> Judged {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let mut sub = cx.client("subscriber").await?;
    sub.subscribe(&topic, QoS::AtMostOnce).await?;
    let mut publisher = cx.dial("publisher").id(&id).kept().go().await?;
    aliased(&mut publisher, &topic, 1, b"set").await?;
    aliased(&mut publisher, "", 1, b"used").await?;
    if copies(&sub.messages_to(b"used").await?, b"used").is_empty() {
        return Err(inconclusive(
            "the alias does not work; alias/used judges that",
        ));
    }
    publisher.bye().await;
    let mut again = cx.dial("publisher again").id(&id).kept().go().await?;
    again.fence().await?;
    aliased(&mut again, "", 1, b"stale").await?;
    let reaction = reaction(cx, &mut again.probe).await?;
    judge(cx, &reaction, cx.main, false)
}

const NONE_TO_CLIENT: Check = Check {
    id: "alias/none-to-client",
    title: "Without a Topic Alias Maximum the server uses no aliases",
    expected: "No Topic Alias in the messages of a client that announced none.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-27"],
    needs: &[],
    run: |cx| Box::pin(to_client(cx, None)),
};

const WITHIN_CLIENT_MAXIMUM: Check = Check {
    id: "alias/within-client-maximum",
    title: "The server keeps to the client's Topic Alias Maximum",
    expected: "Aliases of at most 2 where the client announced 2, and topics that can be told from them.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-26", "MQTT-3.3.2-11"],
    needs: &[],
    run: |cx| Box::pin(to_client(cx, Some(2))),
};

async fn to_client(cx: &Cx, maximum: Option<u16>) -> Judged {
    let mut publisher = cx.client("publisher").await?;
    let mut dial = cx.dial("subscriber");
    if let Some(maximum) = maximum {
        dial = dial.property(Property::TopicAliasMaximum(maximum));
    }
    let mut sub = dial.go().await?;
    let topics: Vec<String> = (0..5).map(|n| cx.topic(&format!("{n}"))).collect();
    for topic in &topics {
        sub.subscribe(topic, QoS::AtMostOnce).await?;
    }
    let mut known: Vec<(u16, String)> = Vec::new();
    for round in 0..2 {
        for topic in &topics {
            let payload = format!("{round} {topic}");
            publisher
                .publish(topic, QoS::AtMostOnce, payload.as_bytes())
                .await?;
            let got = sub.messages_to(payload.as_bytes()).await?;
            let Some(m) = got.last() else {
                return Err(inconclusive("an ordinary message did not arrive"));
            };
            let alias = m.properties.topic_alias();
            if let Some(beyond) = alias.filter(|a| *a > maximum.unwrap_or(0)) {
                return fail(format!(
                    "alias {beyond} came where {} is the maximum",
                    maximum.unwrap_or(0)
                ));
            }
            if let Some(alias) = alias.filter(|_| !m.topic.is_empty()) {
                known.retain(|(a, _)| *a != alias);
                known.push((alias, m.topic.to_string()));
            }
            let meant = match alias.filter(|_| m.topic.is_empty()) {
                Some(alias) => known
                    .iter()
                    .find(|(a, _)| *a == alias)
                    .map(|(_, t)| t.clone()),
                None => Some(m.topic.to_string()),
            };
            if meant.as_ref() != Some(topic) {
                return crate::outcome::fail_on(
                    &["X-5.0-alias-2"],
                    format!("a message on `{topic}` came as {meant:?}"),
                );
            }
        }
    }
    match known.len() {
        0 => pass("ten messages, no alias"),
        n => pass(format!("ten messages, {n} aliases within the maximum")),
    }
}
