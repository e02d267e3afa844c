//! User name and password of the checks' clients. The password goes into CONNECT packets and nowhere else: what is shown
//! to anybody has stars in its place.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use squall_protocol::{Packet, Properties, Text, Version, packet::Connect};
use std::{fmt, sync::Arc};

/// What every client of the checks says in its CONNECT to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user_name: Text,
    password: Option<Arc<[u8]>>,
}

/// What stands in the place of a password.
const STARS: &str = "***";
/// Shorter passwords are looked for in CONNECT packets only: elsewhere two letters are mostly no password.
const SHORT: usize = 4;

/// Why a text before the `@` of an address is no user name and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A `%` without two hex digits.
    Escape,
    /// A user name that is no UTF-8.
    UserName,
    /// More bytes than a field of CONNECT holds.
    TooLong,
}

impl Credentials {
    /// A user name, and a password where there is one; both at most 65,535 bytes.
    #[must_use]
    pub fn new(user_name: &str, password: Option<&[u8]>) -> Self {
        Self {
            user_name: Text::from(user_name),
            password: password.map(Arc::from),
        }
    }

    /// User Name.
    #[must_use]
    pub const fn user_name(&self) -> &Text {
        &self.user_name
    }

    /// Password, if there is one. Show it to nobody.
    #[must_use]
    pub fn password(&self) -> Option<&[u8]> {
        self.password.as_deref()
    }

    /// Reads `USER` or `USER:PASSWORD`, percent-encoded.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let (user_name, password) = match text.split_once(':') {
            Some((user_name, password)) => (user_name, Some(password)),
            None => (text, None),
        };
        let user_name = String::from_utf8(decoded(user_name)?).map_err(|_| Unreadable::UserName)?;
        let password = password.map(decoded).transpose()?;
        Ok(Self::new(&user_name, password.as_deref()))
    }

    /// `USER` or `USER:***`, for an address that is shown.
    pub(crate) fn shown(&self) -> String {
        let user_name = percent_encoding::utf8_percent_encode(
            &self.user_name,
            percent_encoding::NON_ALPHANUMERIC,
        );
        match self.password {
            Some(_) => format!("{user_name}:{STARS}"),
            None => user_name.to_string(),
        }
    }

    /// Puts them into a CONNECT.
    fn enter(&self, connect: &mut Connect) {
        connect.user_name = Some(self.user_name.clone());
        connect.password = self.password.as_deref().map(Bytes::copy_from_slice);
    }

    /// User Name and Password as CONNECT has them at its end, and the bits of its flags.
    pub(crate) fn fields(&self) -> (u8, Vec<u8>) {
        let mut bytes = field(self.user_name.as_bytes());
        let mut flags = 0x80;
        if let Some(password) = &self.password {
            flags |= 0x40;
            bytes.extend(field(password));
        }
        (flags, bytes)
    }

    /// The packet with stars where the password was.
    pub(crate) fn without(&self, packet: &Packet) -> Packet {
        let mut packet = packet.clone();
        if let (Packet::Connect(connect), Some(password)) = (&mut packet, &self.password) {
            let same = connect.password.as_deref() == Some(password);
            connect.password = connect
                .password
                .take()
                .map(|p| if same { vec![b'*'; p.len()].into() } else { p });
        }
        packet
    }

    /// The bytes with stars wherever the password was; as many, so that every length in them still fits.
    pub(crate) fn without_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = bytes.to_vec();
        let Some(password) = self.password.as_deref().filter(|p| !p.is_empty()) else {
            return shown;
        };
        // A short one is its own only where its length stands before it.
        let (sought, skip) = match password.len() < SHORT {
            true => (field(password), 2),
            false => (password.to_vec(), 0),
        };
        for at in 0..shown.len() {
            if shown[at..].starts_with(&sought) {
                shown[at + skip..at + sought.len()].fill(b'*');
            }
        }
        shown
    }

    /// The text with stars wherever the password was.
    pub(crate) fn without_text(&self, text: String) -> String {
        match self.password.as_deref().map(std::str::from_utf8) {
            Some(Ok(password)) if password.len() >= SHORT && text.contains(password) => {
                text.replace(password, STARS)
            }
            _ => text,
        }
    }
}

/// A correct CONNECT with a clean session, with the credentials if there are any.
pub(crate) fn connect(version: Version, id: &str, credentials: Option<&Credentials>) -> Connect {
    let mut connect = Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        client_id: Text::from(id),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    };
    if let Some(credentials) = credentials {
        credentials.enter(&mut connect);
    }
    connect
}

/// An address, or what somebody has taken for one, with stars in the place of a password.
#[must_use]
pub fn without_password(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let shown = rest.rsplit_once('@').and_then(|(login, host)| {
        let (user_name, _) = login.split_once(':')?;
        Some(format!("{scheme}{user_name}:{STARS}@{host}"))
    });
    shown.unwrap_or_else(|| address.to_owned())
}

fn field(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut field = length.to_be_bytes().to_vec();
    field.extend(bytes);
    field
}

fn decoded(text: &str) -> Result<Vec<u8>, Unreadable> {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let broken = |at: &usize| bytes[*at] == b'%' && !(hex(at + 1) && hex(at + 2));
    if (0..bytes.len()).any(|at| broken(&at)) {
        return Err(Unreadable::Escape);
    }
    let decoded: Vec<u8> = percent_decode_str(text).collect();
    match decoded.len() > usize::from(u16::MAX) {
        true => Err(Unreadable::TooLong),
        false => Ok(decoded),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_decoded() {
        let read = |text| Credentials::parse(text);
        assert_eq!(
            read("a%40b:c%3Ad%25").unwrap(),
            Credentials::new("a@b", Some(b"c:d%"))
        );
        assert_eq!(read("a:").unwrap(), Credentials::new("a", Some(b"")));
        assert_eq!(read("a").unwrap(), Credentials::new("a", None));
        assert_eq!(read("a:%FF").unwrap(), Credentials::new("a", Some(b"\xFF")));
        assert_eq!(read("a:%f"), Err(Unreadable::Escape));
        assert_eq!(read("%FF:a"), Err(Unreadable::UserName));
        assert_eq!(read(&"x".repeat(65_536)), Err(Unreadable::TooLong));
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let secret = Credentials::new("me", Some(b"swordfish"));
        assert_eq!(format!("{secret:?}"), "Credentials(me:***)");
        let connect = Packet::Connect(Box::new(connect(Version::V5_0, "id", Some(&secret))));
        let bytes = squall_protocol::encode(&connect, Version::V5_0).unwrap();
        let shown = secret.without(&connect);
        assert!(!format!("{:?}", shown.describe(Version::V5_0)).contains("swordfish"));
        assert_eq!(
            secret.without_bytes(&bytes),
            squall_protocol::encode(&shown, Version::V5_0).unwrap()
        );
        assert_eq!(
            secret.without_text("no swordfish here".to_owned()),
            "no *** here"
        );
    }

    #[test]
    fn a_short_password_spoils_no_other_bytes() {
        let secret = Credentials::new("me", Some(b"a"));
        assert_eq!(secret.without_bytes(b"a\0\x01aa"), b"a\0\x01*a");
        assert_eq!(secret.without_text("a man".to_owned()), "a man");
        let none = Credentials::new("me", Some(b""));
        assert_eq!(none.without_bytes(b"\0\0a"), b"\0\0a");
    }

    #[test]
    fn whatever_is_taken_for_an_address_has_its_password_hidden() {
        for (text, shown) in [
            ("mqtt://u:p@h:1", "mqtt://u:***@h:1"),
            ("u:p@h", "u:***@h"),
            ("mqtts://u:p:q@r@h", "mqtts://u:***@h"),
            ("mqtt://u@h:1", "mqtt://u@h:1"),
            ("mqtt://h:1", "mqtt://h:1"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
