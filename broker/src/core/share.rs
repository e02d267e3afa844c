//! Shared subscriptions: who of the members is to get a message, and what becomes of it when that one goes.

use super::{
    Broker, Client,
    message::{Delivery, Message},
    session::SessionId,
    subscriptions::{Granted, Match, Standing},
};
use squall_protocol::{QoS, Time, topic::TopicFilter};
use std::collections::{BTreeMap, BTreeSet};

impl Broker {
    /// How a member of a shared subscription stands to a message: one that would have to wait for it, or has no room, is
    /// passed by while another has. `None` for one that may not be sent it.
    pub(super) fn standing(
        &self,
        id: SessionId,
        message: &Message,
        granted: &Granted,
    ) -> Option<Standing> {
        if !self.may_read(id, &message.topic) {
            return None;
        }
        let session = &self.sessions[id];
        let takes = session.conn.is_some_and(|conn| self.conns.has_room(conn));
        let kept = message.delivery_qos(granted.qos) > QoS::AtMostOnce;
        let fits = (session.kept).has_room(message.bytes(), self.config.max_queued_bytes);
        let place = kept && fits && session.queue.len() < self.config.max_queued;
        Some(match session.conn {
            _ if takes && !kept => Standing::Ready,
            _ if takes && session.is_clear() && fits => Standing::Ready,
            Some(_) if place => Standing::Waiting,
            None if place => Standing::Away,
            _ => Standing::Full,
        })
    }

    /// A session's connection is gone, or it has left a shared subscription: what it was not sent yet goes to other
    /// members, if one of them is there and has room. What was sent to it stays its own: QoS 1 until its session ends, QoS
    /// 2 for ever [MQTT-4.8.2-4], [MQTT-4.8.2-5] (5.0).
    pub(super) fn hand_over(&mut self, now: Time, id: SessionId) {
        let mut queue = std::mem::take(&mut self.sessions[id].queue);
        // In most groups all are there, or all are away.
        let mut there: BTreeMap<TopicFilter, bool> = BTreeMap::new();
        let moved = queue.take_where(|delivery| {
            let Some(filter) = &delivery.shared else {
                return false;
            };
            let is_there = |other: SessionId| other != id && self.sessions[other].conn.is_some();
            let there = there
                .entry(filter.clone())
                .or_insert_with(|| self.subscriptions.any_member(filter, |id, _| is_there(id)));
            let takes = |other, granted: &Granted| {
                let standing =
                    is_there(other).then(|| self.standing(other, &delivery.message, granted));
                matches!(
                    standing.flatten(),
                    Some(Standing::Ready | Standing::Waiting)
                )
            };
            *there && self.subscriptions.any_member(filter, takes)
        });
        self.sessions[id].queue = queue;
        for (number, delivery) in moved {
            self.sessions[id].record_taken(number);
            self.redistribute(now, delivery);
        }
    }

    /// A message of a shared subscription waits for this member.
    pub(super) fn note_waiting(&mut self, id: SessionId, filter: &TopicFilter) {
        if !self.waiting_shares.contains_key(filter) {
            let none = BTreeSet::new();
            self.waiting_shares.insert(filter.clone(), none);
        }
        if let Some(members) = self.waiting_shares.get_mut(filter) {
            members.insert(id);
        }
    }

    /// A client has nothing to do: it is sent what waits for other members of its shared subscriptions, who are away or
    /// do not take it.
    pub(super) fn take_work(&mut self, now: Time, client: Client) {
        if self.waiting_shares.is_empty() {
            return;
        }
        let filters = self.sessions[client.session].filters.iter();
        let shared = filters.filter(|filter| self.waiting_shares.contains_key(filter));
        for filter in shared.cloned().collect::<Vec<_>>() {
            while self.conns.has_room(client.conn) && self.sessions[client.session].is_clear() {
                let Some(granted) = self.subscriptions.granted(client.session, &filter) else {
                    break;
                };
                let Some(delivery) = self.take_waiting(client.session, &filter) else {
                    break;
                };
                let taken = Match {
                    session: client.session,
                    granted,
                    shared: delivery.shared.clone(),
                };
                let delivery = Self::delivery(&delivery.message, vec![taken]);
                self.deliver(now, client.session, delivery);
            }
        }
    }

    /// What has waited longest for another member.
    fn take_waiting(&mut self, taker: SessionId, filter: &TopicFilter) -> Option<Delivery> {
        let members = self.waiting_shares.get(filter)?.clone();
        for member in members.into_iter().filter(|member| *member != taker) {
            let taken = self.take_from(member, taker, filter);
            if taken.is_some() {
                return taken;
            }
        }
        None
    }

    fn take_from(
        &mut self,
        member: SessionId,
        taker: SessionId,
        filter: &TopicFilter,
    ) -> Option<Delivery> {
        let (mut any, mut taken) = (false, None);
        if self.sessions.has(member) {
            let mut queue = std::mem::take(&mut self.sessions[member].queue);
            taken = queue.take_first(|delivery| {
                let of_it = delivery.shared.as_ref() == Some(filter);
                any |= of_it;
                of_it && self.may_read(taker, &delivery.message.topic)
            });
            let session = &mut self.sessions[member];
            session.queue = queue;
            if let Some((number, _)) = &taken {
                session.record_taken(*number);
            }
        }
        if !any && let Some(members) = self.waiting_shares.get_mut(filter) {
            // Nothing of it waits for this one any more.
            members.remove(&member);
            if members.is_empty() {
                self.waiting_shares.remove(filter);
            }
        }
        taken.map(|(_, delivery)| delivery)
    }
}
