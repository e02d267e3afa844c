//! What waits for one client: messages that were never sent, and between them the retained messages that a
//! subscription found, of which only the place is kept.

use super::{message::Delivery, retained::Found};
use std::collections::VecDeque;

/// What a session's client has to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Each with its number: higher ones come later, and none is given twice.
    messages: VecDeque<(u64, Delivery)>,
    /// In the order of subscribing.
    found: VecDeque<Waiting>,
    /// The number of the next message.
    next: u64,
    /// The number of the message that was taken out last.
    popped: u64,
    /// Subscriptions that ever waited.
    subscriptions: u64,
}

/// What a subscription found.
#[derive(Debug)]
pub(super) struct Waiting {
    /// How many waited before it, ever.
    pub(super) number: u64,
    /// Its place in the queue: messages that come after it have at least this number.
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
        match (self.found.front(), self.messages.front()) {
            (Some(_), None) => Next::Found,
            (Some(waiting), Some((number, _))) if waiting.place <= *number => Next::Found,
            (_, Some(_)) => Next::Message,
            (None, None) => Next::Nothing,
        }
    }

    /// The oldest message.
    pub(super) fn front(&self) -> Option<&Delivery> {
        self.messages.front().map(|(_, message)| message)
    }

    /// Takes the oldest message out, and gives its number.
    pub(super) fn pop(&mut self) -> Option<(u64, Delivery)> {
        let (number, message) = self.messages.pop_front()?;
        self.popped = number;
        Some((number, message))
    }

    /// Adds the newest message, and gives its number.
    pub(super) fn push(&mut self, message: Delivery) -> u64 {
        let number = self.next;
        self.next += 1;
        self.messages.push_back((number, message));
        number
    }

    /// Puts the message back that was taken out last, and gives its number.
    pub(super) fn put_back(&mut self, message: Delivery) -> u64 {
        self.messages.push_front((self.popped, message));
        self.next = self.next.max(self.popped + 1);
        self.popped
    }

    /// Brings a message back that had this number; false when it does not come after those that are here.
    pub(super) fn restore(&mut self, number: u64, message: Delivery) -> bool {
        let later = number >= self.next;
        if later {
            self.next = number + 1;
            self.messages.push_back((number, message));
        }
        later
    }

    /// The numbers of all messages.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.messages.iter().map(|(number, _)| *number)
    }

    /// All messages, oldest first.
    #[cfg(test)]
    pub(super) fn messages(&self) -> impl Iterator<Item = &Delivery> {
        self.messages.iter().map(|(_, message)| message)
    }

    /// All messages, oldest first.
    pub(super) fn into_messages(self) -> impl Iterator<Item = Delivery> {
        self.messages.into_iter().map(|(_, message)| message)
    }

    /// Takes the oldest message out that `wanted` says, and gives its number.
    pub(super) fn take_first(
        &mut self,
        mut wanted: impl FnMut(&Delivery) -> bool,
    ) -> Option<(u64, Delivery)> {
        let mut messages = self.messages.iter();
        let at = messages.position(|(_, message)| wanted(message))?;
        self.messages.remove(at)
    }

    /// Takes those messages out that `wanted` says, oldest first, with their numbers.
    pub(super) fn take_where(
        &mut self,
        mut wanted: impl FnMut(&Delivery) -> bool,
    ) -> Vec<(u64, Delivery)> {
        let messages = std::mem::take(&mut self.messages);
        let (taken, kept) = messages
            .into_iter()
            .partition::<VecDeque<_>, _>(|(_, message)| wanted(message));
        self.messages = kept;
        taken.into()
    }

    /// What a subscription found waits after all that is here.
    pub(super) fn push_found(&mut self, found: Found) -> &Waiting {
        let (number, place) = (self.subscriptions, self.next);
        self.put_found(number, place, found)
    }

    /// What a subscription found waits in this place, after what other subscriptions found.
    pub(super) fn put_found(&mut self, number: u64, place: u64, found: Found) -> &Waiting {
        self.subscriptions = self.subscriptions.max(number + 1);
        self.next = self.next.max(place);
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
