//! The broker's store on a simulated disk: a batch is stored when the disk is done with it.

use super::disk::Disk;
use bytes::Bytes;
use squall_broker::store::{Batch, Key, Redb, Store, StoreError};
use squall_protocol::Time;
use std::collections::VecDeque;

/// Bytes of its log: so few that rows are written within stories, which are short, too.
const LONGEST_LOG: usize = 2 << 10;

/// A store on a disk that takes its time.
#[derive(Debug)]
pub(super) struct Stored {
    store: Redb,
    disk: Disk,
    /// When each batch that is not told of is durable.
    due: VecDeque<Time>,
}

impl Stored {
    /// The store on this disk, opened at `now`.
    ///
    /// # Errors
    /// When what is there cannot be read.
    pub(super) fn open(disk: &Disk, now: Time) -> Result<Self, StoreError> {
        disk.reach(now);
        let store = Redb::on(disk.open())?.with_longest_log(LONGEST_LOG);
        Ok(Self {
            store,
            disk: disk.clone(),
            due: VecDeque::new(),
        })
    }
}

impl Store for Stored {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.store.load()
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        self.disk.reach(now);
        self.store.store(now, batch)?;
        self.due.push_back(self.disk.busy_until());
        Ok(())
    }

    fn stored(&mut self, now: Time) -> Result<usize, StoreError> {
        self.disk.reach(now);
        let over = self.due.iter().take_while(|at| **at <= now).count();
        self.due.drain(..over);
        Ok(over)
    }

    fn due(&self) -> Option<Time> {
        self.due.front().copied()
    }
}
