//! The receiver half of QoS 2: which packet identifiers are between PUBREC and PUBREL.

use crate::PacketId;
use std::collections::BTreeSet;

/// Whether a QoS 2 PUBLISH is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// First time: hand the message on, then answer PUBREC.
    Fresh,
    /// The flow is already open: answer PUBREC and do not hand the message on again.
    Duplicate,
}

/// Packet identifiers of QoS 2 messages that were received and not yet released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    open: BTreeSet<PacketId>,
}

impl Inbound {
    /// No open flow.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            open: BTreeSet::new(),
        }
    }

    /// A QoS 2 PUBLISH arrived. Until PUBREL the same identifier is the same message, whatever the DUP flag says
    /// [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-10] (5.0).
    pub fn handle_publish(&mut self, id: PacketId) -> Received {
        if self.open.insert(id) {
            Received::Fresh
        } else {
            Received::Duplicate
        }
    }

    /// A PUBREL arrived: the flow ends. `false` when there was none; the answer is a PUBCOMP either way (5.0 names
    /// Packet Identifier not found).
    pub fn handle_pubrel(&mut self, id: PacketId) -> bool {
        self.open.remove(&id)
    }

    /// The receiver refused the message with an error PUBREC (5.0): the flow is over at once.
    pub fn refuse(&mut self, id: PacketId) {
        self.open.remove(&id);
    }

    /// Whether this flow is open.
    #[must_use]
    pub fn is_open(&self, id: PacketId) -> bool {
        self.open.contains(&id)
    }

    /// How many flows are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no flow is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_one_message_until_it_is_released() {
        let id = PacketId::MIN;
        let mut half = Inbound::new();
        assert_eq!(half.handle_publish(id), Received::Fresh);
        assert_eq!(half.handle_publish(id), Received::Duplicate);
        assert!(half.handle_pubrel(id));
        assert!(!half.handle_pubrel(id));
        assert_eq!(half.handle_publish(id), Received::Fresh);
    }
}
