//! What comes out of the core, as data.

use super::{
    fault::ProtocolError,
    message::{Message, Receipt, Ticket},
};
use bytes::Bytes;
use squall_protocol::{
    EncodeError, Frame, PacketId, PacketType, PropertyId, QoS, ReasonCode, Version, Violation,
    packet::ConnAck, topic::TopicError,
};
use squall_transport::Hangup;
use std::fmt;

/// What the driver has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a new connection and tell [`crate::Client::handle_dialed`] or [`crate::Client::handle_dial_failed`]. A
    /// connection or dial from before is given up.
    Dial,
    /// Send these bytes, exactly one packet.
    Send(Bytes),
    /// Close the connection once everything before it was sent, or give up the dial. The core knows nothing of it
    /// any more.
    Close,
}

/// What happened, in exact order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole packet arrived.
    Received(Frame),
    /// A packet was handed to the transport.
    Sent(Frame),
    /// Bytes were handed to the transport that are no whole packets, or not only (a [`crate::Scripted`] client).
    SentRaw {
        /// All of them, also those of the packets that [`Self::Sent`] has told of.
        bytes: Bytes,
        /// No packet of a client begins with them, whatever follows.
        broken: bool,
    },
    /// What arrived is not a packet a server may send in this form. `Ended` follows.
    Violation(Violation),
    /// The server accepted the connection.
    Connected {
        /// Whether it has kept the session.
        session_present: bool,
        /// Its CONNACK.
        ack: ConnAck,
    },
    /// The server refused the connection. `Ended` follows.
    Refused {
        /// Its CONNACK.
        ack: ConnAck,
    },
    /// A connection, or an attempt at one, is over. Comes exactly once for each [`Output::Dial`], and once for
    /// options with which nothing can be dialed.
    Ended {
        /// Why.
        cause: EndCause,
    },
    /// A message for the application: once for each QoS 2 flow.
    Delivered {
        /// The message, with its topic name even where a Topic Alias stood for it.
        message: Message,
        /// The DUP flag it came with.
        dup: bool,
        /// Its packet identifier (QoS 1 and 2).
        packet_id: Option<PacketId>,
        /// What it is acknowledged by, where that is done by hand (QoS 1 and 2).
        receipt: Option<Receipt>,
    },
    /// A message is the server's now, or was refused by it. QoS 0: it was sent; QoS 1: PUBACK; QoS 2: PUBCOMP, or a
    /// PUBREC that says why not. For a re-authentication: it succeeded.
    Acknowledged {
        /// The publish, or the re-authentication.
        ticket: Ticket,
        /// The reason code of PUBACK or PUBREC; Success for QoS 0 and in 3.1.1. Nothing PUBCOMP says changes what
        /// became of a message.
        reason: ReasonCode,
    },
    /// SUBACK.
    Subscribed {
        /// The subscribe.
        ticket: Ticket,
        /// One for each topic filter, in order.
        reasons: Vec<ReasonCode>,
    },
    /// UNSUBACK.
    Unsubscribed {
        /// The unsubscribe.
        ticket: Ticket,
        /// One for each topic filter, in order (5.0; empty in 3.1.1).
        reasons: Vec<ReasonCode>,
    },
    /// The request will never be acknowledged.
    Abandoned {
        /// The publish, subscribe, unsubscribe or re-authentication.
        ticket: Ticket,
        /// Why.
        why: Abandonment,
    },
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// The caller asked for it; DISCONNECT was sent if CONNECT was.
    Requested,
    /// The caller dropped it, or connects anew: closed without DISCONNECT.
    Dropped,
    /// The server refused it with CONNACK, for this reason: a Connect Reason Code (5.0), or a return code from 1 to 5
    /// (3.1.1).
    Refused(ReasonCode),
    /// The transport ended.
    Peer(Hangup),
    /// The server sent DISCONNECT (5.0).
    ServerDisconnect(ReasonCode),
    /// A PINGREQ was not answered in time.
    PingTimeout,
    /// No CONNACK came in time.
    ConnectTimeout,
    /// There was no connection to be had.
    DialFailed(String),
    /// The server sent bytes that break the standard; an [`Event::Violation`] went before.
    Violation,
    /// The server sent a well-formed packet that may not come now.
    ProtocolError(ProtocolError),
    /// An answer the standard asks for does not fit into the server's Maximum Packet Size (5.0).
    AnswerTooLarge,
    /// No valid CONNECT can be made of the options; nothing was dialed.
    InvalidOptions(String),
    /// The server did not prove what the Authentication Method asks of it, or asked for what it cannot give (5.0).
    Authentication(String),
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("the client disconnected"),
            Self::Dropped => f.write_str("the client dropped the connection"),
            Self::Refused(reason) => match reason.name_in(PacketType::ConnAck, version_of(*reason))
            {
                Some(name) => write!(f, "the server refused the connection: {reason} {name}"),
                None => write!(f, "the server refused the connection: {reason}"),
            },
            Self::Peer(Hangup::Eof) => f.write_str("the server closed the connection"),
            Self::Peer(Hangup::Reset) => f.write_str("the connection broke"),
            Self::ServerDisconnect(reason) => {
                match reason.name_in(PacketType::Disconnect, Version::V5_0) {
                    Some(name) => write!(f, "the server sent DISCONNECT {reason} {name}"),
                    None => write!(f, "the server sent DISCONNECT {reason}"),
                }
            }
            Self::PingTimeout => f.write_str("a PINGREQ was not answered in time"),
            Self::ConnectTimeout => f.write_str("no CONNACK came in time"),
            Self::DialFailed(why) => write!(f, "no connection: {why}"),
            Self::Violation => f.write_str("the server broke the standard"),
            Self::ProtocolError(error) => write!(f, "the server sent {error}"),
            Self::AnswerTooLarge => {
                f.write_str("an answer does not fit into the server's Maximum Packet Size")
            }
            Self::InvalidOptions(why) => write!(f, "the connect options are not valid: {why}"),
            Self::Authentication(why) => write!(f, "authentication failed: {why}"),
        }
    }
}

/// The version whose CONNACK has this code.
const fn version_of(refusal: ReasonCode) -> Version {
    match refusal.is_error() {
        true => Version::V5_0,
        false => Version::V3_1_1,
    }
}

/// Why a request will never be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Abandonment {
    /// The session it belonged to is gone; whether the server had the message is not known.
    SessionEnded,
    /// The connection ended before the SUBACK or UNSUBACK.
    ConnectionEnded,
    /// As much waits as may wait, see [`crate::QueueLimit`].
    QueueFull,
    /// There is nothing to authenticate anew: no connection, no Authentication Method, or an exchange is under way.
    NotAuthenticated,
    /// A client that somebody else wrote did not want to; in its own words.
    Declined(String),
    /// The topic is not a topic name.
    InvalidTopic(TopicError),
    /// This property may not stand in a client's PUBLISH, or this client does not use it.
    PropertyNotAllowed(PropertyId),
    /// The packet would break the standard.
    InvalidRequest(Violation),
    /// The packet cannot be written.
    NotEncodable(EncodeError),
    /// The packet is larger than the server takes (5.0).
    PacketTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The server's Maximum Packet Size in bytes.
        maximum: u32,
    },
    /// The server takes no QoS above this (5.0).
    QosNotSupported(QoS),
    /// The server keeps no retained messages (5.0).
    RetainNotSupported,
    /// The server has no wildcard subscriptions (5.0).
    WildcardSubscriptionsNotSupported,
    /// The server has no Subscription Identifiers (5.0).
    SubscriptionIdentifiersNotSupported,
    /// The server has no shared subscriptions (5.0).
    SharedSubscriptionsNotSupported,
}

impl fmt::Display for Abandonment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SessionEnded => f.write_str("the session ended before it was acknowledged"),
            Self::ConnectionEnded => f.write_str("the connection ended before it was answered"),
            Self::QueueFull => f.write_str("too much waits to be sent already"),
            Self::NotAuthenticated => f.write_str(
                "no connection with an Authentication Method on which no exchange is under way",
            ),
            Self::Declined(why) => write!(f, "the client did not want to: {why}"),
            Self::InvalidTopic(error) => write!(f, "the topic is not a topic name: {error}"),
            Self::PropertyNotAllowed(id) => match id.name() {
                Some(name) => write!(f, "{name} may not stand in a PUBLISH of this client"),
                None => write!(f, "there is no property 0x{:02X}", id.0),
            },
            Self::InvalidRequest(violation) => {
                write!(f, "the packet would not be valid: {violation}")
            }
            Self::NotEncodable(error) => write!(f, "the packet cannot be written: {error}"),
            Self::PacketTooLarge { size, maximum } => {
                write!(
                    f,
                    "the packet has {size} bytes and the server takes at most {maximum}"
                )
            }
            Self::QosNotSupported(most) => write!(f, "the server takes no QoS above {most}"),
            Self::RetainNotSupported => f.write_str("the server keeps no retained messages"),
            Self::WildcardSubscriptionsNotSupported => {
                f.write_str("the server has no wildcard subscriptions")
            }
            Self::SubscriptionIdentifiersNotSupported => {
                f.write_str("the server has no Subscription Identifiers")
            }
            Self::SharedSubscriptionsNotSupported => {
                f.write_str("the server has no shared subscriptions")
            }
        }
    }
}
