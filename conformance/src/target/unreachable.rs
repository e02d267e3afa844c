//! What it means that a broker cannot be reached.

use squall_client::probe::ProbeError;
use squall_transport::Endpoint;
use std::{fmt, io, time::Duration};

/// Nobody answers at the target's address, so nothing was judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot reach {target}: {reason}")]
pub struct Unreachable {
    /// The target.
    pub target: String,
    /// Why not.
    pub(crate) reason: Reason,
}

impl Unreachable {
    /// Whether the message says what to do.
    #[must_use]
    pub const fn says_what_to_do(&self) -> bool {
        matches!(self.reason, Reason::Handshake(_))
    }
}

/// Why a target cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Why the address leads nowhere.
    Lookup(String),
    Refused,
    NoSocket,
    Timeout(Duration),
    /// Nothing came of what is spoken below MQTT.
    HandshakeTimeout(Duration),
    /// A handshake failed, which says what to do.
    Handshake(String),
    Other(String),
}

impl Reason {
    pub(crate) fn of(error: &ProbeError) -> Self {
        match error {
            ProbeError::Connect(_, error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Self::Refused,
                io::ErrorKind::NotFound => Self::NoSocket,
                io::ErrorKind::InvalidData => Self::Handshake(error.to_string()),
                _ => Self::Other(error.to_string()),
            },
            ProbeError::ConnectTimeout(Endpoint::Tcp(_), limit) => Self::Timeout(*limit),
            ProbeError::ConnectTimeout(_, limit) => Self::HandshakeTimeout(*limit),
            other => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSocket => f.write_str("there is no such socket; is the broker running?"),
            Self::Refused => f.write_str(
                "the connection is refused; is the broker running, and does it listen on this port?",
            ),
            Self::Timeout(limit) => write!(
                f,
                "no connection within {limit:?}; is a firewall in between?"
            ),
            Self::HandshakeTimeout(limit) => write!(
                f,
                "no connection within {limit:?}; is a firewall in between, or does the broker speak something else on this port, such as MQTT without TLS or WebSocket?"
            ),
            Self::Lookup(error) | Self::Handshake(error) | Self::Other(error) => f.write_str(error),
        }
    }
}
