//! The shape of a transition table: one row for each state and event, one cell for each version.

use crate::Version;
use std::fmt;

/// What happens at one event in one state, in both versions of the standard.
#[derive(Clone, Copy, Debug)]
pub struct Row<S: 'static, E: 'static, A: 'static> {
    /// The state of one packet identifier before the event.
    pub state: S,
    /// The event.
    pub event: E,
    /// Why it is so, in a sentence.
    pub why: &'static str,
    /// What MQTT 3.1.1 has happen.
    pub v3_1_1: Cell<S, A>,
    /// What MQTT 5.0 has happen.
    pub v5_0: Cell<S, A>,
}

/// What happens at one event in one state, in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<S: 'static, A: 'static> {
    /// The event leads here.
    To {
        /// The state after the event.
        next: S,
        /// What the owner has to do.
        action: A,
        /// The statements that say so; none where the standard is silent.
        statements: &'static [&'static str],
    },
    /// The event cannot come in this state; that it came would be a bug of the caller.
    Never {
        /// The statements that rule it out.
        statements: &'static [&'static str],
    },
}

impl<S: Copy, E: Copy, A: Copy> Row<S, E, A> {
    /// The cell of this version.
    #[must_use]
    pub const fn cell(&self, version: Version) -> Cell<S, A> {
        match version {
            Version::V3_1_1 => self.v3_1_1,
            Version::V5_0 => self.v5_0,
        }
    }
}

impl<S: Copy + fmt::Debug, E: Copy + fmt::Debug, A: Copy> Row<S, E, A> {
    /// The next state and what to do.
    ///
    /// # Panics
    /// When the cell says that this never happens.
    pub(super) fn step(&self, version: Version) -> (S, A) {
        match self.cell(version) {
            Cell::To { next, action, .. } => (next, action),
            Cell::Never { .. } => panic!(
                "{:?} at {:?} in MQTT {version}: {}",
                self.event, self.state, self.why
            ),
        }
    }
}

/// A cell that leads somewhere.
pub(super) const fn to<S, A>(
    next: S,
    action: A,
    statements: &'static [&'static str],
) -> Cell<S, A> {
    Cell::To {
        next,
        action,
        statements,
    }
}

/// A cell that is never reached.
pub(super) const fn never<S, A>(statements: &'static [&'static str]) -> Cell<S, A> {
    Cell::Never { statements }
}

/// `State Event "why" v3 cell, v5 cell;` for each row, in the order of states and, within a state, of events.
macro_rules! rows {
    ($( $state:ident $event:ident $why:literal v3 $v3:expr, v5 $v5:expr; )*) => {
        [$( Row {
            state: State::$state,
            event: Event::$event,
            why: $why,
            v3_1_1: $v3,
            v5_0: $v5,
        } ),*]
    };
}
pub(super) use rows;
