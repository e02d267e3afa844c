//! What the oracles found, as far as anybody will read it.

use super::Broken;

/// Findings that are kept; the first is nearly always the cause of the others.
pub(super) const MOST: usize = 10;

/// Findings in the order in which they were made.
pub(super) struct Findings {
    list: Vec<Broken>,
    /// Whether a thing that did not happen counts. In a story that was cut off it might have happened later.
    absence: bool,
}

impl Findings {
    pub(super) const fn new(absence: bool) -> Self {
        Self {
            list: Vec::new(),
            absence,
        }
    }

    /// Nothing more is kept: whoever looks for more may stop.
    pub(super) fn full(&self) -> bool {
        self.list.len() >= MOST
    }

    pub(super) fn push(&mut self, broken: Broken) {
        if !self.full() && (self.absence || !broken.absence) {
            self.list.push(broken);
        }
    }

    pub(super) fn into_list(self) -> Vec<Broken> {
        self.list
    }
}
