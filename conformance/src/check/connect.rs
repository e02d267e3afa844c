//! CONNECT and CONNACK (sections 3.1 and 3.2), with connections as they should be or merely unwelcome.

use super::{
    Check,
    wire::{RawConnect, good, packet},
};
use crate::{
    cx::Cx,
    heard::{blocked_by, measured, unanswered, words},
    message::message,
    outcome::{Judged, Outcome, fail, fail_at, fail_on, inconclusive, interrupted, pass, warn},
    party::{refused, subscription},
    reaction::{End, Reaction, judge, reaction, refusal},
};
use squall_client::probe::{Heard, Probe};
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, Property, QoS, ReasonCode, packet::Subscribe,
};
use squall_reports::Verdict;
use tokio::time::Instant;

pub(super) const CHECKS: &[Check] = &[
    ACCEPTED,
    FIRST_PACKET_PING,
    FIRST_PACKET_PUBLISH,
    SECOND_CONNECT,
    PROTOCOL_NAME,
    PROTOCOL_LEVEL,
    CONNACK_FIRST,
    PIPELINED,
    REJECTED_IS_IGNORED,
    NO_RESPONSE_INFORMATION,
    NO_AUTHENTICATION,
];

const ACCEPTED: Check = Check {
    id: "connect/accepted",
    title: "A correct CONNECT is answered by CONNACK with code 0",
    expected: "CONNACK with code 0 as the first packet, and a connection that works.",
    v3_1_1: &[
        "MQTT-3.1.4-4",
        "MQTT-3.2.0-1",
        "MQTT-3.2.2-1",
        "X-3.1.1-connack-2",
    ],
    v5_0: &[
        "MQTT-3.1.4-5",
        "MQTT-3.2.0-1",
        "MQTT-3.2.2-1",
        "MQTT-3.2.2-2",
    ],
    needs: &[],
    run: |cx| Box::pin(accepted(cx)),
};

async fn accepted(cx: &Cx) -> Judged {
    let (probe, heard) = cx.dial("client").answer().await?;
    let connack = match heard {
        Heard::Packet(Packet::ConnAck(connack)) => connack,
        Heard::Violation(violation) => return Err(Outcome::violation(&violation)),
        other => {
            let outcome = unanswered(&other, cx.wait());
            // The first CONNECT of this run was answered; here the answer itself is the question. A server that sends
            // beyond measure, or has sent a part of it, may have it still to come.
            let begun = other == Heard::Silence && !probe.unread().is_empty();
            return match outcome.blocked || begun {
                true => Err(outcome),
                false => fail(outcome.message),
            };
        }
    };
    if connack.reason != ReasonCode::SUCCESS {
        return Err(refused(cx.version, connack.reason));
    }
    if connack.session_present {
        // [MQTT-3.2.2-1] (3.1.1), [MQTT-3.2.2-2] (5.0)
        let rule = cx.pick("MQTT-3.2.2-1", "MQTT-3.2.2-2");
        return fail_on(
            &[rule],
            "Session Present is 1 although a clean session was asked for",
        );
    }
    let mut client = crate::party::Client::new(cx, "client", probe, connack);
    client.fence().await?;
    client.bye().await;
    pass("CONNACK with code 0, and the connection works")
}

const FIRST_PACKET_PING: Check = Check {
    id: "connect/first-packet-ping",
    title: "PINGREQ before CONNECT",
    expected: "The server closes the connection without any packet.",
    v3_1_1: &["MQTT-3.1.0-1"],
    v5_0: &["MQTT-3.1.0-1"],
    needs: &[],
    run: |cx| {
        Box::pin(first_packet(
            cx,
            "PINGREQ as the first packet",
            vec![0xC0, 0x00],
        ))
    },
};

const FIRST_PACKET_PUBLISH: Check = Check {
    id: "connect/first-packet-publish",
    title: "PUBLISH before CONNECT",
    expected: "The server closes the connection without any packet.",
    v3_1_1: &["MQTT-3.1.0-1"],
    v5_0: &["MQTT-3.1.0-1"],
    needs: &[],
    run: |cx| {
        Box::pin(async move {
            let publish = message(&cx.topic("early"), QoS::AtMostOnce, b"early");
            first_packet(
                cx,
                "PUBLISH as the first packet",
                good(cx, &Packet::Publish(publish))?,
            )
            .await
        })
    },
};

async fn first_packet(cx: &Cx, what: &str, bytes: Vec<u8>) -> Judged {
    cx.accepts().await?;
    let mut probe = cx.open("client").await?;
    let sent = probe.send_raw(what, &bytes).await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    if let Some(judged) = stray_connack(cx, &mut probe).await {
        return judged;
    }
    let reaction = refusal(cx, &mut probe).await?;
    before_connect(cx, &reaction)
}

/// A refusing CONNACK in the format of the other version, without a CONNECT that said which one: it gets the verdict
/// of one in the format of this version.
pub(super) async fn stray_connack(cx: &Cx, probe: &mut Probe) -> Option<Judged> {
    match other_format(cx, probe).await? {
        Ok(outcome) if outcome.verdict != Verdict::Fail => Some(warn(
            "the server closed the connection, but sent a CONNACK without a CONNECT",
        )),
        other => Some(other),
    }
}

/// Judges the reaction to a first packet that is no CONNECT.
pub(super) fn before_connect(cx: &Cx, reaction: &Reaction) -> Judged {
    match (reaction.packets.first(), &reaction.end) {
        // [MQTT-3.14.0-1] (5.0)
        (Some(Packet::Disconnect(_)), _) => fail_on(
            &["MQTT-3.14.0-1"],
            "the server sent DISCONNECT before any CONNACK",
        ),
        // No statement forbids it; section 3.2 calls CONNACK the answer to a CONNECT.
        (Some(Packet::ConnAck(c)), End::Closed) if c.reason != ReasonCode::SUCCESS => {
            warn(format!(
                "the server closed the connection, but sent CONNACK {} without a CONNECT",
                c.reason
            ))
        }
        (Some(other), _) => fail(format!("the server answered {}", other.summary())),
        (None, End::Closed) => pass("the server closed the connection without a packet"),
        (None, _) => fail(format!(
            "the connection was still open after {:?}",
            cx.wait()
        )),
    }
}

const SECOND_CONNECT: Check = Check {
    id: "connect/second-connect",
    title: "A second CONNECT on one connection",
    expected: "The server closes the connection and sends no second CONNACK.",
    v3_1_1: &["MQTT-3.1.0-2"],
    v5_0: &["MQTT-3.1.0-2", "MQTT-3.2.0-2"],
    needs: &[],
    run: |cx| Box::pin(second_connect(cx)),
};

async fn second_connect(cx: &Cx) -> Judged {
    let id = cx.id();
    let mut client = cx.dial("client").id(&id).go().await?;
    client.fence().await?;
    let again = cx.dial("client").id(&id).connect;
    client.send(&Packet::Connect(Box::new(again))).await?;
    let reaction = reaction(cx, &mut client.probe).await?;
    judge(cx, &reaction, "MQTT-3.1.0-2", false)
}

const PROTOCOL_NAME: Check = Check {
    id: "connect/protocol-name",
    title: "CONNECT with the protocol name MQTX",
    expected: "The server closes the connection and does not accept it as MQTT.",
    v3_1_1: &["MQTT-3.1.2-1"],
    v5_0: &["MQTT-3.1.2-1"],
    needs: &[],
    run: |cx| Box::pin(protocol_name(cx)),
};

async fn protocol_name(cx: &Cx) -> Judged {
    cx.accepts().await?;
    let mut connect = RawConnect::new(cx);
    connect.name = b"MQTX".to_vec();
    let mut probe = cx.open("client").await?;
    let sent = probe
        .send_raw("CONNECT with the protocol name MQTX", &connect.bytes(cx))
        .await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    if let Some(judged) = other_format(cx, &mut probe).await {
        return judged;
    }
    let reaction = refusal(cx, &mut probe).await?;
    let refused = matches!(reaction.packets.first(), Some(Packet::ConnAck(c)) if c.reason != ReasonCode::SUCCESS);
    // 3.1.1 lets the server go on by some other specification, so a refusing CONNACK is no fault here.
    if !cx.five() && refused && matches!(reaction.end, End::Closed) {
        return pass("the server refused and closed the connection");
    }
    judge(cx, &reaction, "MQTT-3.1.2-1", true)
}

const PROTOCOL_LEVEL: Check = Check {
    id: "connect/protocol-level",
    title: "CONNECT with protocol level 9, which no version has",
    expected: "In 3.1.1 CONNACK 0x01 and a close; in 5.0 a close, with CONNACK 0x84 before it if the server likes.",
    v3_1_1: &["MQTT-3.1.2-2"],
    v5_0: &["MQTT-3.1.2-2"],
    needs: &[],
    run: |cx| Box::pin(protocol_level(cx)),
};

async fn protocol_level(cx: &Cx) -> Judged {
    cx.accepts().await?;
    let mut connect = RawConnect::new(cx);
    connect.level = 9;
    let mut probe = cx.open("client").await?;
    let sent = probe
        .send_raw("CONNECT with protocol level 9", &connect.bytes(cx))
        .await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    match other_format(cx, &mut probe).await {
        Some(judged) => judged,
        None => {
            let reaction = refusal(cx, &mut probe).await?;
            judge(cx, &reaction, "MQTT-3.1.2-2", true)
        }
    }
}

/// A server that speaks both versions may refuse a level it does not know in the format of the other one.
pub(super) async fn other_format(cx: &Cx, probe: &mut Probe) -> Option<Judged> {
    // The version of such an answer is not known beforehand: decode it as 3.1.1 first if it is that short.
    let (form, wanted): (&[u8], _) = cx.pick(
        (
            &[0x20, 0x03, 0x00, 0x84],
            "CONNACK 0x84 in the format of 5.0",
        ),
        (
            &[0x20, 0x02, 0x00, 0x01],
            "CONNACK 0x01 in the format of 3.1.1",
        ),
    );
    let until = Instant::now() + cx.wait();
    loop {
        let here = probe.unread().len();
        if probe.unread().starts_with(form) {
            break;
        }
        if !form.starts_with(probe.unread()) {
            return None;
        }
        let left = until.saturating_duration_since(Instant::now());
        probe.peek(here + 1, left).await;
        if probe.unread().len() == here {
            return None;
        }
    }
    let ending = probe.expect_close(cx.wait()).await;
    if let Err(outcome) = measured(&ending) {
        return Some(Err(outcome));
    }
    let closed = ending.close.is_some();
    Some(match (closed, cx.five()) {
        (false, _) => {
            let rule = cx.pick("MQTT-3.2.2-5", "MQTT-3.2.2-7");
            fail_on(
                &[rule],
                format!("the server refused with {wanted} and left the connection open"),
            )
        }
        (true, true) => pass(format!(
            "the server sent {wanted} and closed the connection"
        )),
        (true, false) => warn(format!(
            "the server sent {wanted} and closed the connection; 3.1.1 asks for CONNACK 0x01"
        )),
    })
}

const CONNACK_FIRST: Check = Check {
    id: "connect/connack-first",
    title: "CONNACK comes first, also when a session has messages to deliver",
    expected: "On resuming a session with queued messages, CONNACK is the first packet.",
    v3_1_1: &["MQTT-3.2.0-1"],
    v5_0: &["MQTT-3.2.0-1"],
    needs: &[super::Need::Qos1],
    run: |cx| Box::pin(connack_first(cx)),
};

async fn connack_first(cx: &Cx) -> Judged {
    let id = cx.id();
    let topic = cx.topic("queued");
    let mut sub = cx.dial("subscriber").id(&id).kept().go().await?;
    let mut publisher = cx.client("publisher").await?;
    sub.subscribe(&topic, QoS::AtLeastOnce).await?;
    sub.hears(&mut publisher, &topic, QoS::AtLeastOnce).await?;
    sub.bye().await;
    for text in ["one", "two", "three"] {
        publisher
            .publish(&topic, QoS::AtLeastOnce, text.as_bytes())
            .await?;
    }
    let again = cx.dial("subscriber again").id(&id).kept();
    let (_probe, heard) = again.answer().await?;
    match heard {
        Heard::Packet(Packet::ConnAck(connack)) => {
            cx.resumed(&connack).await?;
            pass("CONNACK came first")
        }
        Heard::Packet(other) => fail_at(&other, format!("{} came before CONNACK", other.summary())),
        Heard::Violation(violation) => Err(Outcome::violation(&violation)),
        other => Err(inconclusive(words(&other, cx.wait()))),
    }
}

const PIPELINED: Check = Check {
    id: "connect/pipelined",
    title: "CONNECT and SUBSCRIBE in one segment",
    expected: "CONNACK, then SUBACK.",
    v3_1_1: &["X-3.1.1-connect-3", "MQTT-3.2.0-1", "MQTT-3.8.4-1"],
    v5_0: &["X-5.0-connect-4", "MQTT-3.2.0-1", "MQTT-3.8.4-1"],
    needs: &[],
    run: |cx| Box::pin(pipelined(cx)),
};

async fn pipelined(cx: &Cx) -> Judged {
    cx.accepts().await?;
    let mut probe = cx.open("client").await?;
    let connect = Packet::Connect(Box::new(cx.dial("client").connect));
    let subscribe = Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![subscription(&cx.topic("early"), QoS::AtMostOnce)?],
    });
    let mut bytes = good(cx, &connect)?;
    bytes.extend(good(cx, &subscribe)?);
    let sent = probe
        .send_raw("CONNECT and SUBSCRIBE in one segment", &bytes)
        .await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    for expected in [PacketType::ConnAck, PacketType::SubAck] {
        match probe.expect_packet(expected, cx.wait()).await {
            Ok(_) => {}
            Err(Heard::Violation(violation)) => return Err(Outcome::violation(&violation)),
            Err(Heard::Packet(other)) => {
                return fail_on(
                    &["MQTT-3.2.0-1"],
                    format!("{} came where {expected} was due", other.summary()),
                );
            }
            Err(other) => {
                let outcome = blocked_by(
                    &other,
                    format!("no {expected}: {}", words(&other, cx.wait())),
                );
                // Part of an answer is no missing answer.
                let begun = other == Heard::Silence && !probe.unread().is_empty();
                return match outcome.blocked || begun {
                    true => Err(outcome),
                    false => fail(outcome.message),
                };
            }
        }
    }
    pass("CONNACK and SUBACK came in this order")
}

const REJECTED_IS_IGNORED: Check = Check {
    id: "connect/rejected-is-ignored",
    title: "What stands behind a rejected CONNECT is ignored",
    expected: "A PUBLISH behind a CONNECT that the server rejects reaches nobody.",
    v3_1_1: &["MQTT-3.1.4-5"],
    v5_0: &["MQTT-3.1.4-6"],
    needs: &[],
    run: |cx| Box::pin(rejected_is_ignored(cx)),
};

async fn rejected_is_ignored(cx: &Cx) -> Judged {
    let topic = cx.topic("behind");
    let mut observer = cx.client("observer").await?;
    let mut publisher = cx.client("publisher").await?;
    observer.subscribe(&topic, QoS::AtMostOnce).await?;
    observer
        .hears(&mut publisher, &topic, QoS::AtMostOnce)
        .await?;
    let mut connect = RawConnect::new(cx);
    connect.level = 9;
    let mut bytes = connect.bytes(cx);
    let mut body = super::wire::field(topic.as_bytes());
    body.extend(super::wire::properties(cx, &[]));
    body.extend(b"smuggled");
    bytes.extend(packet(0x30, &body));
    let mut probe = cx.open("rejected").await?;
    let sent = probe
        .send_raw("CONNECT with protocol level 9, and a PUBLISH", &bytes)
        .await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    // The answer has been judged elsewhere; here it only has to be over.
    let ending = probe.expect_close(cx.wait()).await;
    if ending.close.is_none() {
        return Err(inconclusive("the server did not reject the connection"));
    }
    publisher.publish(&topic, QoS::AtMostOnce, b"end").await?;
    let got = observer.all_beside(b"end").await?;
    match got.iter().any(|m| &m.payload[..] == b"smuggled") {
        true => fail("the PUBLISH behind the rejected CONNECT was delivered"),
        false => pass("the PUBLISH behind the rejected CONNECT was not delivered"),
    }
}

const NO_RESPONSE_INFORMATION: Check = Check {
    id: "connect/no-response-information",
    title: "Response Information comes only when asked for",
    expected: "Without Request Response Information 1, CONNACK has no Response Information.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-28"],
    needs: &[],
    run: |cx| Box::pin(no_response_information(cx)),
};

async fn no_response_information(cx: &Cx) -> Judged {
    for value in [None, Some(0)] {
        let mut dial = cx.dial("client");
        if let Some(value) = value {
            dial = dial.property(Property::RequestResponseInformation(value));
        }
        let mut client = dial.go().await?;
        client.fence().await?;
        if let Some(text) = client.connack.properties.response_information() {
            return fail(format!(
                "CONNACK has the Response Information `{text}` that nobody asked for"
            ));
        }
        client.bye().await;
    }
    pass("no Response Information, neither without the property nor with 0")
}

const NO_AUTHENTICATION: Check = Check {
    id: "connect/no-authentication",
    title: "Without an Authentication Method the server starts no enhanced authentication",
    expected: "CONNACK without an Authentication Method, and no AUTH.",
    v3_1_1: &[],
    v5_0: &["MQTT-4.12.0-6"],
    needs: &[],
    run: |cx| Box::pin(no_authentication(cx)),
};

async fn no_authentication(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    client.fence().await?;
    match client.connack.properties.authentication_method() {
        Some(method) => fail(format!(
            "CONNACK names the Authentication Method `{method}`"
        )),
        None => pass("CONNACK names no Authentication Method and no AUTH came"),
    }
}
