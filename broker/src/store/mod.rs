//! What outlives a broker: the rows of its state, and where they are kept.
//!
//! The core tells each [`Change`] of a row; [`crate::Durable`] gathers them in [`Batch`]es, hands those to a [`Store`],
//! and keeps back every packet that promises what is not stored yet. [`Redb`] is a store in a file, in memory, or on
//! whatever says it is a disk; [`Aside`] lets any store work on a thread of its own.

mod aside;
mod batch;
mod change;
mod database;
mod fields;

pub use aside::Aside;
pub use batch::Batch;
pub use change::{Change, Key};
pub use database::Redb;
pub(crate) use fields::{Fields, Reading};
pub use redb::StorageBackend;

use bytes::Bytes;
use squall_protocol::Time;
use std::fmt;

/// Where rows are kept so that they outlive the process and a loss of power.
pub trait Store: fmt::Debug {
    /// All rows there are. Called once, before anything is stored.
    ///
    /// # Errors
    /// When they cannot be read, or are not rows.
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError>;

    /// Begins to store a batch, after all batches before. It is stored wholly or not at all.
    ///
    /// # Errors
    /// When it cannot be, or one before could not. Nothing is stored any more from then on.
    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError>;

    /// How many batches were stored since this was asked last: those that outlive a loss of power from now on.
    ///
    /// # Errors
    /// As [`Self::store`].
    fn stored(&mut self, now: Time) -> Result<usize, StoreError>;

    /// When [`Self::stored`] is to be asked next, if that can be said. A store that works on its own account wakes
    /// whoever asks.
    fn due(&self) -> Option<Time> {
        None
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        S::load(self)
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        S::store(self, now, batch)
    }

    fn stored(&mut self, now: Time) -> Result<usize, StoreError> {
        S::stored(self, now)
    }

    fn due(&self) -> Option<Time> {
        S::due(self)
    }
}

/// Why a store cannot be used, or not any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened or created.
    #[error("the store cannot be opened: {0}")]
    Open(String),
    /// Another process uses it.
    #[error("the store is in use: another broker has it open; give each broker a store of its own")]
    InUse,
    /// It is something else. It was not touched.
    #[error(
        "this is no store of this broker ({0}); nothing was written to it, choose another file"
    )]
    Foreign(String),
    /// It was written by another release. It was not touched.
    #[error(
        "the store has format {found}, this release reads and writes format {known}; nothing was written to it, use \
         the release that made it or choose another file"
    )]
    Format {
        /// What it says.
        found: u64,
        /// What is known here.
        known: u64,
    },
    /// A row says nothing that a row of its kind says. All rows are as they were.
    #[error(
        "the store is damaged: its row {0:?} cannot be read; all rows are as they were, go back to a copy or choose \
         another file"
    )]
    Damaged(Key),
    /// What it says is not what a broker has written. Its rows were not touched.
    #[error(
        "the store is damaged: {0}; all rows are as they were, go back to a copy or choose another file"
    )]
    Broken(String),
    /// What was to be stored is not.
    #[error("the store takes nothing any more: {0}")]
    Failed(String),
}
