//! What the parts of the model call one another.

use squall_protocol::Time;

/// A client, in the numbering of the world.
pub type ClientIx = usize;
/// A session to the server: the first client of the world with its Client Identifier.
pub type SessionIx = usize;
/// An application message in [`crate::model::Messages`].
pub type MessageIx = usize;

/// A record, and when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Number of the record.
    pub ix: usize,
    /// Its time.
    pub at: Time,
}
