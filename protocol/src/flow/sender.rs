//! The sender's half of QoS 1 and 2 as a transition table: what becomes of a packet identifier that this side
//! gave out (sections 4.3.2, 4.3.3 and 4.4 of both versions).
//!
//! [`Outbound`](super::Outbound) runs on [`TABLE`]; nothing else decides. Every pair of state and event has its row.

use super::table::{Row, never, rows, to};
use crate::{QoS, Version};
use Action::*;
use State::*;

/// What a packet identifier of this side stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing: it may be given out.
    Free,
    /// A SUBSCRIBE or UNSUBSCRIBE that was sent.
    AwaitsAnswer,
    /// A QoS 1 message whose PUBLISH was sent.
    AwaitsPubAck,
    /// A QoS 2 message whose PUBLISH was sent.
    AwaitsPubRec,
    /// A QoS 2 message that the receiver took over: PUBREL was sent, the message itself was let go.
    AwaitsPubComp,
}

impl State {
    /// All states, in the order of the table.
    pub const ALL: [Self; 5] = [
        Free,
        AwaitsAnswer,
        AwaitsPubAck,
        AwaitsPubRec,
        AwaitsPubComp,
    ];

    /// Whether it is a message in flight: it counts against the peer's Receive Maximum until PUBACK, PUBCOMP or a
    /// PUBREC of 0x80 or above [X-5.0-flow-5].
    #[must_use]
    pub const fn in_flight(self) -> bool {
        matches!(self, AwaitsPubAck | AwaitsPubRec | AwaitsPubComp)
    }

    /// Whether the message itself is kept, to be sent again.
    #[must_use]
    pub const fn keeps_message(self) -> bool {
        matches!(self, AwaitsPubAck | AwaitsPubRec)
    }
}

/// What can happen to a packet identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// This side sends a SUBSCRIBE or UNSUBSCRIBE.
    SendRequest,
    /// This side sends a new QoS 1 message.
    SendQoS1,
    /// This side sends a new QoS 2 message.
    SendQoS2,
    /// PUBACK arrives, with any reason code.
    PubAck,
    /// PUBREC arrives, without a reason code or with one below 0x80.
    PubRec,
    /// PUBREC arrives with a reason code of 0x80 or above.
    PubRecError,
    /// PUBCOMP arrives, with any reason code.
    PubComp,
    /// SUBACK or UNSUBACK arrives.
    Answer,
    /// A new network connection resumes the session: the only time when something is sent again, which 5.0 demands
    /// [MQTT-4.4.0-1] and 3.1.1 allows [X-3.1.1-retry-1].
    Resume,
    /// The owner cannot send it, now or again: it is larger than the peer takes, or the connection is gone.
    GiveUp,
    /// The session is discarded.
    Discard,
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::SendRequest,
        Self::SendQoS1,
        Self::SendQoS2,
        Self::PubAck,
        Self::PubRec,
        Self::PubRecError,
        Self::PubComp,
        Self::Answer,
        Self::Resume,
        Self::GiveUp,
        Self::Discard,
    ];

    /// Sending a new message of this QoS; QoS 0 opens no flow.
    pub(super) const fn send(qos: QoS) -> Option<Self> {
        match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(Self::SendQoS1),
            QoS::ExactlyOnce => Some(Self::SendQoS2),
        }
    }
}

/// What the owner of the flow has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// Send the SUBSCRIBE or UNSUBSCRIBE.
    SendRequest,
    /// Send PUBLISH with DUP 0.
    SendPublish,
    /// Send PUBLISH again, with DUP 1.
    SendPublishDup,
    /// Send PUBREL with reason code 0x00 (5.0).
    SendPubRel,
    /// Send PUBREL with reason code 0x92, Packet Identifier not found (5.0).
    SendPubRelNotFound,
    /// The exchange is over and the packet identifier is free.
    Finish,
    /// The peer broke the protocol: close the connection (5.0: DISCONNECT 0x82).
    Close,
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

/// What this side does on its own account is the same in both versions.
pub(super) fn own_step(state: State, event: Event) -> (State, Action) {
    step(Version::V5_0, state, event)
}

/// The whole sender: five states, eleven events, both versions.
pub const TABLE: [Row<State, Event, Action>; State::ALL.len() * Event::ALL.len()] = rows! {
    Free SendRequest "a packet identifier that is not in use"
        v3 to(AwaitsAnswer, SendRequest, &["MQTT-2.3.1-1", "MQTT-2.3.1-2"]),
        v5 to(AwaitsAnswer, SendRequest, &["MQTT-2.2.1-3"]);
    Free SendQoS1 "a packet identifier that is not in use, DUP 0"
        v3 to(AwaitsPubAck, SendPublish, &["MQTT-2.3.1-2", "MQTT-2.3.1-4", "MQTT-4.3.2-1"]),
        v5 to(AwaitsPubAck, SendPublish, &["MQTT-2.2.1-3", "MQTT-2.2.1-4", "MQTT-4.3.2-1", "MQTT-4.3.2-2"]);
    Free SendQoS2 "a packet identifier that is not in use, DUP 0"
        v3 to(AwaitsPubRec, SendPublish, &["MQTT-2.3.1-2", "MQTT-2.3.1-4", "MQTT-4.3.3-1"]),
        v5 to(AwaitsPubRec, SendPublish, &["MQTT-2.2.1-3", "MQTT-2.2.1-4", "MQTT-4.3.3-1", "MQTT-4.3.3-2"]);
    Free PubAck "nothing waits for it; it gives no quota back"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &["X-5.0-flow-6"]);
    Free PubRec "the receiver waits for a PUBREL, whatever we remember"
        v3 to(Free, SendPubRel, &["MQTT-4.3.3-1"]),
        v5 to(Free, SendPubRelNotFound, &["MQTT-3.6.2-1", "MQTT-4.3.3-4"]);
    Free PubRecError "3.1.1 has no reason codes; in 5.0 neither side waits for anything"
        v3 never(&[]),
        v5 to(Free, Ignore, &["X-5.0-flow-6"]);
    Free PubComp "a repeated PUBREC led to two PUBRELs, or the session was lost; it gives no quota back"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &["X-5.0-flow-6"]);
    Free Answer "an answer has the packet identifier of its request"
        v3 to(Free, Close, &["MQTT-2.3.1-7", "MQTT-4.8.0-1"]),
        v5 to(Free, Close, &["MQTT-2.2.1-6"]);
    Free Resume "no exchange, nothing to send again"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &[]);
    Free GiveUp "no exchange, nothing to give up"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &[]);
    Free Discard "no exchange, nothing to forget"
        v3 to(Free, Ignore, &[]),
        v5 to(Free, Ignore, &[]);

    AwaitsAnswer SendRequest "only packet identifiers that are not in use are given out"
        v3 never(&["MQTT-2.3.1-2"]),
        v5 never(&["MQTT-2.2.1-3"]);
    AwaitsAnswer SendQoS1 "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-2"]);
    AwaitsAnswer SendQoS2 "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-2"]);
    AwaitsAnswer PubAck "it is of an earlier message, as if nothing had this packet identifier"
        v3 to(AwaitsAnswer, Ignore, &[]),
        v5 to(AwaitsAnswer, Ignore, &["X-5.0-flow-6"]);
    AwaitsAnswer PubRec "no message has this packet identifier, and the receiver waits for a PUBREL"
        v3 to(AwaitsAnswer, SendPubRel, &["MQTT-4.3.3-1"]),
        v5 to(AwaitsAnswer, SendPubRelNotFound, &["MQTT-3.6.2-1", "MQTT-4.3.3-4"]);
    AwaitsAnswer PubRecError "3.1.1 has no reason codes; in 5.0 it is of an earlier message"
        v3 never(&[]),
        v5 to(AwaitsAnswer, Ignore, &["X-5.0-flow-6"]);
    AwaitsAnswer PubComp "it is of an earlier message, as if nothing had this packet identifier"
        v3 to(AwaitsAnswer, Ignore, &[]),
        v5 to(AwaitsAnswer, Ignore, &["X-5.0-flow-6"]);
    AwaitsAnswer Answer "the request is answered, and its packet identifier is free"
        v3 to(Free, Finish, &["MQTT-2.3.1-3", "MQTT-2.3.1-7"]),
        v5 to(Free, Finish, &["MQTT-2.2.1-6", "X-5.0-pid-1"]);
    AwaitsAnswer Resume "only PUBLISH and PUBREL are sent again; a request is not session state"
        v3 to(AwaitsAnswer, Ignore, &["MQTT-4.4.0-1"]),
        v5 to(AwaitsAnswer, Ignore, &["MQTT-4.4.0-1"]);
    AwaitsAnswer GiveUp "no answer will come any more"
        v3 to(Free, Finish, &[]),
        v5 to(Free, Finish, &[]);
    AwaitsAnswer Discard "everything is forgotten"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);

    AwaitsPubAck SendRequest "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-1", "X-5.0-pid-2"]);
    AwaitsPubAck SendQoS1 "the packet identifier is in use until PUBACK"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.2-1", "X-5.0-pid-1"]);
    AwaitsPubAck SendQoS2 "the packet identifier is in use until PUBACK"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.3-1", "X-5.0-pid-1"]);
    AwaitsPubAck PubAck "the message is the receiver's, or refused for good; one of the quota comes back"
        v3 to(Free, Finish, &["MQTT-2.3.1-3", "MQTT-2.3.1-6", "MQTT-4.3.2-1"]),
        v5 to(Free, Finish, &["MQTT-2.2.1-5", "MQTT-4.3.2-3", "MQTT-4.4.0-2", "X-5.0-flow-5", "X-5.0-pid-1"]);
    AwaitsPubAck PubRec "a QoS 1 PUBLISH is answered by PUBACK"
        v3 to(AwaitsPubAck, Close, &["MQTT-3.3.4-1", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubAck, Close, &["MQTT-3.3.4-1"]);
    AwaitsPubAck PubRecError "3.1.1 has no reason codes; in 5.0 a QoS 1 PUBLISH is answered by PUBACK"
        v3 never(&[]),
        v5 to(AwaitsPubAck, Close, &["MQTT-3.3.4-1"]);
    AwaitsPubAck PubComp "a QoS 1 PUBLISH is answered by PUBACK"
        v3 to(AwaitsPubAck, Close, &["MQTT-3.3.4-1", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubAck, Close, &["MQTT-3.3.4-1"]);
    AwaitsPubAck Answer "an answer has the packet identifier of its request"
        v3 to(AwaitsPubAck, Close, &["MQTT-2.3.1-7", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubAck, Close, &["MQTT-2.2.1-6"]);
    AwaitsPubAck Resume "the same packet identifier, DUP 1"
        v3 to(AwaitsPubAck, SendPublishDup, &["MQTT-2.3.1-3", "MQTT-3.3.1-1", "MQTT-4.4.0-1"]),
        v5 to(AwaitsPubAck, SendPublishDup, &["MQTT-3.3.1-1", "MQTT-4.4.0-1"]);
    AwaitsPubAck GiveUp "a message that is larger than the receiver takes counts as sent"
        v3 to(Free, Finish, &[]),
        v5 to(Free, Finish, &["MQTT-3.1.2-25"]);
    AwaitsPubAck Discard "everything is forgotten"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);

    AwaitsPubRec SendRequest "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-1", "X-5.0-pid-2"]);
    AwaitsPubRec SendQoS1 "the packet identifier is in use until PUBCOMP"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.2-1", "X-5.0-pid-1"]);
    AwaitsPubRec SendQoS2 "the packet identifier is in use until PUBCOMP"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.3-1", "X-5.0-pid-1"]);
    AwaitsPubRec PubAck "a QoS 2 PUBLISH is answered by PUBREC"
        v3 to(AwaitsPubRec, Close, &["MQTT-3.3.4-1", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubRec, Close, &["MQTT-3.3.4-1"]);
    AwaitsPubRec PubRec "the message is the receiver's and is let go"
        v3 to(AwaitsPubComp, SendPubRel, &["MQTT-2.3.1-6", "MQTT-4.3.3-1"]),
        v5 to(AwaitsPubComp, SendPubRel, &["MQTT-2.2.1-5", "MQTT-4.3.3-3", "MQTT-4.3.3-4"]);
    AwaitsPubRec PubRecError "3.1.1 has no reason codes; in 5.0 the message is refused for good, without PUBREL"
        v3 never(&[]),
        v5 to(Free, Finish, &["MQTT-4.4.0-2", "X-5.0-flow-5", "X-5.0-pid-1"]);
    AwaitsPubRec PubComp "PUBCOMP answers PUBREL, which was not sent"
        v3 to(AwaitsPubRec, Close, &["MQTT-4.3.3-2", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubRec, Close, &["MQTT-4.3.3-11"]);
    AwaitsPubRec Answer "an answer has the packet identifier of its request"
        v3 to(AwaitsPubRec, Close, &["MQTT-2.3.1-7", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubRec, Close, &["MQTT-2.2.1-6"]);
    AwaitsPubRec Resume "the same packet identifier, DUP 1"
        v3 to(AwaitsPubRec, SendPublishDup, &["MQTT-2.3.1-3", "MQTT-3.3.1-1", "MQTT-4.4.0-1"]),
        v5 to(AwaitsPubRec, SendPublishDup, &["MQTT-3.3.1-1", "MQTT-4.4.0-1"]);
    AwaitsPubRec GiveUp "a message that is larger than the receiver takes counts as sent"
        v3 to(Free, Finish, &[]),
        v5 to(Free, Finish, &["MQTT-3.1.2-25"]);
    AwaitsPubRec Discard "everything is forgotten"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);

    AwaitsPubComp SendRequest "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-1", "X-5.0-pid-2"]);
    AwaitsPubComp SendQoS1 "the packet identifier is in use until PUBCOMP"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.2-1", "X-5.0-pid-1"]);
    AwaitsPubComp SendQoS2 "the packet identifier is in use until PUBCOMP"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.3-1", "X-5.0-pid-1"]);
    AwaitsPubComp PubAck "PUBREL is answered by PUBCOMP"
        v3 to(AwaitsPubComp, Close, &["MQTT-4.3.3-2", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubComp, Close, &["MQTT-4.3.3-11"]);
    AwaitsPubComp PubRec "a repetition: PUBREL again, never PUBLISH"
        v3 to(AwaitsPubComp, SendPubRel, &["MQTT-4.3.3-1"]),
        v5 to(AwaitsPubComp, SendPubRel, &["MQTT-4.3.3-4", "MQTT-4.3.3-6"]);
    AwaitsPubComp PubRecError "3.1.1 has no reason codes; in 5.0 the receiver has already taken the message over"
        v3 never(&[]),
        v5 to(AwaitsPubComp, Close, &["MQTT-4.3.3-11"]);
    AwaitsPubComp PubComp "the exchange is complete; one of the quota comes back"
        v3 to(Free, Finish, &["MQTT-2.3.1-3", "MQTT-4.3.3-1"]),
        v5 to(Free, Finish, &["MQTT-2.2.1-5", "MQTT-4.3.3-5", "X-5.0-flow-5", "X-5.0-pid-1"]);
    AwaitsPubComp Answer "an answer has the packet identifier of its request"
        v3 to(AwaitsPubComp, Close, &["MQTT-2.3.1-7", "MQTT-4.8.0-1"]),
        v5 to(AwaitsPubComp, Close, &["MQTT-2.2.1-6"]);
    AwaitsPubComp Resume "PUBREL again, with the same flags as ever: it has no DUP"
        v3 to(AwaitsPubComp, SendPubRel, &["MQTT-3.6.1-1", "MQTT-4.3.3-1", "MQTT-4.4.0-1"]),
        v5 to(AwaitsPubComp, SendPubRel, &["MQTT-3.6.1-1", "MQTT-4.3.3-6", "MQTT-4.4.0-1"]);
    AwaitsPubComp GiveUp "the receiver has the message: there is nothing to give up"
        v3 to(AwaitsPubComp, Ignore, &["MQTT-4.3.3-1"]),
        v5 to(AwaitsPubComp, Ignore, &["MQTT-4.3.3-5"]);
    AwaitsPubComp Discard "everything is forgotten"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);
};
