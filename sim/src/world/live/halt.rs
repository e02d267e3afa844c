//! Why live runs are given up: somebody asked for it, or the broker is of no more use.

use std::{
    cell::Cell,
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
};

/// Called once, for all runs that are played together. Copies are the same.
#[derive(Clone, Debug)]
pub struct Halt {
    asked: &'static AtomicBool,
    called: Rc<Cell<bool>>,
}

impl Halt {
    /// Called when the flag is set, or by [`Self::call`].
    #[must_use]
    pub fn when(asked: &'static AtomicBool) -> Self {
        Self {
            asked,
            called: Rc::default(),
        }
    }

    /// Has all runs given up.
    pub fn call(&self) {
        self.called.set(true);
    }

    /// Whether it was called.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.called.get() || self.asked.load(Ordering::Relaxed)
    }
}
