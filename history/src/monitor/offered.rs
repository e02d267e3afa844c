//! What a server has offered in CONNACK binds the server itself: it refuses a will that is beyond it, takes every Topic
//! Alias up to its maximum, and takes subscriptions of any QoS.

use super::{Rule, Step};
use crate::finding::{Cite, Finding};
use squall_protocol::{
    Packet, QoS, ReasonCode, Text,
    packet::{ConnAck, Connect, Publish, SubAck, Subscribe},
};
use std::collections::{BTreeMap, BTreeSet};

const WILL_QOS: Cite = (&[], &["MQTT-3.2.2-12"]);
const WILL_RETAIN: Cite = (&[], &["MQTT-3.2.2-13"]);
const ALIAS: Cite = (&[], &["MQTT-3.3.2-12"]);
const ANY_QOS: Cite = (&[], &["MQTT-3.2.2-10"]);

/// Topic filters that are remembered: this rule is about who asks twice for the same.
const MOST: usize = 64;

/// What the server of the connection offers, and what its client made of that.
#[derive(Debug, Default)]
pub(super) struct Offered {
    /// QoS and RETAIN of the will in CONNECT.
    will: Option<(QoS, bool)>,
    /// Maximum QoS, where it is below 2.
    qos: Option<QoS>,
    /// Topic Alias Maximum.
    aliases: u16,
    used: Aliases,
    filters: Filters,
}

/// The Topic Aliases that the client has used.
#[derive(Debug, Default)]
struct Aliases {
    known: BTreeSet<u16>,
    /// It has used one that stands for nothing.
    wrong: bool,
}

impl Aliases {
    fn hear(&mut self, publish: &Publish) {
        let Some(alias) = publish.properties.topic_alias() else {
            return;
        };
        if publish.topic.is_empty() {
            self.wrong |= !self.known.contains(&alias);
        } else {
            self.known.insert(alias);
        }
    }

    /// It has used some, and all of them are from 1 to `most`.
    fn within(&self, most: u16) -> bool {
        let (first, last) = (self.known.first(), self.known.last());
        !self.wrong && first.is_some_and(|a| *a > 0) && last.is_some_and(|a| *a <= most)
    }
}

/// What becomes of single topic filters that are asked for again and again.
#[derive(Debug, Default)]
struct Filters {
    /// By packet identifier: a filter that is asked for alone, with its QoS. `None` when there were two such requests,
    /// so that nobody can say which one is answered.
    asked: BTreeMap<u16, Option<(Text, QoS)>>,
    /// Filters that are granted.
    granted: BTreeSet<Text>,
    /// How often a filter that was granted was refused when it was asked for with a QoS above the server's.
    refused: BTreeMap<Text, u32>,
}

impl Filters {
    fn hear(&mut self, subscribe: &Subscribe) {
        let [alone] = &subscribe.subscriptions[..] else {
            return;
        };
        let asked = (Text::from(alone.filter.as_str()), alone.qos);
        let id = subscribe.packet_id.get();
        self.asked
            .entry(id)
            .and_modify(|other| *other = None)
            .or_insert(Some(asked));
    }

    fn forget(&mut self, filter: &str) {
        self.granted.remove(filter);
        self.refused.remove(filter);
    }

    /// Looks at a SUBACK; gives the filter and its QoS where the server has refused for the second time what it grants
    /// with a QoS of its own: once may be chance.
    fn answer(&mut self, ack: &SubAck, most: QoS) -> Option<(Text, QoS)> {
        let (filter, qos) = self.asked.remove(&ack.packet_id.get())??;
        let reason = *ack.reasons.first()?;
        if !reason.is_error() {
            if self.granted.len() < MOST {
                self.granted.insert(filter);
            }
            return None;
        }
        // Other codes give other reasons.
        let for_no_other = reason == ReasonCode::UNSPECIFIED_ERROR
            || reason == ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR;
        if qos <= most || !for_no_other || !self.granted.remove(&filter) {
            return None;
        }
        if self.refused.len() == MOST && !self.refused.contains_key(&filter) {
            return None;
        }
        let times = self.refused.entry(filter.clone()).or_default();
        *times += 1;
        (*times > 1).then_some((filter, qos))
    }
}

impl Rule for Offered {
    fn turn_to(&mut self, _: u64) {
        *self = Self::default();
    }

    fn connects(&mut self, connect: &Connect) {
        self.will = connect.will.as_ref().map(|w| (w.qos, w.retain));
    }

    fn hears(&mut self, packet: &Packet) {
        match packet {
            Packet::Publish(publish) => self.used.hear(publish),
            Packet::Subscribe(subscribe) => self.filters.hear(subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                for filter in &unsubscribe.filters {
                    self.filters.forget(filter.as_str());
                }
            }
            _ => {}
        }
    }

    fn greets(&mut self, step: &Step<'_>, ack: &ConnAck, broken: &mut dyn FnMut(Finding)) {
        if ack.reason.is_error() || !step.five() {
            return;
        }
        let p = &ack.properties;
        self.qos = p.maximum_qos().and_then(QoS::from_bits);
        self.aliases = p.topic_alias_maximum().unwrap_or(0);
        let Some((qos, retain)) = self.will else {
            return;
        };
        let mut tell = |cite, what: String, expected: &str| {
            let message = format!("{} accepted a CONNECT with {what}", step.who());
            broken(step.finding("offered", cite, message, expected, None));
        };
        if let Some(most) = self.qos.filter(|most| qos > *most) {
            let expected = "a refusal: the QoS of the will is above the Maximum QoS";
            tell(
                WILL_QOS,
                format!("Will QoS {qos}, and Maximum QoS is {most}"),
                expected,
            );
        }
        if retain && p.retain_available() == Some(0) {
            let what = "Will Retain 1, and Retain Available is 0".to_owned();
            tell(WILL_RETAIN, what, "a refusal: nothing is retained");
        }
    }

    fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        match step.packet {
            Packet::SubAck(ack) => {
                let Some(most) = self.qos else { return };
                if let Some((filter, qos)) = self.filters.answer(ack, most) {
                    let message = format!(
                        "{} refused `{filter}` with QoS {qos}, again, and grants it with QoS {most} or less",
                        step.who()
                    );
                    let expected = "any QoS may be asked for, whatever the Maximum QoS";
                    broken(step.finding("offered", ANY_QOS, message, expected, None));
                }
            }
            Packet::Disconnect(farewell)
                if farewell.reason == ReasonCode::TOPIC_ALIAS_INVALID
                    && self.used.within(self.aliases) =>
            {
                let message = format!("{} sent DISCONNECT {}", step.who(), farewell.reason);
                let expected = format!(
                    "every Topic Alias from 1 to {}, the server's Topic Alias Maximum, is taken",
                    self.aliases
                );
                broken(step.finding("offered", ALIAS, message, expected, None));
            }
            _ => {}
        }
    }
}
