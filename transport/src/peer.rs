//! Who is at the other end of a server's connection.

use std::{net::SocketAddr, sync::Arc};

/// Who is at the other end, as far as the transport knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address, where the transport has addresses.
    pub address: Option<SocketAddr>,
    /// The listener can be reached from this machine only.
    pub local: bool,
    /// What is said on the connection is encrypted.
    pub encrypted: bool,
    /// The common name or first DNS/URI name of a verified client certificate.
    pub certificate: Option<Arc<str>>,
}
