//! Addresses as people write them.

use crate::{
    ClientTls, Endpoint, TlsError, TlsSettings, WEB_SOCKET_PATH, WebSocketRequest,
    credentials::{Credentials, Unreadable, without_password},
};
use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};
use tokio::net::lookup_host;

/// Where a server is: `mqtt://`, `mqtts://`, `ws://` or `wss://` and `[USER[:PASSWORD]@]HOST[:PORT][/PATH]`, or
/// `unix:/PATH`.
///
/// `tcp` is another word for `mqtt`, `ssl` and `tls` are for `mqtts`. User name and password are percent-encoded. An IPv6
/// address stands in brackets. The port is that of the scheme where none is given, and so is the path of a WebSocket,
/// [`WEB_SOCKET_PATH`]; an `@` in a path is written `%40`. A unix socket with a user name is
/// `unix://USER:PASSWORD@/PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    credentials: Option<Credentials>,
    /// The host, without brackets; nothing for a unix socket.
    host: String,
    port: u16,
    /// The path of a WebSocket or of a unix socket.
    path: String,
}

/// What is spoken at an address, and below MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TCP, port 1883.
    Mqtt,
    /// TLS, port 8883.
    Mqtts,
    /// WebSocket, port 80.
    Ws,
    /// WebSocket over TLS, port 443.
    Wss,
    /// A unix socket.
    Unix,
}

impl Scheme {
    const ALL: [(&str, Self); 8] = [
        ("mqtt", Self::Mqtt),
        ("mqtts", Self::Mqtts),
        ("ws", Self::Ws),
        ("wss", Self::Wss),
        ("unix", Self::Unix),
        ("tcp", Self::Mqtt),
        ("ssl", Self::Mqtts),
        ("tls", Self::Mqtts),
    ];

    fn of(text: &str) -> Option<Self> {
        let known = Self::ALL
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        known.map(|(_, scheme)| *scheme)
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Mqtts | Self::Wss)
    }

    const fn is_web_socket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The port where none is given.
    const fn port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
            Self::Ws => 80,
            Self::Wss => 443,
            Self::Unix => 0,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Unix => "unix",
        })
    }
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum AddressError {
    #[error("`{0}` has no scheme; write mqtt://HOST[:PORT], such as mqtt://127.0.0.1:1883")]
    NoScheme(String),
    #[error(
        "`{0}://` is not known; write mqtt://HOST[:PORT], mqtts:// for TLS, ws:// or wss:// for WebSocket, or unix:/PATH"
    )]
    Scheme(String),
    #[error("`{0}` names no host; write {1}://HOST[:PORT]")]
    NoHost(String, Scheme),
    #[error("`{0}` is not a port; write a number from 1 to 65535")]
    Port(String),
    #[error(
        "`{0}` has a `%` without two hex digits in its user name or password; write %25 for a `%`"
    )]
    Escape(String),
    #[error("the user name in `{0}` is no UTF-8, as MQTT asks of it")]
    UserName(String),
    #[error("the user name or the password in the address is longer than 65,535 bytes")]
    TooLong,
    #[error(
        "`{0}` has something after the port; write {1}://HOST[:PORT], as only ws:// and wss:// have a path"
    )]
    Path(String, Scheme),
    #[error(
        "`{0}` has a path that no request can have; percent-encode what is no plain letter, digit or sign"
    )]
    BadPath(String),
    #[error("`{0}` is not an IPv6 address in brackets; write {1}://[::1]:1883")]
    Brackets(String, Scheme),
    #[error("`{0}` names no unix socket; write unix:/PATH with the whole path")]
    NoSocket(String),
}

/// Whether a text is meant to be an address, right or wrong, and not the name of something.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.contains("://") || text.starts_with("unix:")
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with the text; a password in it is not told.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let shown = || without_password(text);
        let (scheme, rest) = match (text.split_once("://"), text.split_once(':')) {
            (Some(parts), _) => parts,
            (None, Some((scheme, rest))) if Scheme::of(scheme) == Some(Scheme::Unix) => {
                (scheme, rest)
            }
            _ => return Err(AddressError::NoScheme(shown())),
        };
        let scheme = Scheme::of(scheme).ok_or_else(|| AddressError::Scheme(scheme.to_owned()))?;
        let (credentials, rest) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, rest)) => {
                let read = Credentials::parse(login).map_err(|why| match why {
                    Unreadable::Escape => AddressError::Escape(shown()),
                    Unreadable::UserName => AddressError::UserName(shown()),
                    Unreadable::TooLong => AddressError::TooLong,
                })?;
                (Some(read), rest)
            }
        };
        let (host, port, path) = match scheme {
            Scheme::Unix => ("", 0, socket(rest, shown)?),
            _ => place(scheme, rest, shown)?,
        };
        Ok(Self {
            scheme,
            credentials,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        })
    }

    /// What is spoken there.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who clients are to say they are, if anybody.
    #[must_use]
    pub const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The same, where clients are to say that they are somebody else.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.credentials = credentials;
        self
    }

    /// Looks the name up and gives every address that it has, in the order in which they are to be tried. Where TLS is
    /// spoken and no settings are given, they are read as if nothing was said. A runtime with network is needed. It takes as
    /// long as the system's resolver does.
    ///
    /// # Errors
    /// Why there is none, or why TLS cannot be set up.
    pub async fn resolve(&self, tls: Option<&ClientTls>) -> Result<Vec<Endpoint>, LookupError> {
        #[cfg(unix)]
        if self.scheme == Scheme::Unix {
            let path = std::path::Path::new(&self.path);
            return Ok(vec![Endpoint::Unix(path.into())]);
        }
        #[cfg(not(unix))]
        if self.scheme == Scheme::Unix {
            return Err(LookupError::Name(
                "this system has no unix sockets".to_owned(),
            ));
        }
        let secured = match (self.scheme.is_encrypted(), tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls.to(&self.host)?),
            (true, None) => Some(ClientTls::new(&TlsSettings::default())?.to(&self.host)?),
        };
        let request = self.scheme.is_web_socket().then(|| WebSocketRequest {
            host: self.host_and_port(),
            path: self.path.clone(),
        });
        let endpoint = |address: SocketAddr| match (request.clone(), secured.clone()) {
            (None, None) => Endpoint::Tcp(address),
            (None, Some(secured)) => Endpoint::Tls(address, secured),
            (Some(request), None) => Endpoint::WebSocket(address, request),
            (Some(request), Some(secured)) => Endpoint::WebSocketTls(address, request, secured),
        };
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|error| LookupError::Name(error.to_string()))?;
        let found: Vec<Endpoint> = found.map(endpoint).collect();
        match found.is_empty() {
            true => Err(LookupError::Name("it has no address".to_owned())),
            false => Ok(found),
        }
    }

    fn host_and_port(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Why an address leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The host's name has no address; why not.
    #[error("the host name cannot be resolved ({0}); check its spelling")]
    Name(String),
    /// It was not found out whether it has one.
    #[error("the host name was not resolved within {0:?}")]
    Late(Duration),
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Unix sockets on a system that has none.
    #[error("this system has no unix sockets")]
    NoSockets,
}

/// Takes `HOST[:PORT][/PATH]` apart; `shown` is the whole address, for messages.
fn place(
    scheme: Scheme,
    rest: &str,
    shown: impl Fn() -> String,
) -> Result<(&str, u16, &str), AddressError> {
    let (place, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let path = match (scheme.is_web_socket(), path) {
        (true, "") => WEB_SOCKET_PATH,
        (false, "" | "/") => "",
        (false, _) => return Err(AddressError::Path(shown(), scheme)),
        (true, path) if is_path(path) => path,
        (true, _) => return Err(AddressError::BadPath(shown())),
    };
    let (host, port) = split(scheme, place, shown)?;
    Ok((host, port, path))
}

/// Whether a request of HTTP can ask for it.
fn is_path(path: &str) -> bool {
    let plain = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'#' | b'<' | b'>');
    path.starts_with('/') && path.bytes().all(plain)
}

fn split(
    scheme: Scheme,
    place: &str,
    shown: impl Fn() -> String,
) -> Result<(&str, u16), AddressError> {
    let brackets = || AddressError::Brackets(place.to_owned(), scheme);
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => split_brackets(inner).ok_or_else(brackets)?,
        None => match place.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(brackets()),
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if host.is_empty() || host.contains(odd) {
        return Err(AddressError::NoHost(shown(), scheme));
    }
    match port.map(str::parse) {
        None => Ok((host, scheme.port())),
        Some(Ok(port)) if port > 0 => Ok((host, port)),
        Some(_) => Err(AddressError::Port(port.unwrap_or_default().to_owned())),
    }
}

/// Takes `::1]:1883` apart.
fn split_brackets(inner: &str) -> Option<(&str, Option<&str>)> {
    let (host, rest) = inner.split_once(']')?;
    host.parse::<std::net::Ipv6Addr>().ok()?;
    match rest {
        "" => Some((host, None)),
        _ => Some((host, Some(rest.strip_prefix(':')?))),
    }
}

/// The path of a unix socket.
fn socket(rest: &str, shown: impl Fn() -> String) -> Result<&str, AddressError> {
    match rest.starts_with('/') && rest.len() > 1 && !rest.contains('\0') {
        true => Ok(rest),
        false => Err(AddressError::NoSocket(shown())),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// With stars in the place of a password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path) = (self.scheme, &self.path);
        let login = self.credentials.as_ref().map(|c| format!("{}@", c.shown()));
        match (scheme, login) {
            (Scheme::Unix, None) => write!(f, "unix:{path}"),
            (Scheme::Unix, Some(login)) => write!(f, "unix://{login}{path}"),
            (_, login) => {
                let (login, place) = (login.unwrap_or_default(), self.host_and_port());
                write!(f, "{scheme}://{login}{place}{path}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, shown) in [
            ("mqtt://localhost", "mqtt://localhost:1883"),
            ("MQTT://10.0.0.1:1/", "mqtt://10.0.0.1:1"),
            ("mqtt://[::1]", "mqtt://[::1]:1883"),
            ("mqtt://[::1]:99", "mqtt://[::1]:99"),
            ("tcp://h:1", "mqtt://h:1"),
            ("mqtts://h", "mqtts://h:8883"),
            ("ssl://h", "mqtts://h:8883"),
            ("TLS://h:1", "mqtts://h:1"),
            ("ws://h", "ws://h:80/mqtt"),
            ("ws://h:8080/", "ws://h:8080/"),
            ("wss://h", "wss://h:443/mqtt"),
            ("wss://[::1]/a/b?c=d", "wss://[::1]:443/a/b?c=d"),
            ("ws://me:secret@h/a%40b", "ws://me:***@h:80/a%40b"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:///run/a b.sock", "unix:/run/a b.sock"),
            ("unix://me:secret@/run/a.sock", "unix://me:***@/run/a.sock"),
            ("mqtt://me@h", "mqtt://me@h:1883"),
            ("mqtt://me:secret@[::1]:1", "mqtt://me:***@[::1]:1"),
            ("mqtt://a%40b:p/q@r@h:1/", "mqtt://a%40b:***@h:1"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(Address::parse(shown).unwrap().to_string(), shown);
            assert!(!format!("{address:?}").contains("secret"));
            assert!(is_address(text), "{text}");
        }
    }

    #[test]
    fn bad_addresses_say_what_to_write() {
        let errors: Vec<_> = [
            "localhost:1883",
            "http://h",
            "mqtt://",
            "mqtt://:1883",
            "mqtts://h:0",
            "mqtt://h:x",
            "mqtt://h:70000",
            "mqtt://u:%zz@h",
            "mqtt://%FF:secret@h",
            "mqtt://u:secret@",
            "mqtt://u:secret@h:0",
            "ws://u:secret@h:x/y",
            "u:secret@h",
            "mqtt://u:secret@h/path",
            "mqtts://h/path",
            "ws://h/a b",
            "ws://h?a",
            "wss://h/#a",
            "mqtt://::1",
            "mqtt://[::1",
            "mqtts://[h]:1",
            "unix:",
            "unix:a",
            "unix://h/path",
            "unix:/",
        ]
        .into_iter()
        .map(|text| format!("{text}: {}", Address::parse(text).unwrap_err()))
        .collect();
        let told = |line: &&String| {
            line.split_once(": ")
                .is_some_and(|(_, e)| e.contains("secret"))
        };
        assert_eq!(errors.iter().find(told), None);
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[tokio::test]
    async fn an_address_leads_to_every_place_that_it_has() {
        let address = Address::parse("ws://127.0.0.1:1/a").unwrap();
        let found = address.resolve(None).await.unwrap();
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["ws://127.0.0.1:1/a"]
        );
        let nowhere = Address::parse("mqtt://no-such-host.invalid").unwrap();
        assert!(matches!(
            nowhere.resolve(None).await,
            Err(LookupError::Name(_))
        ));
    }
}
