//! Limits of a client that a 5.0 server has to respect: Receive Maximum, Maximum Packet Size and message expiry
//! (sections 3.1.2.11, 3.3.2.3.3 and 4.9), and limits of the server.

use super::{Check, Need, qos::copies};
use crate::{
    cx::Cx,
    message::{Shape, message},
    outcome::{Judged, Outcome, fail, fail_on, inconclusive, pass},
    reaction::{judge, reaction},
};
use squall_protocol::{
    Packet, PacketType, Property, QoS,
    packet::{Ack, Publish},
};
use squall_reports::Verdict;
use std::{collections::VecDeque, time::Duration};

pub(super) const CHECKS: &[Check] = &[
    RECEIVE_MAXIMUM_1,
    RECEIVE_MAXIMUM_2,
    MAXIMUM_PACKET_SIZE,
    MESSAGE_EXPIRES,
    MESSAGE_EXPIRY_COUNTS_DOWN,
    SERVER_PACKET_SIZE,
    REASON_INFORMATION_OFF,
];

const RECEIVE_MAXIMUM_1: Check = Check {
    id: "flow/receive-maximum-1",
    title: "The server keeps to a Receive Maximum with QoS 1 messages",
    expected: "Never more than two unacknowledged messages; PINGREQ is answered meanwhile; then all arrive.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.4-9", "MQTT-4.9.0-2", "MQTT-3.3.4-10"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(receive_maximum(cx, QoS::AtLeastOnce)),
};

const RECEIVE_MAXIMUM_2: Check = Check {
    id: "flow/receive-maximum-2",
    title: "The server keeps to a Receive Maximum with QoS 2 messages",
    expected: "Never more than two messages without PUBCOMP; PINGREQ is answered meanwhile; then all arrive.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.4-9", "MQTT-4.9.0-2", "MQTT-3.3.4-10"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(receive_maximum(cx, QoS::ExactlyOnce)),
};

async fn receive_maximum(cx: &Cx, qos: QoS) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx
        .dial("subscriber")
        .property(Property::ReceiveMaximum(2))
        .go()
        .await?;
    sub.subscribe(&topic, qos).await?;
    sub.hears(&mut publisher, &topic, qos).await?;
    sub.fence().await?;
    sub.withhold();
    for n in 0..6 {
        publisher
            .publish(&topic, qos, format!("{n}").as_bytes())
            .await?;
    }
    let mut open: VecDeque<Publish> = VecDeque::new();
    let mut total = 0;
    while total < 6 || !open.is_empty() {
        // The maximum is an upper bound: a server may have fewer in flight and go on when one is acknowledged.
        while total < 6 {
            let limit = if open.is_empty() {
                cx.wait()
            } else {
                cx.quiet()
            };
            let Some(m) = sub.message_within(limit).await? else {
                break;
            };
            total += 1;
            open.push_back(m);
            within(&open)?;
        }
        // A client that is busy is answered all the same [MQTT-3.3.4-10].
        sub.fence().await?;
        let Some(oldest) = open.front().and_then(|m| m.packet_id) else {
            return fail(format!(
                "only {total} of 6 messages came within {:?}",
                cx.wait()
            ));
        };
        if qos == QoS::ExactlyOnce {
            sub.send(&Packet::PubRec(Ack::success(oldest))).await?;
            sub.answer_to(PacketType::PubRel, oldest).await?;
            // [MQTT-4.9.0-2]: PUBREC alone frees nothing.
            for m in sub.waiting() {
                total += 1;
                open.push_back(m);
                within(&open)?;
            }
        }
        open.pop_front();
        let end = Ack::success(oldest);
        sub.send(&match qos {
            QoS::ExactlyOnce => Packet::PubComp(end),
            _ => Packet::PubAck(end),
        })
        .await?;
    }
    pass("never more than two, and all six came")
}

/// The Receive Maximum of the subscriber.
const MAXIMUM: usize = 2;

/// Whether no more are unacknowledged than may be; the newest is the guilty one.
fn within(open: &VecDeque<Publish>) -> Result<(), Outcome> {
    match open.back() {
        Some(newest) if open.len() > MAXIMUM => {
            let text = format!(
                "{} messages are unacknowledged, {MAXIMUM} are allowed",
                open.len()
            );
            let outcome = Outcome::new(Verdict::Fail, text);
            Err(outcome.showing(&Packet::Publish(newest.clone())))
        }
        _ => Ok(()),
    }
}

const MAXIMUM_PACKET_SIZE: Check = Check {
    id: "flow/maximum-packet-size",
    title: "The server sends no packet larger than the client's Maximum Packet Size",
    expected: "The larger message is left out, the smaller one that follows is delivered.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-24", "MQTT-3.1.2-25"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(packet_size(cx)),
};

async fn packet_size(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx
        .dial("subscriber")
        .property(Property::MaximumPacketSize(200))
        .go()
        .await?;
    sub.subscribe(&topic, QoS::AtLeastOnce).await?;
    sub.hears(&mut publisher, &topic, QoS::AtLeastOnce).await?;
    publisher
        .publish(&topic, QoS::AtLeastOnce, &[b'x'; 400])
        .await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    // A packet of more than 200 bytes breaks [MQTT-3.1.2-24] in the decoder and ends the check as a failure.
    match sub.messages_to(b"end").await {
        Ok(_) => pass("the larger message was left out, the smaller one came"),
        // What a flood buries may have come.
        Err(outcome) if outcome.blocked => Err(outcome),
        Err(outcome) if outcome.is_inconclusive() => fail_on(
            &["MQTT-3.1.2-25"],
            format!("the smaller message did not come: {}", outcome.message),
        ),
        Err(outcome) => Err(outcome),
    }
}

/// Two messages for an absent client, one with an interval; gives what it gets 2.2 s later.
async fn after_a_wait(cx: &Cx, interval: u32) -> Result<Vec<Publish>, Outcome> {
    let (id, topic) = (cx.id(), cx.topic("t"));
    let mut publisher = cx.client("publisher").await?;
    let mut sub = cx.dial("subscriber").id(&id).kept().go().await?;
    sub.subscribe(&topic, QoS::AtLeastOnce).await?;
    sub.hears(&mut publisher, &topic, QoS::AtLeastOnce).await?;
    sub.fence().await?;
    sub.bye().await;
    let timed =
        message(&topic, QoS::AtLeastOnce, b"timed").with(Property::MessageExpiryInterval(interval));
    publisher.publish_message(timed).await?;
    publisher
        .publish(&topic, QoS::AtLeastOnce, b"lasting")
        .await?;
    // Only time makes a message expire.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    let mut again = cx.dial("subscriber again").id(&id).kept().go().await?;
    cx.resumed(&again.connack).await?;
    publisher.publish(&topic, QoS::AtLeastOnce, b"end").await?;
    again.ordered_to(&[b"lasting"], b"end").await
}

const MESSAGE_EXPIRES: Check = Check {
    id: "flow/message-expires",
    title: "A message that expires while it is queued is not delivered",
    expected: "The message with an expiry of 1 s is gone after 2.2 s; the other one is delivered.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-5"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(message_expires(cx)),
};

async fn message_expires(cx: &Cx) -> Judged {
    let got = after_a_wait(cx, 1).await?;
    match (copies(&got, b"timed").len(), copies(&got, b"lasting").len()) {
        (0, 1..) => pass("only the lasting message came"),
        (1.., _) => fail("the message came 2.2 s after it was published with an expiry of 1 s"),
        (0, 0) => Err(inconclusive(
            "nothing was queued; session/1-queued judges that",
        )),
    }
}

const MESSAGE_EXPIRY_COUNTS_DOWN: Check = Check {
    id: "flow/message-expiry-counts-down",
    title: "The Message Expiry Interval is reduced by the time a message was queued",
    expected: "With an interval of 100 s and a wait of 2.2 s, 97 or 98 arrive.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.3.2-6"],
    needs: &[Need::Qos1],
    run: |cx| Box::pin(expiry_counts_down(cx)),
};

async fn expiry_counts_down(cx: &Cx) -> Judged {
    let got = after_a_wait(cx, 100).await?;
    let Some(timed) = copies(&got, b"timed").first().copied() else {
        return Err(inconclusive(
            "the message was not queued; session/1-queued judges that",
        ));
    };
    match timed.properties.message_expiry_interval() {
        // The wait was 2.2 s at least; how the server rounds is its own affair, and a busy machine makes it longer.
        Some(left @ 80..=98) => pass(format!("{left} s are left of 100")),
        Some(left) => fail(format!("{left} s are left of 100 after 2.2 s")),
        None => fail("the message came without its Message Expiry Interval"),
    }
}

const SERVER_PACKET_SIZE: Check = Check {
    id: "flow/server-packet-size",
    title: "A packet above the server's Maximum Packet Size",
    expected: "The server closes the connection, with DISCONNECT 0x95 before it.",
    v3_1_1: &[],
    v5_0: &["X-5.0-limit-3"],
    needs: &[],
    run: |cx| Box::pin(server_packet_size(cx)),
};

async fn server_packet_size(cx: &Cx) -> Judged {
    let mut client = cx.client("client").await?;
    client.fence().await?;
    let Some(max) = client.connack.properties.maximum_packet_size() else {
        return Err(crate::outcome::not_applicable(
            "the server announces no Maximum Packet Size",
        ));
    };
    if max > 4_000_000 {
        return Err(crate::outcome::not_applicable(format!(
            "the server announces a Maximum Packet Size of {max} bytes, too many to send here"
        )));
    }
    let publish = message(&cx.topic("t"), QoS::AtMostOnce, &vec![b'x'; max as usize]);
    // The server may close before it has read everything; what it says is read next.
    let _ = client.send(&Packet::Publish(publish)).await;
    let reaction = reaction(cx, &mut client.probe).await?;
    judge(cx, &reaction, cx.main, false)
}

const REASON_INFORMATION_OFF: Check = Check {
    id: "flow/reason-information-off",
    title: "With Request Problem Information 0 acknowledgements carry no Reason String or User Property",
    expected: "No Reason String and no User Property in SUBACK, UNSUBACK, PUBACK and PUBCOMP.",
    v3_1_1: &[],
    v5_0: &["MQTT-3.1.2-29"],
    needs: &[Need::Qos2],
    run: |cx| Box::pin(reason_information_off(cx)),
};

async fn reason_information_off(cx: &Cx) -> Judged {
    let topic = cx.topic("t");
    let mut client = cx
        .dial("client")
        .property(Property::RequestProblemInformation(0))
        .go()
        .await?;
    let seen = |name: &str, properties: &squall_protocol::Properties| {
        let told =
            properties.reason_string().is_some() || properties.user_properties().next().is_some();
        told.then(|| format!("{name} carries a Reason String or User Property"))
    };
    let ack = client
        .subscribe_many(
            vec![crate::party::subscription(&topic, QoS::AtMostOnce)?],
            squall_protocol::Properties::new(),
        )
        .await?;
    let unsub = client.unsubscribe(&[&topic, &cx.topic("never")]).await?;
    let mut told = seen("SUBACK", &ack.properties).or_else(|| seen("UNSUBACK", &unsub.properties));
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish(&topic, qos, b"m").await?;
    }
    for record in cx.journal.records() {
        if let squall_client::probe::Event::Received(packet, ..) = &record.event {
            let acks = match packet {
                Packet::PubAck(a) | Packet::PubRec(a) | Packet::PubComp(a) => Some(a),
                _ => None,
            };
            told = told
                .or_else(|| acks.and_then(|a| seen(packet.packet_type().name(), &a.properties)));
        }
    }
    match told {
        Some(text) => fail(text),
        None => pass("none of the acknowledgements carries one"),
    }
}
