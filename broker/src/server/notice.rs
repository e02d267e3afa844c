//! What a server does on its own account, for a log.

use crate::{ConnId, Counters};
use squall_transport::Peer;
use std::fmt;

/// Something that the server did and no client asked for, or that it alone knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The server has ended in order.
    Stopped {
        /// What the broker had to give up.
        counters: Counters,
    },
    /// The first bytes have come on a connection whose listener can say from whom.
    Arrived {
        /// Which one.
        conn: ConnId,
        /// Who is at its other end.
        peer: Peer,
    },
    /// A connection was given up: too much was waiting for all clients, and most of it for this one, which does not
    /// read ([`crate::Config::max_outgoing_bytes_in_all`]).
    TooSlow {
        /// Which one.
        conn: ConnId,
        /// Bytes that waited for it.
        waiting: usize,
        /// Bytes that waited for all.
        in_all: usize,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped { .. } => f.write_str("the server has ended"),
            Self::Arrived { conn, peer } => match peer.address {
                Some(address) => write!(f, "connection {conn} comes from {address}"),
                None => write!(f, "connection {conn} comes from this machine"),
            },
            Self::TooSlow {
                conn,
                waiting,
                in_all,
            } => write!(
                f,
                "connection {conn} was given up: its client does not read, {waiting} bytes waited for it and {in_all} for all"
            ),
        }
    }
}
