//! Shared subscriptions (5.0, section 4.8.2): who of a group gets a message, and what happens when members leave.

use super::{
    core::Double,
    matching,
    state::{Delivery, InFlight, Message, Session, Stage, Subscribed},
};
use crate::{Decoy, Switch};
use squall_protocol::QoS;
use std::{collections::BTreeMap, rc::Rc};

/// A member of a group: its session, and its subscription.
type Member = (String, Subscribed);

impl Double {
    /// The groups that match, each with its members in a fixed order.
    fn groups(&self, topic: &str) -> BTreeMap<String, Vec<Member>> {
        let mut groups: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for (key, session) in &self.sessions {
            for s in session.subscriptions.iter().filter(|s| s.share.is_some()) {
                if matching::matches(self.ways, &s.pattern, topic) {
                    let group = groups.entry(self.group_name(s)).or_default();
                    group.push((key.clone(), s.clone()));
                }
            }
        }
        groups
    }

    /// Share name and filter make a group [X-5.0-shared-2].
    fn group_name(&self, s: &Subscribed) -> String {
        if self.wrong(Switch::SharedGroupsMerged) {
            s.pattern.clone()
        } else {
            s.filter.clone()
        }
    }

    /// Hands a message to one member of each group [X-5.0-shared-1]; gives how many sessions it reached.
    pub(super) fn route_shared(&mut self, message: &Rc<Message>) -> usize {
        let groups = self.groups(&message.topic);
        let reached = groups.len();
        for (name, members) in groups {
            if self.ghosts.remove(&name) {
                continue;
            }
            if self.wrong(Switch::SharedToAll) {
                for member in &members {
                    self.give(&members, member, message);
                }
                continue;
            }
            if let Some(member) = self.choose(&name, &members, None) {
                self.give(&members, &member, message);
            }
        }
        reached
    }

    /// The member whose turn it is: those that are connected first.
    fn choose(&mut self, group: &str, members: &[Member], except: Option<&str>) -> Option<Member> {
        let allowed = members
            .iter()
            .filter(|(key, _)| Some(key.as_str()) != except);
        let connected = |key: &String| {
            let session = self.sessions.get(key);
            session.is_some_and(|s| s.connection.is_some())
        };
        let here: Vec<_> = allowed.clone().filter(|(key, _)| connected(key)).collect();
        if here.is_empty() && self.wrong(Switch::SharedOnlyConnected) {
            return None;
        }
        let candidates = if here.is_empty() {
            allowed.collect()
        } else {
            here
        };
        let last = self.turns.get(group);
        let next = match last {
            _ if self.odd(Decoy::SharedSticky) => candidates.first(),
            Some((last, 1)) if self.odd(Decoy::SharedByTwo) => {
                let again = candidates.iter().find(|(key, _)| key == last);
                again.or(candidates.first())
            }
            Some((last, _)) => {
                let after = candidates.iter().find(|(key, _)| key > last);
                after.or(candidates.first())
            }
            None => candidates.first(),
        };
        let next = (*next?).clone();
        let count = match last {
            Some((last, count)) if *last == next.0 => count + 1,
            _ => 1,
        };
        self.turns.insert(group.to_owned(), (next.0.clone(), count));
        Some(next)
    }

    fn give(&mut self, members: &[Member], (key, subscribed): &Member, message: &Rc<Message>) {
        let mut delivery = self.delivery(message, &[subscribed]);
        if self.wrong(Switch::SharedQosOfFirst) {
            // [MQTT-4.8.2-3]
            delivery.qos = self.delivery_qos(message.qos, members[0].1.qos);
        }
        if self.wrong(Switch::SubscriptionIdOfOthers) {
            delivery.subscription_ids = members.iter().filter_map(|(_, s)| s.id).collect();
        }
        delivery.share = Some(self.group_name(subscribed));
        self.enqueue(key, delivery);
    }

    /// Offers a message of a group to another member than `except`.
    pub(super) fn offer(&mut self, group: &str, message: &Rc<Message>, except: &str) -> bool {
        let mut groups = self.groups(&message.topic);
        let Some(members) = groups.remove(group) else {
            return false;
        };
        match self.choose(group, &members, Some(except)) {
            Some(member) => {
                self.give(&members, &member, message);
                true
            }
            None => false,
        }
    }

    /// A connection broke; its session may live on [MQTT-4.8.2-4].
    pub(super) fn move_shared_at_close(&mut self, key: &str) {
        let moves = |flight: &InFlight| {
            let qos = flight.delivery.qos;
            let by_fault = qos == QoS::ExactlyOnce
                && flight.stage == Stage::Published
                && self.wrong(Switch::SharedQos2MovedAtClose);
            // [X-5.0-shared-5]
            let by_oddity = qos == QoS::AtLeastOnce && self.odd(Decoy::SharedMovedAtClose);
            flight.delivery.share.is_some() && (by_fault || by_oddity)
        };
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let moved: Vec<_> = session
            .in_flight
            .iter()
            .filter(|f| moves(f))
            .cloned()
            .collect();
        for flight in moved {
            let group = flight.delivery.share.clone().unwrap_or_default();
            if self.offer(&group, &flight.delivery.message, key)
                && let Some(session) = self.sessions.get_mut(key)
            {
                session.in_flight.retain(|f| f.id != flight.id);
            }
        }
    }

    /// A session ended: what it had of shared subscriptions goes to other members, but for QoS 2 messages that were
    /// begun [MQTT-4.8.2-5].
    pub(super) fn pass_on_shared(&mut self, key: &str, session: Session) {
        let begun = session.in_flight.into_iter().filter(|f| {
            !f.ghost
                && match f.delivery.qos {
                    QoS::ExactlyOnce => self.wrong(Switch::SharedQos2Moved),
                    // [X-5.0-shared-5]
                    _ => !self.wrong(Switch::SharedQos1Lost),
                }
        });
        let begun: Vec<Delivery> = begun.map(|f| f.delivery).collect();
        let waiting = session.queue.into_iter();
        for delivery in begun.into_iter().chain(waiting) {
            let Some(group) = delivery.share.clone() else {
                continue;
            };
            let passed = self.offer(&group, &delivery.message, key);
            // [X-5.0-shared-4]: with its last member a shared subscription ends.
            if !passed && self.wrong(Switch::SharedOutlivesMembers) {
                self.orphans.entry(group).or_default().push(delivery);
            }
        }
    }

    /// A member refused a message: it is discarded [MQTT-4.8.2-6].
    pub(super) fn refused_by_member(&mut self, key: &str, delivery: &Delivery) {
        if self.wrong(Switch::SharedRefusedOffered)
            && let Some(group) = &delivery.share
        {
            self.offer(group, &delivery.message, key);
        }
    }

    /// A session left a shared subscription by UNSUBSCRIBE [X-5.0-unsubscribe-2].
    pub(super) fn left_group(&mut self, filter: &str) {
        if self.wrong(Switch::SharedMemberKeepsTurn) {
            self.ghosts.insert(filter.to_owned());
        }
        if self.wrong(Switch::SharedUnsubscribeEndsGroup) {
            for session in self.sessions.values_mut() {
                session.subscriptions.retain(|s| s.filter != filter);
            }
        }
    }
}
