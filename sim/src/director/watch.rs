//! Who waits for what: only the steps that a thing concerns are looked at when it happens.
//!
//! A step in progress is known by its place in the tree of tasks, so those that are ready are looked at in the order
//! of the story, as if all of them were looked at.

use squall_client::Ticket;
use squall_protocol::Time;
use squall_scenarios::model::ClientIx;
use std::collections::BTreeSet;

/// Place of a task: the numbers of the branches that lead to it.
pub(super) type Place = Vec<u32>;

/// What a step can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// A time.
    Time(Time),
    /// The outcome of a request.
    Ticket(Ticket),
    /// A client's connection begins or an attempt fails.
    Connection(ClientIx),
    /// A client's connection ends.
    End(ClientIx),
    /// A message for a client.
    Message(ClientIx),
    /// A packet for a scripted client.
    Packet(ClientIx),
    /// Something at a scripted broker's end of a client's connection.
    AtBroker(ClientIx),
}

/// The waiting and the ready ones.
#[derive(Debug, Default)]
pub(super) struct Watch {
    waiting: BTreeSet<(Interest, Place)>,
    ready: BTreeSet<Place>,
}

impl Watch {
    pub(super) fn wait(&mut self, interest: Interest, place: &[u32]) {
        self.waiting.insert((interest, place.to_vec()));
    }

    /// A task waits no more.
    pub(super) fn stop(&mut self, interest: Interest, place: &[u32]) {
        self.waiting.remove(&(interest, place.to_vec()));
    }

    /// The task at this place is to be looked at.
    pub(super) fn wake(&mut self, place: Place) {
        self.ready.insert(place);
    }

    /// Something happened: whoever waits for it is ready, and goes on waiting for it.
    pub(super) fn happened(&mut self, interest: Interest) {
        let from = (interest, Place::new());
        let concerned = self.waiting.range(from..);
        let concerned = concerned.take_while(|(i, _)| *i == interest);
        self.ready.extend(concerned.map(|(_, place)| place.clone()));
    }

    /// Time has come this far: whoever waited for it is ready.
    pub(super) fn reached(&mut self, now: Time) {
        while let Some((Interest::Time(at), _)) = self.waiting.first()
            && *at <= now
        {
            self.ready
                .extend(self.waiting.pop_first().map(|(_, place)| place));
        }
    }

    /// The next time somebody waits for.
    pub(super) fn next_time(&self) -> Option<Time> {
        match self.waiting.first() {
            Some((Interest::Time(at), _)) => Some(*at),
            _ => None,
        }
    }

    /// Whether anybody is to be looked at.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The first branch from number `from` on of the task at this place that is ready, or has something ready in it.
    pub(super) fn ready_branch(&self, place: &[u32], from: u32) -> Option<u32> {
        let mut first = place.to_vec();
        first.push(from);
        let next = self.ready.range(first..).next()?;
        let branch = next.get(place.len()).copied();
        branch.filter(|_| next.starts_with(place))
    }

    /// The task at this place, with all its branches, has been looked at.
    pub(super) fn seen(&mut self, place: &[u32]) {
        while let Some(next) = self.ready.range(place.to_vec()..).next()
            && next.starts_with(place)
        {
            let next = next.clone();
            self.ready.remove(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_it_is_ready_in_the_order_of_the_story() {
        let mut watch = Watch::default();
        watch.wait(Interest::End(0), &[1, 2]);
        watch.wait(Interest::End(0), &[0]);
        watch.wait(Interest::End(1), &[0, 5]);
        watch.wait(Interest::Time(Time::from_millis(7)), &[3]);
        assert!(!watch.is_ready());
        assert_eq!(watch.next_time(), Some(Time::from_millis(7)));
        watch.happened(Interest::End(0));
        watch.reached(Time::from_millis(6));
        assert_eq!(watch.ready_branch(&[], 0), Some(0));
        assert_eq!(watch.ready_branch(&[], 1), Some(1));
        assert_eq!(watch.ready_branch(&[1], 0), Some(2));
        assert_eq!(watch.ready_branch(&[1], 3), None);
        watch.seen(&[1]);
        assert_eq!(watch.ready_branch(&[], 1), None);
        watch.reached(Time::from_millis(7));
        assert_eq!(watch.ready_branch(&[], 1), Some(3));
        assert_eq!(watch.next_time(), None);
        watch.seen(&[]);
        assert!(!watch.is_ready());
        watch.stop(Interest::End(0), &[0]);
        watch.happened(Interest::End(0));
        assert_eq!(watch.ready_branch(&[], 0), Some(1));
    }
}
