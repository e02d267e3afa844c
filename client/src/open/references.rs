//! Where a server sends its client.

use squall_protocol::{Packet, Text};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the server of a connection has last referred the client to: written by the client, read by who dials. Clones
/// stand for the same.
#[derive(Clone, Debug, Default)]
pub struct References(Arc<Mutex<Option<Reference>>>);

/// A Server Reference (5.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// As the server says it: one or more servers, with spaces between them.
    pub servers: Text,
    /// Whether the client is to go there from now on (0x9D *Server moved*), or this once (0x9C *Use another server*).
    pub moved: bool,
}

impl References {
    /// Takes what was said last, if nobody has taken it yet.
    #[must_use]
    pub fn take(&self) -> Option<Reference> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A packet arrived.
    pub(super) fn note(&self, packet: &Packet) {
        let (reason, properties) = match packet {
            Packet::ConnAck(ack) => (ack.reason, &ack.properties),
            Packet::Disconnect(disconnect) => (disconnect.reason, &disconnect.properties),
            _ => return,
        };
        let moved = reason == squall_protocol::ReasonCode::SERVER_MOVED;
        let another = reason == squall_protocol::ReasonCode::USE_ANOTHER_SERVER;
        if let (true, Some(servers)) = (moved || another, properties.server_reference()) {
            self.set(Reference { servers, moved });
        }
    }

    pub(crate) fn set(&self, reference: Reference) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reference);
    }
}
