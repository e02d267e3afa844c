//! PUBLISH: what reaches the broker, and when it is done.

use crate::commands::adapter::cx::{Cx, Found, Trouble, message, outcome, wrong};
use squall_clients::{Binary, Doing, MessageProperties, Outcome, Publish};
use squall_protocol::{Packet, QoS, packet};

/// A large payload, in bytes.
pub(super) const MUCH: usize = 200 << 10;
/// Messages at once.
pub(super) const MANY: usize = 20;

/// The first PUBLISH with this payload that the broker saw.
async fn seen(cx: &Cx, payload: &Binary) -> Found<packet::Publish> {
    let found = |packet: &Packet| match packet {
        Packet::Publish(publish) if publish.payload == payload.0 => Some(publish.clone()),
        _ => None,
    };
    cx.saw("PUBLISH with this payload", found).await
}

/// Publishes, and compares what the broker saw.
async fn whole(cx: &mut Cx, publish: Publish) -> Found {
    cx.connected().await?;
    cx.published(publish.clone()).await?;
    let seen = seen(cx, &publish.payload).await?;
    if seen.topic.as_str() != publish.topic {
        return wrong(format!("the topic was `{}`", seen.topic.as_str()));
    }
    if (seen.qos, seen.retain, seen.dup) != (publish.qos, publish.retain, false) {
        return wrong(format!(
            "QoS {}, RETAIN {}, DUP {}",
            seen.qos, seen.retain, seen.dup
        ));
    }
    match MessageProperties::of(&seen.properties) == publish.properties {
        true => Ok(()),
        false => wrong(format!("the properties were {:?}", seen.properties)),
    }
}

pub(super) async fn qos_0(cx: &mut Cx) -> Found {
    whole(cx, message("nothing lost", QoS::AtMostOnce)).await
}

pub(super) async fn qos_1(cx: &mut Cx) -> Found {
    whole(cx, message("one", QoS::AtLeastOnce)).await
}

pub(super) async fn qos_2(cx: &mut Cx) -> Found {
    whole(cx, message("two", QoS::ExactlyOnce)).await?;
    // Done means that PUBCOMP came.
    let released = |packet: &Packet| matches!(packet, Packet::PubRel(_)).then_some(());
    match cx.stage.received(&cx.client).iter().find_map(released) {
        Some(()) => Ok(()),
        None => wrong("`done` came before PUBREL was sent"),
    }
}

pub(super) async fn retained(cx: &mut Cx) -> Found {
    let publish = Publish {
        retain: true,
        ..message("kept", QoS::AtLeastOnce)
    };
    whole(cx, publish).await
}

pub(super) async fn with_properties(cx: &mut Cx) -> Found {
    let properties = MessageProperties {
        payload_format_indicator: Some(1),
        message_expiry_interval: Some(60),
        content_type: Some("text/plain".into()),
        response_topic: Some("squall/answer".into()),
        correlation_data: Some(Binary::from(&b"\xff\x00"[..])),
        user_properties: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        ..MessageProperties::default()
    };
    let publish = Publish {
        properties,
        ..message("rich", QoS::AtLeastOnce)
    };
    whole(cx, publish).await
}

pub(super) async fn with_a_topic_alias(cx: &mut Cx) -> Found {
    let properties = MessageProperties {
        topic_alias: Some(3),
        ..MessageProperties::default()
    };
    let publish = Publish {
        properties,
        ..message("short", QoS::AtLeastOnce)
    };
    whole(cx, publish).await
}

pub(super) async fn bytes(cx: &mut Cx) -> Found {
    whole(cx, message(&b"\x00\xff\xfe\n\x80"[..], QoS::AtLeastOnce)).await
}

pub(super) async fn nothing(cx: &mut Cx) -> Found {
    whole(cx, message("", QoS::AtLeastOnce)).await
}

pub(super) async fn much(cx: &mut Cx) -> Found {
    whole(cx, message(vec![0xC3; MUCH], QoS::AtLeastOnce)).await
}

pub(super) async fn many(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let qos = |n: usize| [QoS::AtLeastOnce, QoS::AtMostOnce, QoS::ExactlyOnce][n % 3];
    let mut ids = Vec::new();
    for n in 0..MANY {
        let publish = message(format!("message {n}"), qos(n));
        ids.push(cx.adapter.send(Doing::Publish(Box::new(publish))));
    }
    for id in ids {
        cx.is_done(id, "publish").await?;
    }
    for n in 0..MANY {
        seen(cx, &format!("message {n}").into()).await?;
    }
    Ok(())
}

/// A message of QoS 0 without a connection is not done; it is lost, or the library keeps it for the next one.
pub(super) async fn to_nobody(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.done(Doing::Drop {}).await?;
    cx.ended().await?;
    let publish = message("lost or late", QoS::AtMostOnce);
    let id = cx.adapter.send(Doing::Publish(Box::new(publish)));
    if let Some(answer) = cx.soon(id).await? {
        return match answer {
            Outcome::Lost { .. } | Outcome::Failed { .. } => Ok(()),
            Outcome::Unsupported { what } => Err(Trouble::Unsupported(what)),
            other => wrong(format!(
                "without a connection it has to be `lost` or `failed`, not {}",
                outcome(&other)
            )),
        };
    }
    let mut connect = cx.plain();
    connect.clean_start = false;
    cx.connect(connect).await?;
    match cx.answer(id, "publish").await? {
        Outcome::Done { .. } => seen(cx, &"lost or late".into()).await.map(drop),
        _ => Ok(()),
    }
}
