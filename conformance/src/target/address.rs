//! Where the broker under test is, and what it means that it cannot be reached.

use super::{
    credentials::{Credentials, Unreadable, without_password},
    process::Process,
};
use squall_transport::{Endpoint, Memory};
use std::{fmt, io, rc::Rc, str::FromStr, time::Duration};
use tokio::{net::lookup_host, time::timeout};

/// Where a broker is: at `mqtt://[USER[:PASSWORD]@]HOST[:PORT]`, or in this process.
#[derive(Clone, Debug)]
pub struct Target {
    place: Place,
    pub(crate) credentials: Option<Credentials>,
    /// What starts it anew when it is lost.
    pub(crate) process: Option<Rc<Process>>,
}

#[derive(Clone, Debug)]
enum Place {
    Tcp { host: String, port: u16 },
    Memory(Memory),
}

/// The port of MQTT over TCP.
const PORT: u16 = 1883;

/// Why a text is not the address of a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum TargetError {
    #[error("`{0}` has no scheme; write mqtt://HOST[:PORT], such as mqtt://127.0.0.1:1883")]
    NoScheme(String),
    #[error("`{0}://` cannot be tested; only plain TCP can: write mqtt://HOST[:PORT]")]
    Scheme(String),
    #[error("`{0}` names no host; write mqtt://HOST[:PORT]")]
    NoHost(String),
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
    #[error("`{0}` has something after the port; write mqtt://HOST[:PORT]")]
    Path(String),
    #[error("`{0}` is not an IPv6 address in brackets; write mqtt://[::1]:1883")]
    Brackets(String),
}

impl Target {
    /// Reads `mqtt://[USER[:PASSWORD]@]HOST[:PORT]`, with `tcp` as another word for `mqtt`. User name and password are
    /// percent-encoded, the port is 1883 where none is given, an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// What is wrong with the text; a password in it is not told.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let shown = || without_password(text);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(TargetError::NoScheme(shown()));
        };
        if !["mqtt", "tcp"]
            .iter()
            .any(|s| scheme.eq_ignore_ascii_case(s))
        {
            return Err(TargetError::Scheme(scheme.to_owned()));
        }
        let (credentials, rest) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, rest)) => {
                let read = Credentials::parse(login).map_err(|why| match why {
                    Unreadable::Escape => TargetError::Escape(shown()),
                    Unreadable::UserName => TargetError::UserName(shown()),
                    Unreadable::TooLong => TargetError::TooLong,
                })?;
                (Some(read), rest)
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(TargetError::Path(shown()));
        }
        let (host, port) = split(rest, shown)?;
        let host = host.to_owned();
        Ok(Self {
            place: Place::Tcp { host, port },
            credentials,
            process: None,
        })
    }

    /// A broker in this process. On a runtime whose time is paused, a whole run takes no longer than it computes.
    #[must_use]
    pub const fn memory(memory: Memory) -> Self {
        Self {
            place: Place::Memory(memory),
            credentials: None,
            process: None,
        }
    }

    /// The same, where clients say these credentials if the address has none of its own.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<&Credentials>) -> Self {
        self.credentials = self.credentials.or_else(|| credentials.cloned());
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

    /// Looks the name up and gives its addresses.
    ///
    /// # Errors
    /// When it has none, or it takes longer than `limit`.
    pub async fn resolve(&self, limit: Duration) -> Result<Vec<Endpoint>, Unreachable> {
        let (host, port) = match &self.place {
            Place::Tcp { host, port } => (host.as_str(), *port),
            Place::Memory(memory) => return Ok(vec![memory.clone().into()]),
        };
        let unreachable = |reason| Unreachable {
            target: self.to_string(),
            reason,
        };
        match timeout(limit, lookup_host((host, port))).await {
            Err(_) => Err(unreachable(Reason::DnsTimeout(limit))),
            Ok(Err(error)) => Err(unreachable(Reason::Dns(error.to_string()))),
            Ok(Ok(found)) => match found.map(Endpoint::from).collect::<Vec<_>>() {
                none if none.is_empty() => {
                    Err(unreachable(Reason::Dns("it has no address".to_owned())))
                }
                some => Ok(some),
            },
        }
    }

    pub(crate) fn unreachable(&self, reason: Reason) -> Unreachable {
        let target = self.to_string();
        Unreachable { target, reason }
    }
}

/// Takes `HOST[:PORT]` apart; `shown` is the whole address, for messages.
fn split(rest: &str, shown: impl Fn() -> String) -> Result<(&str, u16), TargetError> {
    let (host, port) = match rest.strip_prefix('[') {
        Some(inner) => split_brackets(inner).ok_or(TargetError::Brackets(rest.to_owned()))?,
        None => match rest.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(TargetError::Brackets(rest.to_owned()));
            }
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(TargetError::NoHost(shown()));
    }
    match port.map(str::parse) {
        None => Ok((host, PORT)),
        Some(Ok(port)) if port > 0 => Ok((host, port)),
        Some(_) => Err(TargetError::Port(port.unwrap_or_default().to_owned())),
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

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = match &self.credentials {
            Some(credentials) => format!("{}@", credentials.shown()),
            None => String::new(),
        };
        match &self.place {
            Place::Tcp { host, port } if host.contains(':') => {
                write!(f, "mqtt://{login}[{host}]:{port}")
            }
            Place::Tcp { host, port } => write!(f, "mqtt://{login}{host}:{port}"),
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

/// Why a target cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Dns(String),
    DnsTimeout(Duration),
    Refused,
    Timeout(Duration),
    Other(String),
}

impl Reason {
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(error) => {
                write!(f, "the host name cannot be resolved ({error}); check its spelling")
            }
            Self::DnsTimeout(limit) => {
                write!(f, "the host name was not resolved within {limit:?}")
            }
            Self::Refused => f.write_str(
                "the connection is refused; is the broker running, and does it listen on this port?",
            ),
            Self::Timeout(limit) => write!(
                f,
                "no connection within {limit:?}; is a firewall in between?"
            ),
            Self::Other(error) => f.write_str(error),
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
            ("mqtt://me@h", "mqtt://me@h:1883"),
            ("mqtt://me:secret@[::1]:1", "mqtt://me:***@[::1]:1"),
            ("mqtt://a%40b:p/q@r@h:1/", "mqtt://a%40b:***@h:1"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(Target::parse(shown).unwrap().to_string(), shown);
            assert!(!format!("{target:?}").contains("secret"));
        }
    }

    #[test]
    fn bad_addresses_say_what_to_write() {
        let errors: Vec<_> = [
            "localhost:1883",
            "mqtts://h",
            "mqtt://",
            "mqtt://:1883",
            "mqtt://h:0",
            "mqtt://h:x",
            "mqtt://h:70000",
            "mqtt://u:%zz@h",
            "mqtt://%FF:secret@h",
            "mqtt://u:secret@",
            "mqtt://u:secret@h:0",
            "u:secret@h",
            "mqtt://u:secret@h/path",
            "mqtt://h/path",
            "mqtt://::1",
            "mqtt://[::1",
            "mqtt://[h]:1",
        ]
        .into_iter()
        .map(|text| format!("{text}: {}", Target::parse(text).unwrap_err()))
        .collect();
        let told = |line: &&String| {
            line.split_once(": ")
                .is_some_and(|(_, e)| e.contains("secret"))
        };
        assert_eq!(errors.iter().find(told), None);
        insta::assert_snapshot!(errors.join("\n"));
    }
}
