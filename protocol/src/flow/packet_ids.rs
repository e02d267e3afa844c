//! Which packet identifiers of one side are in use, and which one comes next.

use crate::PacketId;
use std::collections::BTreeMap;

/// The packet identifiers one side has given out: messages and requests share them [X-5.0-pid-2], and the peer's
/// are others [X-3.1.1-pid-1].
///
/// They are given out in turn, 1 after 65,535, so that one that became free is not used again at once. Kept as runs
/// of neighbours: giving out and back is O(log n) also when nearly all are in use.
#[derive(Clone, Debug)]
pub(super) struct PacketIds {
    /// First and last of each run of identifiers in use; between two runs there is at least one free identifier.
    runs: BTreeMap<u16, u16>,
    in_use: usize,
    next: PacketId,
}

impl PacketIds {
    /// How many there are.
    const ALL: usize = u16::MAX as usize;

    pub(super) const fn new() -> Self {
        Self {
            runs: BTreeMap::new(),
            in_use: 0,
            next: PacketId::MIN,
        }
    }

    /// Whether one is free.
    pub(super) const fn has_free(&self) -> bool {
        self.in_use < Self::ALL
    }

    /// Gives out the next one that is not in use [MQTT-2.3.1-2], [MQTT-2.3.1-4] (3.1.1), [MQTT-2.2.1-3],
    /// [MQTT-2.2.1-4] (5.0); `None` when all are in use.
    pub(super) fn take(&mut self) -> Option<PacketId> {
        if !self.has_free() {
            return None;
        }
        let mut id = self.next;
        while let Some((_, last)) = self.run_of(id.get()) {
            // The one after a run is free, or it is 1 again, which may begin a run: at most two rounds.
            id = PacketId::new(last)?.next();
        }
        self.next = id.next();
        self.in_use += 1;
        self.mark(id.get());
        Some(id)
    }

    /// Puts this one in use; false when it is already.
    pub(super) fn claim(&mut self, id: PacketId) -> bool {
        if self.run_of(id.get()).is_some() {
            return false;
        }
        self.in_use += 1;
        self.mark(id.get());
        true
    }

    /// The one after this comes next, unless it is in use.
    pub(super) fn go_on_after(&mut self, id: PacketId) {
        self.next = id.next();
    }

    /// Takes one back; it was in use.
    pub(super) fn give_back(&mut self, id: PacketId) {
        let id = id.get();
        let Some((first, last)) = self.run_of(id) else {
            return;
        };
        self.in_use -= 1;
        self.runs.remove(&first);
        if first < id {
            self.runs.insert(first, id - 1);
        }
        if id < last {
            self.runs.insert(id + 1, last);
        }
    }

    fn run_of(&self, id: u16) -> Option<(u16, u16)> {
        let (&first, &last) = self.runs.range(..=id).next_back()?;
        (id <= last).then_some((first, last))
    }

    /// Puts a free identifier in use, joining it with its neighbours.
    fn mark(&mut self, id: u16) {
        let first = self.run_of(id - 1).map_or(id, |(first, _)| first);
        let last = id.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, last.unwrap_or(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn id(n: u16) -> PacketId {
        PacketId::new(n).expect("not 0")
    }

    #[test]
    fn all_can_be_given_out_and_zero_never_is() {
        let mut ids = PacketIds::new();
        for n in 1..=u16::MAX {
            assert_eq!(ids.take(), Some(id(n)));
        }
        assert_eq!(ids.take(), None, "exhausted");
        assert_eq!(ids.runs.len(), 1);
        ids.give_back(id(40_000));
        assert_eq!(ids.take(), Some(id(40_000)), "the only free one");
        assert_eq!(ids.take(), None);
    }

    #[test]
    fn the_turn_wraps_to_one_and_passes_by_what_is_in_use() {
        let mut ids = PacketIds::new();
        ids.take();
        ids.take();
        ids.give_back(id(1));
        assert_eq!(ids.take(), Some(id(3)), "1 is free but was used just now");
        ids.next = id(u16::MAX);
        assert_eq!(ids.take(), Some(id(u16::MAX)));
        assert_eq!(ids.take(), Some(id(1)));
        assert_eq!(ids.take(), Some(id(4)), "2 and 3 are in use");
    }

    proptest! {
        /// The runs say the same as a plain set, and what is given out is the next one not in it.
        #[test]
        fn runs_are_a_set(
            start in prop_oneof![1_u16..20, 65_500_u16..=u16::MAX],
            steps in proptest::collection::vec(proptest::option::of(0_usize..64), 1..200),
        ) {
            let mut ids = PacketIds::new();
            ids.next = id(start);
            let (mut set, mut next) = (BTreeSet::new(), id(start));
            for step in steps {
                let back = step.and_then(|n| set.iter().nth(n).copied());
                if let Some(back) = back {
                    set.remove(&back);
                    ids.give_back(back);
                } else {
                    while set.contains(&next) {
                        next = next.next();
                    }
                    prop_assert_eq!(ids.take(), Some(next));
                    set.insert(next);
                    next = next.next();
                }
                prop_assert_eq!(ids.in_use, set.len());
                for n in set.iter().flat_map(|n| [*n, n.next()]) {
                    prop_assert_eq!(ids.run_of(n.get()).is_some(), set.contains(&n));
                }
            }
        }
    }
}
