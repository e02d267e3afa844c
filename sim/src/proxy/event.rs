//! What a proxy sees and does, as it happens.

use squall_history::Finding;
use squall_protocol::{Packet, PacketType, Role};
use std::net::SocketAddr;

/// Something happened on a connection.
#[derive(Clone, Copy, Debug)]
pub struct Event<'e> {
    /// When, in milliseconds since the first connection.
    pub at: u64,
    /// On which connection; from 1.
    pub conn: u64,
    /// What.
    pub what: What<'e>,
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub enum What<'e> {
    /// A client came.
    Opened(Ends),
    /// The broker did not take the connection.
    Unreached {
        /// Why not.
        why: &'e str,
    },
    /// One side sent a packet.
    Packet {
        /// Who.
        from: Role,
        /// The packet.
        packet: &'e Packet,
        /// Its size on the wire in bytes.
        bytes: usize,
        /// What became of it.
        fate: Fate,
    },
    /// One side sent what is none of its packets.
    Broken {
        /// Who.
        from: Role,
        /// In words.
        why: &'e str,
        /// Bytes of it that are known.
        bytes: usize,
    },
    /// One side sent a packet that is too long to be looked into. The session is not judged on.
    Unread {
        /// Who.
        from: Role,
        /// What kind, where its first byte says so.
        kind: Option<PacketType>,
        /// Its size in bytes.
        bytes: usize,
    },
    /// What one side sends is no MQTT, or a version that is not known here. It is passed on, and that is all.
    Alien {
        /// Who.
        from: Role,
        /// In words.
        why: &'e str,
    },
    /// The standard was broken, by what was told just before.
    Violation {
        /// Who did it.
        by: Role,
        /// What, and against which statement.
        finding: &'e Finding,
    },
    /// A fault struck that can be told at one moment.
    Struck {
        /// What it did.
        how: &'e str,
    },
    /// Bytes were passed on, as they go to the other side.
    Passed {
        /// Who sent them.
        from: Role,
        /// The bytes.
        bytes: &'e [u8],
    },
    /// One side ended the connection.
    Ended {
        /// Who.
        from: Role,
        /// By a reset.
        reset: bool,
    },
    /// The connection is over.
    Over {
        /// It was reset.
        reset: bool,
    },
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was passed on, if later than it came.
    Passed,
    /// Half of it was passed on, or some of it.
    Torn,
    /// Nothing of it was passed on.
    Lost,
}

/// The addresses of a connection as its client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's.
    pub client: SocketAddr,
    /// Where it came to.
    pub here: SocketAddr,
}
