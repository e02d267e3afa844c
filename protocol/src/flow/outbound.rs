//! The sender half of QoS 1 and 2: packet identifiers, the in-flight window and what to resend.

use crate::{PacketId, QoS};
use std::collections::{BTreeMap, BTreeSet};

/// Messages that were sent with QoS 1 or 2 and are not finished, oldest first.
///
/// `T` is what the owner needs to send the message again. Subscribe and unsubscribe draw their packet identifiers
/// from here too, see [`Self::reserve`].
#[derive(Clone, Debug)]
pub struct Outbound<T> {
    /// By order of first sending; resending keeps it [MQTT-4.6.0-1], [MQTT-4.6.0-4] (3.1.1: -1, -2, -3, -4).
    flows: BTreeMap<u64, Flow<T>>,
    by_id: BTreeMap<PacketId, u64>,
    reserved: BTreeSet<PacketId>,
    next_id: PacketId,
    next_seq: u64,
    receive_maximum: u16,
}

#[derive(Clone, Debug)]
struct Flow<T> {
    id: PacketId,
    qos: QoS,
    state: State<T>,
}

#[derive(Clone, Debug)]
enum State<T> {
    /// PUBLISH was sent; waiting for PUBACK or PUBREC.
    Published(T),
    /// PUBREC arrived and the message itself was let go; waiting for PUBCOMP.
    Released,
}

/// The peer acknowledged something that is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// No flow has this packet identifier.
    #[error("packet identifier {0} is not in use")]
    UnknownId(PacketId),
    /// The flow exists, but this acknowledgement does not belong to its QoS or state.
    #[error("this acknowledgement does not belong to the state of packet identifier {0}")]
    WrongState(PacketId),
}

/// What to send again when a session is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<'a, T> {
    /// The PUBLISH, with the same packet identifier and DUP set to 1.
    Publish(PacketId, QoS, &'a T),
    /// The PUBREL.
    PubRel(PacketId),
}

impl<T> Outbound<T> {
    /// No flow; at most `receive_maximum` at a time (65,535 where the peer said nothing).
    #[must_use]
    pub fn new(receive_maximum: u16) -> Self {
        Self {
            flows: BTreeMap::new(),
            by_id: BTreeMap::new(),
            reserved: BTreeSet::new(),
            next_id: PacketId::MIN,
            next_seq: 0,
            receive_maximum,
        }
    }

    /// The peer's Receive Maximum for this connection.
    pub fn set_receive_maximum(&mut self, receive_maximum: u16) {
        self.receive_maximum = receive_maximum;
    }

    /// Whether another QoS 1 or 2 PUBLISH may be sent now: flows in flight stay within the peer's Receive Maximum
    /// [MQTT-3.3.4-7] (5.0, of a client), [MQTT-3.3.4-9] (5.0, of a server), and a packet identifier is free.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.flows.len() < usize::from(self.receive_maximum)
            && self.by_id.len() + self.reserved.len() < usize::from(u16::MAX)
    }

    /// Opens a flow for a new message and gives its packet identifier, one that is not in use [MQTT-2.3.1-2]
    /// (3.1.1), [MQTT-2.2.1-3] (5.0). `None` when there is no room.
    ///
    /// # Panics
    /// When `qos` is 0: such a message has no flow.
    pub fn begin(&mut self, qos: QoS, message: T) -> Option<PacketId> {
        assert!(qos != QoS::AtMostOnce, "QoS 0 has no flow");
        if !self.has_room() {
            return None;
        }
        let id = self.free_id();
        let seq = self.next_seq;
        self.next_seq += 1;
        self.by_id.insert(id, seq);
        self.flows.insert(
            seq,
            Flow {
                id,
                qos,
                state: State::Published(message),
            },
        );
        Some(id)
    }

    /// Takes a packet identifier for a SUBSCRIBE or UNSUBSCRIBE. `None` when all are in use.
    pub fn reserve(&mut self) -> Option<PacketId> {
        if self.by_id.len() + self.reserved.len() >= usize::from(u16::MAX) {
            return None;
        }
        let id = self.free_id();
        self.reserved.insert(id);
        Some(id)
    }

    /// Gives a reserved identifier back; `false` when it was not reserved.
    pub fn release(&mut self, id: PacketId) -> bool {
        self.reserved.remove(&id)
    }

    /// PUBACK: the QoS 1 flow ends, whatever its reason code. Gives the message back.
    ///
    /// # Errors
    /// When no QoS 1 flow has this identifier.
    pub fn handle_puback(&mut self, id: PacketId) -> Result<T, FlowError> {
        let seq = self.seq(id)?;
        match &self.flows[&seq] {
            Flow {
                qos: QoS::AtLeastOnce,
                state: State::Published(_),
                ..
            } => Ok(self.end(id, seq)),
            _ => Err(FlowError::WrongState(id)),
        }
    }

    /// PUBREC with a reason code below 0x80: the message is the receiver's now. Gives it back the first time and
    /// `None` when the PUBREC is a repetition; answer PUBREL both times [MQTT-4.3.3-1] (3.1.1), [MQTT-4.3.3-4] (5.0).
    ///
    /// # Errors
    /// When no QoS 2 flow has this identifier (5.0 answers PUBREL with Packet Identifier not found).
    pub fn handle_pubrec(&mut self, id: PacketId) -> Result<Option<T>, FlowError> {
        let seq = self.seq(id)?;
        let flow = self.flows.get_mut(&seq).expect("by_id and flows agree");
        if flow.qos != QoS::ExactlyOnce {
            return Err(FlowError::WrongState(id));
        }
        match std::mem::replace(&mut flow.state, State::Released) {
            State::Published(message) => Ok(Some(message)),
            State::Released => Ok(None),
        }
    }

    /// PUBREC with a reason code of 0x80 or more (5.0): the flow ends here. Gives the message back.
    ///
    /// # Errors
    /// When no QoS 2 flow that waits for a PUBREC has this identifier.
    pub fn handle_pubrec_error(&mut self, id: PacketId) -> Result<T, FlowError> {
        let seq = self.seq(id)?;
        match &self.flows[&seq] {
            Flow {
                qos: QoS::ExactlyOnce,
                state: State::Published(_),
                ..
            } => Ok(self.end(id, seq)),
            _ => Err(FlowError::WrongState(id)),
        }
    }

    /// PUBCOMP: the QoS 2 flow ends.
    ///
    /// # Errors
    /// When no QoS 2 flow that was released has this identifier.
    pub fn handle_pubcomp(&mut self, id: PacketId) -> Result<(), FlowError> {
        let seq = self.seq(id)?;
        match &self.flows[&seq] {
            Flow {
                state: State::Released,
                ..
            } => {
                self.by_id.remove(&id);
                self.flows.remove(&seq);
                Ok(())
            }
            Flow { .. } => Err(FlowError::WrongState(id)),
        }
    }

    /// What a resumed session has to send again, in the order of first sending [MQTT-4.4.0-1], [MQTT-4.6.0-1].
    pub fn resend(&self) -> impl Iterator<Item = Resend<'_, T>> {
        self.flows.values().map(|flow| match &flow.state {
            State::Published(message) => Resend::Publish(flow.id, flow.qos, message),
            State::Released => Resend::PubRel(flow.id),
        })
    }

    /// How many messages are in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Forgets everything: the session was discarded. Gives back the messages that were not yet released.
    pub fn clear(&mut self) -> Vec<T> {
        self.by_id.clear();
        self.reserved.clear();
        std::mem::take(&mut self.flows)
            .into_values()
            .filter_map(|flow| match flow.state {
                State::Published(message) => Some(message),
                State::Released => None,
            })
            .collect()
    }

    fn seq(&self, id: PacketId) -> Result<u64, FlowError> {
        self.by_id.get(&id).copied().ok_or(FlowError::UnknownId(id))
    }

    fn end(&mut self, id: PacketId, seq: u64) -> T {
        self.by_id.remove(&id);
        match self.flows.remove(&seq).map(|flow| flow.state) {
            Some(State::Published(message)) => message,
            _ => unreachable!("the caller saw a published message"),
        }
    }

    /// The next identifier that is free; the caller made sure that there is one.
    fn free_id(&mut self) -> PacketId {
        while self.by_id.contains_key(&self.next_id) || self.reserved.contains(&self.next_id) {
            self.next_id = self.next_id.next();
        }
        let id = self.next_id;
        self.next_id = id.next();
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(flows: &Outbound<&str>) -> Vec<String> {
        flows
            .resend()
            .map(|r| match r {
                Resend::Publish(id, _, m) => format!("publish {id} {m}"),
                Resend::PubRel(id) => format!("pubrel {id}"),
            })
            .collect()
    }

    #[test]
    fn resends_in_the_order_of_first_sending_even_after_identifiers_wrap() {
        let mut out = Outbound::new(65_535);
        out.next_id = PacketId::new(65_535).unwrap();
        out.begin(QoS::AtLeastOnce, "a");
        let b = out.begin(QoS::ExactlyOnce, "b").unwrap();
        out.begin(QoS::AtLeastOnce, "c");
        assert_eq!(out.handle_pubrec(b), Ok(Some("b")));
        assert_eq!(out.handle_pubrec(b), Ok(None));
        assert_eq!(ids(&out), ["publish 65535 a", "pubrel 1", "publish 2 c"]);
    }

    #[test]
    fn the_window_is_the_peers_receive_maximum() {
        let mut out = Outbound::new(2);
        let a = out.begin(QoS::AtLeastOnce, "a").unwrap();
        let b = out.begin(QoS::ExactlyOnce, "b").unwrap();
        assert_eq!(out.begin(QoS::AtLeastOnce, "c"), None);
        assert_eq!(out.handle_puback(a), Ok("a"));
        assert!(out.begin(QoS::AtLeastOnce, "c").is_some());
        assert_eq!(out.handle_pubrec(b), Ok(Some("b")));
        assert!(!out.has_room(), "a QoS 2 flow counts until PUBCOMP");
        assert_eq!(out.handle_pubcomp(b), Ok(()));
        assert!(out.has_room());
    }

    #[test]
    fn acknowledgements_of_the_wrong_kind_are_refused() {
        let mut out = Outbound::new(10);
        let one = out.begin(QoS::AtLeastOnce, "one").unwrap();
        let two = out.begin(QoS::ExactlyOnce, "two").unwrap();
        assert_eq!(out.handle_puback(two), Err(FlowError::WrongState(two)));
        assert_eq!(out.handle_pubrec(one), Err(FlowError::WrongState(one)));
        assert_eq!(out.handle_pubcomp(two), Err(FlowError::WrongState(two)));
        let nobody = PacketId::new(99).unwrap();
        assert_eq!(out.handle_puback(nobody), Err(FlowError::UnknownId(nobody)));
    }

    #[test]
    fn reserved_identifiers_are_not_given_to_messages() {
        let mut out = Outbound::new(10);
        let sub = out.reserve().unwrap();
        let msg = out.begin(QoS::AtLeastOnce, "m").unwrap();
        assert_ne!(sub, msg);
        assert!(out.release(sub));
        assert!(!out.release(sub));
    }
}
