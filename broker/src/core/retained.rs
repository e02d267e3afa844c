//! Retained messages, by topic. Who gets them is not known here.

use super::message::Message;
use squall_protocol::{Text, Time, topic::TopicFilter};
use std::{
    collections::BTreeMap,
    ops::Bound::{Included, Unbounded},
    sync::Arc,
};

/// The last retained message of each topic. Ends of sessions do not touch it [MQTT-3.1.2-7] (3.1.1),
/// [X-5.0-session-6].
#[derive(Debug, Default)]
pub(super) struct Retained {
    messages: BTreeMap<Text, Arc<Message>>,
    bytes: usize,
}

impl Retained {
    /// Whether all retained messages stay within `limit` bytes with this one in place of the one before.
    pub(super) fn has_room(&self, message: &Message, limit: usize) -> bool {
        let before = self.messages.get(&message.topic).map_or(0, |m| m.bytes());
        self.bytes - before + message.bytes() <= limit
    }

    /// Stores a message in place of the one before [MQTT-3.3.1-5], and gives that back.
    pub(super) fn set(&mut self, message: Arc<Message>) -> Option<Arc<Message>> {
        self.bytes += message.bytes();
        let before = self.messages.insert(message.topic.clone(), message);
        self.bytes -= before.as_ref().map_or(0, |m| m.bytes());
        before
    }

    /// Removes and gives back the message of a topic [MQTT-3.3.1-10] (3.1.1), [MQTT-3.3.1-6] (5.0).
    pub(super) fn remove(&mut self, topic: &str) -> Option<Arc<Message>> {
        let before = self.messages.remove(topic);
        self.bytes -= before.as_ref().map_or(0, |m| m.bytes());
        before
    }

    /// What a new subscription finds, by topic. Only topics that begin with the literal levels of the filter are
    /// looked at.
    pub(super) fn matching(&self, filter: &TopicFilter, now: Time) -> Vec<Arc<Message>> {
        let pattern = filter.pattern();
        if !filter.has_wildcard() {
            let exact = self.messages.get(pattern).filter(|m| !m.is_expired(now));
            return exact.cloned().into_iter().collect();
        }
        let wildcard = pattern.find(['+', '#']).unwrap_or(pattern.len());
        // `a/#` matches `a` too, so the separator is not part of the prefix.
        let prefix = pattern[..wildcard].trim_end_matches('/');
        self.messages
            .range::<str, _>((Included(prefix), Unbounded))
            .take_while(|(topic, _)| topic.starts_with(prefix))
            .filter(|(topic, message)| filter.matches(topic) && !message.is_expired(now))
            .map(|(_, message)| Arc::clone(message))
            .collect()
    }
}
