//! User name and password. A password goes into CONNECT packets and nowhere else: what is shown to anybody has stars in its
//! place.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use squall_protocol::Text;
use std::{fmt, sync::Arc};

/// What a client says in its CONNECT to be let in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user_name: Text,
    password: Option<Arc<[u8]>>,
}

/// What stands in the place of a password.
const STARS: &str = "***";

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
        let user_name = utf8_percent_encode(&self.user_name, NON_ALPHANUMERIC);
        match self.password {
            Some(_) => format!("{user_name}:{STARS}"),
            None => user_name.to_string(),
        }
    }
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
    fn whatever_is_taken_for_an_address_has_its_password_hidden() {
        for (text, shown) in [
            ("mqtt://u:p@h:1", "mqtt://u:***@h:1"),
            ("u:p@h", "u:***@h"),
            ("mqtts://u:p:q@r@h", "mqtts://u:***@h"),
            ("ws://u:p@h/a@b", "ws://u:***@b"),
            ("mqtt://u@h:1", "mqtt://u@h:1"),
            ("mqtt://h:1", "mqtt://h:1"),
        ] {
            assert_eq!(without_password(text), shown);
        }
        let secret = Credentials::new("me", Some(b"swordfish"));
        assert_eq!(format!("{secret:?}"), "Credentials(me:***)");
    }
}
