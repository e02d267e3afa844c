//! A connected client of a check: the ordinary things a client does, each with an end to its waiting.
//!
//! Answers QoS 1 and 2 messages by itself unless told not to. A helper that does not get what it needs ends the check
//! as inconclusive, because it did not come to its question; what breaks the standard by itself ends it as a failure.

use crate::{
    cx::Cx,
    heard::{blocked_by, words},
    message::message,
    outcome::{Outcome, blocked, inconclusive, interrupted, not_applicable},
};
use squall_client::probe::{Heard, Probe, weight};
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, QoS, ReasonCode, Text, Version,
    packet::{
        Ack, ConnAck, Disconnect, Publish, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe,
    },
    topic::TopicFilter,
};
use squall_reports::Verdict;
use std::collections::{BTreeMap, VecDeque};
use tokio::time::Instant;

/// Bytes of memory for all that a client gets, looked at or not: more than 2,000 short messages, where a check asks for
/// a few dozen. A run has up to a few clients for each of its jobs.
const MOST_HEARD: usize = 512 * 1024;

/// A client after CONNACK.
pub(crate) struct Client<'a> {
    pub(crate) cx: &'a Cx,
    pub(crate) probe: Probe,
    pub(crate) connack: ConnAck,
    pub(crate) name: &'static str,
    next_id: PacketId,
    /// Messages that have come and were not yet looked at.
    pub(crate) inbox: VecDeque<Publish>,
    /// What the packets so far have taken in memory.
    heard: usize,
    /// PINGREQ that were not answered yet.
    pings: u32,
    /// Of these, the first ones whose answer nobody waits for any more.
    pub(crate) pongs_without_use: u32,
    /// Acknowledgements that are due for what was sent, the oldest first.
    pub(crate) owed: Vec<(PacketType, PacketId)>,
    /// Acknowledgements that came before they were waited for.
    pub(crate) early: Vec<Packet>,
    /// Messages under their packet identifiers, as they came last on this connection.
    seen: BTreeMap<PacketId, Publish>,
    /// Whether it is sent messages that it has to acknowledge.
    pub(crate) receives: bool,
    /// Whether QoS 1 and 2 messages are acknowledged as they come.
    pub(crate) answers: bool,
    /// Whether messages on topics of other checks count too.
    pub(crate) takes_all: bool,
}

impl<'a> Client<'a> {
    pub(crate) fn new(cx: &'a Cx, name: &'static str, probe: Probe, connack: ConnAck) -> Self {
        Self {
            cx,
            probe,
            connack,
            name,
            next_id: PacketId::MIN,
            inbox: VecDeque::new(),
            heard: 0,
            pings: 0,
            pongs_without_use: 0,
            owed: Vec::new(),
            early: Vec::new(),
            seen: BTreeMap::new(),
            receives: false,
            answers: true,
            takes_all: false,
        }
    }

    /// From now on no message is acknowledged.
    pub(crate) fn withhold(&mut self) {
        self.answers = false;
        self.receive();
    }

    /// A server may wait for what this client acknowledges.
    fn receive(&mut self) {
        if !self.receives {
            self.receives = true;
            self.cx.one_more_receiver();
        }
    }

    /// A packet identifier that this client has not used yet.
    pub(crate) fn fresh_id(&mut self) -> PacketId {
        let id = self.next_id;
        self.next_id = id.next();
        id
    }

    pub(crate) async fn send(&mut self, packet: &Packet) -> Result<(), Outcome> {
        self.pings += u32::from(*packet == Packet::PingReq);
        self.owe(packet);
        let sent = self.probe.send(packet).await;
        sent.map_err(|error| interrupted(format!("{}: {error}", self.name)))
    }

    pub(crate) async fn send_raw(&mut self, what: &str, bytes: &[u8]) -> Result<(), Outcome> {
        let sent = self.probe.send_raw(what, bytes).await;
        sent.map_err(|error| interrupted(format!("{}: {error}", self.name)))
    }

    /// The next packet that is no PUBREL of a message this client has answered, no message on a topic of another check
    /// and none that is only repeated; `None` when nothing comes in time.
    pub(crate) async fn hear(&mut self, until: Instant) -> Result<Option<Packet>, Outcome> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let packet = match self.probe.next(left).await {
                Heard::Packet(packet) => packet,
                Heard::Violation(violation) => return Err(Outcome::violation(&violation)),
                Heard::Silence => return Ok(None),
                other => {
                    let text = format!("{}: {}", self.name, words(&other, left));
                    return Err(blocked_by(&other, text));
                }
            };
            self.heard += weight(&packet, self.probe.last_len());
            if self.heard > MOST_HEARD {
                let text = format!(
                    "the server floods {} with packets that nobody asked for",
                    self.name
                );
                return Err(blocked(text));
            }
            match &packet {
                Packet::PubRel(rel) if self.answers => {
                    self.seen.remove(&rel.packet_id);
                    self.send(&Packet::PubComp(Ack::success(rel.packet_id)))
                        .await?;
                }
                Packet::Publish(publish) => {
                    if self.answers {
                        self.answer(publish).await?;
                    }
                    let ours = self.takes_all || self.cx.owns(&publish.topic);
                    if !self.repeats(publish) && ours {
                        return Ok(Some(packet));
                    }
                }
                // A server that sends PINGRESP by itself would pass whatever a round trip proves.
                Packet::PingResp => match self.pings.checked_sub(1) {
                    Some(left) if self.pongs_without_use > 0 => {
                        (self.pings, self.pongs_without_use) = (left, self.pongs_without_use - 1);
                    }
                    Some(left) => {
                        self.pings = left;
                        return Ok(Some(packet));
                    }
                    None => {
                        let text = format!("{} got a PINGRESP without a PINGREQ", self.name);
                        return Err(inconclusive(text));
                    }
                },
                Packet::Disconnect(p) => {
                    let text = format!("the server sent DISCONNECT {} to {}", p.reason, self.name);
                    return Err(inconclusive(text));
                }
                _ => return Ok(Some(packet)),
            }
        }
    }

    /// Sends PUBACK or PUBREC, as the QoS of the message asks for.
    pub(crate) async fn answer(&mut self, publish: &Publish) -> Result<(), Outcome> {
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => self.send(&Packet::PubAck(Ack::success(id))).await,
            (QoS::ExactlyOnce, Some(id)) => self.send(&Packet::PubRec(Ack::success(id))).await,
            _ => Ok(()),
        }
    }

    /// In 3.1.1 a server may send a message again on a living connection: under the same identifier, with DUP, before
    /// the flow has come to its end. It is no second message. 5.0 forbids it [MQTT-4.4.0-1].
    fn repeats(&mut self, publish: &Publish) -> bool {
        let Some(id) = publish.packet_id else {
            return false;
        };
        let before = self.seen.insert(id, publish.clone());
        let same = |m: &Publish| m.topic == publish.topic && m.payload == publish.payload;
        !self.cx.five() && publish.dup && before.as_ref().is_some_and(same)
    }

    /// SUBSCRIBE to one filter; the QoS has to be granted.
    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) -> Result<(), Outcome> {
        let subscription = subscription(filter, qos)?;
        self.subscribe_to(subscription, Properties::new()).await
    }

    /// SUBSCRIBE to one filter; gives the QoS that is granted, which may be lower.
    pub(crate) async fn subscribe_up_to(&mut self, filter: &str, qos: QoS) -> Result<QoS, Outcome> {
        let wanted = subscription(filter, qos)?;
        match self.subscribe_to(wanted, Properties::new()).await {
            Ok(()) => Ok(qos),
            Err(outcome) if outcome.verdict == Verdict::NotApplicable && qos != QoS::AtMostOnce => {
                self.subscribe(filter, QoS::AtMostOnce).await?;
                Ok(QoS::AtMostOnce)
            }
            Err(outcome) => Err(outcome),
        }
    }

    /// SUBSCRIBE with options; the QoS has to be granted.
    pub(crate) async fn subscribe_to(
        &mut self,
        wanted: Subscription,
        properties: Properties,
    ) -> Result<(), Outcome> {
        let (qos, filter) = (wanted.qos, wanted.filter.clone());
        let ack = self.subscribe_many(vec![wanted], properties).await?;
        match ack.reasons.first().copied() {
            Some(ReasonCode(code)) if code == qos.as_u8() => {
                if code > 0 {
                    self.receive();
                }
                Ok(())
            }
            Some(ReasonCode(code @ 0..=2)) => Err(not_applicable(format!(
                "the server grants `{filter}` QoS {code} where QoS {qos} was asked for"
            ))),
            // X-3.1.1-subscribe-1: a server should support wildcards. In 5.0 one that offers them may refuse one all the
            // same; one that does not offer them says so in CONNACK, and the check is not asked.
            Some(code) if filter.has_wildcard() && !filter.is_shared() => {
                let text = format!(
                    "the server refuses the wildcard subscription to `{filter}` with {code}"
                );
                Err(match self.cx.five() {
                    true => inconclusive(text),
                    false => Outcome::new(Verdict::Warn, text).citing(&["X-3.1.1-subscribe-1"]),
                })
            }
            Some(ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED)
            | Some(ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED) => Err(not_applicable(
                format!("the server does not support the subscription to `{filter}`"),
            )),
            Some(code) => Err(inconclusive(format!(
                "the server refuses the subscription to `{filter}` with {code}"
            ))),
            None => Err(inconclusive(format!(
                "the SUBACK for `{filter}` has no code"
            ))),
        }
    }

    /// SUBSCRIBE to several filters; gives the SUBACK whatever it says.
    pub(crate) async fn subscribe_many(
        &mut self,
        subscriptions: Vec<Subscription>,
        properties: Properties,
    ) -> Result<SubAck, Outcome> {
        let packet_id = self.fresh_id();
        let subscribe = Subscribe {
            packet_id,
            properties,
            subscriptions,
        };
        self.send(&Packet::Subscribe(subscribe)).await?;
        match self.answer_to(PacketType::SubAck, packet_id).await? {
            Packet::SubAck(ack) => Ok(ack),
            other => Err(unexpected(&other)),
        }
    }

    /// UNSUBSCRIBE; gives the UNSUBACK whatever it says.
    pub(crate) async fn unsubscribe(&mut self, filters: &[&str]) -> Result<UnsubAck, Outcome> {
        let packet_id = self.fresh_id();
        let filters = filters
            .iter()
            .map(|f| filter(f))
            .collect::<Result<_, _>>()?;
        let properties = Properties::new();
        self.send(&Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties,
            filters,
        }))
        .await?;
        match self.answer_to(PacketType::UnsubAck, packet_id).await? {
            Packet::UnsubAck(ack) => Ok(ack),
            other => Err(unexpected(&other)),
        }
    }

    /// Publishes and sees the flow through to its end. QoS 0 ends with a fence, so the server has the message.
    pub(crate) async fn publish(
        &mut self,
        topic: &str,
        qos: QoS,
        payload: &[u8],
    ) -> Result<(), Outcome> {
        self.publish_message(message(topic, qos, payload)).await
    }

    /// Like [`Self::publish`], for any message.
    pub(crate) async fn publish_message(&mut self, mut publish: Publish) -> Result<(), Outcome> {
        if publish.retain {
            self.cx.will_retain(&publish.topic);
        }
        let qos = publish.qos;
        if qos == QoS::AtMostOnce {
            self.send(&Packet::Publish(publish)).await?;
            return self.fence().await;
        }
        let id = *publish.packet_id.get_or_insert(self.fresh_id());
        self.send(&Packet::Publish(publish)).await?;
        if qos == QoS::AtLeastOnce {
            let ack = self.answer_to(PacketType::PubAck, id).await?;
            return accepted(&ack);
        }
        let rec = self.answer_to(PacketType::PubRec, id).await?;
        accepted(&rec)?;
        self.send(&Packet::PubRel(Ack::success(id))).await?;
        self.answer_to(PacketType::PubComp, id).await.map(drop)
    }

    /// Takes in what is there already: it is no answer to what is asked next.
    pub(crate) async fn drain(&mut self) -> Result<(), Outcome> {
        while let Some(packet) = self.hear(Instant::now()).await? {
            self.keep(packet)?;
        }
        Ok(())
    }

    /// PINGREQ and PINGRESP; what comes in between is kept for later. It shows that the connection lives and that the
    /// server has read what was sent before. It proves nothing about messages: no statement orders them and PINGRESP.
    pub(crate) async fn fence(&mut self) -> Result<(), Outcome> {
        self.drain().await?;
        self.send(&Packet::PingReq).await?;
        let until = Instant::now() + self.cx.wait();
        while let Some(packet) = self.hear(until).await? {
            match packet {
                Packet::PingResp => {
                    self.cx.control_seen();
                    return Ok(());
                }
                other => self.keep(other)?,
            }
        }
        let text = format!(
            "{} got no PINGRESP within {:?} on an open connection",
            self.name,
            self.cx.wait()
        );
        self.probe.note(&text);
        // [MQTT-3.12.4-1] has no exception.
        Err(Outcome::new(Verdict::Fail, text).citing(&["MQTT-3.12.4-1"]))
    }

    /// DISCONNECT and close.
    pub(crate) async fn bye(self) {
        self.probe.disconnect(self.cx.wait() / 2).await;
    }

    /// DISCONNECT with this reason code (5.0), then close.
    pub(crate) async fn bye_with(mut self, disconnect: Disconnect) -> Result<(), Outcome> {
        self.send(&Packet::Disconnect(disconnect)).await?;
        self.cut().await;
        Ok(())
    }

    /// Close without a further word.
    pub(crate) async fn cut(self) {
        self.probe.cut(self.cx.wait() / 2).await;
    }
}

/// A PUBACK or PUBREC that accepts the message.
fn accepted(ack: &Packet) -> Result<(), Outcome> {
    match ack {
        Packet::PubAck(a) | Packet::PubRec(a) if a.reason.is_error() => Err(inconclusive(format!(
            "the server refuses an ordinary message: {}",
            ack.summary()
        ))),
        _ => Ok(()),
    }
}

pub(crate) fn unexpected(packet: &Packet) -> Outcome {
    inconclusive(format!(
        "the server sent {}, which nothing here asks for",
        packet.summary()
    ))
    .showing(packet)
}

/// A filter of our own; a broken one is a defect of the check and says so.
pub(crate) fn filter(text: &str) -> Result<TopicFilter, Outcome> {
    TopicFilter::parse_v5(Text::from(text))
        .map_err(|error| inconclusive(format!("the filter `{text}`: {error}")))
}

/// A subscription with default options.
pub(crate) fn subscription(text: &str, qos: QoS) -> Result<Subscription, Outcome> {
    Ok(Subscription::new(filter(text)?, qos))
}

/// A CONNACK that refuses a correct CONNECT.
pub(crate) fn refused(version: Version, reason: ReasonCode) -> Outcome {
    let name = reason
        .name_in(PacketType::ConnAck, version)
        .unwrap_or("undefined code");
    inconclusive(if wants_credentials(version, reason) {
        format!("the target does not let this client in ({reason} {name})")
    } else {
        format!("the target refuses a correct CONNECT with {reason} {name}")
    })
}

/// Whether a code of CONNACK is about who the client is.
pub(crate) fn wants_credentials(version: Version, reason: ReasonCode) -> bool {
    match version {
        Version::V3_1_1 => matches!(reason.0, 4 | 5),
        Version::V5_0 => matches!(
            reason,
            ReasonCode::BAD_USER_NAME_OR_PASSWORD | ReasonCode::NOT_AUTHORIZED
        ),
    }
}
