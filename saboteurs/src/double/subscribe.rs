//! SUBSCRIBE and UNSUBSCRIBE.

use super::{
    core::{Double, Later},
    matching,
    state::{ConnectionId, Delivery, Subscribed},
};
use crate::{Decoy, Switch};
use squall_protocol::{
    Packet, PacketId, Properties, PropertyId, QoS, ReasonCode, Version,
    packet::{SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe},
};

impl Double {
    /// A SUBSCRIBE that 5.0 calls a Protocol Error, after what CONNACK said.
    fn forbidden(&self, subscribe: &Subscribe) -> Option<(ReasonCode, &'static str)> {
        let wrong = |switch| self.wrong(switch);
        let has_id = subscribe.properties.subscription_identifier().is_some();
        let mut filters = subscribe.subscriptions.iter().map(|s| &s.filter);
        // [X-5.0-limit-4], [X-5.0-limit-5], [X-5.0-limit-6]
        if has_id
            && !self.has_subscription_ids()
            && !wrong(Switch::SubscriptionIdUnavailableGranted)
        {
            let reason = ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED;
            return Some((reason, "Subscription Identifiers are not offered"));
        }
        if filters.clone().any(|f| f.is_shared())
            && !self.has_shared()
            && !wrong(Switch::SharedUnavailableGranted)
        {
            let reason = ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED;
            return Some((reason, "shared subscriptions are not offered"));
        }
        if filters.any(|f| f.has_wildcard())
            && !self.has_wildcards()
            && !wrong(Switch::WildcardUnavailableGranted)
        {
            let reason = ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
            return Some((reason, "wildcards are not offered"));
        }
        None
    }

    /// The Subscription Identifier of a SUBSCRIBE.
    fn subscription_id(&self, subscribe: &Subscribe) -> Option<u32> {
        let first = subscribe.properties.iter().next().map(|p| p.id());
        let unseen = first != Some(PropertyId::SUBSCRIPTION_IDENTIFIER)
            && self.wrong(Switch::PropertyOrderMatters);
        subscribe
            .properties
            .subscription_identifier()
            .filter(|id| !(*id == 127 && self.wrong(Switch::SubscriptionIdZeroTolerated)))
            .filter(|_| !unseen && self.has_subscription_ids())
    }

    /// What is granted, or why nothing is.
    fn grant(&self, version: Version, s: &Subscription) -> Result<QoS, ReasonCode> {
        let five = version == Version::V5_0;
        let failure = |reason| {
            if five {
                reason
            } else {
                ReasonCode::UNSPECIFIED_ERROR
            }
        };
        let filter = s.filter.as_str();
        // [MQTT-3.8.3-2] (3.1.1)
        if s.filter.has_wildcard()
            && !self.has_wildcards()
            && !self.wrong(Switch::WildcardUnavailableGranted)
        {
            return Err(ReasonCode::UNSPECIFIED_ERROR);
        }
        let begins_wild = filter == "#" || filter.starts_with('+');
        if five && begins_wild && self.odd(Decoy::WildcardsRefused) {
            return Err(ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED);
        }
        if filter == "#" && self.odd(Decoy::HashRefused) {
            return Err(failure(ReasonCode::NOT_AUTHORIZED));
        }
        // [MQTT-3.2.2-10] (5.0)
        if five && s.qos == QoS::ExactlyOnce && self.wrong(Switch::MaximumQosRefusesSubscribe) {
            return Err(ReasonCode::UNSPECIFIED_ERROR);
        }
        let granted = s.qos.min(self.maximum_qos(version));
        Ok(match granted {
            QoS::ExactlyOnce if self.odd(Decoy::LowerGrant) => QoS::AtLeastOnce,
            QoS::AtLeastOnce if self.odd(Decoy::LowerGrant) => QoS::AtMostOnce,
            granted => granted,
        })
    }

    pub(super) fn on_subscribe(&mut self, id: ConnectionId, subscribe: &Subscribe) {
        let ways = self.ways;
        let Some(key) = self.session_of(id) else {
            return;
        };
        let version = self.version(id);
        if version == Version::V5_0
            && let Some((reason, why)) = self.forbidden(subscribe)
        {
            return self.disconnect(id, reason, why);
        }
        let number = subscribe.packet_id.get();
        let session = self.sessions.get_mut(&key).expect("a connection has one");
        session.last_subscribe = number;
        session.subscribes = session.subscribes.wrapping_add(1);
        let subscription_id = self.subscription_id(subscribe);
        let mut reasons = Vec::new();
        let mut retained = Vec::new();
        let mut changed = false;
        for (i, s) in subscribe.subscriptions.iter().enumerate() {
            let granted = match self.grant(version, s) {
                Ok(granted) => granted,
                Err(reason) => {
                    reasons.push(reason);
                    continue;
                }
            };
            let keeps_id = i == 0 || !ways.wrong(Switch::SubscriptionIdOnlyFirstFilter);
            let new = Subscribed {
                filter: s.filter.as_str().to_owned(),
                pattern: self.pattern(s),
                share: s
                    .filter
                    .share_name()
                    .filter(|_| self.has_shared())
                    .map(str::to_owned),
                qos: granted,
                no_local: s.no_local,
                retain_as_published: s.retain_as_published,
                retain_handling: s.retain_handling,
                id: subscription_id.filter(|_| keeps_id),
                connection: id,
            };
            let is_stored = i == 0 || !ways.wrong(Switch::OnlyFirstFilter);
            let (replaced, same) = self.store(&key, new, is_stored, &mut retained);
            changed |= !same;
            // [MQTT-3.8.4-5] (3.1.1), [MQTT-3.8.4-7] (5.0)
            reasons.push(if replaced && ways.wrong(Switch::SubAckReservedCode) {
                ReasonCode(0x03)
            } else {
                ReasonCode(granted.as_u8())
            });
        }
        if ways.odd(Decoy::RetainedBeforeSubAck) {
            retained.drain(..).for_each(|d| self.enqueue(&key, d));
        }
        // [MQTT-3.8.4-1]
        if changed || !ways.wrong(Switch::SubAckMissing) {
            self.send_suback(id, &key, number, reasons);
        }
        retained.into_iter().for_each(|d| self.enqueue(&key, d));
        self.adopt_orphans(&key, subscribe);
    }

    /// What of a filter is matched [X-5.0-shared-3].
    fn pattern(&self, s: &Subscription) -> String {
        let pattern = s.filter.pattern();
        if s.filter.is_shared() && self.wrong(Switch::ShareNameMatches) {
            return pattern.strip_prefix('/').unwrap_or(pattern).to_owned();
        }
        pattern.to_owned()
    }

    /// Keeps a subscription in the place of one with the same filter [MQTT-3.8.4-3]; gives whether there was one and
    /// whether nothing changed.
    fn store(
        &mut self,
        key: &str,
        mut new: Subscribed,
        is_stored: bool,
        retained: &mut Vec<Delivery>,
    ) -> (bool, bool) {
        let ways = self.ways;
        let session = self.sessions.get_mut(key).expect("a connection has one");
        let at = session
            .subscriptions
            .iter()
            .position(|s| s.filter == new.filter);
        let old = at.map(|at| session.subscriptions[at].clone());
        if let Some(old) = &old {
            if ways.wrong(Switch::ResubscribeKeepsQos) {
                new.qos = old.qos;
            }
            // [X-5.0-subid-6]
            if ways.wrong(Switch::SubscriptionIdKept) {
                new.id = new.id.or(old.id);
            }
            if ways.wrong(Switch::ResubscribeDropsQueue) {
                session.queue.clear();
            }
        }
        let same = old.as_ref().is_some_and(|old| {
            old.qos == new.qos
                && old.id == new.id
                && old.no_local == new.no_local
                && old.retain_as_published == new.retain_as_published
        });
        let doubles = ways.wrong(Switch::ResubscribeAdds) && new.share.is_none()
            || ways.wrong(Switch::SharedDoubleMember) && new.share.is_some();
        match at {
            _ if !is_stored => {}
            Some(at) if !doubles => session.subscriptions[at] = new.clone(),
            _ => session.subscriptions.push(new.clone()),
        }
        if is_stored && self.wants_retained(&new, old.as_ref()) {
            retained.extend(self.retained_for(key, &new));
        }
        (old.is_some(), same)
    }

    /// [MQTT-3.8.4-2], [MQTT-3.8.4-4] (3.1.1), [MQTT-3.8.4-5], [MQTT-3.8.4-6] (5.0)
    fn send_suback(
        &mut self,
        id: ConnectionId,
        key: &str,
        number: u16,
        mut reasons: Vec<ReasonCode>,
    ) {
        let number = if self.wrong(Switch::SubAckWrongId) {
            self.sessions[key].subscribes
        } else {
            number
        };
        if self.wrong(Switch::SubAckWrongCount) {
            reasons.push(ReasonCode::GRANTED_QOS_0);
        }
        // [MQTT-3.9.3-1]
        if self.wrong(Switch::SubAckReversed) {
            reasons.reverse();
        }
        let packs: Vec<Vec<_>> = if self.wrong(Switch::SubAckPerFilter) {
            reasons.into_iter().map(|reason| vec![reason]).collect()
        } else {
            vec![reasons]
        };
        let Some(packet_id) = PacketId::new(number) else {
            return;
        };
        for reasons in packs {
            let suback = SubAck {
                packet_id,
                properties: Properties::new(),
                reasons,
            };
            self.send(id, Packet::SubAck(suback));
        }
    }

    /// Messages that a shared subscription without members left: only a fault keeps them.
    fn adopt_orphans(&mut self, key: &str, subscribe: &Subscribe) {
        for s in &subscribe.subscriptions {
            let left = self.orphans.remove(s.filter.as_str()).unwrap_or_default();
            left.into_iter().for_each(|d| self.enqueue(key, d));
        }
    }

    pub(super) fn on_unsubscribe(&mut self, id: ConnectionId, unsubscribe: &Unsubscribe) {
        let ways = self.ways;
        let Some(key) = self.session_of(id) else {
            return;
        };
        let mut reasons = Vec::new();
        for (i, filter) in unsubscribe.filters.iter().enumerate() {
            let filter = filter.as_str();
            // [MQTT-3.10.4-1]: character by character
            let existed = self.sessions[&key]
                .subscriptions
                .iter()
                .any(|s| s.filter == filter);
            let is_done = i == 0 || !ways.wrong(Switch::UnsubscribeOnlyFirst);
            if ways.wrong(Switch::UnsubscribeIgnored) || !is_done {
                // Nothing changes.
            } else if ways.wrong(Switch::UnsubscribeLate) {
                self.later(300, Later::Forget(key.clone(), filter.to_owned()));
            } else {
                self.forget(&key, filter);
            }
            // [X-5.0-unsubscribe-3]
            reasons.push(match existed {
                true => ReasonCode::SUCCESS,
                false if ways.wrong(Switch::UnsubAckAlwaysSuccess) => ReasonCode::SUCCESS,
                false if ways.wrong(Switch::UnsubAckIllegalCode) => ReasonCode(0x10),
                false => ReasonCode::NO_SUBSCRIPTION_EXISTED,
            });
        }
        // [MQTT-3.10.4-5]
        let deleted = reasons.contains(&ReasonCode::SUCCESS);
        if !deleted && ways.wrong(Switch::UnsubAckMissing) {
            return;
        }
        if ways.wrong(Switch::UnsubAckReversed) {
            reasons.reverse();
        }
        if ways.wrong(Switch::UnsubAckOneCode) {
            reasons.truncate(1);
        }
        let last = PacketId::new(self.sessions[&key].last_subscribe);
        let packet_id = match last {
            Some(last) if ways.wrong(Switch::UnsubAckWrongId) => last,
            _ => unsubscribe.packet_id,
        };
        let unsuback = UnsubAck {
            packet_id,
            properties: Properties::new(),
            reasons,
        };
        self.send(id, Packet::UnsubAck(unsuback));
    }

    /// Deletes a subscription. What was begun is completed [MQTT-3.10.4-3].
    pub(super) fn forget(&mut self, key: &str, filter: &str) {
        let ways = self.ways;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let by_matching = ways.wrong(Switch::UnsubscribeByMatching);
        let hit = |s: &Subscribed| {
            s.filter == filter || by_matching && matching::matches(ways, filter, &s.filter)
        };
        let Some(at) = session.subscriptions.iter().position(hit) else {
            return;
        };
        let gone = session.subscriptions[at].clone();
        if ways.wrong(Switch::SharedDoubleMember) {
            session.subscriptions.remove(at);
        } else {
            session.subscriptions.retain(|s| !hit(s));
        }
        if ways.wrong(Switch::UnsubscribeDropsInFlight) {
            session.in_flight.retain(|f| f.delivery.filter != filter);
        }
        if ways.odd(Decoy::UnsubscribeDropsWaiting) {
            let others = &session.subscriptions;
            session.queue.retain(|d| {
                let topic = &d.message.topic;
                d.filter != filter
                    || others
                        .iter()
                        .any(|s| matching::matches(ways, &s.pattern, topic))
            });
        }
        if gone.share.is_some() {
            self.left_group(&gone.filter);
        }
    }
}
