//! Which faults and oddities a double has.

use crate::{Decoy, Switch};

/// The faults and oddities of one double, cheap to copy so that they can be asked for anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    switches: [u64; SWITCH_WORDS],
    decoys: [u64; DECOY_WORDS],
}

const SWITCH_WORDS: usize = Switch::ALL.len().div_ceil(64);
const DECOY_WORDS: usize = Decoy::ALL.len().div_ceil(64);

impl Ways {
    pub(super) fn new(
        switches: impl IntoIterator<Item = Switch>,
        decoys: impl IntoIterator<Item = Decoy>,
    ) -> Self {
        let mut ways = Self::default();
        for switch in switches {
            ways.switches[switch as usize / 64] |= 1 << (switch as usize % 64);
        }
        for decoy in decoys {
            ways.decoys[decoy as usize / 64] |= 1 << (decoy as usize % 64);
        }
        ways
    }

    /// Whether the decision that this fault spoils goes wrong.
    pub(super) const fn wrong(self, switch: Switch) -> bool {
        self.switches[switch as usize / 64] & (1 << (switch as usize % 64)) != 0
    }

    /// Whether this oddity is shown.
    pub(super) const fn odd(self, decoy: Decoy) -> bool {
        self.decoys[decoy as usize / 64] & (1 << (decoy as usize % 64)) != 0
    }
}
