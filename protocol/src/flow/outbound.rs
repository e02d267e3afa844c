//! The sender half of QoS 1 and 2: packet identifiers, messages in flight and what to send again.

use super::{
    packet_ids::PacketIds,
    sender::{Action, Event, State, own_step, step},
};
use crate::{PacketId, QoS, ReasonCode, Version};
use std::collections::BTreeMap;

/// Messages that were sent with QoS 1 or 2 and are not finished, oldest first, and the packet identifiers of this
/// side. Part of the session state [X-3.1.1-session-2], [X-3.1.1-session-3], [X-5.0-session-4], [X-5.0-session-5].
///
/// `T` is what the owner needs to send the message again. Subscribe and unsubscribe draw their packet identifiers
/// from here too, see [`Self::reserve`]. What happens to each identifier is decided by
/// [`sender::TABLE`](super::sender::TABLE). All operations on one message are O(log n).
#[derive(Clone, Debug)]
pub struct Outbound<T> {
    in_use: BTreeMap<PacketId, InUse>,
    /// Messages in flight, by order of first sending.
    flows: BTreeMap<u64, Flow<T>>,
    ids: PacketIds,
    next_seq: u64,
    receive_maximum: u16,
}

#[derive(Clone, Copy, Debug)]
struct InUse {
    state: State,
    /// Its place in the order of first sending.
    seq: u64,
}

#[derive(Clone, Debug)]
struct Flow<T> {
    id: PacketId,
    state: State,
    /// While [`State::keeps_message`].
    message: Option<T>,
    /// Its place in the order of PUBRECs, once it has one.
    released: u64,
}

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<T> {
    /// What the owner has to do.
    pub action: Action,
    /// The message, when it was kept until now and is let go.
    pub message: Option<T>,
}

/// What to send again when a session is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<'a, T> {
    /// The PUBLISH, with the same packet identifier and DUP set to 1 [MQTT-3.3.1-1].
    Publish(PacketId, QoS, &'a T),
    /// The PUBREL. It has no DUP flag [MQTT-3.6.1-1].
    PubRel(PacketId),
}

impl<T> Outbound<T> {
    /// No flow; at most `receive_maximum` at a time (65,535 where the peer said nothing [X-5.0-flow-2]).
    #[must_use]
    pub const fn new(receive_maximum: u16) -> Self {
        Self {
            in_use: BTreeMap::new(),
            flows: BTreeMap::new(),
            ids: PacketIds::new(),
            next_seq: 0,
            receive_maximum,
        }
    }

    /// The peer's Receive Maximum for this connection. Flows in flight may be more than that; nothing new is begun
    /// until they are fewer.
    pub fn set_receive_maximum(&mut self, receive_maximum: u16) {
        self.receive_maximum = receive_maximum;
    }

    /// Whether another QoS 1 or 2 PUBLISH may be sent now: flows in flight stay within the peer's Receive Maximum
    /// [MQTT-3.3.4-7] (5.0, of a client), [MQTT-3.3.4-9] (5.0, of a server), and a packet identifier is free.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.flows.len() < usize::from(self.receive_maximum) && self.ids.has_free()
    }

    /// Opens a flow for a new message and gives its packet identifier, one that is not in use. `None` when there is
    /// no room.
    ///
    /// # Panics
    /// When `qos` is 0: such a message has no flow.
    pub fn begin(&mut self, qos: QoS, message: T) -> Option<PacketId> {
        let event = Event::send(qos).expect("QoS 0 has no flow");
        if !self.has_room() {
            return None;
        }
        let (id, InUse { state, seq }) = self.give_out(event)?;
        let message = Some(message);
        let released = 0;
        self.flows.insert(
            seq,
            Flow {
                id,
                state,
                message,
                released,
            },
        );
        Some(id)
    }

    /// Takes a packet identifier for a SUBSCRIBE or UNSUBSCRIBE. `None` when all are in use.
    pub fn reserve(&mut self) -> Option<PacketId> {
        self.give_out(Event::SendRequest).map(|(id, _)| id)
    }

    /// PUBACK arrived. [`Action::Finish`], [`Action::Ignore`] or [`Action::Close`].
    pub fn handle_puback(&mut self, version: Version, id: PacketId) -> Outcome<T> {
        self.handle(version, id, Event::PubAck)
    }

    /// PUBREC arrived. Below 0x80 it is to be answered with a PUBREL, first time or not; from 0x80 on (5.0) the flow
    /// is over.
    pub fn handle_pubrec(
        &mut self,
        version: Version,
        id: PacketId,
        reason: ReasonCode,
    ) -> Outcome<T> {
        // [X-5.0-reason-1]
        let event = match reason.is_error() {
            true => Event::PubRecError,
            false => Event::PubRec,
        };
        self.handle(version, id, event)
    }

    /// PUBCOMP arrived. [`Action::Finish`], [`Action::Ignore`] or [`Action::Close`].
    pub fn handle_pubcomp(&mut self, version: Version, id: PacketId) -> Outcome<T> {
        self.handle(version, id, Event::PubComp)
    }

    /// SUBACK or UNSUBACK arrived. [`Action::Finish`] when it answers a request, else [`Action::Close`].
    pub fn handle_answer(&mut self, version: Version, id: PacketId) -> Outcome<T> {
        self.handle(version, id, Event::Answer)
    }

    /// This message or request cannot be sent, now or again, or will not be answered. [`Action::Ignore`] when there
    /// is nothing to give up: the identifier is free, or the receiver has taken the message over.
    pub fn give_up(&mut self, id: PacketId) -> Outcome<T> {
        let (next, action) = own_step(self.state(id), Event::GiveUp);
        self.enter(id, next, action)
    }

    /// What a resumed session has to send again [MQTT-4.4.0-1]: every PUBLISH in its place in the order of first
    /// sending [MQTT-4.6.0-1] (a server's: [MQTT-4.6.0-6] in 3.1.1), and between them the PUBRELs in the order of
    /// their PUBRECs [MQTT-4.6.0-4]. With a peer that keeps the order itself [MQTT-4.6.0-3], all is in the order of
    /// first sending.
    pub fn resend(&self) -> impl Iterator<Item = Resend<'_, T>> {
        let again = |flow: &Flow<T>| own_step(flow.state, Event::Resume).1;
        let flows = self.flows.values();
        let mut released: Vec<(u64, PacketId)> = flows
            .filter(|flow| again(flow) == Action::SendPubRel)
            .map(|flow| (flow.released, flow.id))
            .collect();
        released.sort_unstable();
        let mut released = released.into_iter();
        self.flows
            .values()
            .filter_map(move |flow| match again(flow) {
                Action::SendPubRel => released.next().map(|(_, id)| Resend::PubRel(id)),
                Action::SendPublishDup => {
                    let qos = match flow.state {
                        State::AwaitsPubAck => QoS::AtLeastOnce,
                        _ => QoS::ExactlyOnce,
                    };
                    let message = flow.message.as_ref()?;
                    Some(Resend::Publish(flow.id, qos, message))
                }
                _ => None,
            })
    }

    /// What this packet identifier stands for.
    #[must_use]
    pub fn state(&self, id: PacketId) -> State {
        self.in_use.get(&id).map_or(State::Free, |used| used.state)
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

    /// Forgets everything: the session was discarded. Gives back the messages that were not yet released, in the
    /// order of first sending.
    pub fn clear(&mut self) -> Vec<T> {
        let mut ids: Vec<(u64, PacketId)> = self
            .in_use
            .iter()
            .map(|(id, used)| (used.seq, *id))
            .collect();
        ids.sort_unstable();
        ids.into_iter()
            .filter_map(|(_, id)| {
                let (next, action) = own_step(self.state(id), Event::Discard);
                self.enter(id, next, action).message
            })
            .collect()
    }

    fn handle(&mut self, version: Version, id: PacketId, event: Event) -> Outcome<T> {
        let (next, action) = step(version, self.state(id), event);
        self.enter(id, next, action)
    }

    fn give_out(&mut self, event: Event) -> Option<(PacketId, InUse)> {
        let id = self.ids.take()?;
        let (state, _) = own_step(self.state(id), event);
        let seq = self.next();
        let used = InUse { state, seq };
        self.in_use.insert(id, used);
        Some((id, used))
    }

    /// Puts an identifier that was given out into its next state.
    fn enter(&mut self, id: PacketId, next: State, action: Action) -> Outcome<T> {
        let message = match self.in_use.get_mut(&id) {
            Some(used) if next == State::Free => {
                let flow = self.flows.remove(&used.seq);
                self.in_use.remove(&id);
                self.ids.give_back(id);
                flow.and_then(|flow| flow.message)
            }
            Some(used) if next != used.state => {
                used.state = next;
                let seq = used.seq;
                let released = self.next();
                self.flows.get_mut(&seq).and_then(|flow| {
                    flow.state = next;
                    flow.released = released;
                    flow.message.take_if(|_| !next.keeps_message())
                })
            }
            _ => None,
        };
        Outcome { action, message }
    }

    /// The next number of the order in which things happen.
    fn next(&mut self) -> u64 {
        self.next_seq += 1;
        self.next_seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V5: Version = Version::V5_0;

    fn again(flows: &Outbound<&str>) -> Vec<String> {
        flows
            .resend()
            .map(|r| match r {
                Resend::Publish(id, qos, m) => format!("publish {id} qos {qos} {m}"),
                Resend::PubRel(id) => format!("pubrel {id}"),
            })
            .collect()
    }

    fn outcome<T>(action: Action, message: Option<T>) -> Outcome<T> {
        Outcome { action, message }
    }

    #[test]
    fn resends_in_the_order_of_first_sending_even_after_identifiers_wrap() {
        let mut out = Outbound::new(65_535);
        for _ in 0..u16::MAX - 1 {
            let id = out.reserve().expect("a free identifier");
            out.give_up(id);
        }
        out.begin(QoS::AtLeastOnce, "a");
        let b = out.begin(QoS::ExactlyOnce, "b").unwrap();
        out.begin(QoS::AtLeastOnce, "c");
        let pubrec = |out: &mut Outbound<_>| out.handle_pubrec(V5, b, ReasonCode::SUCCESS);
        assert_eq!(pubrec(&mut out), outcome(Action::SendPubRel, Some("b")));
        assert_eq!(pubrec(&mut out), outcome(Action::SendPubRel, None));
        assert_eq!(
            again(&out),
            ["publish 65535 qos 1 a", "pubrel 1", "publish 2 qos 1 c"]
        );
    }

    /// A receiver that answers out of order is at fault itself; our PUBRELs follow its PUBRECs all the same.
    #[test]
    fn pubrels_are_sent_again_in_the_order_of_the_pubrecs() {
        let mut out = Outbound::new(10);
        let ids = ["a", "b", "c"].map(|m| out.begin(QoS::ExactlyOnce, m).unwrap());
        for id in [ids[2], ids[0], ids[2]] {
            out.handle_pubrec(V5, id, ReasonCode::SUCCESS);
        }
        assert_eq!(again(&out), ["pubrel 3", "publish 2 qos 2 b", "pubrel 1"]);
    }

    #[test]
    fn the_window_is_the_peers_receive_maximum() {
        let mut out = Outbound::new(2);
        let a = out.begin(QoS::AtLeastOnce, "a").unwrap();
        let b = out.begin(QoS::ExactlyOnce, "b").unwrap();
        assert_eq!(out.begin(QoS::AtLeastOnce, "c"), None);
        assert_eq!(out.handle_puback(V5, a), outcome(Action::Finish, Some("a")));
        assert!(out.begin(QoS::AtLeastOnce, "c").is_some());
        out.handle_pubrec(V5, b, ReasonCode::SUCCESS);
        assert!(!out.has_room(), "a QoS 2 flow counts until PUBCOMP");
        assert_eq!(out.handle_pubcomp(V5, b), outcome(Action::Finish, None));
        assert!(out.has_room());
        out.set_receive_maximum(1);
        assert!(!out.has_room(), "a smaller one on the next connection");
        assert!(out.reserve().is_some(), "requests do not wait for it");
    }

    #[test]
    fn an_error_pubrec_ends_the_flow_and_frees_its_identifier() {
        let mut out = Outbound::new(1);
        let id = out.begin(QoS::ExactlyOnce, "m").unwrap();
        assert_eq!(
            out.handle_pubrec(V5, id, ReasonCode::QUOTA_EXCEEDED),
            outcome(Action::Finish, Some("m"))
        );
        assert_eq!(out.state(id), State::Free);
        assert!(out.has_room() && again(&out).is_empty());
    }

    #[test]
    fn acknowledgements_of_the_wrong_kind_change_nothing() {
        let mut out = Outbound::new(10);
        let one = out.begin(QoS::AtLeastOnce, "one").unwrap();
        let two = out.begin(QoS::ExactlyOnce, "two").unwrap();
        let close = outcome(Action::Close, None);
        for version in Version::ALL {
            assert_eq!(out.handle_puback(version, two), close);
            assert_eq!(out.handle_pubrec(version, one, ReasonCode::SUCCESS), close);
            assert_eq!(out.handle_pubcomp(version, two), close);
            assert_eq!(out.handle_answer(version, one), close);
            let nobody = PacketId::new(99).unwrap();
            let ignored = outcome(Action::Ignore, None);
            assert_eq!(out.handle_puback(version, nobody), ignored);
        }
        assert_eq!(again(&out), ["publish 1 qos 1 one", "publish 2 qos 2 two"]);
    }

    #[test]
    fn messages_and_requests_share_the_packet_identifiers() {
        let mut out = Outbound::new(u16::MAX);
        let sub = out.reserve().unwrap();
        for n in 2..=u16::MAX {
            assert_eq!(out.begin(QoS::AtLeastOnce, n), PacketId::new(n));
        }
        assert!(
            !out.has_room(),
            "Receive Maximum lets it, but no identifier is free"
        );
        assert_eq!(out.reserve(), None);
        assert_eq!(out.handle_answer(V5, sub).action, Action::Finish);
        assert_eq!(out.handle_answer(V5, sub).action, Action::Close);
        assert_eq!(out.begin(QoS::ExactlyOnce, 1), Some(sub));
    }

    #[test]
    fn a_discarded_session_gives_its_messages_back_in_order() {
        let mut out = Outbound::new(10);
        let a = out.begin(QoS::ExactlyOnce, "a").unwrap();
        out.begin(QoS::ExactlyOnce, "b");
        out.reserve();
        out.begin(QoS::AtLeastOnce, "c");
        out.handle_pubrec(V5, a, ReasonCode::SUCCESS);
        assert_eq!(out.give_up(a), outcome(Action::Ignore, None));
        assert_eq!(out.clear(), ["b", "c"]);
        assert!(out.is_empty() && again(&out).is_empty());
        assert_eq!(out.state(a), State::Free);
    }
}
