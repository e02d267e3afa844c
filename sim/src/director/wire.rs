//! What the wire of a scripted client or broker has brought, and which of it was expected.

use squall_protocol::Packet;
use std::collections::BTreeMap;

/// Packet identifiers that packets have given to names, which are those of one client's connections.
pub(super) type Ids = BTreeMap<String, u16>;

/// The connection of a scripted client, or a scripted broker's end of one.
#[derive(Default)]
pub(super) struct Wire {
    /// There is a connection, or one under way.
    pub(super) open: bool,
    /// There has been one.
    pub(super) begun: bool,
    /// Which connection of the client it is, at the broker's end: an older one may still be there.
    pub(super) number: u64,
    /// The other side has ended it, and no step has expected that.
    pub(super) left: bool,
    /// The story has it ended: then the other side has not left.
    pub(super) ending: bool,
    /// Packets of this connection, until they are expected.
    packets: Vec<Option<Packet>>,
}

impl Wire {
    pub(super) fn dialled(&mut self) {
        self.open = true;
        self.begun = true;
        self.left = false;
        self.ending = false;
        self.packets.clear();
    }

    /// The connection is over.
    pub(super) fn ended(&mut self) {
        self.left = self.open && !self.ending;
        self.open = false;
        // Who waits for CONNECT now means that of the next connection.
        let begins = |came: &Option<Packet>| matches!(came, Some(Packet::Connect(_)));
        self.packets.retain(|came| !begins(came));
    }

    /// The story ends the connection: what has come on it is not waited for any more.
    pub(super) fn dropped(&mut self) {
        self.ending = true;
        self.packets.clear();
    }

    /// What is sent on it is sent, or the other side has ended it as a step has expected it to.
    pub(super) const fn takes(&self) -> bool {
        self.open || self.begun && !self.left && !self.ending
    }

    pub(super) fn came(&mut self, packet: &Packet) {
        self.packets.push(Some(packet.clone()));
    }

    /// The first packet that is wanted; it is expected once.
    pub(super) fn take(&mut self, wanted: impl Fn(&Packet) -> bool) -> Option<Packet> {
        let mut packets = self.packets.iter_mut();
        packets.find_map(|came| came.take_if(|packet| wanted(packet)))
    }
}
