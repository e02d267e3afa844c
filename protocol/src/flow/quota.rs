//! Receive Maximum (5.0, section 4.9): how many QoS 1 and 2 messages may be under way, seen by who receives them. The
//! sender's [`Outbound`](super::Outbound) keeps to it by itself.
//!
//! It counts anew with each network connection [X-5.0-flow-7]. 3.1.1 has no such limit; there 65,535 stands, as
//! many as there are packet identifiers, and nothing is ever refused.

use crate::{PacketId, QoS};
use std::collections::BTreeSet;

/// The receiver's watch over its own Receive Maximum: which messages came on this connection and are not complete.
/// A QoS 1 message is never among them, as it is acknowledged before the next packet is looked at.
#[derive(Clone, Debug)]
pub struct ReceiveQuota {
    receive_maximum: u16,
    open: BTreeSet<PacketId>,
}

/// The peer sent more QoS 1 and 2 messages than it may: DISCONNECT 0x93 [X-5.0-flow-3], [X-5.0-flow-4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packet identifier {id} is one message more than the Receive Maximum of {receive_maximum}")]
pub struct ReceiveMaximumExceeded {
    /// The message that is too many.
    pub id: PacketId,
    /// What this side announced.
    pub receive_maximum: u16,
}

impl ReceiveQuota {
    /// Nothing came yet on this connection.
    #[must_use]
    pub const fn new(receive_maximum: u16) -> Self {
        Self {
            receive_maximum,
            open: BTreeSet::new(),
        }
    }

    /// A QoS 1 or 2 PUBLISH arrived. The repetition of an open message counts once.
    ///
    /// # Errors
    /// When it is one more than the Receive Maximum [MQTT-3.3.4-7] (of a client), [MQTT-3.3.4-9] (of a server).
    pub fn admit(&mut self, id: PacketId, qos: QoS) -> Result<(), ReceiveMaximumExceeded> {
        if self.open.contains(&id) {
            return Ok(());
        }
        if self.open.len() >= usize::from(self.receive_maximum) {
            return Err(ReceiveMaximumExceeded {
                id,
                receive_maximum: self.receive_maximum,
            });
        }
        if qos == QoS::ExactlyOnce {
            self.open.insert(id);
        }
        Ok(())
    }

    /// PUBCOMP, or a PUBREC of 0x80 or above, is about to be sent [X-5.0-flow-5].
    pub fn complete(&mut self, id: PacketId) {
        self.open.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u16) -> PacketId {
        PacketId::new(n).expect("not 0")
    }

    #[test]
    fn one_message_too_many_is_found() {
        let mut quota = ReceiveQuota::new(2);
        assert_eq!(quota.admit(id(1), QoS::ExactlyOnce), Ok(()));
        assert_eq!(quota.admit(id(7), QoS::AtLeastOnce), Ok(()));
        assert_eq!(quota.admit(id(2), QoS::ExactlyOnce), Ok(()));
        assert_eq!(quota.admit(id(1), QoS::ExactlyOnce), Ok(()), "a repetition");
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let error = quota.admit(id(3), qos).expect_err("the third");
            assert_eq!(
                error.to_string(),
                "packet identifier 3 is one message more than the Receive Maximum of 2"
            );
        }
        quota.complete(id(1));
        assert_eq!(quota.admit(id(3), QoS::ExactlyOnce), Ok(()));
    }

    #[test]
    fn without_a_limit_every_packet_identifier_may_be_open() {
        let mut quota = ReceiveQuota::new(u16::MAX);
        for n in (1..=u16::MAX).chain([1, u16::MAX]) {
            assert_eq!(quota.admit(id(n), QoS::ExactlyOnce), Ok(()));
        }
    }
}
