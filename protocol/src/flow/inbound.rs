//! The receiver half of QoS 1 and 2: which packet identifiers of the peer are between PUBREC and PUBREL.

use super::receiver::{Action, Event, State, step};
use crate::{PacketId, QoS, Version};
use std::collections::BTreeSet;

/// Packet identifiers of QoS 2 messages that were received and not yet released. Part of the session state
/// [X-3.1.1-session-2], [X-3.1.1-session-3], [X-5.0-session-4], [X-5.0-session-5].
///
/// What happens to each is decided by [`receiver::TABLE`](super::receiver::TABLE). All operations are O(log n).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    awaiting_pubrel: BTreeSet<PacketId>,
    /// The QoS 2 message that was delivered last, as long as nothing else was handled: it may still be refused.
    news: Option<PacketId>,
}

impl Inbound {
    /// No open flow.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            awaiting_pubrel: BTreeSet::new(),
            news: None,
        }
    }

    /// A PUBLISH arrived. Answers with [`Action::DeliverThenPubAck`], [`Action::DeliverThenPubRec`] or
    /// [`Action::SendPubRec`].
    ///
    /// # Panics
    /// When `qos` is 0: such a message has no packet identifier.
    pub fn handle_publish(
        &mut self,
        version: Version,
        id: PacketId,
        qos: QoS,
        dup: bool,
    ) -> Action {
        self.handle(
            version,
            id,
            Event::publish(qos, dup).expect("QoS 0 has no flow"),
        )
    }

    /// A PUBREL arrived. Answers with [`Action::SendPubComp`], or [`Action::SendPubCompNotFound`] in 5.0 when there
    /// was no flow.
    pub fn handle_pubrel(&mut self, version: Version, id: PacketId) -> Action {
        self.handle(version, id, Event::PubRel)
    }

    /// The message that [`Self::handle_publish`] has just given out is refused (5.0): [`Action::SendPubRecError`],
    /// and its flow is over at once.
    ///
    /// Nothing else can be refused. A repetition of a message that was taken over has to be answered as it was the
    /// first time, [`Action::SendPubRec`], or the sender would be told that nobody has the message [MQTT-4.3.3-10].
    /// When no flow is open there is nothing to say, [`Action::Ignore`].
    pub fn refuse(&mut self, id: PacketId) -> Action {
        let event = match self.news == Some(id) {
            true => Event::Refuse,
            false => Event::RefuseLate,
        };
        self.handle(Version::V5_0, id, event)
    }

    /// Brings an open flow back after the process that had it ended: its message was taken over.
    pub fn restore(&mut self, id: PacketId) {
        self.awaiting_pubrel.insert(id);
    }

    /// Whether this flow is open.
    #[must_use]
    pub fn is_open(&self, id: PacketId) -> bool {
        self.awaiting_pubrel.contains(&id)
    }

    /// The flows that are open, in the order of their packet identifiers.
    pub fn open(&self) -> impl Iterator<Item = PacketId> {
        self.awaiting_pubrel.iter().copied()
    }

    /// How many flows are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.awaiting_pubrel.len()
    }

    /// Whether no flow is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.awaiting_pubrel.is_empty()
    }

    fn handle(&mut self, version: Version, id: PacketId, event: Event) -> Action {
        let state = match self.is_open(id) {
            true => State::AwaitsPubRel,
            false => State::Free,
        };
        let (next, action) = step(version, state, event);
        match next {
            State::AwaitsPubRel => self.awaiting_pubrel.insert(id),
            State::Free => self.awaiting_pubrel.remove(&id),
        };
        self.news = (action == Action::DeliverThenPubRec).then_some(id);
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: PacketId = PacketId::MIN;

    #[test]
    fn a_qos_2_identifier_is_one_message_until_it_is_released() {
        for version in Version::ALL {
            let mut half = Inbound::new();
            for dup in [false, true] {
                let mut publish = |dup| half.handle_publish(version, ID, QoS::ExactlyOnce, dup);
                assert_eq!(publish(dup), Action::DeliverThenPubRec);
                assert_eq!(publish(false), Action::SendPubRec);
                assert_eq!(publish(true), Action::SendPubRec);
                assert_eq!(half.handle_pubrel(version, ID), Action::SendPubComp);
            }
            assert!(half.is_empty());
        }
    }

    #[test]
    fn a_qos_1_identifier_is_a_new_message_every_time() {
        let mut half = Inbound::new();
        for dup in [false, true, true] {
            let action = half.handle_publish(Version::V5_0, ID, QoS::AtLeastOnce, dup);
            assert_eq!(action, Action::DeliverThenPubAck);
        }
        assert!(half.is_empty(), "nothing is remembered");
    }

    #[test]
    fn only_5_0_can_say_that_an_identifier_is_not_known() {
        let mut half = Inbound::new();
        assert_eq!(
            Version::ALL.map(|version| half.handle_pubrel(version, ID)),
            [Action::SendPubComp, Action::SendPubCompNotFound]
        );
    }

    #[test]
    fn after_a_refusal_the_identifier_is_a_new_message() {
        let mut half = Inbound::new();
        for _ in 0..2 {
            let action = half.handle_publish(Version::V5_0, ID, QoS::ExactlyOnce, false);
            assert_eq!(action, Action::DeliverThenPubRec);
            assert_eq!(half.refuse(ID), Action::SendPubRecError);
            assert_eq!(half.refuse(ID), Action::Ignore, "it is over");
        }
        assert!(half.is_empty());
    }

    #[test]
    fn what_was_taken_over_cannot_be_refused_any_more() {
        let mut half = Inbound::new();
        let mut publish = || half.handle_publish(Version::V5_0, ID, QoS::ExactlyOnce, false);
        assert_eq!(publish(), Action::DeliverThenPubRec);
        assert_eq!(publish(), Action::SendPubRec);
        assert_eq!(half.refuse(ID), Action::SendPubRec);
        let again = half.handle_publish(Version::V5_0, ID, QoS::ExactlyOnce, true);
        assert_eq!(again, Action::SendPubRec, "it is not delivered twice");
    }

    #[test]
    fn only_the_message_that_came_last_can_be_refused() {
        let mut half = Inbound::new();
        for id in [ID, ID.next()] {
            let action = half.handle_publish(Version::V5_0, id, QoS::ExactlyOnce, false);
            assert_eq!(action, Action::DeliverThenPubRec);
        }
        assert_eq!(half.refuse(ID), Action::SendPubRec, "it was answered");
        assert_eq!(half.len(), 2);
    }

    #[test]
    fn what_did_not_come_is_not_refused() {
        let mut half = Inbound::new();
        assert_eq!(half.refuse(ID), Action::Ignore);
        assert_eq!(half, Inbound::new());
    }
}
