//! What waits for one client: messages that were never sent, and between them the retained messages that a
//! subscription found, of which only the place is kept.

use super::{message::Delivery, retained::Found};
use std::collections::VecDeque;

/// What a session's client has to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Delivery>,
    /// In the order of subscribing.
    found: VecDeque<Waiting>,
    /// The number of the first message.
    first: u64,
    /// Subscriptions that ever waited.
    subscriptions: u64,
}

/// What a subscription found.
#[derive(Debug)]
pub(super) struct Waiting {
    /// How many waited before it, ever.
    pub(super) number: u64,
    /// Its place in the queue: the number of the message that comes after it.
    pub(super) place: u64,
    pub(super) found: Found,
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
            (Some(waiting), _) if waiting.place <= self.first => Next::Found,
            (_, false) => Next::Message,
            _ => Next::Nothing,
        }
    }

    /// The oldest message.
    pub(super) fn front(&self) -> Option<&Delivery> {
        self.messages.front()
    }

    /// Takes the oldest message out, and gives its number.
    pub(super) fn pop(&mut self) -> Option<(u64, Delivery)> {
        let message = self.messages.pop_front()?;
        self.first += 1;
        Some((self.first - 1, message))
    }

    /// Adds the newest message, and gives its number.
    pub(super) fn push(&mut self, message: Delivery) -> u64 {
        self.messages.push_back(message);
        self.end() - 1
    }

    /// Puts the message back that was taken out last, and gives its number.
    pub(super) fn put_back(&mut self, message: Delivery) -> u64 {
        self.messages.push_front(message);
        // It may never have been in here: then it goes before everything, and is the first of all.
        self.first = self.first.saturating_sub(1);
        self.first
    }

    /// Brings a message back that had this number; false when it does not come next.
    pub(super) fn restore(&mut self, number: u64, message: Delivery) -> bool {
        if self.messages.is_empty() {
            self.first = number;
        }
        let next = number == self.end();
        if next {
            self.messages.push_back(message);
        }
        next
    }

    /// The number of the message that comes next.
    fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// The numbers of all messages.
    pub(super) fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.end()
    }

    /// All messages, oldest first.
    pub(super) fn into_messages(self) -> VecDeque<Delivery> {
        self.messages
    }

    /// What a subscription found waits after all that is here.
    pub(super) fn push_found(&mut self, found: Found) -> &Waiting {
        let (number, place) = (self.subscriptions, self.end());
        self.put_found(number, place, found)
    }

    /// What a subscription found waits in this place, after what other subscriptions found.
    pub(super) fn put_found(&mut self, number: u64, place: u64, found: Found) -> &Waiting {
        self.subscriptions = self.subscriptions.max(number + 1);
        if self.messages.is_empty() {
            self.first = self.first.max(place);
        }
        let at = self.found.len();
        self.found.push_back(Waiting {
            number,
            place,
            found,
        });
        &self.found[at]
    }

    /// Whether something waits that a subscription found for which this message is too, so that the message would
    /// overtake an older one of its topic.
    pub(super) fn has_found(&self, delivery: &Delivery) -> bool {
        let mut waiting = self.found.iter();
        waiting.any(|w| w.found.filter.matches(&delivery.message.topic))
    }

    /// Whether anything waits that a subscription found.
    pub(super) fn has_any_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// What the first subscription found.
    pub(super) fn first_found(&mut self) -> Option<&mut Waiting> {
        self.found.front_mut()
    }

    /// The first of it was sent whole.
    pub(super) fn pop_found(&mut self) -> Option<Waiting> {
        self.found.pop_front()
    }

    /// Forgets of it what does not fit, and tells of each.
    pub(super) fn retain_found(
        &mut self,
        fits: impl Fn(&Found) -> bool,
        mut gone: impl FnMut(u64),
    ) {
        self.found.retain(|waiting| {
            let stays = fits(&waiting.found);
            if !stays {
                gone(waiting.number);
            }
            stays
        });
    }

    /// All of it, in order.
    pub(super) fn found(&self) -> impl Iterator<Item = &Waiting> {
        self.found.iter()
    }
}
