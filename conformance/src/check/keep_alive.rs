//! Keep Alive, PINGREQ and DISCONNECT (sections 3.1.2.10, 3.12 and 3.14).

use super::Check;
use crate::{
    cx::{Cx, PRECISION},
    heard::measured,
    outcome::{Judged, fail, inconclusive, pass, warn},
};
use squall_protocol::{Packet, QoS, ReasonCode, packet::Disconnect};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const CHECKS: &[Check] = &[
    PING,
    SILENT_CLIENT_CLOSED,
    RECEIVING_IS_NO_SIGN,
    ACTIVE_CLIENT_KEPT,
    DISCONNECT_CLOSES,
];

const PING: Check = Check {
    id: "keep-alive/ping",
    title: "PINGREQ is answered by PINGRESP",
    expected: "PINGRESP, whatever the Keep Alive.",
    v3_1_1: &["MQTT-3.12.4-1", "X-3.1.1-keepalive-3"],
    v5_0: &["MQTT-3.12.4-1", "X-5.0-keepalive-1"],
    needs: &[],
    run: |cx| Box::pin(ping(cx)),
};

async fn ping(cx: &Cx) -> Judged {
    for keep_alive in [0, 60] {
        let mut client = cx.dial("client").keep_alive(keep_alive).go().await?;
        // The control: the connection works for something else.
        client.subscribe(&cx.topic("t"), QoS::AtMostOnce).await?;
        client.fence().await?;
        client.bye().await;
    }
    pass("PINGRESP came with Keep Alive 0 and 60")
}

/// Keep Alive the silent client asks for, in seconds. Even, so that one and a half of it are whole seconds: many
/// servers count in those.
const SILENT_KEEP_ALIVE: u16 = 2;

/// How late a server may notice that it is time to close. The standard gives no precision, and servers that look
/// every few seconds are common; nobody waits for longer than this.
const LATE: Duration = Duration::from_secs(7);

const SILENT_CLIENT_CLOSED: Check = Check {
    id: "keep-alive/silent-client-closed",
    title: "A client that is silent for one and a half Keep Alive periods is disconnected",
    expected: "With Keep Alive 2 the connection is closed when 3 s are over.",
    v3_1_1: &["MQTT-3.1.2-24"],
    v5_0: &["MQTT-3.1.2-22", "MQTT-3.2.2-22"],
    needs: &[],
    run: |cx| Box::pin(silent(cx)),
};

async fn silent(cx: &Cx) -> Judged {
    cx.accepts().await?;
    let mut client = cx.dial("client").keep_alive(SILENT_KEEP_ALIVE).go().await?;
    let in_force = client
        .connack
        .properties
        .server_keep_alive()
        .unwrap_or(SILENT_KEEP_ALIVE);
    let period = Duration::from_secs(in_force.into());
    if period.is_zero() || period > Duration::from_secs(3) {
        return Err(inconclusive(format!(
            "the server sets a Keep Alive of {period:?}, too long to wait for here"
        )));
    }
    // The last packet may have left any time after this, so "too early" is exact.
    let last_packet = Instant::now();
    client.send(&Packet::PingReq).await?;
    let due = period * 3 / 2;
    let ending = client.probe.expect_close(due + LATE).await;
    measured(&ending)?;
    let after = last_packet.elapsed();
    if let Some(violation) = ending.violation {
        return Err(crate::outcome::Outcome::violation(&violation));
    }
    if !ending.before.contains(&Packet::PingResp) {
        return Err(inconclusive("the control, a PINGREQ, was not answered"));
    }
    let seconds = format!("{:.1} s", after.as_secs_f64());
    if ending.close.is_none() {
        return fail(format!(
            "the connection was still open after {seconds} of silence, with Keep Alive {in_force}"
        ));
    }
    if after + PRECISION < due {
        let text = format!(
            "closed after {seconds}, before one and a half times Keep Alive {in_force}; a server may close when it likes"
        );
        // No statement forbids it; but then 0x8D is not what happened.
        return match ending.before.last() {
            Some(Packet::Disconnect(p)) if p.reason == ReasonCode::KEEP_ALIVE_TIMEOUT => {
                warn(format!("{text}, but DISCONNECT says Keep Alive timeout"))
            }
            _ => Err(inconclusive(text)),
        };
    }
    match ending.before.last() {
        Some(Packet::Disconnect(p)) if p.reason != ReasonCode::KEEP_ALIVE_TIMEOUT => warn(format!(
            "closed after {seconds}, but DISCONNECT {} is not 0x8D",
            p.reason
        )),
        _ => pass(format!(
            "closed after {seconds}, where {:.1} s are due",
            due.as_secs_f64()
        )),
    }
}

const RECEIVING_IS_NO_SIGN: Check = Check {
    id: "keep-alive/receiving-is-no-sign",
    title: "A client that only receives is silent",
    expected: "The connection is closed although messages go to the client all the time.",
    v3_1_1: &["MQTT-3.1.2-24"],
    v5_0: &["MQTT-3.1.2-22"],
    needs: &[],
    run: |cx| Box::pin(receiving(cx)),
};

async fn receiving(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut client = cx.dial("client").keep_alive(SILENT_KEEP_ALIVE).go().await?;
    let in_force = client.connack.properties.server_keep_alive();
    if in_force.is_some_and(|seconds| seconds == 0 || seconds > 3) {
        return Err(inconclusive("the server sets a Keep Alive of its own"));
    }
    client.subscribe(&topic, QoS::AtMostOnce).await?;
    client
        .hears(&mut publisher, &topic, QoS::AtMostOnce)
        .await?;
    let last_packet = Instant::now();
    client.send(&Packet::PingReq).await?;
    let period = Duration::from_secs(in_force.unwrap_or(SILENT_KEEP_ALIVE).into());
    let until = last_packet + period * 3 / 2 + LATE;
    let mut came = 0;
    while Instant::now() < until {
        publisher.publish(&topic, QoS::AtMostOnce, b"m").await?;
        let ending = client.probe.expect_close(Duration::from_millis(400)).await;
        measured(&ending)?;
        let messages = ending
            .before
            .iter()
            .filter(|p| matches!(p, Packet::Publish(_)));
        came += messages.count();
        if ending.close.is_some() {
            let after = last_packet.elapsed().as_secs_f64();
            return pass(format!("closed after {after:.1} s of receiving alone"));
        }
    }
    if came < 3 {
        return Err(inconclusive("hardly any message came to the silent client"));
    }
    fail(format!(
        "still open after {:.1} s in which the client sent nothing and received {came} messages",
        last_packet.elapsed().as_secs_f64()
    ))
}

const ACTIVE_CLIENT_KEPT: Check = Check {
    id: "keep-alive/active-client-kept",
    title: "A client that sends packets in time is not disconnected",
    expected: "With Keep Alive 1 and a packet every 0.7 s the connection stays.",
    v3_1_1: &["MQTT-3.1.2-24"],
    v5_0: &["MQTT-3.1.2-22"],
    needs: &[],
    run: |cx| Box::pin(active(cx)),
};

async fn active(cx: &Cx) -> Judged {
    let mut client = cx.dial("client").keep_alive(1).go().await?;
    client.fence().await?;
    // Time is the subject: 2.8 s of traffic, well past one and a half periods.
    for _ in 0..4 {
        let pause = Instant::now();
        let ending = client.probe.expect_close(Duration::from_millis(700)).await;
        if pause.elapsed() > Duration::from_millis(1400) {
            return Err(inconclusive("this machine was too busy to send in time"));
        }
        if ending.close.is_some() {
            // A server may close when it likes, so this is no failure; but nobody will have meant it.
            return warn("a client that sent packets in time was disconnected");
        }
        client.fence().await?;
    }
    pass("still connected after 2.8 s")
}

const DISCONNECT_CLOSES: Check = Check {
    id: "keep-alive/disconnect-closes",
    title: "The server closes the connection after DISCONNECT",
    expected: "The server should close a connection that the client leaves open.",
    v3_1_1: &["X-3.1.1-disconnect-1"],
    v5_0: &["X-5.0-disconnect-5"],
    needs: &[],
    run: |cx| Box::pin(disconnect_closes(cx)),
};

async fn disconnect_closes(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    client.fence().await?;
    let goodbye = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
    client.send(&Packet::Disconnect(goodbye)).await?;
    let ending = client.probe.expect_close(cx.wait()).await;
    measured(&ending)?;
    match ending.close {
        Some(_) => pass("the server closed the connection"),
        None => warn(format!(
            "the connection was still open {:?} after DISCONNECT",
            cx.wait()
        )),
    }
}
