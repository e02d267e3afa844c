//! Room for what brokers send.

use std::{cell::Cell, rc::Rc};

/// Room for packets, in bytes, that several runs share: whatever a broker sends, memory does not fill.
#[derive(Clone, Debug)]
pub struct Room {
    left: Rc<Cell<u64>>,
}

impl Room {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self {
            left: Rc::new(Cell::new(bytes)),
        }
    }
}

/// What a run has taken of the room. It gives it back when it goes.
pub(super) struct Taken {
    room: Room,
    bytes: u64,
}

impl Taken {
    /// Nothing yet.
    pub(super) fn of(room: &Room) -> Self {
        Self {
            room: room.clone(),
            bytes: 0,
        }
    }

    /// Whether there was room for so many more.
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        let left = self.room.left.get().checked_sub(bytes);
        if let Some(left) = left {
            self.room.left.set(left);
            self.bytes += bytes;
        }
        left.is_some()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.left.set(self.room.left.get() + self.bytes);
    }
}
