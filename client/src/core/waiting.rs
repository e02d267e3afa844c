//! What waits for a connection or for room, in the order of the calls.
//!
//! It does not know what is in a packet, or when it may go.

use super::{
    command::QueueLimit,
    message::{Message, Ticket},
};
use squall_protocol::{Properties, QoS, packet::Subscription, topic::TopicFilter};
use std::collections::VecDeque;

/// The queue before the connection.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Messages and requests, each with its place in the order of the calls. Apart, so that the next one is found
    /// however many of the others wait before it.
    messages: VecDeque<(u64, Ticket, Message)>,
    requests: VecDeque<(u64, Item)>,
    next: u64,
    /// Of all messages that wait.
    bytes: usize,
    pub(super) limit: QueueLimit,
}

#[derive(Debug)]
pub(super) enum Item {
    Message(Ticket, Message),
    Subscribe(Ticket, Vec<Subscription>, Properties),
    Unsubscribe(Ticket, Vec<TopicFilter>, Properties),
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            messages: VecDeque::new(),
            requests: VecDeque::new(),
            next: 0,
            bytes: 0,
            limit: QueueLimit::NONE,
        }
    }
}

impl Waiting {
    /// `false` when there is no room for it.
    pub(super) fn push_message(&mut self, ticket: Ticket, message: Message) -> bool {
        let (waiting, bytes) = (
            self.messages.len(),
            self.bytes.saturating_add(message.weight()),
        );
        let alone = waiting == 0 && self.limit.messages > 0;
        if !alone && (waiting >= self.limit.messages || bytes > self.limit.bytes) {
            return false;
        }
        self.bytes = bytes;
        let place = self.place();
        self.messages.push_back((place, ticket, message));
        true
    }

    /// `false` when there is no room for it: as many requests may wait as messages.
    pub(super) fn push_request(&mut self, request: Item) -> bool {
        if self.requests.len() >= self.limit.messages {
            return false;
        }
        let place = self.place();
        self.requests.push_back((place, request));
        true
    }

    const fn place(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// How many messages wait.
    pub(super) fn messages(&self) -> usize {
        self.messages.len()
    }

    /// Takes the first item that may go now. A message that has to wait holds every message after it back, so that
    /// they keep their order, but no request [MQTT-3.3.4-8] (5.0).
    pub(super) fn take(&mut self, room: bool, ids: bool) -> Option<Item> {
        let message = self.messages.front();
        let message = message.filter(|(.., m)| room || m.qos == QoS::AtMostOnce);
        let message = message.map(|(place, ..)| *place);
        let request = self.requests.front().filter(|_| ids);
        let request = request.map(|(place, _)| *place);
        if message.is_some() && request.is_none_or(|r| message < Some(r)) {
            let (_, ticket, message) = self.messages.pop_front()?;
            self.bytes -= message.weight();
            return Some(Item::Message(ticket, message));
        }
        request?;
        self.requests.pop_front().map(|(_, item)| item)
    }
}
