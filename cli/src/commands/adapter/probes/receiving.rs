//! SUBSCRIBE, and what is handed to the application.

use super::publishing::{MANY, MUCH};
use crate::commands::adapter::cx::{Cx, Found, TOPIC, Trouble, codes, wrong};
use squall_client::Message;
use squall_clients::{
    Acknowledge, Binary, Delivered, Doing, MessageProperties, Subscribe, Subscription, Unsubscribe,
};
use squall_protocol::{Packet, QoS, ReasonCode, packet};
use std::time::Duration;
use tokio::time::sleep;

/// How long an acknowledgement is waited for that must not come.
const SILENCE: Duration = Duration::from_millis(200);

/// Filters of one SUBSCRIBE.
pub(super) const SEVERAL: [(&str, QoS); 2] = [
    ("squall/a/+", QoS::ExactlyOnce),
    ("squall/#", QoS::AtMostOnce),
];

async fn seen(cx: &Cx) -> Found<packet::Subscribe> {
    let found = |packet: &Packet| match packet {
        Packet::Subscribe(subscribe) => Some(subscribe.clone()),
        _ => None,
    };
    cx.saw("SUBSCRIBE", found).await
}

pub(super) async fn subscribe(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    let seen = seen(cx).await?;
    let filter = seen.subscriptions[0].filter.as_str();
    match (filter == TOPIC, seen.subscriptions[0].qos) {
        (true, QoS::ExactlyOnce) => Ok(()),
        (_, qos) => wrong(format!("SUBSCRIBE asks for `{filter}` with QoS {qos}")),
    }
}

pub(super) async fn several(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let subscriptions = SEVERAL.map(|(filter, qos)| Subscription::new(filter, qos));
    let reasons = ask(cx, subscriptions.into(), None).await?;
    match reasons[..] == [ReasonCode(2), ReasonCode(0)] {
        true => Ok(()),
        false => wrong(format!("the reason codes were {}", codes(&reasons))),
    }
}

async fn ask(
    cx: &mut Cx,
    subscriptions: Vec<Subscription>,
    subscription_identifier: Option<u32>,
) -> Found<Vec<ReasonCode>> {
    let subscribe = Subscribe {
        subscriptions,
        subscription_identifier,
        user_properties: Vec::new(),
    };
    cx.done(Doing::Subscribe(subscribe)).await
}

pub(super) async fn with_options(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let subscription = Subscription {
        no_local: true,
        retain_as_published: true,
        retain_handling: Some(2),
        ..Subscription::new(TOPIC, QoS::AtLeastOnce)
    };
    ask(cx, vec![subscription], None).await?;
    let seen = seen(cx).await?;
    let one = &seen.subscriptions[0];
    match (
        one.no_local,
        one.retain_as_published,
        one.retain_handling as u8,
    ) {
        (true, true, 2) => Ok(()),
        other => wrong(format!(
            "No Local, Retain As Published, Retain Handling: {other:?}"
        )),
    }
}

pub(super) async fn with_an_identifier(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let subscription = Subscription::new(TOPIC, QoS::AtLeastOnce);
    ask(cx, vec![subscription], Some(300)).await?;
    cx.somebody_publishes(Message::new(TOPIC, "identified", QoS::AtLeastOnce))
        .await?;
    let identifiers = cx.delivered().await?.properties.subscription_identifiers;
    match identifiers[..] {
        [300] => Ok(()),
        _ => wrong(format!(
            "it was delivered with the identifiers {identifiers:?}"
        )),
    }
}

pub(super) async fn unsubscribe(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    let unsubscribe = Unsubscribe {
        topic_filters: vec![TOPIC.to_owned()],
        user_properties: Vec::new(),
    };
    let reasons = cx.done(Doing::Unsubscribe(unsubscribe)).await?;
    if !reasons.iter().all(|reason| *reason == ReasonCode(0)) {
        return wrong(format!("the reason codes were {}", codes(&reasons)));
    }
    cx.somebody_publishes(Message::new(TOPIC, "late", QoS::AtLeastOnce))
        .await?;
    cx.silent().await
}

/// Subscribes, has somebody publish, and compares what is delivered.
async fn whole(cx: &mut Cx, message: Message) -> Found<Delivered> {
    cx.somebody_publishes(message.clone()).await?;
    let came = cx.delivered().await?;
    if came.topic != message.topic.as_str() || came.payload.0 != message.payload {
        let bytes = came.payload.0.len();
        return wrong(format!("on `{}` came other {bytes} bytes", came.topic));
    }
    if (came.qos, came.retain) != (message.qos, false) || came.dup == Some(true) {
        return wrong(format!(
            "QoS {}, RETAIN {}, DUP {:?}",
            came.qos, came.retain, came.dup
        ));
    }
    Ok(came)
}

pub(super) async fn each_qos(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    for (qos, payload) in [
        (QoS::AtMostOnce, "zero"),
        (QoS::AtLeastOnce, "one"),
        (QoS::ExactlyOnce, "two"),
    ] {
        whole(cx, Message::new(TOPIC, payload, qos)).await?;
    }
    Ok(())
}

pub(super) async fn properties(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    let properties = MessageProperties {
        payload_format_indicator: Some(1),
        content_type: Some("text/plain".into()),
        response_topic: Some("squall/answer".into()),
        correlation_data: Some(Binary::from(&b"\xff\x00"[..])),
        user_properties: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        ..MessageProperties::default()
    };
    let mut message = Message::new(TOPIC, "rich", QoS::AtLeastOnce);
    match properties.to_properties() {
        Ok(packed) => message.properties = packed,
        Err(error) => return wrong(error.to_string()),
    }
    let came = whole(cx, message).await?.properties;
    if came == properties {
        return Ok(());
    }
    // What a library does not tell is missing, and nothing else may be.
    let keys =
        |properties: &MessageProperties| serde_json::to_value(properties).unwrap_or_default();
    let (asked, told) = (keys(&properties), keys(&came));
    let mut silent = Vec::new();
    for (name, value) in asked.as_object().into_iter().flatten() {
        match told.get(name) {
            None => silent.push(name.as_str()),
            Some(same) if same == value => {}
            Some(other) => return wrong(format!("{name} was {other}")),
        }
    }
    match silent[..] {
        [] => wrong(format!("they were {told}")),
        _ => Err(Trouble::Unsupported(format!(
            "the library does not tell {}",
            silent.join(", ")
        ))),
    }
}

pub(super) async fn retained(cx: &mut Cx) -> Found {
    let kept = Message {
        retain: true,
        ..Message::new(TOPIC, "kept", QoS::AtLeastOnce)
    };
    cx.somebody_publishes(kept).await?;
    cx.connected().await?;
    cx.subscribed().await?;
    let came = cx.delivered().await?;
    match came.retain {
        true => Ok(()),
        false => wrong("RETAIN was not set"),
    }
}

pub(super) async fn bytes(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    let payload = &b"\x00\xff\xfe\n\x80"[..];
    whole(cx, Message::new(TOPIC, payload, QoS::AtLeastOnce)).await?;
    Ok(())
}

pub(super) async fn much(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    let payload = vec![0xC3; MUCH];
    cx.somebody_publishes(Message::new(TOPIC, payload.clone(), QoS::AtLeastOnce))
        .await?;
    let came = cx.taken().await?.payload.0;
    match came == payload {
        true => Ok(()),
        false => wrong(format!("{} bytes came, or other ones", came.len())),
    }
}

pub(super) async fn in_order(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.subscribed().await?;
    for n in 0..MANY {
        cx.somebody_publishes(Message::new(TOPIC, n.to_string(), QoS::AtLeastOnce))
            .await?;
    }
    for n in 0..MANY {
        let came = cx.delivered().await?.payload.0;
        if came != n.to_string() {
            let came = String::from_utf8_lossy(&came).into_owned();
            return wrong(format!("message {n} was `{came}`"));
        }
    }
    Ok(())
}

pub(super) async fn acknowledge(cx: &mut Cx) -> Found {
    let mut connect = cx.plain();
    connect.manual_acknowledgement = true;
    cx.connect(connect).await?;
    cx.subscribed().await?;
    let message = Message::new(TOPIC, "by hand", QoS::AtLeastOnce);
    let came = whole(cx, message).await?;
    let Some(handle) = came.handle else {
        return wrong("it was delivered without a handle");
    };
    // Absence can only be waited for.
    sleep(SILENCE).await;
    let acknowledged = |packet: &Packet| matches!(packet, Packet::PubAck(_)).then_some(());
    if cx
        .stage
        .received(&cx.client)
        .iter()
        .any(|p| acknowledged(p).is_some())
    {
        return wrong("PUBACK was sent before anybody asked for it");
    }
    cx.done(Doing::Acknowledge(Acknowledge { handle })).await?;
    cx.saw("PUBACK", acknowledged).await?;
    // The library may tell.
    cx.acknowledged(handle).await
}
