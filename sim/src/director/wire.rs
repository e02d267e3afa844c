//! What the wire of a scripted client has brought, and which of it was expected.

use squall_protocol::Packet;
use std::collections::BTreeMap;

/// Packet identifiers that packets have given to names.
pub(super) type Ids = BTreeMap<String, u16>;

/// The connection of a scripted client.
#[derive(Default)]
pub(super) struct Wire {
    /// There is a connection, or one under way.
    pub(super) open: bool,
    /// The server has ended it, and no step has expected that.
    pub(super) left: bool,
    /// Packets of this connection, until they are expected.
    packets: Vec<Option<Packet>>,
}

impl Wire {
    pub(super) fn dialled(&mut self) {
        self.open = true;
        self.left = false;
        self.packets.clear();
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
