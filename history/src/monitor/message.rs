//! What a server forwards was published, at a QoS no higher than it was published and granted, and with RETAIN 1 only
//! where somebody asked for it to be retained.
//!
//! Judged are the messages of topics on which all publishers are known.

use super::Step;
use crate::finding::{Cite, Finding};
use bytes::Bytes;
use squall_protocol::{
    Packet, QoS, Role, Text,
    packet::{Publish, SubAck, Subscription},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a server took over is what it hands on.
const INVENTED: Cite = (&["MQTT-4.5.0-1"], &["MQTT-4.5.0-1"]);
const QOS: Cite = (&["MQTT-3.8.4-6"], &["MQTT-3.8.4-8"]);
const RETAIN: Cite = (&["MQTT-3.3.1-9"], &["MQTT-3.3.1-12"]);
const RETAIN_AS_PUBLISHED: Cite = (&[], &["MQTT-3.3.1-13"]);

/// What is known of all messages.
#[derive(Debug, Default)]
pub(super) struct Messages<'a> {
    /// Bytes were sent of which nothing is known: they may have been a message.
    unknown: bool,
    published: BTreeMap<(&'a str, &'a [u8]), Published>,
    /// Topics by connection, direction and Topic Alias.
    aliases: BTreeMap<(usize, u64, bool, u16), &'a Text>,
    /// Subscriptions by session, ended or not.
    asked: BTreeMap<usize, Vec<Asked<'a>>>,
    /// Sessions that began in this history.
    met: BTreeSet<usize>,
    /// Sessions that began before it: what they are subscribed to is not known.
    strangers: BTreeSet<usize>,
}

/// How a message was published, at most.
#[derive(Clone, Copy, Debug, Default)]
struct Published {
    qos: QoS,
    retain: bool,
}

#[derive(Debug)]
struct Asked<'a> {
    conn: u64,
    packet_id: u16,
    subscription: &'a Subscription,
    /// The QoS granted, once that is known; the one asked for until then.
    qos: QoS,
}

impl<'a> Messages<'a> {
    pub(super) fn unknown(&mut self) {
        self.unknown = true;
    }

    pub(super) fn see(
        &mut self,
        step: &Step<'_>,
        packet: &'a Packet,
        from: Role,
        broken: &mut dyn FnMut(Finding),
    ) {
        let session = step.end.session;
        match packet {
            Packet::Connect(connect) => {
                if let Some(will) = &connect.will {
                    self.note(&will.topic, &will.payload, will.qos, will.retain);
                }
            }
            Packet::ConnAck(ack) if !ack.reason.is_error() => {
                if ack.session_present && !self.met.contains(&session) {
                    self.strangers.insert(session);
                }
                self.met.insert(session);
            }
            Packet::Subscribe(subscribe) => {
                let asked = self.asked.entry(session).or_default();
                asked.extend(subscribe.subscriptions.iter().map(|subscription| Asked {
                    conn: step.end.conn,
                    packet_id: subscribe.packet_id.get(),
                    subscription,
                    qos: subscription.qos,
                }));
            }
            Packet::SubAck(ack) => self.granted(session, step.end.conn, ack),
            Packet::Publish(publish) => {
                let topic = self.topic(step, from, publish);
                match (topic, from) {
                    (Some(topic), Role::Client) => {
                        self.note(topic, &publish.payload, publish.qos, publish.retain);
                    }
                    (Some(topic), Role::Server) if step.judged == Role::Server => {
                        self.forwarded(step, topic, publish, broken);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, topic: &'a str, payload: &'a Bytes, qos: QoS, retain: bool) {
        let key = (topic, &payload[..]);
        let published = self.published.entry(key).or_default();
        published.qos = published.qos.max(qos);
        published.retain |= retain;
    }

    fn granted(&mut self, session: usize, conn: u64, ack: &SubAck) {
        let asked = self.asked.entry(session).or_default();
        let id = ack.packet_id.get();
        // The newest SUBSCRIBE with this identifier is the one that is answered.
        let answered = |a: &&mut Asked<'_>| a.conn == conn && a.packet_id == id;
        let mut of_packet: Vec<_> = asked.iter_mut().filter(answered).collect();
        let from = of_packet.len().saturating_sub(ack.reasons.len());
        for (asked, reason) in of_packet.drain(from..).zip(&ack.reasons) {
            if let Some(qos) = QoS::from_bits(reason.0) {
                asked.qos = qos;
            }
        }
    }

    /// The topic of a message, also where an alias stands for it.
    fn topic(&mut self, step: &Step<'_>, from: Role, publish: &'a Publish) -> Option<&'a Text> {
        let alias = publish.properties.topic_alias();
        let key = |alias| (step.end.client, step.end.conn, from == Role::Client, alias);
        if publish.topic.is_empty() {
            return self.aliases.get(&key(alias?)).copied();
        }
        if let Some(alias) = alias {
            self.aliases.insert(key(alias), &publish.topic);
        }
        Some(&publish.topic)
    }

    fn forwarded(
        &self,
        step: &Step<'_>,
        topic: &str,
        publish: &Publish,
        broken: &mut dyn FnMut(Finding),
    ) {
        let own = step
            .scene
            .own_topics
            .is_some_and(|own| topic.starts_with(own) && !topic.starts_with('$'));
        if self.unknown || !own {
            return;
        }
        let Some(published) = self.published.get(&(topic, &publish.payload[..])) else {
            let message = format!(
                "{} sent a message on `{topic}` that nobody published",
                step.who()
            );
            let expected = "topic and payload as they were published";
            return broken(step.finding("message", INVENTED, message, expected, None));
        };
        let known = !self.strangers.contains(&step.end.session);
        let asked = self.asked.get(&step.end.session).map_or(&[][..], |all| all);
        let matching = || {
            asked
                .iter()
                .filter(|a| a.subscription.filter.matches(topic))
        };
        // With most messages the first subscription that matches explains the QoS.
        let granted =
            || !known || matching().next().is_none() || matching().any(|a| a.qos >= publish.qos);
        let explained = publish.qos == QoS::AtMostOnce || publish.qos <= published.qos && granted();
        if !explained {
            let most = matching().map(|a| a.qos).max().filter(|_| known);
            let most = most.map_or(published.qos, |m| m.min(published.qos));
            let message = format!(
                "{} sent a message on `{topic}` with QoS {}",
                step.who(),
                publish.qos
            );
            let expected =
                format!("at most QoS {most}, the lower of what was published and granted");
            broken(step.finding("message", QOS, message, expected, None));
        }
        if publish.retain && !published.retain {
            let as_published = matching().any(|a| a.subscription.retain_as_published);
            let cite = if as_published {
                RETAIN_AS_PUBLISHED
            } else {
                RETAIN
            };
            let message = format!(
                "{} sent a message on `{topic}` with RETAIN 1 that was published with RETAIN 0",
                step.who()
            );
            let expected = "RETAIN 0";
            broken(step.finding("message", cite, message, expected, None));
        }
    }
}
