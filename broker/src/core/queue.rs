//! What waits for one client: messages that were never sent, and between them the retained messages that a
//! subscription found, of which only the place is kept.

use super::{message::Delivery, retained::Found};
use std::collections::VecDeque;

/// What a session's client has to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Delivery>,
    /// Each with its place in the queue: the number of the message that comes after it.
    found: VecDeque<(u64, Found)>,
    /// The number of the first message.
    first: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing waits.
    Nothing,
    /// A message.
    Message,
    /// What a subscription found.
    Found,
}

impl Queue {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.found.is_empty()
    }

    /// Messages that wait, without those that a subscription found.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// What comes next.
    pub(super) fn next(&self) -> Next {
        match (self.found.front(), self.messages.is_empty()) {
            (Some((place, _)), _) if *place <= self.first => Next::Found,
            (_, false) => Next::Message,
            _ => Next::Nothing,
        }
    }

    /// The oldest message.
    pub(super) fn front(&self) -> Option<&Delivery> {
        self.messages.front()
    }

    /// Takes the oldest message out.
    pub(super) fn pop(&mut self) -> Option<Delivery> {
        let message = self.messages.pop_front()?;
        self.first += 1;
        Some(message)
    }

    /// Adds the newest message.
    pub(super) fn push(&mut self, message: Delivery) {
        self.messages.push_back(message);
    }

    /// Puts the message back that was taken out last.
    pub(super) fn put_back(&mut self, message: Delivery) {
        self.messages.push_front(message);
        // It may never have been in here: then it goes before everything, and is the first of all.
        self.first = self.first.saturating_sub(1);
    }

    /// All messages, oldest first.
    pub(super) fn into_messages(self) -> VecDeque<Delivery> {
        self.messages
    }

    /// Takes the oldest message out that `wanted` says.
    pub(super) fn take_first(&mut self, wanted: impl FnMut(&Delivery) -> bool) -> Option<Delivery> {
        let at = self.messages.iter().position(wanted)?;
        let number = self.first + at as u64;
        // What waits behind it moves up.
        let behind = self.found.iter_mut().filter(|(place, _)| *place > number);
        behind.for_each(|(place, _)| *place -= 1);
        self.messages.remove(at)
    }

    /// Takes those messages out that `wanted` says, oldest first.
    pub(super) fn take_where(
        &mut self,
        mut wanted: impl FnMut(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        let (mut taken, mut number) = (Vec::new(), self.first);
        let messages = std::mem::take(&mut self.messages);
        for message in messages {
            if wanted(&message) {
                // What waits behind it moves up.
                let behind = self.found.iter_mut().filter(|(place, _)| *place > number);
                behind.for_each(|(place, _)| *place -= 1);
                taken.push(message);
            } else {
                self.messages.push_back(message);
                number += 1;
            }
        }
        taken
    }

    /// What a subscription found waits after all that is here.
    pub(super) fn push_found(&mut self, found: Found) {
        let place = self.first + self.messages.len() as u64;
        self.found.push_back((place, found));
    }

    /// Whether something waits that a subscription found for which this message is too, so that the message would
    /// overtake an older one of its topic.
    pub(super) fn has_found(&self, delivery: &Delivery) -> bool {
        let mut found = self.found.iter();
        found.any(|(_, found)| found.filter.matches(&delivery.message.topic))
    }

    /// Whether anything waits that a subscription found.
    pub(super) fn has_any_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// What the first subscription found.
    pub(super) fn first_found(&mut self) -> Option<&mut Found> {
        self.found.front_mut().map(|(_, found)| found)
    }

    /// The first of it was sent whole.
    pub(super) fn pop_found(&mut self) {
        self.found.pop_front();
    }

    /// Forgets of it what does not fit.
    pub(super) fn retain_found(&mut self, fits: impl Fn(&Found) -> bool) {
        self.found.retain(|(_, found)| fits(found));
    }
}
