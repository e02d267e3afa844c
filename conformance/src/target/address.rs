//! Where the broker under test is.

use super::{
    process::{ANSWER, Process, ProcessError},
    unreachable::{Reason, Unreachable},
};
use squall_transport::{
    Address, AddressError, ClientTls, Credentials, Endpoint, LookupError, Memory,
};
use std::{fmt, rc::Rc, str::FromStr, time::Duration};
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

    /// Starts what serves here, for the first time, and waits until it answers a CONNECT at this address. When this is
    /// given up, it ends with `process`.
    ///
    /// # Errors
    /// When the address leads nowhere, and as [`Process::start`].
    pub async fn start(&self, process: &Process) -> Result<(), ProcessError> {
        let found = self.resolve(ANSWER).await?;
        if let Some(endpoint) = found.into_iter().next() {
            process.stands_at(endpoint);
        }
        process.start().await
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
