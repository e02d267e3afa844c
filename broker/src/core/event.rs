//! What goes in and out of the core, as data.

use super::ProtocolError;
use crate::security::Credentials;
use bytes::Bytes;
use squall_protocol::{Frame, Packet, ReasonCode, Violation};
use squall_transport::Hangup;
use std::fmt;

/// A connection. Chosen by the driver, never used twice, increasing in the order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the driver has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes, exactly one packet.
    Send {
        /// Where to.
        conn: ConnId,
        /// The packet.
        bytes: Bytes,
    },
    /// Find out whether a client is who it says, and tell [`crate::Broker::handle_verified`]. Nothing else of the
    /// connection is handled before; it may end, and then nobody waits for the answer.
    Verify {
        /// Whose they are.
        conn: ConnId,
        /// What was said.
        credentials: Credentials,
    },
    /// Close the connection once everything before it was sent. The core knows nothing of it any more.
    Close {
        /// Which one.
        conn: ConnId,
    },
}

/// What happened, in exact order; for traces and oracles. Queued only while somebody observes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The transport was opened.
    Opened {
        /// The new connection.
        conn: ConnId,
    },
    /// A whole packet arrived.
    Received {
        /// Where from.
        conn: ConnId,
        /// The packet and its bytes.
        frame: Frame,
    },
    /// What arrived is not a packet this peer may send in this form. `Closed` follows.
    Violation {
        /// Where from.
        conn: ConnId,
        /// The rule that was broken.
        violation: Violation,
    },
    /// A packet was handed to the transport.
    Sent {
        /// Where to.
        conn: ConnId,
        /// The packet and its bytes.
        frame: Frame,
    },
    /// Bytes were handed to the transport that are no whole packet, or none at all; only a [`crate::Scripted`] broker
    /// does so. The packets that were whole went before, as [`Self::Sent`].
    SentRaw {
        /// Where to.
        conn: ConnId,
        /// All of them, whole packets too.
        bytes: Bytes,
        /// What was sent on this connection cannot be read as packets any more.
        broken: bool,
    },
    /// The connection is over. Comes exactly once for each `Opened`.
    Closed {
        /// Which one.
        conn: ConnId,
        /// Why.
        cause: CloseCause,
    },
    /// The broker cannot go on, for this reason, as [`crate::Machine::failure`] says, too: every connection is closed next.
    Failed(String),
}

impl Output {
    /// Bytes that a packet which waits for its transport takes beside its own, as [`crate::Broker::handle_room`]
    /// counts them.
    pub const PACKET_BYTES: usize = 128;
}

impl Event {
    /// The connection it happened on, if it is about one.
    #[must_use]
    pub const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Opened { conn }
            | Self::Received { conn, .. }
            | Self::Violation { conn, .. }
            | Self::Sent { conn, .. }
            | Self::SentRaw { conn, .. }
            | Self::Closed { conn, .. } => Some(*conn),
            Self::Failed(_) => None,
        }
    }
}

/// Which events are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observing {
    Nothing,
    /// Those of connections, and the packets that say who has one.
    Connections,
    Everything,
}

impl Observing {
    /// Whether this packet is an event.
    pub(super) const fn includes(self, packet: &Packet) -> bool {
        match self {
            Self::Nothing => false,
            Self::Connections => matches!(packet, Packet::Connect(_) | Packet::ConnAck(_)),
            Self::Everything => true,
        }
    }
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCause {
    /// The transport ended without DISCONNECT.
    Peer(Hangup),
    /// The client sent DISCONNECT with this reason code (0x00 in 3.1.1).
    Disconnected(ReasonCode),
    /// The client sent bytes that break the standard; an [`Event::Violation`] went before.
    Violation,
    /// The client sent a well-formed packet that may not come now, or that asks for what is not offered.
    ProtocolError(ProtocolError),
    /// Nothing was heard for one and a half times the Keep Alive.
    KeepAlive,
    /// Another connection with the same Client Identifier took the session over.
    TakenOver,
    /// No complete CONNECT came in time, or who sent it was not known by then.
    ConnectTimeout,
    /// CONNECT was refused with this reason code (in the numbers of 5.0, whatever the version).
    Refused(ReasonCode),
    /// An answer does not fit into the client's Maximum Packet Size.
    AnswerTooLarge,
    /// It did not read, and more was waiting for it than for any other when all that waited was too much.
    TooSlow,
    /// The broker is being shut down.
    ServerShutdown,
    /// A [`crate::Scripted`] broker was told to close it.
    Scripted,
}

impl From<ProtocolError> for CloseCause {
    fn from(error: ProtocolError) -> Self {
        Self::ProtocolError(error)
    }
}

impl fmt::Display for CloseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(Hangup::Eof) => f.write_str("the client closed without DISCONNECT"),
            Self::Peer(Hangup::Reset) => f.write_str("the connection broke"),
            Self::Disconnected(reason) => write!(f, "the client sent DISCONNECT {reason}"),
            Self::Violation => f.write_str("the client broke the standard"),
            Self::ProtocolError(error) => error.fmt(f),
            Self::KeepAlive => {
                f.write_str("nothing was heard for one and a half times the Keep Alive")
            }
            Self::TakenOver => f.write_str("another connection took the session over"),
            Self::ConnectTimeout => f.write_str("no CONNECT came in time"),
            Self::Refused(reason) => write!(f, "CONNECT was refused with {reason}"),
            Self::AnswerTooLarge => {
                f.write_str("an answer does not fit into the client's Maximum Packet Size")
            }
            Self::TooSlow => {
                f.write_str("the client did not read, and too much was waiting for all of them")
            }
            Self::ServerShutdown => f.write_str("the broker is being shut down"),
            Self::Scripted => f.write_str("the broker was told to close it"),
        }
    }
}

/// What the broker had to give up, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Copies that found the queue of their session full, or no room among all messages; and, where the oldest go,
    /// those that made room for others.
    pub dropped_queue_full: u64,
    /// QoS 0 copies for clients whose transport took no more.
    pub dropped_line_full: u64,
    /// Connections that were given up as their clients did not read.
    pub closed_slow: u64,
    /// Messages that were refused whole because there was no room for them in the broker; with QoS 1 or 2 the
    /// publisher was told.
    pub refused_full: u64,
    /// Messages of publishers who may not publish to their topics, wills among them.
    pub denied: u64,
    /// Copies whose Message Expiry Interval passed before they could be sent.
    pub dropped_expired: u64,
    /// Messages larger than a client's Maximum Packet Size.
    pub dropped_too_large: u64,
}
