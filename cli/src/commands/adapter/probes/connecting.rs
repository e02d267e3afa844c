//! CONNECT, and what becomes of it.

use crate::commands::adapter::{
    cx::{Cx, Found, TOPIC, Trouble, outcome, wrong},
    stage::Stage,
};
use serde_json::{Map, Value};
use squall_broker::Config;
use squall_clients::{Binary, Doing, MessageProperties, Outcome, Will};
use squall_protocol::{Packet, Property, QoS, ReasonCode, packet};
use std::net::{Ipv4Addr, TcpListener};

/// The CONNECT that the broker saw.
async fn seen(cx: &Cx) -> Found<packet::Connect> {
    let found = |packet: &Packet| match packet {
        Packet::Connect(connect) => Some((**connect).clone()),
        _ => None,
    };
    cx.saw("CONNECT", found).await
}

pub(super) async fn plainly(cx: &mut Cx) -> Found {
    if cx.connect(cx.plain()).await? {
        return wrong("Session Present is set, for a session that is new");
    }
    let seen = seen(cx).await?;
    if seen.version != cx.mqtt {
        return wrong(format!("CONNECT speaks {}", seen.version));
    }
    match (seen.clean_start, seen.keep_alive, &seen.will) {
        (true, 600, None) => Ok(()),
        (clean, keep_alive, will) => wrong(format!(
            "clean start {clean}, Keep Alive {keep_alive}, will {}, instead of true, 600 and none",
            will.is_some()
        )),
    }
}

pub(super) async fn with_an_invented_option(cx: &mut Cx) -> Found {
    let plain = serde_json::to_value(Doing::Connect(Box::new(cx.plain())));
    let mut fields: Map<String, Value> = match plain {
        Ok(Value::Object(fields)) => fields,
        _ => return wrong("Squall could not write the operation"),
    };
    fields.shift_remove("do");
    fields.insert("squall_invented_this".to_owned(), 1.into());
    let id = cx.adapter.send_raw("connect", fields);
    match cx.answer(id, "connect").await {
        Err(Trouble::Unsupported(_)) if cx.stage.connections(&cx.client) > 0 => {
            wrong("`unsupported`, but it connected all the same")
        }
        Err(Trouble::Unsupported(_)) => Ok(()),
        Err(other) => Err(other),
        Ok(other) => wrong(format!(
            "an option that the adapter does not know has to be `unsupported`, not {}",
            outcome(&other)
        )),
    }
}

pub(super) async fn to_nobody(cx: &mut Cx) -> Found {
    let mut connect = cx.plain();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
    match free {
        Ok(address) => connect.port = address.port(),
        Err(error) => return wrong(format!("Squall found no free port: {error}")),
    }
    match cx.ask(Doing::Connect(Box::new(connect))).await? {
        Outcome::Lost { .. } => cx.silent().await,
        other => wrong(format!("it has to be `lost`, not {}", outcome(&other))),
    }
}

pub(super) async fn and_be_refused(cx: &mut Cx) -> Found {
    // A broker that keeps no session refuses everybody.
    let config = Config {
        max_sessions: 0,
        ..Config::default()
    };
    match Stage::open(config).await {
        Ok(stage) => cx.stage = stage,
        Err(error) => return wrong(format!("Squall's broker did not start: {error}")),
    }
    let wanted = ReasonCode(if cx.is_v5() { 0x97 } else { 0x03 });
    let connect = Doing::Connect(Box::new(cx.plain()));
    match cx.ask(connect).await? {
        Outcome::Refused { reason } if reason == wanted => cx.silent().await,
        other => wrong(format!(
            "it has to be `refused` (0x{:02X}), not {}",
            wanted.0,
            outcome(&other)
        )),
    }
}

pub(super) async fn twice(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let connect = Doing::Connect(Box::new(cx.plain()));
    match cx.ask(connect).await? {
        Outcome::Failed { .. } => cx.silent().await,
        other => wrong(format!("it has to be `failed`, not {}", outcome(&other))),
    }
}

pub(super) async fn with_credentials(cx: &mut Cx) -> Found {
    let mut connect = cx.plain();
    connect.user_name = Some("someone".into());
    connect.password = Some("pässword".into());
    cx.connect(connect).await?;
    let seen = seen(cx).await?;
    let name = seen.user_name.as_ref().map(|name| name.as_str());
    match name == Some("someone") && seen.password.as_deref() == Some("pässword".as_bytes()) {
        true => Ok(()),
        false => wrong("CONNECT has another user name or password"),
    }
}

pub(super) async fn with_a_will(cx: &mut Cx) -> Found {
    will(cx, None, MessageProperties::default()).await
}

pub(super) async fn with_a_rich_will(cx: &mut Cx) -> Found {
    let properties = MessageProperties {
        message_expiry_interval: Some(60),
        content_type: Some("text/plain".into()),
        response_topic: Some("squall/answer".into()),
        correlation_data: Some(Binary::from(&b"\xff\x00"[..])),
        user_properties: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        ..MessageProperties::default()
    };
    will(cx, Some(5), properties).await
}

async fn will(cx: &mut Cx, delay: Option<u32>, properties: MessageProperties) -> Found {
    let mut connect = cx.plain();
    connect.will = Some(Will {
        topic: TOPIC.into(),
        payload: "gone".into(),
        qos: QoS::AtLeastOnce,
        retain: true,
        will_delay_interval: delay,
        properties: properties.clone(),
    });
    cx.connect(connect).await?;
    let Some(seen) = seen(cx).await?.will else {
        return wrong("CONNECT has no will");
    };
    let plain = (
        seen.topic.as_str(),
        &seen.payload[..],
        seen.qos,
        seen.retain,
    ) == (TOPIC, &b"gone"[..], QoS::AtLeastOnce, true);
    let mut theirs = seen.properties;
    let same_delay = theirs.iter().find_map(|p| match p {
        Property::WillDelayInterval(delay) => Some(*delay),
        _ => None,
    }) == delay;
    theirs.remove(squall_protocol::PropertyId::WILL_DELAY_INTERVAL);
    match plain && same_delay && MessageProperties::of(&theirs) == properties {
        true => Ok(()),
        false => wrong("CONNECT has another will"),
    }
}

/// Connects with something, which CONNECT has to have as a property.
async fn with(
    cx: &mut Cx,
    ask: impl FnOnce(&mut squall_clients::Connect),
    wanted: &[Property],
) -> Found {
    let mut connect = cx.plain();
    ask(&mut connect);
    cx.connect(connect).await?;
    let seen = seen(cx).await?;
    let found: Vec<&Property> = seen.properties.iter().collect();
    match wanted.iter().all(|property| found.contains(&property)) {
        true => Ok(()),
        false => wrong(format!("CONNECT has no {}", wanted[0].spec().name)),
    }
}

pub(super) async fn with_session_expiry(cx: &mut Cx) -> Found {
    let wanted = [Property::SessionExpiryInterval(77)];
    with(cx, |c| c.session_expiry_interval = Some(77), &wanted).await
}

pub(super) async fn with_receive_maximum(cx: &mut Cx) -> Found {
    let wanted = [Property::ReceiveMaximum(7)];
    with(cx, |c| c.receive_maximum = Some(7), &wanted).await
}

pub(super) async fn with_maximum_packet_size(cx: &mut Cx) -> Found {
    let wanted = [Property::MaximumPacketSize(4096)];
    with(cx, |c| c.maximum_packet_size = Some(4096), &wanted).await
}

pub(super) async fn with_topic_alias_maximum(cx: &mut Cx) -> Found {
    let wanted = [Property::TopicAliasMaximum(5)];
    with(cx, |c| c.topic_alias_maximum = Some(5), &wanted).await
}

pub(super) async fn with_user_properties(cx: &mut Cx) -> Found {
    let wanted = [
        Property::UserProperty("a".into(), "1".into()),
        Property::UserProperty("a".into(), "2".into()),
    ];
    let ask = |c: &mut squall_clients::Connect| {
        c.user_properties = vec![("a".into(), "1".into()), ("a".into(), "2".into())];
    };
    with(cx, ask, &wanted).await
}
