//! What a probe tells: what it heard, how a wait ended, why it could not do what it was told.

use squall_protocol::{EncodeError, Packet, Violation};
use squall_transport::{Endpoint, Hangup};
use std::{io, time::Duration};

/// Why a probe could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No connection.
    #[error("could not connect to {0}: {1}")]
    Connect(Endpoint, io::Error),
    /// No connection within the time.
    #[error("could not connect to {0} within {1:?}")]
    ConnectTimeout(Endpoint, Duration),
    /// The peer has closed the connection.
    #[error("could not send {0}: the connection is closed ({1})")]
    Closed(String, io::Error),
    /// The peer does not read.
    #[error("could not send {0} within {1:?}: the server does not read")]
    SendTimeout(String, Duration),
    /// The packet cannot be written.
    #[error("could not write the packet: {0}")]
    Encode(#[from] EncodeError),
}

/// What a probe heard while it waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A well-formed packet.
    Packet(Packet),
    /// The peer broke the standard. Nothing more can be read from it but the end of the connection.
    Violation(Violation),
    /// The peer closed the connection.
    Closed(Hangup),
    /// A packet longer than [`super::Probe::LARGEST_PACKET`] is on its way; the probe does not make room for it.
    TooLong,
    /// More has come than [`super::Probe::MOST_PACKETS`] or [`super::Probe::MOST_BYTES`]; the probe reads no more of it.
    Flood,
    /// Nothing within the time.
    Silence,
}

/// The outcome of [`super::Probe::fence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What arrived before the end, within the budget of [`super::Kept`].
    pub before: Vec<Packet>,
    /// What ended the wait; a `Packet` is the PINGRESP.
    pub end: Heard,
}

impl Fence {
    /// Whether the PINGRESP came.
    #[must_use]
    pub fn reached(&self) -> bool {
        matches!(self.end, Heard::Packet(_))
    }
}

/// The outcome of [`super::Probe::expect_close`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What arrived before, within the budget of [`super::Kept`].
    pub before: Vec<Packet>,
    /// The violation after which nothing could be read any more, if there was one.
    pub violation: Option<Violation>,
    /// More came than a probe takes in ([`Heard::Flood`], [`Heard::TooLong`]); what came after that is not known.
    pub beyond_measure: bool,
    /// How the connection ended; `None` when it did not end within the time.
    pub close: Option<Hangup>,
}
