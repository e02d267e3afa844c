//! What was seen.

use squall_protocol::{Packet, Role};

/// One thing that was seen, in the order in which it happened there.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Number of the record in its world's own numbering: what a [`crate::Finding`] points at.
    pub ix: usize,
    /// Where it was seen.
    pub end: End,
    /// What.
    pub seen: Seen<'a>,
}

/// The end of a connection at which something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Whose end.
    pub side: Role,
    /// The client of the connection, in the numbering of the world.
    pub client: usize,
    /// Its session: clients with the same Client Identifier are one to the server.
    pub session: usize,
    /// The connection; of a session's connections the newer one has the larger number.
    pub conn: u64,
}

/// What can be seen at an end.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// This side sent a packet.
    Sent(&'a Packet),
    /// A packet arrived at this side.
    Received(&'a Packet),
    /// This side sent bytes of which nothing is known, or something was not recorded. Nothing more is concluded about
    /// the session.
    Unknown,
    /// The connection is over.
    Closed,
}
