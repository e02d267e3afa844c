//! Operations that a library has taken and an acknowledgement will answer. An operation has a number, an acknowledgement a
//! Packet Identifier, and libraries tell which identifier they gave when they send.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

/// An operation that waits.
#[derive(Clone, Copy, Debug)]
struct Taken {
    id: u64,
    /// Whether the library keeps it when the connection ends, as it does with messages.
    outlives: bool,
}

/// All that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// In the order in which the library took them, which is that in which it sends.
    unsent: VecDeque<Taken>,
    sent: BTreeMap<u16, Taken>,
}

impl Waiting {
    /// The library took this operation.
    pub(crate) fn took(&mut self, id: u64, outlives: bool) {
        self.unsent.push_back(Taken { id, outlives });
    }

    /// The library sent the next packet, or one that it sent before, which is no news. Without a Packet Identifier, which is 0
    /// here, nothing will be acknowledged, so the operation with this number is done.
    pub(crate) fn sent(&mut self, packet_identifier: u16) -> Option<u64> {
        if packet_identifier == 0 {
            return self.unsent.pop_front().map(|taken| taken.id);
        }
        if let Entry::Vacant(free) = self.sent.entry(packet_identifier)
            && let Some(taken) = self.unsent.pop_front()
        {
            free.insert(taken);
        }
        None
    }

    /// The number of the operation that this identifier was for.
    pub(crate) fn acknowledged(&mut self, packet_identifier: u16) -> Option<u64> {
        self.sent.remove(&packet_identifier).map(|taken| taken.id)
    }

    /// Takes out what ends with the connection, or everything where the session ends; the numbers, in order.
    pub(crate) fn lost(&mut self, session: bool) -> Vec<u64> {
        let is_kept = |taken: &Taken| taken.outlives && !session;
        let all = self.unsent.iter().chain(self.sent.values());
        let mut lost: Vec<u64> = all.filter(|t| !is_kept(t)).map(|t| t.id).collect();
        lost.sort_unstable();
        self.unsent.retain(is_kept);
        self.sent.retain(|_, taken| is_kept(taken));
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_finds_its_operation() {
        let mut waiting = Waiting::default();
        for id in 1..=3 {
            waiting.took(id, true);
        }
        assert_eq!(waiting.sent(7), None);
        assert_eq!(waiting.sent(0), Some(2));
        // What is sent again takes nothing from the queue.
        assert_eq!(waiting.sent(7), None);
        assert_eq!(waiting.sent(8), None);
        assert_eq!(waiting.acknowledged(8), Some(3));
        assert_eq!(waiting.acknowledged(7), Some(1));
        assert_eq!(waiting.acknowledged(7), None);
        // Nobody asked for this one.
        assert_eq!(waiting.sent(0), None);
    }

    #[test]
    fn messages_outlive_a_connection_but_no_session() {
        let mut waiting = Waiting::default();
        waiting.took(1, true);
        waiting.took(2, false);
        assert_eq!(waiting.sent(10), None);
        assert_eq!(waiting.sent(11), None);
        waiting.took(3, false);
        waiting.took(4, true);
        assert_eq!(waiting.lost(false), [2, 3]);
        assert_eq!(waiting.acknowledged(11), None);
        assert_eq!(waiting.acknowledged(10), Some(1));
        assert_eq!(waiting.lost(true), [4]);
        assert_eq!(waiting.lost(true), [0; 0]);
    }
}
