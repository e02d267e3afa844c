//! Retained messages, by topic, and how far a subscription has got with those that it found.

use super::message::{Delivery, Message};
use squall_protocol::{QoS, Text, Time, topic::TopicFilter};
use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Arc,
};

/// The last retained message of each topic. Ends of sessions do not touch it [MQTT-3.1.2-7] (3.1.1),
/// [X-5.0-session-6].
#[derive(Debug, Default)]
pub(super) struct Retained {
    messages: BTreeMap<Text, Numbered>,
    bytes: usize,
    /// How many there ever were.
    number: u64,
}

/// A retained message, and how many there were before it.
#[derive(Debug)]
struct Numbered {
    number: u64,
    message: Arc<Message>,
}

/// The retained messages that a subscription finds. It holds none of them: one that is replaced, cleared or expired
/// before its turn is not sent, and what has replaced it goes to the subscription as any new message does.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) filter: TopicFilter,
    /// The granted one.
    pub(super) qos: QoS,
    pub(super) no_local: bool,
    /// The Subscription Identifier.
    pub(super) identifier: Option<u32>,
    /// The topic that was looked at last.
    after: Option<Text>,
    /// How many retained messages there had been when it was made.
    number: u64,
}

impl Found {
    /// What a subscription finds that was granted this, when there were so many retained messages ever.
    pub(super) fn new(
        filter: &TopicFilter,
        qos: QoS,
        no_local: bool,
        identifier: Option<u32>,
        number: u64,
    ) -> Self {
        Self {
            filter: filter.clone(),
            qos,
            no_local,
            identifier,
            after: None,
            number,
        }
    }

    /// The delivery of a message that [`Retained::next`] gave.
    pub(super) fn delivery(&self, message: &Arc<Message>) -> Delivery {
        Delivery {
            message: Arc::clone(message),
            qos: message.delivery_qos(self.qos),
            // [MQTT-3.3.1-8] (3.1.1), [X-5.0-retain-1]
            retain: true,
            identifiers: self.identifier.into_iter().collect(),
            shared: None,
            kept: None,
        }
    }

    /// The topic that was looked at last, and how many retained messages there had been when it was made.
    pub(super) const fn progress(&self) -> (Option<&Text>, u64) {
        (self.after.as_ref(), self.number)
    }

    /// Everything up to this topic was looked at.
    pub(super) fn go_on_after(&mut self, topic: Text) {
        self.after = Some(topic);
    }

    /// The turn of this message is over.
    pub(super) fn pass(&mut self, message: &Message) {
        self.after = Some(message.topic.clone());
    }
}

impl Retained {
    /// Whether all retained messages stay within `limit` bytes, and are no more than `most`, with this one in place of the
    /// one before.
    pub(super) fn has_room(&self, message: &Message, limit: usize, most: usize) -> bool {
        let before = self.messages.get(&message.topic);
        if before.is_none() && self.messages.len() >= most {
            return false;
        }
        self.bytes - before.map_or(0, |m| m.message.bytes()) + message.bytes() <= limit
    }

    /// Stores a message in place of the one before [MQTT-3.3.1-5], and gives that back.
    pub(super) fn set(&mut self, message: Arc<Message>) -> Option<Arc<Message>> {
        self.put(self.number, message)
    }

    /// Stores a message before which there were so many.
    pub(super) fn put(&mut self, number: u64, message: Arc<Message>) -> Option<Arc<Message>> {
        self.bytes += message.bytes();
        let topic = message.topic.clone();
        self.number = self.number.max(number + 1);
        let before = self.messages.insert(topic, Numbered { number, message });
        self.let_go(before)
    }

    /// Removes and gives back the message of a topic [MQTT-3.3.1-10] (3.1.1), [MQTT-3.3.1-6] (5.0).
    pub(super) fn remove(&mut self, topic: &str) -> Option<Arc<Message>> {
        let before = self.messages.remove(topic);
        self.let_go(before)
    }

    fn let_go(&mut self, before: Option<Numbered>) -> Option<Arc<Message>> {
        let message = before?.message;
        self.bytes -= message.bytes();
        Some(message)
    }

    /// How many there ever were.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next message of a subscription, by topic. Only topics that begin with the literal levels of the filter are
    /// looked at.
    pub(super) fn next(&self, found: &Found, now: Time) -> Option<Arc<Message>> {
        let Found {
            filter,
            after,
            number,
            ..
        } = found;
        let waits = |m: &&Numbered| m.number < *number && !m.message.is_expired(now);
        let pattern = filter.pattern();
        if !filter.has_wildcard() {
            let exact = self.messages.get(pattern).filter(|_| after.is_none());
            return exact.filter(waits).map(|m| Arc::clone(&m.message));
        }
        let wildcard = pattern.find(['+', '#']).unwrap_or(pattern.len());
        // `a/#` matches `a` too, so the separator is not part of the prefix.
        let prefix = pattern[..wildcard].trim_end_matches('/');
        let from = match after {
            Some(topic) => Excluded(topic.as_str()),
            None => Included(prefix),
        };
        self.messages
            .range::<str, _>((from, Unbounded))
            .take_while(|(topic, _)| topic.starts_with(prefix))
            .find(|(topic, m)| filter.matches(topic) && waits(m))
            .map(|(_, m)| Arc::clone(&m.message))
    }
}
