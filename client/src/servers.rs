//! Several servers to dial, one after the other, and where they refer a client to.

use crate::open::{Reference, References};
use squall_transport::Dial;
use std::{io, net::SocketAddr};
use tokio::net::{TcpStream, lookup_host};

/// Dials one of several servers: in turn, beginning with the one that was reached last, and the next one where a dial
/// fails.
///
/// It also goes where a server refers its client to, if [`crate::Settings::follow`] is given [`Self::references`]: for one
/// connection where the server says 0x9C *Use another server*, and from then on where it says 0x9D *Server moved*.
///
/// `F` makes of the name of a server somebody who dials it, so that any transport will do:
///
/// ```
/// use squall_client::{HostDial, Servers};
///
/// let servers = Servers::tcp(["mqtt-1.example.org", "mqtt-2.example.org:1884"]);
/// let the_same = Servers::new(
///     ["mqtt-1.example.org", "mqtt-2.example.org:1884"],
///     |name: &str| HostDial::new(name),
/// );
/// assert_eq!(servers.names(), the_same.names());
/// ```
#[derive(Debug)]
pub struct Servers<F> {
    names: Vec<String>,
    /// The place of the one that is dialed first.
    first: usize,
    /// Where to go for one connection.
    once: Vec<String>,
    references: References,
    make: F,
}

impl Servers<fn(&str) -> HostDial> {
    /// Servers that are reached over TCP, as [`HostDial::new`] takes them.
    #[must_use]
    pub fn tcp<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::new(names, HostDial::new)
    }
}

impl<D: Dial, F: FnMut(&str) -> D> Servers<F> {
    /// These servers.
    #[must_use]
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>, make: F) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
            first: 0,
            once: Vec::new(),
            references: References::default(),
            make,
        }
    }

    /// Where the client notes what servers refer it to.
    #[must_use]
    pub const fn references(&self) -> &References {
        &self.references
    }

    /// The servers, in the order in which they were given, or where one has moved to.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Takes a reference into account.
    fn follow(&mut self) {
        let Some(Reference { servers, moved }) = self.references.take() else {
            return;
        };
        let names = servers.split_whitespace().map(str::to_owned);
        let names: Vec<String> = names.collect();
        match moved && !names.is_empty() {
            true => {
                self.names = names;
                self.first = 0;
            }
            false => self.once = names,
        }
    }
}

impl<D: Dial, F: FnMut(&str) -> D> Dial for Servers<F> {
    type Stream = D::Stream;

    async fn dial(&mut self) -> io::Result<D::Stream> {
        self.follow();
        let mut failed = None;
        for name in std::mem::take(&mut self.once) {
            let mut dial = (self.make)(&name);
            match dial.dial().await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Some(said_of(&name, &error)),
            }
        }
        for _ in 0..self.names.len() {
            let name = self.names[self.first].clone();
            let mut dial = (self.make)(&name);
            match dial.dial().await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Some(said_of(&name, &error)),
            }
            // Also for an attempt that is given up meanwhile: the next one begins here.
            self.first = (self.first + 1) % self.names.len();
        }
        Err(failed.unwrap_or_else(|| io::Error::other("there is no server to dial")))
    }
}

fn said_of(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

/// Dials a host over TCP, without Nagle's delay: each of its addresses in turn, until one answers. The name is looked up
/// each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostDial {
    host: String,
}

/// The port of MQTT over TCP.
const PORT: u16 = 1883;

impl HostDial {
    /// A host and its port: `mqtt.example.org:1884`, `192.0.2.7`, `[2001:db8::7]:1883`. Without a port, 1883.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let bare_v6 = name.parse::<std::net::Ipv6Addr>().is_ok();
        let after_host = name.rsplit(']').next().unwrap_or(name);
        let host = match after_host.contains(':') && !bare_v6 {
            true => name.to_owned(),
            false if bare_v6 => format!("[{name}]:{PORT}"),
            false => format!("{name}:{PORT}"),
        };
        Self { host }
    }
}

impl Dial for HostDial {
    type Stream = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        let addresses: Vec<SocketAddr> = lookup_host(self.host.as_str()).await?.collect();
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, rc::Rc};
    use tokio::io::{DuplexStream, duplex};

    struct Named(String, Rc<RefCell<Vec<String>>>);

    impl Dial for Named {
        type Stream = DuplexStream;

        async fn dial(&mut self) -> io::Result<DuplexStream> {
            self.1.borrow_mut().push(self.0.clone());
            match self.0.starts_with("down") {
                true => Err(io::ErrorKind::ConnectionRefused.into()),
                false => Ok(duplex(1).0),
            }
        }
    }

    #[test]
    fn a_host_has_the_port_of_mqtt_unless_it_says_another() {
        let hosts = ["h", "h:1", "1.2.3.4", "[::1]:2", "[::1]", "::1"];
        let hosts = hosts.map(|name| HostDial::new(name).host);
        assert_eq!(
            hosts,
            [
                "h:1883",
                "h:1",
                "1.2.3.4:1883",
                "[::1]:2",
                "[::1]:1883",
                "[::1]:1883"
            ]
        );
    }

    #[tokio::test]
    async fn servers_are_dialed_in_turn_and_references_followed() {
        let dialed = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&dialed);
        let make = move |name: &str| Named(name.to_owned(), Rc::clone(&seen));
        let mut servers = Servers::new(["down-1", "up-1", "up-2"], make);
        let take = || std::mem::take(&mut *dialed.borrow_mut());
        assert!(servers.dial().await.is_ok());
        assert_eq!(take(), ["down-1", "up-1"]);
        assert!(servers.dial().await.is_ok());
        assert_eq!(take(), ["up-1"], "the one that was reached last");
        let say = |servers: &str, moved| Reference {
            servers: servers.into(),
            moved,
        };
        servers.references().set(say("down-2 up-3", false));
        assert!(servers.dial().await.is_ok());
        assert!(servers.dial().await.is_ok());
        assert_eq!(take(), ["down-2", "up-3", "up-1"], "for one connection");
        servers.references().set(say("down-3", true));
        let why = servers.dial().await.unwrap_err().to_string();
        assert_eq!(why, "down-3: connection refused");
        assert!(servers.dial().await.is_err());
        assert_eq!(take(), ["down-3", "down-3"], "for good");
    }
}
