//! Where changes of what is to outlive the broker are written down, by whoever makes them, in order.

use crate::store::{Change, Key};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The changes since they were taken last. Clones are the same journal. One that is off writes nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal(Option<Arc<Mutex<Log>>>);

#[derive(Debug, Default)]
struct Log {
    changes: Vec<Change>,
    /// The number of the next message.
    next_message: u64,
}

impl Journal {
    /// One that is on; messages are numbered from here.
    pub(super) fn on(next_message: u64) -> Self {
        let changes = Vec::new();
        Self(Some(Arc::new(Mutex::new(Log {
            changes,
            next_message,
        }))))
    }

    pub(super) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A row that was not there.
    pub(super) fn add(&self, key: Key, value: Bytes) {
        self.write(key, Some(value), true);
    }

    /// A row that says something else now, or is new.
    pub(super) fn set(&self, key: Key, value: Bytes) {
        self.write(key, Some(value), false);
    }

    /// A row that is gone.
    pub(super) fn remove(&self, key: Key) {
        self.write(key, None, false);
    }

    fn write(&self, key: Key, value: Option<Bytes>, is_new: bool) {
        if let Some(mut log) = self.log() {
            log.changes.push(Change { key, value, is_new });
        }
    }

    /// The changes that were not taken yet.
    pub(super) fn take(&self) -> Vec<Change> {
        self.log()
            .map(|mut log| std::mem::take(&mut log.changes))
            .unwrap_or_default()
    }

    /// A number that no message has.
    fn next_message(&self) -> Option<u64> {
        let mut log = self.log()?;
        log.next_message += 1;
        Some(log.next_message - 1)
    }

    /// Whoever panicked while it wrote had written a whole change or none.
    fn log(&self) -> Option<MutexGuard<'_, Log>> {
        let log = self.0.as_ref()?;
        Some(log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The row of a message: it goes with the last one who keeps the message, whatever way that is.
#[derive(Debug)]
pub(super) struct MessageRow {
    number: u64,
    journal: Journal,
}

impl MessageRow {
    /// A new row with this value; `None` when nothing is written down.
    pub(super) fn add(journal: &Journal, value: impl FnOnce() -> Bytes) -> Option<Self> {
        let number = journal.next_message()?;
        journal.add(Key::Message(number), value());
        Some(Self::of(number, journal))
    }

    /// A row that is there already.
    pub(super) fn of(number: u64, journal: &Journal) -> Self {
        let journal = journal.clone();
        Self { number, journal }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for MessageRow {
    fn drop(&mut self) {
        self.journal.remove(Key::Message(self.number));
    }
}
