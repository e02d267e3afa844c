//! Who a client says it is, in each CONNECT.

use super::reach::Login;
use bytes::{Bytes, BytesMut};
use squall_client::{Command, Script};
use squall_protocol::{Decoder, Packet, Role, encode};

/// Has a command that sends CONNECT say who the client is.
pub(super) fn introduce(command: &mut Command, login: &Login) {
    match command {
        Command::Connect(options) => {
            options.user_name = Some(login.user.clone());
            options.password = login.password.clone();
        }
        Command::Script(Script::Send(bytes, None)) => {
            if let Some(introduced) = introduced(bytes, login) {
                *bytes = introduced;
            }
        }
        _ => {}
    }
}

/// Packets that a script says itself, with the login in a CONNECT that has none. `None` where there is no such CONNECT, and
/// where not all is packets: what is told of those bytes would show the password.
fn introduced(bytes: &Bytes, login: &Login) -> Option<Bytes> {
    let mut decoder = Decoder::new(Role::Client);
    decoder.push(bytes);
    let first = decoder.next_frame().ok()??;
    while decoder.next_frame().ok()?.is_some() {}
    let Packet::Connect(mut connect) = first.packet else {
        return None;
    };
    if decoder.buffered() > 0 || connect.user_name.is_some() || connect.password.is_some() {
        return None;
    }
    connect.user_name = Some(login.user.clone());
    connect.password = login.password.clone();
    let version = connect.version;
    let mut introduced = BytesMut::from(&encode(&Packet::Connect(connect), version).ok()?[..]);
    introduced.extend_from_slice(&bytes[first.bytes.len()..]);
    Some(introduced.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::Text;

    fn login() -> Login {
        Login {
            user: Text::from("me"),
            password: Some(Bytes::from_static(b"pw")),
        }
    }

    #[test]
    fn a_connect_that_a_script_says_has_the_login() {
        let plain = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a";
        let known = b"\x10\x15\0\x04MQTT\x04\xc2\0\x3c\0\x01a\0\x02me\0\x02pw";
        let said = |bytes: &[u8]| introduced(&Bytes::copy_from_slice(bytes), &login());
        assert_eq!(said(plain).as_deref(), Some(&known[..]));
        let ping = [&plain[..], b"\xc0\0"].concat();
        assert_eq!(said(&ping), Some([&known[..], b"\xc0\0"].concat().into()));
        // One that says who it is, what is no CONNECT, and what is not whole stays as it is.
        for bytes in [
            &known[..],
            b"\xc0\0",
            &plain[..9],
            b"\x10\x0c\0\x04MQTX\x04\x02\0\x3c\0\0",
        ] {
            assert_eq!(said(bytes), None, "{bytes:?}");
        }
        let cut = [&plain[..], b"\xc0"].concat();
        assert_eq!(said(&cut), None, "the rest would be told with the password");
    }
}
