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

    /// Whether a new QoS 1 or 2 message may be begun and sent now: flows in flight stay within the peer's Receive
    /// Maximum [MQTT-3.3.4-7] (5.0, of a client), [MQTT-3.3.4-9] (5.0, of a server), and a packet identifier is free.
    ///
    /// All flows count, also those that were sent on an earlier connection and wait for their resending or for
    /// PUBCOMP. That is never less than [`SendQuota`](super::SendQuota) counts, so for a new message nobody else need
    /// be asked, and none goes in front of one that has to be sent again. Whether a message may be sent *again* is
    /// for `SendQuota` to say.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.flows.len() < usize::from(self.receive_maximum) && self.has_free_id()
    }

    /// Whether a packet identifier is free, which is all that a request needs.
    #[must_use]
    pub const fn has_free_id(&self) -> bool {
        self.ids.has_free()
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
    /// is over. In 3.1.1 `reason` is not looked at.
    pub fn handle_pubrec(
        &mut self,
        version: Version,
        id: PacketId,
        reason: ReasonCode,
    ) -> Outcome<T> {
        // [X-5.0-reason-1]; 3.1.1 has no reason codes.
        let event = match version == Version::V5_0 && reason.is_error() {
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

    /// This message was begun and then not sent after all, or this request will not be answered: the packet
    /// identifier is free at once. A message that was sent, if only perhaps, is abandoned instead, see
    /// [`Self::abandon`]. [`Action::Ignore`] when there is nothing to give up: the identifier is free, or the receiver
    /// has taken the message over.
    pub fn give_up(&mut self, id: PacketId) -> Outcome<T> {
        self.handle_own(id, Event::GiveUp)
    }

    /// This message was sent on an earlier connection and cannot be sent again. It is let go, [`Action::Drop`], and is
    /// not in flight any more, but its packet identifier stays in use until the receiver acknowledges it or the
    /// session is discarded [MQTT-2.3.1-3] (3.1.1), [X-5.0-pid-1]: the receiver may remember it and take the next
    /// message with it for a repetition. Anything else than [`Action::Drop`] means that there was nothing to abandon.
    pub fn abandon(&mut self, id: PacketId) -> Outcome<T> {
        self.handle_own(id, Event::Abandon)
    }

    /// What a resumed session has to send again [MQTT-4.4.0-1]: every PUBLISH in its place in the order of first
    /// sending [MQTT-4.6.0-1] (a server's: [MQTT-4.6.0-6] in 3.1.1), and between them the PUBRELs in the order of
    /// their PUBRECs [MQTT-4.6.0-4]. With a peer that keeps the order itself [MQTT-4.6.0-3], all is in the order of
    /// first sending.
    ///
    /// To be called once for each resumption, before the first request: requests of an earlier connection are over
    /// and their packet identifiers free from here on.
    pub fn resend(&mut self) -> impl Iterator<Item = Resend<'_, T>> {
        let requests = self.in_use.iter();
        let requests: Vec<PacketId> = requests
            .filter(|(_, used)| used.state == State::AwaitsAnswer)
            .map(|(id, _)| *id)
            .collect();
        for id in requests {
            self.handle_own(id, Event::Resume);
        }
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
            .filter_map(|(_, id)| self.handle_own(id, Event::Discard).message)
            .collect()
    }

    fn handle(&mut self, version: Version, id: PacketId, event: Event) -> Outcome<T> {
        let (next, action) = step(version, self.state(id), event);
        self.enter(id, next, action)
    }

    /// Something this side does on its own account.
    fn handle_own(&mut self, id: PacketId, event: Event) -> Outcome<T> {
        let (next, action) = own_step(self.state(id), event);
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
                let before = self.flows.remove(&seq).and_then(|flow| flow.message);
                let (message, let_go) = match next.keeps_message() {
                    true => (before, None),
                    false => (None, before),
                };
                // An abandoned message comes back into flight with its PUBREC.
                if next.in_flight() {
                    let flow = Flow {
                        id,
                        state: next,
                        message,
                        released: self.next(),
                    };
                    self.flows.insert(seq, flow);
                }
                let_go
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

    fn again(flows: &mut Outbound<&str>) -> Vec<String> {
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
            again(&mut out),
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
        assert_eq!(
            again(&mut out),
            ["pubrel 3", "publish 2 qos 2 b", "pubrel 1"]
        );
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
        assert!(out.has_room() && again(&mut out).is_empty());
    }

    #[test]
    fn in_3_1_1_there_is_no_error_pubrec() {
        let mut out = Outbound::new(1);
        let id = out.begin(QoS::ExactlyOnce, "m").unwrap();
        let pubrec = out.handle_pubrec(Version::V3_1_1, id, ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(pubrec, outcome(Action::SendPubRel, Some("m")));
    }

    #[test]
    fn an_abandoned_message_keeps_its_identifier_for_a_whole_turn_of_others() {
        for (version, qos) in [
            (Version::V3_1_1, QoS::AtLeastOnce),
            (Version::V3_1_1, QoS::ExactlyOnce),
            (V5, QoS::AtLeastOnce),
            (V5, QoS::ExactlyOnce),
        ] {
            let mut out = Outbound::new(1);
            let old = out.begin(qos, "old").unwrap();
            assert_eq!(out.abandon(old), outcome(Action::Drop, Some("old")));
            assert!(out.is_empty() && out.has_room(), "it is not in flight");
            assert_eq!(again(&mut out), [""; 0], "nothing to send again");
            for nothing in [out.abandon(old), out.give_up(old)] {
                assert_eq!(nothing, outcome(Action::Ignore, None));
            }
            for _ in 0..=u16::MAX {
                let id = out.begin(QoS::AtLeastOnce, "new").unwrap();
                assert_ne!(id, old, "the receiver may remember it");
                assert_eq!(out.handle_puback(version, id).action, Action::Finish);
            }
        }
    }

    #[test]
    fn a_late_pubrec_of_an_abandoned_message_is_answered_to_the_end() {
        for version in Version::ALL {
            let mut out = Outbound::new(2);
            let [one, two] = ["a", "b"].map(|m| out.begin(QoS::ExactlyOnce, m).unwrap());
            out.abandon(one);
            let pubrec = out.handle_pubrec(version, one, ReasonCode::SUCCESS);
            assert_eq!(pubrec, outcome(Action::SendPubRel, None));
            assert!(!out.has_room(), "in flight again");
            let expected = ["pubrel 1", "publish 2 qos 2 b"];
            assert_eq!(again(&mut out), expected);
            assert_eq!(out.handle_pubcomp(version, two).action, Action::Close);
            assert_eq!(out.handle_pubcomp(version, one).action, Action::Finish);
            assert_eq!(out.state(one), State::Free);
        }
    }

    #[test]
    fn an_abandoned_message_ends_as_its_own_kind_does() {
        let mut out = Outbound::new(2);
        let one = out.begin(QoS::AtLeastOnce, "one").unwrap();
        let two = out.begin(QoS::ExactlyOnce, "two").unwrap();
        for id in [one, two] {
            out.abandon(id);
        }
        for version in Version::ALL {
            let close = outcome(Action::Close, None);
            assert_eq!(out.handle_puback(version, two), close);
            assert_eq!(out.handle_pubrec(version, one, ReasonCode::SUCCESS), close);
            for id in [one, two] {
                assert_eq!(out.handle_pubcomp(version, id), close);
                assert_eq!(out.handle_answer(version, id), close);
            }
        }
        let over = outcome(Action::Finish, None);
        let refused = out.handle_pubrec(V5, two, ReasonCode::QUOTA_EXCEEDED);
        assert_eq!(refused, over);
        assert_eq!(out.handle_puback(V5, one), over);
        assert_eq!([one, two].map(|id| out.state(id)), [State::Free; 2]);
    }

    #[test]
    fn abandoned_messages_use_identifiers_up_until_the_session_is_discarded() {
        let mut out = Outbound::new(1);
        for n in 1..=u16::MAX {
            let id = out.begin(QoS::AtLeastOnce, n).unwrap();
            assert_eq!(out.abandon(id).action, Action::Drop);
        }
        assert!(out.is_empty() && !out.has_room() && !out.has_free_id());
        assert_eq!(out.begin(QoS::ExactlyOnce, 0), None);
        assert_eq!(out.reserve(), None);
        assert_eq!(out.handle_puback(V5, PacketId::MIN).action, Action::Finish);
        assert_eq!(out.reserve(), Some(PacketId::MIN), "the only free one");
        assert_eq!(out.clear(), [0; 0], "they were given back before");
        assert_eq!(out.begin(QoS::AtLeastOnce, 0), Some(PacketId::MIN.next()));
    }

    #[test]
    fn a_resumed_session_knows_no_requests() {
        let mut out = Outbound::new(1);
        let request = out.reserve().unwrap();
        out.begin(QoS::AtLeastOnce, "m");
        assert_eq!(again(&mut out), ["publish 2 qos 1 m"]);
        assert_eq!(out.state(request), State::Free);
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
        assert_eq!(
            again(&mut out),
            ["publish 1 qos 1 one", "publish 2 qos 2 two"]
        );
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
        assert!(out.is_empty() && again(&mut out).is_empty());
        assert_eq!(out.state(a), State::Free);
    }
}
