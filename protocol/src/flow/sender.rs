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
    /// A QoS 1 message that was sent and cannot be sent again: it was let go, but the receiver may still answer.
    AbandonedQoS1,
    /// A QoS 2 message that was sent and cannot be sent again: it was let go, but the receiver may remember the
    /// packet identifier and would take the next message with it for a repetition.
    AbandonedQoS2,
}

impl State {
    /// All states, in the order of the table.
    pub const ALL: [Self; 7] = [
        Free,
        AwaitsAnswer,
        AwaitsPubAck,
        AwaitsPubRec,
        AwaitsPubComp,
        AbandonedQoS1,
        AbandonedQoS2,
    ];

    /// Whether it is a message in flight: it counts against the peer's Receive Maximum until PUBACK, PUBCOMP or a
    /// PUBREC of 0x80 or above [X-5.0-flow-5]. An abandoned one does not: it was sent on an earlier connection, whose
    /// quota is gone [X-5.0-flow-7].
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
    /// The owner cannot send the message, and never did; or the request will get no answer.
    GiveUp,
    /// The owner sent the message before and cannot send it again: the peer does not take such a one any more.
    Abandon,
    /// The session is discarded.
    Discard,
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Self; 12] = [
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
        Self::Abandon,
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
    /// Let the message go. Its packet identifier stays in use.
    Drop,
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

/// The whole sender: seven states, twelve events, both versions.
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
    Free Abandon "no exchange, nothing to abandon"
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
    AwaitsAnswer Resume "a request is not session state: it is not sent again, and its answer went with its connection"
        v3 to(Free, Finish, &["MQTT-4.4.0-1", "X-3.1.1-session-3"]),
        v5 to(Free, Finish, &["MQTT-4.4.0-1", "X-5.0-session-5"]);
    AwaitsAnswer GiveUp "no answer will come any more"
        v3 to(Free, Finish, &[]),
        v5 to(Free, Finish, &[]);
    AwaitsAnswer Abandon "a request is given up; only a message is ever sent again"
        v3 to(AwaitsAnswer, Ignore, &["MQTT-4.4.0-1"]),
        v5 to(AwaitsAnswer, Ignore, &["MQTT-4.4.0-1"]);
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
    AwaitsPubAck GiveUp "larger than the receiver takes, it counts as sent; the receiver never saw the packet identifier"
        v3 to(Free, Finish, &[]),
        v5 to(Free, Finish, &["MQTT-3.1.2-25"]);
    AwaitsPubAck Abandon "it counts as sent; a PUBACK that is late must not end another message"
        v3 to(AbandonedQoS1, Drop, &["MQTT-2.3.1-3"]),
        v5 to(AbandonedQoS1, Drop, &["MQTT-3.1.2-25", "X-5.0-pid-1"]);
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
    AwaitsPubRec GiveUp "larger than the receiver takes, it counts as sent; the receiver never saw the packet identifier"
        v3 to(Free, Finish, &[]),
        v5 to(Free, Finish, &["MQTT-3.1.2-25"]);
    AwaitsPubRec Abandon "it counts as sent; the receiver may remember the packet identifier, so it is not free"
        v3 to(AbandonedQoS2, Drop, &["MQTT-2.3.1-3", "MQTT-4.3.3-2"]),
        v5 to(AbandonedQoS2, Drop, &["MQTT-3.1.2-25", "MQTT-4.3.3-10", "X-5.0-pid-1"]);
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
    AwaitsPubComp Abandon "the receiver has the message: there is nothing to abandon"
        v3 to(AwaitsPubComp, Ignore, &["MQTT-4.3.3-1"]),
        v5 to(AwaitsPubComp, Ignore, &["MQTT-4.3.3-5"]);
    AwaitsPubComp Discard "everything is forgotten"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);

    AbandonedQoS1 SendRequest "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-1", "X-5.0-pid-2"]);
    AbandonedQoS1 SendQoS1 "the packet identifier is in use until PUBACK"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.2-1", "X-5.0-pid-1"]);
    AbandonedQoS1 SendQoS2 "the packet identifier is in use until PUBACK"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.3-1", "X-5.0-pid-1"]);
    AbandonedQoS1 PubAck "late, but the message is the receiver's; no quota was spent on this connection"
        v3 to(Free, Finish, &["MQTT-2.3.1-3", "MQTT-2.3.1-6"]),
        v5 to(Free, Finish, &["MQTT-2.2.1-5", "X-5.0-flow-6", "X-5.0-pid-1"]);
    AbandonedQoS1 PubRec "a QoS 1 PUBLISH is answered by PUBACK"
        v3 to(AbandonedQoS1, Close, &["MQTT-3.3.4-1", "MQTT-4.8.0-1"]),
        v5 to(AbandonedQoS1, Close, &["MQTT-3.3.4-1"]);
    AbandonedQoS1 PubRecError "3.1.1 has no reason codes; in 5.0 a QoS 1 PUBLISH is answered by PUBACK"
        v3 never(&[]),
        v5 to(AbandonedQoS1, Close, &["MQTT-3.3.4-1"]);
    AbandonedQoS1 PubComp "a QoS 1 PUBLISH is answered by PUBACK"
        v3 to(AbandonedQoS1, Close, &["MQTT-3.3.4-1", "MQTT-4.8.0-1"]),
        v5 to(AbandonedQoS1, Close, &["MQTT-3.3.4-1"]);
    AbandonedQoS1 Answer "an answer has the packet identifier of its request"
        v3 to(AbandonedQoS1, Close, &["MQTT-2.3.1-7", "MQTT-4.8.0-1"]),
        v5 to(AbandonedQoS1, Close, &["MQTT-2.2.1-6"]);
    AbandonedQoS1 Resume "it was let go and counts as sent: it never comes again, also when it would fit again"
        v3 to(AbandonedQoS1, Ignore, &[]),
        v5 to(AbandonedQoS1, Ignore, &["MQTT-3.1.2-25"]);
    AbandonedQoS1 GiveUp "it was given up before"
        v3 to(AbandonedQoS1, Ignore, &[]),
        v5 to(AbandonedQoS1, Ignore, &[]);
    AbandonedQoS1 Abandon "it was abandoned before"
        v3 to(AbandonedQoS1, Ignore, &[]),
        v5 to(AbandonedQoS1, Ignore, &[]);
    AbandonedQoS1 Discard "everything is forgotten, on both sides"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);

    AbandonedQoS2 SendRequest "requests and messages share the packet identifiers"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-2.2.1-3", "X-5.0-pid-1", "X-5.0-pid-2"]);
    AbandonedQoS2 SendQoS1 "the packet identifier is in use until PUBCOMP"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.2-1", "X-5.0-pid-1"]);
    AbandonedQoS2 SendQoS2 "the packet identifier is in use until PUBCOMP"
        v3 never(&["MQTT-2.3.1-2", "MQTT-2.3.1-3"]),
        v5 never(&["MQTT-4.3.3-1", "X-5.0-pid-1"]);
    AbandonedQoS2 PubAck "a QoS 2 PUBLISH is answered by PUBREC"
        v3 to(AbandonedQoS2, Close, &["MQTT-3.3.4-1", "MQTT-4.8.0-1"]),
        v5 to(AbandonedQoS2, Close, &["MQTT-3.3.4-1"]);
    AbandonedQoS2 PubRec "late, but the message is the receiver's: from here on it goes the usual way"
        v3 to(AwaitsPubComp, SendPubRel, &["MQTT-2.3.1-6", "MQTT-4.3.3-1"]),
        v5 to(AwaitsPubComp, SendPubRel, &["MQTT-2.2.1-5", "MQTT-4.3.3-4"]);
    AbandonedQoS2 PubRecError "3.1.1 has no reason codes; in 5.0 the receiver does not remember it; no quota was spent on this connection"
        v3 never(&[]),
        v5 to(Free, Finish, &["MQTT-4.3.3-9", "X-5.0-flow-6", "X-5.0-pid-1"]);
    AbandonedQoS2 PubComp "PUBCOMP answers PUBREL, which was not sent"
        v3 to(AbandonedQoS2, Close, &["MQTT-4.3.3-2", "MQTT-4.8.0-1"]),
        v5 to(AbandonedQoS2, Close, &["MQTT-4.3.3-11"]);
    AbandonedQoS2 Answer "an answer has the packet identifier of its request"
        v3 to(AbandonedQoS2, Close, &["MQTT-2.3.1-7", "MQTT-4.8.0-1"]),
        v5 to(AbandonedQoS2, Close, &["MQTT-2.2.1-6"]);
    AbandonedQoS2 Resume "it was let go and counts as sent: it never comes again, also when it would fit again"
        v3 to(AbandonedQoS2, Ignore, &[]),
        v5 to(AbandonedQoS2, Ignore, &["MQTT-3.1.2-25"]);
    AbandonedQoS2 GiveUp "it was given up before"
        v3 to(AbandonedQoS2, Ignore, &[]),
        v5 to(AbandonedQoS2, Ignore, &[]);
    AbandonedQoS2 Abandon "it was abandoned before"
        v3 to(AbandonedQoS2, Ignore, &[]),
        v5 to(AbandonedQoS2, Ignore, &[]);
    AbandonedQoS2 Discard "everything is forgotten, on both sides"
        v3 to(Free, Finish, &["MQTT-3.1.2-6"]),
        v5 to(Free, Finish, &["MQTT-3.1.2-4", "MQTT-3.2.2-5"]);
};
