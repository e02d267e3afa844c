//! What outlives a broker: the rows of its state.

mod change;
mod fields;

pub use change::{Change, Key};
pub(crate) use fields::{Fields, Reading};
