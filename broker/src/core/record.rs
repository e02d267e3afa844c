//! What a session does that outlives the broker: each step is made and written down here. A session that ends with its
//! connection leaves nothing but its client's will.

use super::{
    journal::{Journal, MessageRow},
    message::{Delivery, KeptWill, Message},
    queue::Waiting,
    retained::Found,
    saved::{self, SavedSession},
    session::{Expiry, Notes, Session},
    subscriptions::Granted,
};
use crate::store::Key;
use squall_protocol::{
    PacketId, QoS, ReasonCode, Time, Version,
    flow::{
        receiver::Action as Received,
        sender::{Action as Sent, State},
    },
    topic::TopicFilter,
};

impl Message {
    /// The number of its row; `None` when nothing is written down.
    pub(super) fn recorded(&self, journal: &Journal) -> Option<u64> {
        self.row(|message| MessageRow::add(journal, || saved::message(message)))
    }
}

impl Notes {
    /// How far a subscription has got with what it found. QoS 0 is not kept for a client that is away
    /// [X-3.1.1-session-1], [X-5.0-session-4].
    fn found(&self, waiting: &Waiting) {
        if self.kept && self.journal.is_on() && waiting.found.qos > QoS::AtMostOnce {
            let key = Key::Found(self.id.0, waiting.number);
            let value = saved::found(waiting.place, &waiting.found);
            self.journal.set(key, value);
        }
    }
}

impl Session {
    /// A connection began with these terms and with this will.
    pub(super) fn attached(&mut self, expiry: Expiry, will: Option<KeptWill>) {
        self.expiry = expiry;
        self.notes.kept |= expiry != Expiry::AtOnce;
        self.will = will;
        self.will_at = None;
        self.record_terms();
        self.record_will();
    }

    /// Its connection is gone; it ends then, if ever.
    pub(super) fn left(&mut self, ends_at: Option<Time>) {
        self.ends_at = ends_at;
        self.record_terms();
    }

    /// Its will, which it does not have any more.
    pub(super) fn take_will(&mut self) -> Option<KeptWill> {
        self.will_at = None;
        let will = self.will.take();
        self.record_will();
        will
    }

    /// Its will waits until then.
    pub(super) fn delay_will(&mut self, at: Time) {
        self.will_at = Some(at);
        self.record_will();
    }

    fn record_terms(&mut self) {
        let has_row = self.notes.kept || self.will.is_some();
        if !self.notes.journal.is_on() || !has_row {
            return;
        }
        self.notes.listed = true;
        let value = saved::session(&SavedSession {
            client_id: self.client_id.clone(),
            user: self.user.clone(),
            expiry: self.expiry,
            online: self.conn.is_some(),
            ends_at: self.ends_at,
        });
        self.notes.journal.set(Key::Session(self.notes.id.0), value);
    }

    fn record_will(&mut self) {
        let notes = &mut self.notes;
        let key = Key::Will(notes.id.0);
        match &self.will {
            Some(kept) if notes.journal.is_on() => {
                let value = saved::will(&kept.will, self.will_at);
                notes.journal.set(key, value);
                notes.will = true;
            }
            None if notes.will => {
                notes.journal.remove(key);
                notes.will = false;
            }
            _ => {}
        }
    }

    /// A topic filter was granted this.
    pub(super) fn record_subscription(&self, filter: &TopicFilter, granted: Granted) {
        self.record(|journal| journal.set(self.of(filter), saved::subscription(granted)));
    }

    /// A topic filter is subscribed to no longer.
    pub(super) fn record_unsubscribed(&self, filter: &TopicFilter) {
        self.record(|journal| journal.remove(self.of(filter)));
    }

    fn of(&self, filter: &TopicFilter) -> Key {
        let text = filter.as_str().to_owned();
        Key::Subscription(self.notes.id.0, filter.is_shared(), text)
    }

    /// A message waits after all others.
    pub(super) fn enqueue(&mut self, delivery: Delivery) {
        let value = self.waiting(&delivery);
        let place = self.queue.push(delivery);
        if let Some(value) = value {
            self.record(|journal| journal.add(Key::Waiting(self.notes.id.0, place), value));
        }
    }

    /// A message that was just taken out waits before all others.
    pub(super) fn put_back(&mut self, delivery: Delivery) {
        let value = self.waiting(&delivery);
        let place = self.queue.put_back(delivery);
        if let Some(value) = value {
            self.record(|journal| journal.set(Key::Waiting(self.notes.id.0, place), value));
        }
    }

    fn waiting(&self, delivery: &Delivery) -> Option<bytes::Bytes> {
        let number = self.number_of(delivery)?;
        Some(saved::waiting(number, delivery))
    }

    /// The number of a message's row, if it is to have one here.
    fn number_of(&self, delivery: &Delivery) -> Option<u64> {
        let kept = self.notes.kept.then_some(&self.notes.journal)?;
        delivery.message.recorded(kept)
    }

    /// The oldest message waits no longer.
    pub(super) fn dequeue(&mut self) -> Option<Delivery> {
        let (number, delivery) = self.queue.pop()?;
        self.record_taken(number);
        Some(delivery)
    }

    /// A message was taken out of the queue.
    pub(super) fn record_taken(&self, number: u64) {
        self.record(|journal| journal.remove(Key::Waiting(self.notes.id.0, number)));
    }

    /// What a subscription found waits after all that is here.
    pub(super) fn enqueue_found(&mut self, found: Found) {
        let waiting = self.queue.push_found(found);
        self.notes.found(waiting);
    }

    /// The first subscription that waits is done with this message.
    pub(super) fn pass_found(&mut self, message: &Message) {
        if let Some(waiting) = self.queue.first_found() {
            waiting.found.pass(message);
            self.notes.found(waiting);
        }
    }

    /// The first subscription that waits is done.
    pub(super) fn finish_found(&mut self) {
        if let Some(waiting) = self.queue.pop_found() {
            let key = Key::Found(self.notes.id.0, waiting.number);
            self.record(|journal| journal.remove(key));
        }
    }

    /// Forgets what subscriptions found that do not fit.
    pub(super) fn retain_found(&mut self, fits: impl Fn(&Found) -> bool) {
        let notes = &self.notes;
        self.queue.retain_found(fits, |number| {
            if notes.kept {
                notes.journal.remove(Key::Found(notes.id.0, number));
            }
        });
    }

    /// A message is sent for the first time; its packet identifier, if there is room.
    pub(super) fn begin(&mut self, qos: QoS, delivery: Delivery) -> Option<PacketId> {
        let id = self.outbound.begin(qos, delivery)?;
        self.sent(id, true);
        Some(id)
    }

    /// A message that was begun is not sent after all.
    pub(super) fn give_up(&mut self, id: PacketId) -> Sent {
        let outcome = self.outbound.give_up(id);
        self.sent(id, false);
        outcome.action
    }

    /// A message that was sent cannot be sent again.
    pub(super) fn abandon(&mut self, id: PacketId) -> Sent {
        let outcome = self.outbound.abandon(id);
        self.sent(id, false);
        outcome.action
    }

    /// PUBACK arrived.
    pub(super) fn acknowledged(&mut self, version: Version, id: PacketId) -> Sent {
        self.stepped(id, |flows| flows.handle_puback(version, id).action)
    }

    /// PUBREC arrived.
    pub(super) fn taken(&mut self, version: Version, id: PacketId, reason: ReasonCode) -> Sent {
        self.stepped(id, |flows| flows.handle_pubrec(version, id, reason).action)
    }

    /// PUBCOMP arrived.
    pub(super) fn completed(&mut self, version: Version, id: PacketId) -> Sent {
        self.stepped(id, |flows| flows.handle_pubcomp(version, id).action)
    }

    fn stepped(
        &mut self,
        id: PacketId,
        step: impl FnOnce(&mut squall_protocol::flow::Outbound<Delivery>) -> Sent,
    ) -> Sent {
        let before = self.outbound.state(id);
        let action = step(&mut self.outbound);
        if self.outbound.state(id) != before {
            self.sent(id, false);
        }
        action
    }

    /// A packet identifier to the client has another state.
    fn sent(&mut self, id: PacketId, is_new: bool) {
        self.unsent.remove(&id);
        self.weigh_exchanges();
        if !self.notes.kept || !self.notes.journal.is_on() {
            return;
        }
        let (journal, key) = (&self.notes.journal, Key::Flow(self.notes.id.0, id.get()));
        let Some(kept) = self.outbound.kept(id) else {
            journal.remove(key);
            return;
        };
        let delivery = (kept.message).and_then(|d| Some((self.number_of(d)?, d)));
        let value = saved::flow(kept.state, kept.places, delivery);
        match is_new {
            true => journal.add(key, value),
            false => journal.set(key, value),
        }
    }

    /// A QoS 1 or 2 message arrived.
    pub(super) fn received(
        &mut self,
        version: Version,
        id: PacketId,
        qos: QoS,
        dup: bool,
    ) -> Received {
        let before = self.inbound.is_open(id);
        let action = self.inbound.handle_publish(version, id, qos, dup);
        self.record_received(id, before);
        action
    }

    /// PUBREL arrived.
    pub(super) fn released(&mut self, version: Version, id: PacketId) -> Received {
        let before = self.inbound.is_open(id);
        let action = self.inbound.handle_pubrel(version, id);
        self.record_received(id, before);
        action
    }

    /// The QoS 2 message that has just come is refused.
    pub(super) fn refused(&mut self, id: PacketId) -> Received {
        let before = self.inbound.is_open(id);
        let action = self.inbound.refuse(id);
        self.record_received(id, before);
        action
    }

    fn record_received(&mut self, id: PacketId, before: bool) {
        self.weigh_exchanges();
        let key = || Key::Received(self.notes.id.0, id.get());
        self.record(|journal| match (before, self.inbound.is_open(id)) {
            (false, true) => journal.add(key(), bytes::Bytes::new()),
            (true, false) => journal.remove(key()),
            _ => {}
        });
    }

    /// It is over: nothing of it remains [MQTT-4.1.0-2] (5.0).
    pub(super) fn forget(&mut self) {
        let notes = &mut self.notes;
        let (journal, id) = (&notes.journal, notes.id.0);
        if std::mem::take(&mut notes.listed) {
            journal.remove(Key::Session(id));
        }
        if std::mem::take(&mut notes.will) {
            journal.remove(Key::Will(id));
        }
        self.record(|journal| {
            for filter in &self.filters {
                journal.remove(self.of(filter));
            }
            for place in self.queue.numbers() {
                journal.remove(Key::Waiting(id, place));
            }
            for waiting in self.queue.found() {
                journal.remove(Key::Found(id, waiting.number));
            }
            for packet_id in self.outbound.in_use() {
                if self.outbound.state(packet_id) != State::AwaitsAnswer {
                    journal.remove(Key::Flow(id, packet_id.get()));
                }
            }
            for packet_id in self.inbound.open() {
                journal.remove(Key::Received(id, packet_id.get()));
            }
        });
        self.notes.kept = false;
    }

    /// Writes something down, if the session is kept.
    fn record(&self, write: impl FnOnce(&Journal)) {
        if self.notes.kept && self.notes.journal.is_on() {
            write(&self.notes.journal);
        }
    }
}
