//! How a connection ends, and what comes after it.

use crate::commands::adapter::cx::{Cx, Found, TOPIC, outcome, wrong};
use squall_broker::CloseCause;
use squall_client::Message;
use squall_clients::{Disconnect, Doing, Outcome};
use squall_protocol::{Packet, QoS, ReasonCode, packet};

/// Disconnects, and gives the DISCONNECT that the broker saw.
async fn left(cx: &mut Cx, disconnect: Disconnect) -> Found<packet::Disconnect> {
    cx.done(Doing::Disconnect(disconnect)).await?;
    cx.ended().await?;
    let found = |packet: &Packet| match packet {
        Packet::Disconnect(disconnect) => Some(disconnect.clone()),
        _ => None,
    };
    cx.saw("DISCONNECT", found).await
}

pub(super) async fn disconnect(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let seen = left(cx, Disconnect::default()).await?;
    match seen.reason {
        ReasonCode(0) => Ok(()),
        reason => wrong(format!("DISCONNECT says {reason}")),
    }
}

pub(super) async fn with_a_reason(cx: &mut Cx) -> Found {
    cx.connected().await?;
    let reason = ReasonCode(0x04);
    let disconnect = Disconnect {
        reason: Some(reason),
        ..Disconnect::default()
    };
    let seen = left(cx, disconnect).await?;
    match seen.reason == reason {
        true => Ok(()),
        false => wrong(format!("DISCONNECT says {}, not {reason}", seen.reason)),
    }
}

pub(super) async fn with_session_expiry(cx: &mut Cx) -> Found {
    let mut connect = cx.plain();
    connect.session_expiry_interval = Some(60);
    cx.connect(connect).await?;
    let disconnect = Disconnect {
        session_expiry_interval: Some(5),
        ..Disconnect::default()
    };
    let seen = left(cx, disconnect).await?;
    match seen.properties.session_expiry_interval() {
        Some(5) => Ok(()),
        other => wrong(format!("DISCONNECT has {other:?}, not 5 s")),
    }
}

/// Closes the connection without DISCONNECT, and sees that the broker saw it so.
async fn dropped(cx: &mut Cx) -> Found {
    cx.done(Doing::Drop {}).await?;
    cx.ended().await?;
    match cx.closed().await? {
        CloseCause::Peer(_) => Ok(()),
        other => wrong(format!("at the broker it looked otherwise: {other}")),
    }
}

pub(super) async fn drop_and_connect(cx: &mut Cx) -> Found {
    cx.connected().await?;
    dropped(cx).await?;
    cx.connected().await?;
    match cx.stage.connections(&cx.client) {
        2 => Ok(()),
        other => wrong(format!("the broker saw {other} connections, not 2")),
    }
}

pub(super) async fn resume(cx: &mut Cx) -> Found {
    let mut connect = cx.plain();
    connect.clean_start = false;
    connect.session_expiry_interval = cx.is_v5().then_some(600);
    if cx.connect(connect.clone()).await? {
        return wrong("Session Present is set, for a session that is new");
    }
    cx.subscribed().await?;
    dropped(cx).await?;
    cx.somebody_publishes(Message::new(TOPIC, "missed", QoS::AtLeastOnce))
        .await?;
    if !cx.connect(connect).await? {
        return wrong("Session Present is not set");
    }
    let came = cx.delivered().await?.payload.0;
    match came == "missed" {
        true => Ok(()),
        false => wrong("another message was delivered"),
    }
}

pub(super) async fn broker_vanishes(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.stage.vanish().await;
    cx.ended().await?;
    cx.silent().await?;
    let connect = Doing::Connect(Box::new(cx.plain()));
    match cx.ask(connect).await? {
        Outcome::Lost { .. } => Ok(()),
        other => wrong(format!(
            "the next `connect` was {}, not `lost`",
            outcome(&other)
        )),
    }
}

pub(super) async fn broker_shuts_down(cx: &mut Cx) -> Found {
    cx.connected().await?;
    cx.stage.shut_down().await;
    match cx.ended().await? {
        // Not every library tells.
        None | Some(ReasonCode(0x8B)) => Ok(()),
        Some(reason) => wrong(format!("`ended` says {reason}, where the broker said 0x8B")),
    }
}
