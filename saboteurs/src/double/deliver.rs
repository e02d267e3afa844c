//! From a message that was taken over to the sessions that get it, ordinary subscriptions.

use super::{
    core::{Double, Later},
    matching,
    state::{Delivery, Message, Session, Subscribed},
};
use crate::{Decoy, Switch};
use squall_protocol::{Properties, QoS, Text};
use std::{collections::BTreeSet, rc::Rc};

impl Double {
    /// Stores a message if it is to be retained, and hands it to every subscription that matches; gives how many
    /// sessions it reached [MQTT-4.5.0-1].
    pub(super) fn route(&mut self, mut message: Message) -> usize {
        self.store_retained(&message);
        let empty = message.payload.is_empty();
        if empty && message.retain && self.wrong(Switch::EmptyRetainedNotForwarded)
            || empty && self.wrong(Switch::EmptyPayloadDropped)
            || message.payload.len() > 8_192 && self.wrong(Switch::LongPayloadDropped)
        {
            return 1;
        }
        if self.wrong(Switch::PayloadCutAtNull)
            && let Some(at) = message.payload.iter().position(|byte| *byte == 0)
        {
            message.payload.truncate(at);
        }
        let message = Rc::new(message);
        let shared = self.route_shared(&message);
        if shared > 0 && self.wrong(Switch::SharedStealsOrdinary) {
            return shared;
        }
        let keys: Vec<_> = self.sessions.keys().cloned().collect();
        let mut served = BTreeSet::new();
        let mut reached = shared;
        for key in keys {
            let deliveries = self.deliveries(&key, &message);
            let Some(first) = deliveries.first() else {
                continue;
            };
            if self.wrong(Switch::OnlyFirstSubscriber) && !served.insert(first.filter.clone()) {
                continue;
            }
            reached += 1;
            for delivery in deliveries {
                self.enqueue(&key, delivery);
            }
        }
        reached
    }

    /// What a session gets of a message.
    fn deliveries(&self, key: &str, message: &Rc<Message>) -> Vec<Delivery> {
        let Some(session) = self.sessions.get(key) else {
            return Vec::new();
        };
        if session.expiry == 0
            && message.qos > QoS::AtMostOnce
            && self.wrong(Switch::CleanSessionsForgotten)
        {
            return Vec::new();
        }
        if message.publisher == key && self.wrong(Switch::NoEcho) {
            return Vec::new();
        }
        let subscriptions = session.subscriptions.iter();
        let matching: Vec<_> = subscriptions
            .filter(|s| s.share.is_none() && self.concerns(key, session, s, message))
            .collect();
        let mut filters = BTreeSet::new();
        let doubled = matching.iter().any(|s| !filters.insert(&s.filter));
        // [MQTT-3.3.4-5] (5.0)
        let same_id = self.wrong(Switch::SubscriptionIdOnCopies)
            && session.version == squall_protocol::Version::V5_0;
        let apart = self.odd(Decoy::OverlapCopies) || same_id || doubled;
        if apart {
            let ids = matching.iter().find_map(|s| s.id);
            return matching
                .iter()
                .map(|s| {
                    let mut delivery = self.delivery(message, &[*s]);
                    if same_id {
                        delivery.subscription_ids = ids.into_iter().collect();
                    }
                    delivery
                })
                .collect();
        }
        if matching.is_empty() {
            return Vec::new();
        }
        vec![self.delivery(message, &matching)]
    }

    /// Whether a subscription gets a message.
    fn concerns(&self, key: &str, session: &Session, s: &Subscribed, message: &Message) -> bool {
        // [MQTT-3.8.3-3] (5.0)
        let own = s.no_local && message.publisher == key;
        let forgotten = self.wrong(Switch::IgnoreNoLocal)
            || self.wrong(Switch::NoLocalForgotten) && session.connection != Some(s.connection);
        if own && !forgotten {
            return false;
        }
        let do_not_send = s.retain_handling == squall_protocol::packet::RetainHandling::DoNotSend;
        if message.retain && do_not_send && self.wrong(Switch::RetainHandlingSticks) {
            return false;
        }
        matching::matches(self.ways, &s.pattern, &message.topic)
    }

    /// One copy for all these subscriptions of one session.
    pub(super) fn delivery(&self, message: &Rc<Message>, matching: &[&Subscribed]) -> Delivery {
        // [MQTT-3.3.5-1] (3.1.1), [MQTT-3.3.4-2] (5.0)
        let granted = matching.iter().map(|s| s.qos);
        let granted = if self.wrong(Switch::OverlapLowest) {
            granted.min()
        } else if self.wrong(Switch::OverlapFirst) {
            let first = matching.iter().min_by_key(|s| &s.filter);
            first.map(|s| s.qos)
        } else {
            granted.max()
        };
        let keeps_flag = matching.iter().any(|s| s.retain_as_published)
            && !self.wrong(Switch::RetainAsPublishedIgnored)
            || self.wrong(Switch::RetainFlagOnLiveDelivery);
        // [MQTT-3.3.4-3], [MQTT-3.3.4-4] (5.0)
        let mut ids: Vec<u32> = matching.iter().filter_map(|s| s.id).collect();
        if self.wrong(Switch::SubscriptionIdMissing) {
            ids.clear();
        }
        if self.wrong(Switch::SubscriptionIdOnlyOne) {
            ids.truncate(1);
        }
        Delivery {
            message: Rc::clone(message),
            qos: self.delivery_qos(message.qos, granted.unwrap_or_default()),
            // [MQTT-3.3.1-9] (3.1.1), [MQTT-3.3.1-12], [MQTT-3.3.1-13] (5.0)
            retain: message.retain && keeps_flag,
            subscription_ids: ids,
            share: None,
            filter: matching[0].filter.clone(),
            waited: false,
            not_before: 0,
        }
    }

    /// The lower of what was published and what was granted [MQTT-3.8.4-6] (3.1.1), [MQTT-3.8.4-8] (5.0).
    pub(super) fn delivery_qos(&self, published: QoS, granted: QoS) -> QoS {
        if self.wrong(Switch::DeliverAtPublishQos) {
            return published;
        }
        if self.wrong(Switch::DeliverAtGrantedQos) {
            return granted;
        }
        let qos = published.min(granted);
        if qos == QoS::ExactlyOnce && self.wrong(Switch::DeliverBelowGrant) {
            return QoS::AtLeastOnce;
        }
        qos
    }

    /// Puts a message in the line of a session, and sends what can be sent.
    pub(super) fn enqueue(&mut self, key: &str, mut delivery: Delivery) {
        let (ways, now) = (self.ways, self.now);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if delivery.qos == QoS::AtMostOnce {
            session.qos0 += 1;
            if ways.odd(Decoy::Qos0Lost) && session.qos0.is_multiple_of(3) {
                return;
            }
        }
        if session.connection.is_none() {
            // [MQTT-3.1.2-5] (3.1.1)
            let dropped = delivery.qos == QoS::AtMostOnce && !ways.odd(Decoy::Qos0Queued)
                || ways.wrong(Switch::LoseOfflineQueue)
                || session.queue.len() >= 3 && ways.wrong(Switch::ForgetsAfterThree);
            if dropped {
                return;
            }
            delivery.waited = true;
            if ways.wrong(Switch::RetainAsPublishedLostOffline) {
                delivery.retain = false;
            }
            if ways.wrong(Switch::QueuedQos2AsQos1) {
                delivery.qos = delivery.qos.min(QoS::AtLeastOnce);
            }
            if ways.wrong(Switch::PropertiesLostOffline) {
                let mut bare = (*delivery.message).clone();
                bare.properties = Properties::new();
                delivery.message = Rc::new(bare);
            }
        }
        if ways.odd(Decoy::QosLanes) && delivery.qos > QoS::AtMostOnce {
            delivery.not_before = now + 200;
            self.later(200, Later::Pump(key.to_owned()));
        }
        let session = self.sessions.get_mut(key).expect("seen above");
        if ways.odd(Decoy::RetainedLate)
            && let Some(last) = session.queue.back()
        {
            delivery.not_before = delivery.not_before.max(last.not_before);
        }
        if ways.wrong(Switch::DuplicateQos0) && delivery.qos == QoS::AtMostOnce {
            session.queue.push_back(delivery.clone());
        }
        session.queue.push_back(delivery);
        self.pump(key);
    }

    /// `$SYS/broker/uptime`, again and again.
    pub(super) fn publish_uptime(&mut self) {
        let number = self.number();
        let uptime = format!("{} ms", self.now);
        self.route(Message {
            publisher: String::new(),
            topic: Text::from("$SYS/broker/uptime"),
            payload: uptime.into_bytes().into(),
            qos: QoS::AtMostOnce,
            retain: true,
            dup: false,
            properties: Properties::new(),
            expiry: None,
            received: self.now,
            number,
            alias: None,
        });
        self.later(500, Later::Uptime);
    }
}
