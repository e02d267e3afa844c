//! How a peer ended a connection.

use std::fmt;

/// How the peer, or the network, ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hangup {
    /// An orderly end of the stream (FIN): the peer has said all it had to say.
    Eof,
    /// A reset (RST) or another error of the transport: what was under way may be lost.
    Reset,
}

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Eof => "end of stream",
            Self::Reset => "reset",
        })
    }
}
