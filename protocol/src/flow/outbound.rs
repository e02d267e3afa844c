//! The sender half of QoS 1 and 2: packet identifiers, messages in flight and what to send again.

use super::{
    packet_ids::PacketIds,
    sender::{Action, Event, State, own_step, step},
};
use crate::{PacketId, QoS, ReasonCode, Version};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    /// Of `flows`, those whose PUBLISH was sent on this connection: they use its send quota up.
    sent: BTreeSet<u64>,
    /// Of `flows`, those whose PUBLISH was not yet sent again on this connection.
    again: BTreeSet<u64>,
    /// PUBRELs that were not yet sent again, each with the place in `flows` at which it is its turn.
    releases: VecDeque<(u64, PacketId)>,
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

/// What is to be kept of a packet identifier in use, so that [`Outbound::restore`] can bring it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a, T> {
    /// What it stands for.
    pub state: State,
    /// Its place in the order of first sending, and after that of its PUBREC if there was one.
    pub places: (u64, u64),
    /// The message, while it may have to be sent again.
    pub message: Option<&'a T>,
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
            sent: BTreeSet::new(),
            again: BTreeSet::new(),
            releases: VecDeque::new(),
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
    /// PUBCOMP, so no new message goes before one that has to be sent again. Nothing else waits for the quota
    /// [MQTT-3.3.4-8], [MQTT-3.3.4-10], [MQTT-4.9.0-3], [X-5.0-flow-8].
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
        self.sent.insert(seq);
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

    /// A session is resumed on a new connection: everything that is unacknowledged waits to be sent again, see
    /// [`Self::next_again`]. The send quota counts anew [MQTT-4.9.0-1], [X-5.0-flow-7], from the Receive Maximum that
    /// [`Self::set_receive_maximum`] says.
    ///
    /// To be called once for each resumption, before the first request: requests of an earlier connection are over
    /// and their packet identifiers free from here on.
    pub fn resume(&mut self) {
        let requests = self.in_use.iter();
        let requests: Vec<PacketId> = requests
            .filter(|(_, used)| used.state == State::AwaitsAnswer)
            .map(|(id, _)| *id)
            .collect();
        for id in requests {
            self.handle_own(id, Event::Resume);
        }
        self.sent.clear();
        let to_do = |action| {
            let flows = self.flows.iter();
            flows.filter(move |(_, flow)| own_step(flow.state, Event::Resume).1 == action)
        };
        let again = to_do(Action::SendPublishDup).map(|(seq, _)| *seq).collect();
        let places = to_do(Action::SendPubRel).map(|(seq, _)| *seq);
        let mut released: Vec<(u64, PacketId)> = to_do(Action::SendPubRel)
            .map(|(_, flow)| (flow.released, flow.id))
            .collect();
        released.sort_unstable();
        let releases = places.zip(released).map(|(place, (_, id))| (place, id));
        self.releases = releases.collect();
        self.again = again;
    }

    /// The next packet to be sent again [MQTT-4.4.0-1], which counts as sent. `None` when there is none or it has to
    /// wait for an acknowledgement; what is acknowledged before its turn is not sent again.
    ///
    /// Every PUBLISH has its place in the order of first sending [MQTT-4.6.0-1] (a server's: [MQTT-4.6.0-6] in 3.1.1),
    /// and between them stand the PUBRELs in the order of their PUBRECs [MQTT-4.6.0-4]. With a peer that keeps the
    /// order itself [MQTT-4.6.0-3], all is in the order of first sending. A PUBLISH waits for the peer's Receive Maximum
    /// [MQTT-4.9.0-2], [MQTT-3.3.4-7] (of a client), [MQTT-3.3.4-9] (of a server), and no PUBREL waits with it
    /// [MQTT-4.9.0-3]. A flow whose PUBLISH belongs to an earlier connection used nothing up on this one and gives
    /// nothing back [X-5.0-flow-5], [X-5.0-flow-6].
    pub fn next_again(&mut self) -> Option<Resend<'_, T>> {
        let room = self.sent.len() < usize::from(self.receive_maximum);
        let publish = self.again.first().copied().filter(|_| room);
        if let Some((place, id)) = self.releases.front().copied()
            && publish.is_none_or(|publish| place < publish)
        {
            self.releases.pop_front();
            return Some(Resend::PubRel(id));
        }
        let seq = publish?;
        self.again.remove(&seq);
        self.sent.insert(seq);
        let flow = self.flows.get(&seq)?;
        let qos = match flow.state {
            State::AwaitsPubAck => QoS::AtLeastOnce,
            _ => QoS::ExactlyOnce,
        };
        Some(Resend::Publish(flow.id, qos, flow.message.as_ref()?))
    }

    /// What is to be kept of a packet identifier; `None` when it is free or a request's, which does not outlive its
    /// connection.
    #[must_use]
    pub fn kept(&self, id: PacketId) -> Option<Kept<'_, T>> {
        let InUse { state, seq } = *self.in_use.get(&id)?;
        let flow = self.flows.get(&seq);
        (state != State::AwaitsAnswer).then(|| Kept {
            state,
            places: (seq, flow.map_or(0, |flow| flow.released)),
            message: flow.and_then(|flow| flow.message.as_ref()),
        })
    }

    /// Brings a packet identifier back as [`Self::kept`] told of it, after the process that had it in use ended
    /// [MQTT-2.3.1-3] (3.1.1), [X-5.0-pid-1]. Messages that come after it get later places and other identifiers.
    /// [`Self::resume`] is to be called before anything is sent. False, and nothing has changed, when the identifier
    /// or the place is in use, or a message is there that its state does not keep, or is not that it does.
    pub fn restore(
        &mut self,
        id: PacketId,
        state: State,
        places: (u64, u64),
        message: Option<T>,
    ) -> bool {
        let (seq, released) = places;
        let known = !matches!(state, State::Free | State::AwaitsAnswer);
        let taken = self.flows.contains_key(&seq);
        if !known || taken || message.is_some() != state.keeps_message() || !self.ids.claim(id) {
            return false;
        }
        self.in_use.insert(id, InUse { state, seq });
        if state.in_flight() {
            let flow = Flow {
                id,
                state,
                message,
                released,
            };
            self.flows.insert(seq, flow);
        }
        if seq > self.next_seq {
            self.ids.go_on_after(id);
        }
        self.next_seq = self.next_seq.max(seq).max(released);
        true
    }

    /// The packet identifiers of the messages in flight, in the order of first sending.
    pub fn in_flight(&self) -> impl Iterator<Item = PacketId> {
        self.flows.values().map(|flow| flow.id)
    }

    /// The packet identifiers in use, in their order.
    pub fn in_use(&self) -> impl Iterator<Item = PacketId> {
        self.in_use.keys().copied()
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
        self.releases.clear();
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
                self.again.remove(&used.seq);
                self.sent.remove(&used.seq);
                self.in_use.remove(&id);
                self.ids.give_back(id);
                flow.and_then(|flow| flow.message)
            }
            Some(used) if next != used.state => {
                used.state = next;
                let seq = used.seq;
                self.again.remove(&seq);
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
                } else {
                    self.sent.remove(&seq);
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
mod tests;
