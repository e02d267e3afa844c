//! Where the broker under test is, and what it means that it cannot be reached.

use super::process::Process;
use squall_client::probe::ProbeError;
use squall_transport::{
    Address, AddressError, ClientTls, Credentials, Endpoint, LookupError, Memory,
};
use std::{fmt, io, rc::Rc, str::FromStr, time::Duration};
use tokio::time::timeout;

/// Where a broker is: at an [`Address`], or in this process.
#[derive(Clone, Debug)]
pub struct Target {
    place: Place,
    pub(crate) credentials: Option<Credentials>,
    tls: Option<ClientTls>,
    /// What starts it anew when it is lost.
    pub(crate) process: Option<Rc<Process>>,
}

#[derive(Clone, Debug)]
enum Place {
    At(Address),
    Memory(Memory),
}

impl Target {
    /// Reads an address, as [`Address::parse`] does.
    ///
    /// # Errors
    /// What is wrong with the text; a password in it is not told.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = Address::parse(text)?;
        let credentials = address.credentials().cloned();
        Ok(Self {
            credentials,
            ..Self::of(Place::At(address))
        })
    }

    /// A broker in this process. On a runtime whose time is paused, a whole run takes no longer than it computes.
    #[must_use]
    pub const fn memory(memory: Memory) -> Self {
        Self::of(Place::Memory(memory))
    }

    const fn of(place: Place) -> Self {
        Self {
            place,
            credentials: None,
            tls: None,
            process: None,
        }
    }

    /// The same, where clients say these credentials if the address has none of its own.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<&Credentials>) -> Self {
        self.credentials = self.credentials.or_else(|| credentials.cloned());
        self
    }

    /// The same, where TLS is as these settings say.
    #[must_use]
    pub fn with_tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The same, started anew by `process` whenever it is lost.
    #[must_use]
    pub fn with_process(mut self, process: Rc<Process>) -> Self {
        self.process = Some(process);
        self
    }

    /// Whether the address says a user name.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// What clients say to be let in, if anything.
    #[must_use]
    pub const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether TLS is spoken on the way there.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        match &self.place {
            Place::At(address) => address.scheme().is_encrypted(),
            Place::Memory(_) => false,
        }
    }

    /// Looks the name up and gives its addresses.
    ///
    /// # Errors
    /// When it has none, it takes longer than `limit`, or TLS cannot be set up.
    pub async fn resolve(&self, limit: Duration) -> Result<Vec<Endpoint>, Unreachable> {
        let address = match &self.place {
            Place::At(address) => address,
            Place::Memory(memory) => return Ok(vec![memory.clone().into()]),
        };
        let found = timeout(limit, address.resolve(self.tls.as_ref()));
        found
            .await
            .unwrap_or(Err(LookupError::Late(limit)))
            .map_err(|error| self.unreachable(Reason::Lookup(error.to_string())))
    }

    pub(crate) fn unreachable(&self, reason: Reason) -> Unreachable {
        let target = self.to_string();
        Unreachable { target, reason }
    }
}

impl FromStr for Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::At(address) => {
                let address = address.clone().with_credentials(self.credentials.clone());
                address.fmt(f)
            }
            Place::Memory(_) => f.write_str("a broker in this process"),
        }
    }
}

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
