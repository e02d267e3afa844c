//! User name and password in packets, and how they are kept out of everything that is shown.

use bytes::Bytes;
use squall_protocol::{Packet, Properties, Text, Version, packet::Connect};
use squall_transport::Credentials;

/// What stands in the place of a password.
const STARS: &str = "***";
/// Shorter passwords are looked for in CONNECT packets only: elsewhere two letters are mostly no password.
const SHORT: usize = 4;

/// Credentials, and what is shown of whatever they were in.
pub(crate) trait Secret {
    /// User Name and Password as CONNECT has them at its end, and the bits of its flags.
    fn fields(&self) -> (u8, Vec<u8>);
    /// The packet with stars where the password was.
    fn without(&self, packet: &Packet) -> Packet;
    /// The bytes with stars wherever the password was; as many, so that every length in them still fits.
    fn without_bytes(&self, bytes: &[u8]) -> Vec<u8>;
    /// The text with stars wherever the password was.
    fn without_text(&self, text: String) -> String;
}

impl Secret for Credentials {
    fn fields(&self) -> (u8, Vec<u8>) {
        let mut bytes = field(self.user_name().as_bytes());
        let mut flags = 0x80;
        if let Some(password) = self.password() {
            flags |= 0x40;
            bytes.extend(field(password));
        }
        (flags, bytes)
    }

    fn without(&self, packet: &Packet) -> Packet {
        let mut packet = packet.clone();
        if let (Packet::Connect(connect), Some(password)) = (&mut packet, self.password()) {
            let same = connect.password.as_deref() == Some(password);
            connect.password = connect
                .password
                .take()
                .map(|p| if same { vec![b'*'; p.len()].into() } else { p });
        }
        packet
    }

    fn without_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = bytes.to_vec();
        let Some(password) = self.password().filter(|p| !p.is_empty()) else {
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

    fn without_text(&self, text: String) -> String {
        match self.password().map(std::str::from_utf8) {
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
        connect.user_name = Some(credentials.user_name().clone());
        connect.password = credentials.password().map(Bytes::copy_from_slice);
    }
    connect
}

fn field(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut field = length.to_be_bytes().to_vec();
    field.extend(bytes);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
