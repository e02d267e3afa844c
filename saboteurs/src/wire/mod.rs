//! Saboteurs on the wire: packets in, packets out, around any broker.
//!
//! A [`Wire`] stands between one client and one server and knows nothing of either. [`relay()`] puts it between two
//! streams, [`Around`] around a server that does no I/O.

mod around;
mod line;
mod relay;
mod table;
mod to_client;
mod to_server;

pub use around::Around;
pub use relay::relay;
pub use table::{Direction, Tamper};

use bytes::Bytes;
use squall_protocol::{Packet, PacketId, Version};

/// What goes on: a packet to be encoded, or bytes as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// A packet.
    Packet(Packet),
    /// Bytes that no packet can say.
    Raw(Bytes),
}

/// The wire of one connection.
#[derive(Clone, Debug)]
pub struct Wire {
    tamper: Tamper,
    /// How often a packet came that the tamper is after.
    count: u32,
    /// Held back until the next packet.
    held: Option<Packet>,
    first_id: Option<PacketId>,
}

impl Wire {
    /// A wire that tampers in this way.
    #[must_use]
    pub const fn new(tamper: Tamper) -> Self {
        Self {
            tamper,
            count: 0,
            held: None,
            first_id: None,
        }
    }

    /// How it tampers.
    #[must_use]
    pub const fn tamper(&self) -> Tamper {
        self.tamper
    }

    /// What becomes of a packet; none, one or several.
    pub fn pass(&mut self, direction: Direction, version: Version, packet: Packet) -> Vec<Passed> {
        if direction != self.tamper.direction() {
            return vec![Passed::Packet(packet)];
        }
        match direction {
            Direction::ToClient => self.tamper_with_server(version, packet),
            Direction::ToServer => self.tamper_with_client(packet),
        }
    }

    /// What was held back when the connection ends.
    pub fn finish(&mut self) -> Option<Packet> {
        self.held.take()
    }

    /// Counts; true every `n`th time.
    const fn every(&mut self, n: u32) -> bool {
        self.count += 1;
        self.count.is_multiple_of(n)
    }
}

/// One packet.
fn one(packet: Packet) -> Vec<Passed> {
    vec![Passed::Packet(packet)]
}
