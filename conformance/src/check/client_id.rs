//! Client Identifiers and who holds one (sections 3.1.3.1 and 3.1.4).

use super::Check;
use crate::{
    cx::Cx,
    heard::measured,
    ledger::Leftover,
    outcome::{
        Judged, Outcome, fail, fail_on, inconclusive, interrupted, not_applicable, pass, warn,
    },
    party::Client,
    reaction::{End, judge, reaction, refusal},
};
use squall_protocol::{Packet, Property, QoS, ReasonCode};

pub(super) const CHECKS: &[Check] = &[
    CLIENT_ID_CHARACTERS,
    EMPTY_CLIENT_ID,
    EMPTY_CLIENT_ID_KEPT,
    ASSIGNED_CLIENT_ID,
    TAKEOVER,
];

const CLIENT_ID_CHARACTERS: Check = Check {
    id: "connect/client-id-characters",
    title: "Client Identifiers of 1 to 23 digits and ASCII letters are accepted",
    expected: "CONNACK with code 0 for each; together they use all 62 characters.",
    v3_1_1: &["MQTT-3.1.3-5"],
    v5_0: &["MQTT-3.1.3-5"],
    needs: &[],
    run: |cx| Box::pin(client_id_characters(cx)),
};

async fn client_id_characters(cx: &Cx) -> Judged {
    cx.accepts().await?;
    const ALL: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for start in [0, 16, 32, 46] {
        // Sixteen characters under test and seven that keep this run apart from others.
        let own = cx.id();
        let id = format!("{}{}", &ALL[start..start + 16], &own[own.len() - 7..]);
        let (probe, connack) = cx.dial("client").id(&id).try_go().await?;
        if connack.reason != ReasonCode::SUCCESS {
            let text = format!(
                "the Client Identifier `{id}` is refused with {}",
                connack.reason
            );
            return fail(text);
        }
        probe.disconnect(cx.wait() / 2).await;
    }
    pass("identifiers of 23 bytes with all 62 characters are accepted")
}

const EMPTY_CLIENT_ID: Check = Check {
    id: "connect/empty-client-id",
    title: "An empty Client Identifier with a clean session, from two clients at once",
    expected: "Refused, or both clients get an identifier of their own; in 5.0 CONNACK tells it.",
    v3_1_1: &["MQTT-3.1.3-6"],
    v5_0: &["MQTT-3.2.2-16", "MQTT-3.1.3-6", "MQTT-3.1.3-7"],
    needs: &[],
    run: |cx| Box::pin(empty_client_id(cx)),
};

async fn empty_client_id(cx: &Cx) -> Judged {
    cx.accepts().await?;
    let (probe, first) = cx.dial("client").id("").try_go().await?;
    if first.reason != ReasonCode::SUCCESS {
        return Err(not_applicable(format!(
            "the server does not permit an empty Client Identifier ({})",
            first.reason
        )));
    }
    let mut one = Client::new(cx, "client", probe, first);
    let mut two = cx.dial("client").id("").go().await?;
    two.fence().await?;
    // The same identifier for both would have closed the first connection.
    let alive = reaction(cx, &mut one.probe).await?;
    if !matches!(alive.end, End::CarriesOn) {
        return fail(
            "the second client with an empty Client Identifier took the first one's place",
        );
    }
    if !cx.five() {
        return pass("both clients are connected at once");
    }
    let ids = [&one, &two].map(|c| c.connack.properties.assigned_client_identifier());
    match ids {
        [Some(a), Some(b)] if a != b => pass(format!("the server assigned `{a}` and `{b}`")),
        [Some(a), Some(_)] => fail(format!("the server assigned `{a}` to both clients")),
        _ => fail("CONNACK has no Assigned Client Identifier"),
    }
}

const EMPTY_CLIENT_ID_KEPT: Check = Check {
    id: "connect/empty-client-id-kept",
    title: "An empty Client Identifier with Clean Session 0",
    expected: "CONNACK 0x02, then the server closes the connection.",
    v3_1_1: &["MQTT-3.1.3-8"],
    v5_0: &[],
    needs: &[],
    run: |cx| Box::pin(empty_client_id_kept(cx)),
};

async fn empty_client_id_kept(cx: &Cx) -> Judged {
    cx.accepts().await?;
    let mut probe = cx.open("client").await?;
    let sent = cx.dial("client").id("").clean(false).send(&mut probe).await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    let reaction = refusal(cx, &mut probe).await?;
    match reaction.packets.first() {
        Some(Packet::ConnAck(connack)) => cx.named(cx.version, connack),
        // A server that closes at once has made no session.
        _ if matches!(reaction.end, End::Closed) => {
            cx.has_not_left(&Leftover::NamelessSession(cx.version));
        }
        _ => {}
    }
    judge(cx, &reaction, "MQTT-3.1.3-8", true)
}

const ASSIGNED_CLIENT_ID: Check = Check {
    id: "connect/assigned-client-id",
    title: "The assigned Client Identifier names the session",
    expected: "A client that comes back under the Assigned Client Identifier finds its session.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.3-7", "MQTT-3.1.2-5"],
    needs: &[],
    run: |cx| Box::pin(assigned_client_id(cx)),
};

async fn assigned_client_id(cx: &Cx) -> Judged {
    let dial = cx
        .dial("client")
        .id("")
        .clean(true)
        .property(Property::SessionExpiryInterval(60));
    let (probe, connack) = dial.try_go().await?;
    if connack.reason != ReasonCode::SUCCESS {
        return Err(not_applicable(format!(
            "the server does not permit an empty Client Identifier ({})",
            connack.reason
        )));
    }
    let mut client = Client::new(cx, "client", probe, connack);
    client.fence().await?;
    let Some(id) = client.connack.properties.assigned_client_identifier() else {
        return fail("CONNACK has no Assigned Client Identifier");
    };
    if client.connack.properties.session_expiry_interval() == Some(0) {
        return Err(not_applicable(
            "the server keeps no sessions: it answers Session Expiry Interval 0",
        ));
    }
    client.subscribe(&cx.topic("t"), QoS::AtMostOnce).await?;
    client.bye().await;
    let again = cx.dial("client again").id(&id).kept().go().await?;
    match again.connack.session_present {
        true => pass(format!("the session of `{id}` was found again")),
        false if !cx.sessions().await.said => Err(inconclusive(
            "Session Present is 0 for every session; session/kept judges that",
        )),
        false => fail(format!("no session under the assigned identifier `{id}`")),
    }
}

const TAKEOVER: Check = Check {
    id: "connect/takeover",
    title: "A second connection under the same Client Identifier",
    expected: "The server closes the older connection (in 5.0 after DISCONNECT 0x8E) and accepts the newer one.",
    v3_1_1: &["MQTT-3.1.4-2"],
    v5_0: &["MQTT-3.1.4-3", "MQTT-4.13.2-1"],
    needs: &[],
    run: |cx| Box::pin(takeover(cx)),
};

async fn takeover(cx: &Cx) -> Judged {
    let id = cx.id();
    let mut old = cx.dial("older").id(&id).go().await?;
    old.fence().await?;
    let mut new = cx.dial("newer").id(&id).go().await?;
    let ending = old.probe.expect_close(cx.wait()).await;
    measured(&ending)?;
    if let Some(violation) = ending.violation {
        return Err(Outcome::violation(&violation));
    }
    new.fence().await?;
    if ending.close.is_none() {
        let rule = cx.pick("MQTT-3.1.4-2", "MQTT-4.13.2-1");
        return fail_on(
            &[rule],
            format!("the older connection was still open after {:?}", cx.wait()),
        );
    }
    match ending.before.last() {
        Some(Packet::Disconnect(p)) if p.reason == ReasonCode::SESSION_TAKEN_OVER => {
            pass("the older connection got DISCONNECT 0x8E and was closed")
        }
        Some(Packet::Disconnect(p)) => warn(format!(
            "the older connection was closed with DISCONNECT {}, not 0x8E",
            p.reason
        )),
        _ => pass("the older connection was closed"),
    }
}
