//! The receiver's half of QoS 1 and 2 as a transition table: what becomes of a packet identifier that the peer gave
//! out (sections 4.3.2, 4.3.3 and 4.4 of both versions).
//!
//! A QoS 2 message is handed on when it comes, not when it is released; the standard leaves the choice
//! [X-3.1.1-qos-2], [X-5.0-qos-2].
//!
//! [`Inbound`](super::Inbound) runs on [`TABLE`]; nothing else decides. Every pair of state and event has its row.

use super::table::{Row, never, rows, to};
use crate::{QoS, Version};
use Action::*;
use State::*;

/// What is known of a packet identifier of the peer. A QoS 1 receiver has nothing to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The next PUBLISH with it is a new message.
    Free,
    /// A QoS 2 message that was taken over: PUBREC was sent.
    AwaitsPubRel,
}

impl State {
    /// Both states, in the order of the table.
    pub const ALL: [Self; 2] = [Free, AwaitsPubRel];
}

/// What can happen to a packet identifier of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// PUBLISH with QoS 1 and DUP 0 arrives.
    PublishQoS1,
    /// PUBLISH with QoS 1 and DUP 1 arrives.
    PublishQoS1Dup,
    /// PUBLISH with QoS 2 and DUP 0 arrives.
    PublishQoS2,
    /// PUBLISH with QoS 2 and DUP 1 arrives.
    PublishQoS2Dup,
    /// This side does not want the QoS 2 message it was just given, and has not answered it.
    Refuse,
    /// This side does not want a QoS 2 message that is not news: a repetition, or one that was answered.
    RefuseLate,
    /// PUBREL arrives, with any reason code.
    PubRel,
    /// A new network connection resumes the session.
    Resume,
    /// The session is discarded.
    Discard,
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::PublishQoS1,
        Self::PublishQoS1Dup,
        Self::PublishQoS2,
        Self::PublishQoS2Dup,
        Self::Refuse,
        Self::RefuseLate,
        Self::PubRel,
        Self::Resume,
        Self::Discard,
    ];

    /// The arrival of a PUBLISH; QoS 0 opens no flow.
    pub(super) const fn publish(qos: QoS, dup: bool) -> Option<Self> {
        match (qos, dup) {
            (QoS::AtMostOnce, _) => None,
            (QoS::AtLeastOnce, false) => Some(Self::PublishQoS1),
            (QoS::AtLeastOnce, true) => Some(Self::PublishQoS1Dup),
            (QoS::ExactlyOnce, false) => Some(Self::PublishQoS2),
            (QoS::ExactlyOnce, true) => Some(Self::PublishQoS2Dup),
        }
    }
}

/// What the owner of the flow has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// Take the message over, then send PUBACK.
    DeliverThenPubAck,
    /// Take the message over, then send PUBREC.
    DeliverThenPubRec,
    /// Send PUBREC and do not hand the message on again.
    SendPubRec,
    /// Send PUBREC with the reason code of the refusal, 0x80 or above (5.0).
    SendPubRecError,
    /// Send PUBCOMP with reason code 0x00 (5.0).
    SendPubComp,
    /// Send PUBCOMP with reason code 0x92, Packet Identifier not found (5.0).
    SendPubCompNotFound,
}

impl Action {
    /// Whether the message is news: it has to be handed on.
    #[must_use]
    pub const fn delivers(self) -> bool {
        matches!(self, DeliverThenPubAck | DeliverThenPubRec)
    }
}

/// The row of a state and an event.
#[must_use]
pub const fn row(state: State, event: Event) -> &'static Row<State, Event, Action> {
    &TABLE[state as usize * Event::ALL.len() + event as usize]
}

/// What happens: the next state and what to do.
pub(super) fn step(version: Version, state: State, event: Event) -> (State, Action) {
    row(state, event).step(version)
}

/// The whole receiver: two states, nine events, both versions.
pub const TABLE: [Row<State, Event, Action>; State::ALL.len() * Event::ALL.len()] = rows! {
    Free PublishQoS1 "nothing is remembered: after PUBACK the packet identifier is a new message"
        v3 to(Free, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-2"]),
        v5 to(Free, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-4", "MQTT-4.3.2-5"]);
    Free PublishQoS1Dup "DUP does not say that it came before: a new message"
        v3 to(Free, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-2"]),
        v5 to(Free, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-4", "MQTT-4.3.2-5"]);
    Free PublishQoS2 "taken over once, and remembered until PUBREL"
        v3 to(AwaitsPubRel, DeliverThenPubRec, &["MQTT-3.3.4-1", "MQTT-4.3.3-2"]),
        v5 to(AwaitsPubRel, DeliverThenPubRec, &["MQTT-3.3.4-1", "MQTT-4.3.3-8"]);
    Free PublishQoS2Dup "DUP does not say that it came before: a new message"
        v3 to(AwaitsPubRel, DeliverThenPubRec, &["MQTT-3.3.4-1", "MQTT-4.3.3-2"]),
        v5 to(AwaitsPubRel, DeliverThenPubRec, &["MQTT-3.3.4-1", "MQTT-4.3.3-8", "MQTT-4.3.3-12"]);
    Free Refuse "only a message that has just come can be refused"
        v3 never(&[]),
        v5 never(&[]);
    Free RefuseLate "nothing is remembered: it was refused or released before"
        v3 never(&[]),
        v5 to(Free, Ignore, &[]);
    Free PubRel "the flow ended before, or was lost with a session; 3.1.1 cannot say so"
        v3 to(Free, SendPubComp, &["MQTT-4.3.3-2"]),
        v5 to(Free, SendPubCompNotFound, &["MQTT-3.7.2-1", "MQTT-4.3.3-11"]);
    Free Resume "nothing is remembered"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &[]);
    Free Discard "nothing to forget"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &[]);

    AwaitsPubRel PublishQoS1 "the sender uses the packet identifier twice; no statement binds the receiver, and QoS 1 is always new"
        v3 to(AwaitsPubRel, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-2"]),
        v5 to(AwaitsPubRel, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-4", "MQTT-4.3.2-5"]);
    AwaitsPubRel PublishQoS1Dup "the sender uses the packet identifier twice; no statement binds the receiver, and QoS 1 is always new"
        v3 to(AwaitsPubRel, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-2"]),
        v5 to(AwaitsPubRel, DeliverThenPubAck, &["MQTT-3.3.4-1", "MQTT-4.3.2-4", "MQTT-4.3.2-5"]);
    AwaitsPubRel PublishQoS2 "until PUBREL it is the same message, also with DUP 0"
        v3 to(AwaitsPubRel, SendPubRec, &["MQTT-4.3.3-2"]),
        v5 to(AwaitsPubRel, SendPubRec, &["MQTT-4.3.3-10"]);
    AwaitsPubRel PublishQoS2Dup "until PUBREL it is the same message"
        v3 to(AwaitsPubRel, SendPubRec, &["MQTT-4.3.3-2"]),
        v5 to(AwaitsPubRel, SendPubRec, &["MQTT-4.3.3-10"]);
    AwaitsPubRel Refuse "3.1.1 has no reason codes; in 5.0 the next PUBLISH with it is a new message"
        v3 never(&[]),
        v5 to(Free, SendPubRecError, &["MQTT-3.5.2-1", "MQTT-4.3.3-9"]);
    AwaitsPubRel RefuseLate "it was taken over, and PUBREC has said so: until PUBREL nothing else is said"
        v3 never(&[]),
        v5 to(AwaitsPubRel, SendPubRec, &["MQTT-4.3.3-10"]);
    AwaitsPubRel PubRel "the exchange is complete; the next PUBLISH with it is a new message"
        v3 to(Free, SendPubComp, &["MQTT-2.3.1-6", "MQTT-4.3.3-2"]),
        v5 to(Free, SendPubComp, &["MQTT-2.2.1-5", "MQTT-4.3.3-11", "MQTT-4.3.3-12"]);
    AwaitsPubRel Resume "it is session state; a PUBREC is not sent again, the sender repeats PUBLISH or PUBREL"
        v3 to(AwaitsPubRel, Ignore, &["MQTT-4.4.0-1", "X-3.1.1-session-2", "X-3.1.1-session-3"]),
        v5 to(AwaitsPubRel, Ignore, &["MQTT-4.4.0-1", "X-5.0-session-4", "X-5.0-session-5"]);
    AwaitsPubRel Discard "everything is forgotten"
        v3 to(Free, Ignore, &["MQTT-3.1.2-6"]),
        v5 to(Free, Ignore, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);
};
