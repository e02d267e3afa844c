//! Bytes that are kept, by what they are kept for. What is kept holds its [`Charge`], so a ledger is right whatever
//! way a thing is let go.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A sum of bytes. Clones are the same ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<AtomicUsize>);

impl Ledger {
    /// Bytes that are kept now.
    pub(super) fn held(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// Whether `bytes` more stay within `limit`.
    pub(super) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.held().saturating_add(bytes) <= limit
    }

    /// Enters bytes until the charge is dropped.
    pub(super) fn charge(&self, bytes: usize) -> Charge {
        self.0.fetch_add(bytes, Relaxed);
        Charge {
            ledger: self.clone(),
            bytes,
        }
    }
}

/// Bytes entered in a ledger. A clone is entered again.
#[derive(Debug)]
pub(super) struct Charge {
    ledger: Ledger,
    bytes: usize,
}

impl Charge {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Another number of bytes in place of the one before.
    pub(super) fn set(&mut self, bytes: usize) {
        self.ledger.0.fetch_add(bytes, Relaxed);
        self.ledger.0.fetch_sub(self.bytes, Relaxed);
        self.bytes = bytes;
    }
}

impl Clone for Charge {
    fn clone(&self) -> Self {
        self.ledger.charge(self.bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn a_ledger_is_the_sum_of_the_charges_that_are_held() {
        let ledger = Ledger::default();
        let mut one = ledger.charge(10);
        let two = one.clone();
        assert_eq!(ledger.held(), 20);
        one.set(3);
        assert_eq!((ledger.held(), one.bytes()), (13, 3));
        assert!(ledger.has_room(7, 20) && !ledger.has_room(8, 20));
        assert!(!ledger.has_room(usize::MAX, usize::MAX - 1));
        drop(two);
        assert_eq!(ledger.held(), 3);
        drop(one);
        assert_eq!(ledger.held(), 0);
    }
}
