//! Why a run of this world is given up.

use std::{cell::RefCell, rc::Rc};

/// Why a run has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was given up from outside.
    Halted,
    /// The client cannot do what the story asks of it.
    Unfit(String),
    /// What drives the client is of no more use; that says nothing about the client.
    Lost(String),
}

/// Why the run is given up, once it is. The first reason stays.
#[derive(Clone, Default)]
pub(super) struct Verdict(Rc<RefCell<Option<Stop>>>);

impl Verdict {
    pub(super) fn stop(&self, why: Stop) {
        self.0.borrow_mut().get_or_insert(why);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The reason, if there is one.
    pub(super) fn take(&self) -> Option<Stop> {
        self.0.take()
    }
}
