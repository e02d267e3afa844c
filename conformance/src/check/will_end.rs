//! Ends of a connection that no DISCONNECT 0x00 came before: the will is published after each (section 3.1.2.5).

use super::{Check, Need, qos::pair};
use crate::{
    cx::Cx,
    outcome::{Judged, Outcome, fail, inconclusive, pass},
    party::Client,
};
use squall_protocol::{QoS, ReasonCode, packet::Disconnect};
use std::time::Duration;

pub(super) const CHECKS: &[Check] = &[ON_ERROR_DISCONNECT, ON_TAKEOVER, ON_KEEP_ALIVE];

/// The will of a connection that is lost comes: what is missing after another end is not wills as such.
async fn comes_at_all(cx: &Cx, sub: &mut Client<'_>, topic: &str) -> Result<(), Outcome> {
    let lost = cx
        .dial("lost client")
        .will(topic, b"control", QoS::AtLeastOnce)
        .go()
        .await?;
    lost.cut().await;
    match sub.message().await? {
        Some(_) => Ok(()),
        None => Err(inconclusive(
            "the will of a lost connection does not come; will/on-drop judges that",
        )),
    }
}

/// Judges whether it has come.
async fn came(cx: &Cx, sub: &mut Client<'_>, end: &str) -> Judged {
    let got = sub
        .gathered(|all| all.iter().any(|m| m.payload == b"last words"[..]))
        .await?;
    match got.iter().any(|m| m.payload == b"last words"[..]) {
        true => pass("the will came"),
        false => fail(format!("no will within {:?} of {end}", cx.wait())),
    }
}

const ON_ERROR_DISCONNECT: Check = Check {
    id: "will/on-error-disconnect",
    title: "DISCONNECT with an error code does not remove the will",
    expected: "The will message after DISCONNECT 0x80.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-8", "X-5.0-will-4"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(on_error_disconnect(cx)),
};

async fn on_error_disconnect(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = pair(cx, &topic, QoS::AtLeastOnce).await?;
    comes_at_all(cx, &mut sub, &topic).await?;
    let mut client = cx
        .dial("client")
        .will(&topic, b"last words", QoS::AtLeastOnce)
        .go()
        .await?;
    client.fence().await?;
    client
        .bye_with(Disconnect::with_reason(ReasonCode::UNSPECIFIED_ERROR))
        .await?;
    came(cx, &mut sub, "DISCONNECT 0x80").await
}

const ON_TAKEOVER: Check = Check {
    id: "will/on-takeover",
    title: "The will of a connection that another one takes over is published",
    expected: "The will message of the first connection, whose client sent no DISCONNECT.",
    v3_1_1: &["MQTT-3.1.2-8"],
    v5_0: &["MQTT-3.1.2-8", "X-5.0-will-11"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(on_takeover(cx)),
};

async fn on_takeover(cx: &Cx) -> Judged {
    let (topic, id) = (cx.topic("will"), cx.id());
    let (_publisher, mut sub) = pair(cx, &topic, QoS::AtLeastOnce).await?;
    comes_at_all(cx, &mut sub, &topic).await?;
    let mut first = cx
        .dial("client")
        .id(&id)
        .will(&topic, b"last words", QoS::AtLeastOnce)
        .go()
        .await?;
    first.fence().await?;
    // Clean: the session of the first ends with it, so nothing is waited for.
    let mut second = cx.dial("client, second").id(&id).go().await?;
    second.fence().await?;
    if first.probe.expect_close(cx.wait()).await.close.is_none() {
        return Err(inconclusive(
            "the older connection is still open; connect/takeover judges that",
        ));
    }
    came(cx, &mut sub, "the takeover").await
}

const ON_KEEP_ALIVE: Check = Check {
    id: "will/on-keep-alive",
    title: "The will is published when the client is silent for too long",
    expected: "The will message after the server has closed the connection for want of packets.",
    v3_1_1: &["MQTT-3.1.2-8"],
    v5_0: &["MQTT-3.1.2-8"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(on_keep_alive(cx)),
};

/// How long the server may take to close; keep-alive/silent-client-closed judges that.
const SILENCE: Duration = Duration::from_secs(9);

async fn on_keep_alive(cx: &Cx) -> Judged {
    let topic = cx.topic("will");
    let (_publisher, mut sub) = pair(cx, &topic, QoS::AtLeastOnce).await?;
    comes_at_all(cx, &mut sub, &topic).await?;
    let mut client = cx
        .dial("client")
        .keep_alive(1)
        .will(&topic, b"last words", QoS::AtLeastOnce)
        .go()
        .await?;
    client.fence().await?;
    if client.probe.expect_close(SILENCE).await.close.is_none() {
        return Err(inconclusive(
            "the server does not close the connection; keep-alive/silent-client-closed judges that",
        ));
    }
    came(cx, &mut sub, "the end of the connection").await
}
