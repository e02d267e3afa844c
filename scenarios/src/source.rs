//! Places in a scenario, by which other parts of it are named.

/// Index of a client in [`Scenario::clients`](crate::model::Scenario::clients).
pub type ClientIx = usize;

/// Where something stands in the scenario file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Line, from 1; 0 when it was not read from a file.
    pub line: u32,
    /// Column in characters, from 1; 0 when it was not read from a file.
    pub column: u32,
}
