//! What a packet is sent into, so that taking it has a consequence on the wire, and the look at that consequence.
//!
//! A server that carries on after a packet that it may take has taken it, or has dropped it and said nothing. A scene
//! tells them apart: a PUBLISH has a subscriber, an acknowledgement a message that it acknowledges, a DISCONNECT a
//! will. What either is judged by stands in [`crate::rigour`].

use super::{
    case::{may_be_taken, statements},
    lenient::{identifier, on_topic, payload, qos_bits, reason, with_identifier},
};
use crate::{
    check::qos::has,
    cx::Cx,
    message::message,
    outcome::{Judged, Outcome, fail_on, inconclusive, pass},
    party::Client,
    reaction::{End, Late, Reaction, judge, late},
    rigour::{dropped, handed_on, unanswered},
};
use bytes::Bytes;
use squall_client::probe::Heard;
use squall_protocol::{
    Packet, PacketId, PacketType, QoS, Rule,
    packet::{Ack, Publish},
};
use squall_vectors::Case;
use tokio::time::Instant;

/// The payload of the ordinary message that follows a broken one on its topic.
const AFTER: &[u8] = b"the ordinary message after it";
/// The payload of the message that is acknowledged.
const FIRST: &[u8] = b"the message before it";

/// What stands ready when a packet is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing but the connection.
    Bare,
    /// PUBLISH: somebody is subscribed to its topic.
    Message(QoS),
    /// SUBSCRIBE to `a`.
    Subscription,
    /// UNSUBSCRIBE from `a`, where the client is subscribed.
    Unsubscription,
    /// PUBREL: the client has published under its identifier.
    Release,
    /// PUBACK, PUBREC or PUBCOMP: the server has sent what it acknowledges.
    Receipt(PacketType),
    /// DISCONNECT: the client has a will, which a normal one removes.
    Farewell {
        /// With code 0x00.
        normal: bool,
    },
    /// AUTH: the client has named no Authentication Method.
    Authentication,
}

impl Plan {
    /// What shows whether this packet was taken.
    pub(super) fn of(case: &Case) -> Self {
        if !may_be_taken(case) || case.vector.first {
            return Self::Bare;
        }
        let (wire, five) = (&case.wire, case.version.level() == 5);
        let named = identifier(wire).is_some();
        // A fault of the filter leaves nothing to deliver for.
        let sound = statements(case).first() == Some(&"MQTT-1.5.5-1");
        match case.packet_type() {
            Some(PacketType::Publish) if on_topic(wire, "t").is_some() => {
                match QoS::from_bits(qos_bits(wire)) {
                    Some(qos) if named || qos == QoS::AtMostOnce => Self::Message(qos),
                    _ => Self::Bare,
                }
            }
            Some(PacketType::Subscribe) if named && sound => Self::Subscription,
            Some(PacketType::Unsubscribe) if named && sound => Self::Unsubscription,
            Some(PacketType::PubRel) if named => Self::Release,
            // With a code of 0x80 and above it ends the flow, and no PUBREL is due.
            Some(PacketType::PubRec) if five && reason(wire, true).is_some_and(|r| r >= 0x80) => {
                Self::Bare
            }
            Some(kind @ (PacketType::PubAck | PacketType::PubRec | PacketType::PubComp))
                if named =>
            {
                Self::Receipt(kind)
            }
            Some(PacketType::Disconnect) => Self::Farewell {
                normal: !five || reason(wire, false).unwrap_or(0) == 0,
            },
            Some(PacketType::Auth) => Self::Authentication,
            _ => Self::Bare,
        }
    }
}

/// A client that is about to send a packet, and what stands ready beside it.
pub(super) struct Scene<'a> {
    pub(super) client: Client<'a>,
    /// The bytes of the vector, with a topic or an identifier of this scene in the place of those of the vector.
    pub(super) wire: Bytes,
    plan: Plan,
    topic: String,
    /// Another client: a subscriber of the topic, or its publisher.
    other: Option<Client<'a>>,
    /// The client's identifier.
    id: String,
}

impl<'a> Scene<'a> {
    /// Makes it ready.
    pub(super) async fn set(cx: &'a Cx, case: &'static Case, plan: Plan) -> Result<Self, Outcome> {
        let (id, topic) = (cx.id(), cx.topic("consequence"));
        let dial = cx.dial("client").id(&id);
        let client = match plan {
            Plan::Receipt(_) => dial.kept().go().await?,
            Plan::Farewell { .. } => {
                dial.will(&topic, b"last words", QoS::AtMostOnce)
                    .go()
                    .await?
            }
            _ => dial.go().await?,
        };
        let mut scene = Self {
            client,
            wire: case.wire.clone(),
            plan,
            topic,
            other: None,
            id,
        };
        scene.prepare(cx).await?;
        Ok(scene)
    }

    async fn prepare(&mut self, cx: &'a Cx) -> Result<(), Outcome> {
        let lost = || inconclusive("the vector has no such field");
        // Identifiers of vectors are 1; ordinary packets of this connection have others.
        let vectors = self.client.fresh_id();
        match self.plan {
            Plan::Bare | Plan::Subscription | Plan::Authentication => {}
            Plan::Message(_) => {
                self.wire = on_topic(&self.wire, &self.topic).ok_or_else(lost)?;
                self.subscriber(cx).await?;
            }
            Plan::Farewell { .. } => self.subscriber(cx).await?,
            Plan::Unsubscription => {
                self.client.subscribe("a", QoS::AtMostOnce).await?;
                self.client.subscribe(&self.topic, QoS::AtMostOnce).await?;
            }
            Plan::Release => {
                let mut publish = message(&self.topic, QoS::ExactlyOnce, FIRST);
                publish.packet_id = Some(vectors);
                self.client.send(&Packet::Publish(publish)).await?;
                let rec = self.client.answer_to(PacketType::PubRec, vectors).await?;
                if rec.packet_id().is_none_or(|_| is_refusal(&rec)) {
                    return Err(inconclusive("the server refuses an ordinary message"));
                }
            }
            Plan::Receipt(kind) => self.receive(cx, kind).await?,
        }
        Ok(())
    }

    /// A subscriber of the topic.
    async fn subscriber(&mut self, cx: &'a Cx) -> Result<(), Outcome> {
        let mut other = cx.client("subscriber").await?;
        other.subscribe(&self.topic, QoS::AtMostOnce).await?;
        self.other = Some(other);
        Ok(())
    }

    /// The server sends a message, and gets everything but the acknowledgement that is to be sent next.
    async fn receive(&mut self, cx: &'a Cx, kind: PacketType) -> Result<(), Outcome> {
        let qos = match kind {
            PacketType::PubAck => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        self.client.subscribe(&self.topic, qos).await?;
        self.client.withhold();
        let mut publisher = cx.client("publisher").await?;
        let (published, got) = tokio::join!(
            publisher.publish(&self.topic, qos, FIRST),
            self.client.message()
        );
        published?;
        let nothing = || inconclusive("an ordinary message does not arrive");
        let publish = got?.filter(|m| m.qos == qos).ok_or_else(nothing)?;
        let id = publish.packet_id.ok_or_else(nothing)?;
        if kind == PacketType::PubComp {
            self.client.answer(&publish).await?;
            self.client.answer_to(PacketType::PubRel, id).await?;
        }
        self.wire = with_identifier(&self.wire, id.get()).ok_or_else(nothing)?;
        self.other = Some(publisher);
        Ok(())
    }

    /// Judges what follows where the server carries on as if nothing were wrong, or ended the connection where a
    /// DISCONNECT asks for that. `None` when there is nothing to say against it.
    pub(super) async fn followed(
        mut self,
        cx: &'a Cx,
        case: &'static Case,
        reaction: &mut Reaction,
    ) -> Option<Judged> {
        let main = statements(case).first().copied()?;
        if let Some((answer, rule)) = self.answer(cx, case) {
            // A PUBACK in the place of a PUBREC is wrong, but no silence; qos/2-identifiers judges it.
            let is_it = |p: &Packet| {
                p.packet_type() == answer
                    || answer == PacketType::PubRec && p.packet_type() == PacketType::PubAck
            };
            if !reaction.packets.iter().any(is_it) {
                match late(cx, &mut self.client.probe, answer).await {
                    Late::Came(packet) => reaction.packets.push(packet),
                    Late::Closed => {
                        reaction.end = End::Closed;
                        return Some(pass("the server closed the connection"));
                    }
                    Late::Never => {
                        let text = format!(
                            "the server dropped it: neither {answer} came nor the end of the connection"
                        );
                        return Some(unanswered(cx, main, rule, text));
                    }
                }
            }
        }
        match self.plan {
            Plan::Bare | Plan::Release | Plan::Receipt(PacketType::PubRec) => None,
            Plan::Message(qos) => self.delivered(cx, case, qos, reaction).await,
            Plan::Subscription => self.subscribed(reaction).await,
            Plan::Unsubscription => self.unsubscribed(reaction).await,
            Plan::Receipt(kind) => self.acknowledged(cx, kind).await,
            Plan::Farewell { normal } => self.parted(cx, normal, reaction).await,
            Plan::Authentication => {
                let (Ok(judged) | Err(judged)) = judge(cx, reaction, "MQTT-4.12.0-7", false);
                Some(Ok(judged.graded(cx.version, &["MQTT-4.12.0-7"])))
            }
        }
    }

    /// What a server that takes the packet answers it by, and the statement that asks for it.
    fn answer(&self, cx: &Cx, case: &Case) -> Option<(PacketType, &'static str)> {
        let named = identifier(&self.wire).is_some();
        Some(match case.packet_type()? {
            PacketType::PingReq => (PacketType::PingResp, "MQTT-3.12.4-1"),
            PacketType::Subscribe if named => (PacketType::SubAck, "MQTT-3.8.4-1"),
            PacketType::Unsubscribe if named => (PacketType::UnsubAck, "MQTT-3.10.4-4"),
            PacketType::Publish if named && qos_bits(&self.wire) == 1 => {
                (PacketType::PubAck, cx.pick("MQTT-4.3.2-2", "MQTT-4.3.2-4"))
            }
            PacketType::Publish if named && qos_bits(&self.wire) == 2 => {
                (PacketType::PubRec, cx.pick("MQTT-4.3.3-2", "MQTT-4.3.3-8"))
            }
            PacketType::PubRec if self.plan == Plan::Receipt(PacketType::PubRec) => {
                (PacketType::PubRel, cx.pick("MQTT-4.3.3-1", "MQTT-4.3.3-4"))
            }
            PacketType::PubRel if self.plan == Plan::Release => (
                PacketType::PubComp,
                cx.pick("MQTT-4.3.3-2", "MQTT-4.3.3-11"),
            ),
            _ => return None,
        })
    }

    /// A message that was taken reaches the subscriber as it was sent, before an ordinary one that follows it.
    async fn delivered(
        mut self,
        cx: &Cx,
        case: &'static Case,
        qos: QoS,
        reaction: &Reaction,
    ) -> Option<Judged> {
        if reaction.packets.iter().any(is_refusal) {
            return None;
        }
        if let (QoS::ExactlyOnce, Some(id)) = (qos, identifier(&self.wire)) {
            let id = PacketId::new(id)?;
            self.client
                .send(&Packet::PubRel(Ack::success(id)))
                .await
                .ok()?;
            self.client.answer_to(PacketType::PubComp, id).await.ok()?;
        }
        // A connection that ends now was refused after all.
        self.client.publish(&self.topic, qos, AFTER).await.ok()?;
        let mut subscriber = self.other?;
        let enough = |all: &[Publish]| all.len() > 1 && has(all, AFTER);
        let got = match subscriber.gathered(enough).await {
            Ok(got) => got,
            Err(outcome) => {
                // The packet that cannot be read is still there.
                let Heard::Violation(violation) =
                    subscriber.probe.next(std::time::Duration::ZERO).await
                else {
                    return None;
                };
                return Some(match violation.rule {
                    Rule::ResponseTopicWildcard
                    | Rule::TopicNameEmpty
                    | Rule::PayloadNotUtf8
                    | Rule::PropertyRepeated(_)
                    | Rule::PropertyOutOfRange(_) => handed_on(&violation),
                    _ => Err(outcome),
                });
            }
        };
        if !has(&got, AFTER) {
            return None;
        }
        let Some(copy) = got.iter().find(|m| m.payload != AFTER) else {
            let text = "the server carries on, and the message reached nobody";
            // In 3.1.1 a message that is not authorised is acknowledged like any other [MQTT-3.3.5-2].
            return Some(match cx.five() && qos > QoS::AtMostOnce {
                true => fail_on(
                    &["MQTT-4.5.0-1"],
                    "the server acknowledged the message with success, and it reached nobody",
                ),
                false => dropped(text),
            });
        };
        match payload(&self.wire, case.version) {
            Some(sent) if sent != copy.payload => {
                let text = format!(
                    "the server took the message and delivered {} bytes where {} were published",
                    copy.payload.len(),
                    sent.len()
                );
                let outcome = Outcome::new(squall_reports::Verdict::Fail, text);
                let copy = Packet::Publish(copy.clone());
                Some(Ok(outcome.citing(&["MQTT-4.5.0-1"]).showing(&copy)))
            }
            _ => None,
        }
    }

    /// A subscription that was granted delivers.
    async fn subscribed(mut self, reaction: &Reaction) -> Option<Judged> {
        let granted = |p: &Packet| matches!(p, Packet::SubAck(ack) if ack.reasons.iter().any(|r| !r.is_error()));
        if !reaction.packets.iter().any(granted) {
            return None;
        }
        let mark = Bytes::from(self.topic.clone());
        self.client.takes_all = true;
        self.client
            .publish("a", QoS::AtMostOnce, &mark)
            .await
            .ok()?;
        let got = self.client.gathered(|all| has(all, &mark)).await.ok()?;
        (!has(&got, &mark)).then(|| {
            fail_on(
                &["MQTT-4.5.0-1"],
                "the server granted the subscription, and a message on its topic did not come",
            )
        })
    }

    /// A subscription that was ended delivers no more.
    async fn unsubscribed(mut self, reaction: &Reaction) -> Option<Judged> {
        let ended = |p: &Packet| matches!(p, Packet::UnsubAck(ack) if ack.reasons.iter().all(|r| !r.is_error()));
        if !reaction.packets.iter().any(ended) {
            return None;
        }
        let mark = Bytes::from(self.topic.clone());
        self.client.takes_all = true;
        self.client
            .publish("a", QoS::AtMostOnce, &mark)
            .await
            .ok()?;
        let topic = self.topic.clone();
        self.client
            .publish(&topic, QoS::AtMostOnce, AFTER)
            .await
            .ok()?;
        let got = self.client.all(|all| has(all, AFTER)).await.ok()?;
        (has(&got, AFTER) && has(&got, &mark)).then(|| {
            fail_on(
                &["MQTT-3.10.4-1"],
                "the server confirmed UNSUBSCRIBE, and a message on the topic still came",
            )
        })
    }

    /// What was acknowledged is not sent again when the session is resumed.
    async fn acknowledged(self, cx: &'a Cx, kind: PacketType) -> Option<Judged> {
        self.client.bye().await;
        let mut again = cx
            .dial("client again")
            .id(&self.id)
            .kept()
            .go()
            .await
            .ok()?;
        cx.resumed(&again.connack).await.ok()?;
        again.withhold();
        let mut publisher = self.other?;
        let mut after = message(&self.topic, QoS::AtLeastOnce, AFTER);
        after.packet_id = Some(publisher.fresh_id());
        publisher.send(&Packet::Publish(after)).await.ok()?;
        let mut repeated = false;
        let until = Instant::now() + cx.wait();
        loop {
            match again.hear(until).await.ok()?? {
                Packet::Publish(publish) => {
                    again.answer(&publish).await.ok()?;
                    if publish.payload == AFTER {
                        break;
                    }
                    repeated |= publish.payload == FIRST;
                }
                Packet::PubRel(release) => {
                    repeated = true;
                    let id = release.packet_id;
                    again.send(&Packet::PubComp(Ack::success(id))).await.ok()?;
                }
                _ => {}
            }
        }
        again.bye().await;
        repeated.then(|| {
            dropped(&format!(
                "the server carries on, and did not take the {kind}: it sent again what that had acknowledged"
            ))
        })
    }

    /// After a DISCONNECT that is not normal the will comes, whether the server took it or not.
    async fn parted(mut self, cx: &'a Cx, normal: bool, reaction: &Reaction) -> Option<Judged> {
        if !matches!(reaction.end, End::Closed) {
            return Some(dropped(
                "the server answers PINGREQ after the DISCONNECT: it neither took it nor closed the connection",
            ));
        }
        let subscriber = self.other.as_mut()?;
        if normal || subscriber.message().await.ok()?.is_some() {
            return None;
        }
        // The control: that of a connection which is lost comes.
        let lost = cx
            .dial("lost client")
            .will(&self.topic, b"control", QoS::AtMostOnce)
            .go()
            .await
            .ok()?;
        lost.cut().await;
        subscriber.message().await.ok()??;
        let text = format!(
            "no will within {:?} of the end of the connection, and no DISCONNECT 0x00 had removed it",
            cx.wait()
        );
        Some(fail_on(&["MQTT-3.1.2-8"], text))
    }
}

/// An acknowledgement that refuses what it answers.
fn is_refusal(packet: &Packet) -> bool {
    matches!(packet, Packet::PubAck(ack) | Packet::PubRec(ack) if ack.reason.is_error())
}
