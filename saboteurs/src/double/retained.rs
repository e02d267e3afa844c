//! Retained messages: what is stored, and what a new subscription gets.

use super::{
    core::{Double, Later},
    matching,
    state::{Delivery, Message, Subscribed},
};
use crate::{Decoy, Switch};
use squall_protocol::{Properties, QoS, packet::RetainHandling};
use std::rc::Rc;

impl Double {
    /// Stores or removes the retained message of a topic, if the message says so.
    pub(super) fn store_retained(&mut self, message: &Message) {
        let ways = self.ways;
        let topic = if message.alias.is_some() && ways.wrong(Switch::AliasTopicLost) {
            String::new()
        } else {
            message.topic.to_string()
        };
        let empty = message.payload.is_empty();
        let old = self.retained.get(&topic);
        if !message.retain {
            // [MQTT-3.3.1-12] (3.1.1), [MQTT-3.3.1-8] (5.0)
            let replaced = old.is_some() && ways.wrong(Switch::RetainedReplacedByLive);
            let kept = old.is_none() && ways.wrong(Switch::EveryMessageRetained);
            if empty && ways.wrong(Switch::RetainedRemovedByLive) {
                self.retained.remove(&topic);
            } else if !empty && (replaced || kept) {
                self.retained.insert(topic, message.clone());
            }
            return;
        }
        let qos0 = message.qos == QoS::AtMostOnce;
        if empty && !ways.wrong(Switch::EmptyRetainedStored) {
            // [MQTT-3.3.1-10], [MQTT-3.3.1-11] (3.1.1), [MQTT-3.3.1-6], [MQTT-3.3.1-7] (5.0)
            if !ways.wrong(Switch::KeepClearedRetained) {
                self.retained.remove(&topic);
            }
            return;
        }
        let longer = old.is_none_or(|old| old.payload.len() < message.payload.len());
        if !longer && ways.wrong(Switch::RetainedOnlyIfLonger)
            || old.is_some() && qos0 && ways.wrong(Switch::RetainedQos0KeepsOld)
        {
            return;
        }
        if qos0 && ways.odd(Decoy::RetainedQos0Dropped) {
            // [MQTT-3.3.1-7] (3.1.1), [X-5.0-retain-2]
            self.retained.remove(&topic);
            return;
        }
        // [MQTT-3.3.1-5]
        let mut stored = message.clone();
        stored.topic = topic.as_str().into();
        if ways.wrong(Switch::RetainedPropertiesLost) {
            stored.properties = Properties::new();
        }
        if let Some(session) = self.sessions.get_mut(&message.publisher) {
            session.retained.insert(topic.clone());
        }
        self.retained.insert(topic, stored);
    }

    /// Whether this subscribing brings retained messages.
    pub(super) fn wants_retained(&self, new: &Subscribed, old: Option<&Subscribed>) -> bool {
        let wrong = |switch| self.wrong(switch);
        // [X-5.0-subscribe-2]
        if new.share.is_some() && !wrong(Switch::RetainedToShared) {
            return false;
        }
        if old.is_some() && wrong(Switch::ResubscribeWithoutRetained) {
            return false;
        }
        let exists = if wrong(Switch::RetainHandlingOneAfterResume) {
            old.is_some_and(|old| old.connection == new.connection)
        } else {
            old.is_some()
        };
        match new.retain_handling {
            // [MQTT-3.3.1-9]
            RetainHandling::Send => true,
            // [MQTT-3.3.1-10]
            RetainHandling::SendIfNew if wrong(Switch::RetainHandlingOneAlways) => true,
            RetainHandling::SendIfNew => !exists && !wrong(Switch::RetainHandlingOneNever),
            // [MQTT-3.3.1-11]
            RetainHandling::DoNotSend => wrong(Switch::RetainHandlingTwoSends),
        }
    }

    /// The retained messages that a subscription brings.
    pub(super) fn retained_for(&mut self, key: &str, s: &Subscribed) -> Vec<Delivery> {
        let (ways, now) = (self.ways, self.now);
        // [X-5.0-retain-3]
        if !ways.wrong(Switch::RetainedNeverExpires) {
            self.retained.retain(|_, message| {
                let end = message
                    .expiry
                    .map(|e| message.received + u64::from(e) * 1_000);
                end.is_none_or(|end| end > now)
            });
        }
        let exact = !s.pattern.contains(['+', '#']);
        if !exact && ways.wrong(Switch::RetainedOnlyExact) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for message in self.retained.values() {
            let own = s.no_local && message.publisher == key && !ways.wrong(Switch::IgnoreNoLocal);
            if own || !matching::matches(ways, &s.pattern, &message.topic) {
                continue;
            }
            let mut message = message.clone();
            if ways.wrong(Switch::RetainedNeverExpires) {
                message.received = now;
            }
            found.push(Rc::new(message));
            if ways.wrong(Switch::RetainedOnlyFirst) {
                break;
            }
        }
        let deliveries = found.iter().map(|message| {
            let mut delivery = self.delivery(message, &[s]);
            // [MQTT-3.3.1-8] (3.1.1), [X-5.0-retain-1]
            delivery.retain = !ways.wrong(Switch::RetainedFlagMissing);
            if ways.wrong(Switch::RetainedQosLost) {
                delivery.qos = QoS::AtMostOnce;
            }
            if ways.wrong(Switch::SubscriptionIdNotOnRetained) {
                delivery.subscription_ids.clear();
            }
            if ways.odd(Decoy::RetainedLate) {
                delivery.not_before = now + 300;
            }
            delivery
        });
        let deliveries: Vec<_> = deliveries.collect();
        if ways.odd(Decoy::RetainedLate) && !deliveries.is_empty() {
            self.later(300, Later::Pump(key.to_owned()));
        }
        deliveries
    }
}
