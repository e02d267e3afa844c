//! Servers that speak something else than MQTT, told by what they answer to a CONNECT.
//!
//! A broker whose CONNACK is broken is a broker, and is judged. So what begins like a CONNACK with one thing wrong, or
//! like any other packet that a server may send and that is whole, is taken for MQTT unless it is plainly the greeting
//! of another protocol.

use squall_protocol::hex::dump;

/// Bytes that are quoted.
const QUOTED: usize = 40;
/// So many bytes of text are text: the fifth of a PUBLISH or a CONNACK is never the first that cannot be printed.
const TEXT: usize = 5;

/// What an answer is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seems {
    /// It may be MQTT, well formed or not.
    Mqtt,
    /// More bytes are needed.
    Undecided,
    /// It is none.
    Stranger(Kind),
}

/// What a server speaks that speaks no MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Ssh,
    Tls,
    Echo,
    /// SMTP and FTP begin alike.
    Mail,
    Redis,
    /// POP3 or IMAP.
    Mailbox,
    Vnc,
    Text,
    Binary,
}

/// Greetings that no MQTT server sends, whatever is wrong with it.
const GREETINGS: &[(&[u8], Kind)] = &[
    (b"HTTP/", Kind::Http),
    (b"SSH-", Kind::Ssh),
    (b"220 ", Kind::Mail),
    (b"220-", Kind::Mail),
    (b"-ERR ", Kind::Redis),
    (b"-DENIED ", Kind::Redis),
    (b"-NOAUTH ", Kind::Redis),
    (b"+OK ", Kind::Mailbox),
    (b"* OK ", Kind::Mailbox),
    (b"RFB 0", Kind::Vnc),
    // Records of an alert and of a handshake; the type of the first byte is one that no server sends.
    (b"\x15\x03", Kind::Tls),
    (b"\x16\x03", Kind::Tls),
];

/// What the answer `got` to a CONNECT of the bytes `sent` is taken for. With `over` nothing more will come, so it is
/// decided; with `broken` the answer was read as MQTT and breaks the standard.
pub(crate) fn seems(sent: &[u8], got: &[u8], over: bool, broken: bool) -> Seems {
    let Some(&first) = got.first() else {
        return if over { Seems::Mqtt } else { Seems::Undecided };
    };
    for (greeting, kind) in GREETINGS {
        if got.starts_with(greeting) {
            return Seems::Stranger(*kind);
        }
        if greeting.starts_with(got) && !over {
            return Seems::Undecided;
        }
    }
    if got.starts_with(sent) {
        return Seems::Stranger(Kind::Echo);
    }
    if sent.starts_with(got) && !over {
        return Seems::Undecided;
    }
    if first >> 4 == 2 {
        return connack(got, over);
    }
    let start = &got[..got.len().min(TEXT)];
    if start.iter().all(|byte| printable(*byte)) {
        return match start.len() == TEXT {
            true => Seems::Stranger(Kind::Text),
            false if !over => Seems::Undecided,
            false if may_come(first) => Seems::Mqtt,
            false => Seems::Stranger(Kind::Text),
        };
    }
    // Nothing but a CONNACK is due here: another packet in its place that is broken too is none.
    match may_come(first) && !broken {
        true => Seems::Mqtt,
        false => Seems::Stranger(Kind::Binary),
    }
}

/// Bytes that begin like a CONNACK. Blanks and signs up to `/` do, and so does one of 16 bytes of anything, so more than
/// one fault in what every CONNACK begins with is too many.
fn connack(got: &[u8], over: bool) -> Seems {
    let length = got[1..].iter().take(4).take_while(|b| **b >= 0x80).count() + 1;
    let (flags, reason) = (got.get(1 + length), got.get(2 + length));
    if reason.is_none() && !over {
        return Seems::Undecided;
    }
    let faults = [
        got[0] != 0x20,
        matches!(got.get(1), Some(0 | 1)) || length > 4,
        flags.is_some_and(|flags| *flags > 1),
        reason.is_some_and(|reason| matches!(reason, 6..0x80)),
    ];
    match faults.into_iter().filter(|fault| *fault).count() {
        0 | 1 => Seems::Mqtt,
        _ if got.iter().take(TEXT).all(|byte| printable(*byte)) => Seems::Stranger(Kind::Text),
        _ => Seems::Stranger(Kind::Binary),
    }
}

/// Whether a packet of a server may begin so: with a type that it sends, and the flags of that type. Of PINGRESP and
/// DISCONNECT, which a server might send in this place, any flags.
const fn may_come(first: u8) -> bool {
    matches!(
        first,
        0x20..=0x3F | 0x40 | 0x50 | 0x62 | 0x70 | 0x90 | 0xB0 | 0xD0..=0xEF | 0xF0
    )
}

const fn printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Whether more bytes would make the quotation longer.
pub(crate) fn quoted_in_full(kind: Kind, got: &[u8]) -> bool {
    match kind {
        Kind::Tls => got.len() >= 3,
        Kind::Echo | Kind::Binary => true,
        _ => got.len() >= QUOTED || got.iter().any(|byte| matches!(byte, b'\r' | b'\n')),
    }
}

/// What it does, in words, with the beginning of what it said.
pub(crate) fn words(kind: Kind, got: &[u8]) -> String {
    match kind {
        Kind::Http => format!("it answers with HTTP ({})", line(got)),
        Kind::Ssh => format!("it answers with SSH ({})", line(got)),
        Kind::Tls => format!("it answers with TLS (bytes {})", dump(got, 3)),
        Kind::Echo => "it sends back what it is sent".to_owned(),
        Kind::Mail => format!("it greets like SMTP or FTP ({})", line(got)),
        Kind::Redis => format!("it answers like Redis ({})", line(got)),
        Kind::Mailbox => format!("it greets like POP3 or IMAP ({})", line(got)),
        Kind::Vnc => format!("it greets like VNC ({})", line(got)),
        Kind::Text => format!("it answers with text ({})", line(got)),
        Kind::Binary => format!(
            "it answers with bytes that are no packet of MQTT ({})",
            dump(got, 8)
        ),
    }
}

/// The first line between quotation marks, with nothing in it that a terminal would obey.
fn line(got: &[u8]) -> String {
    let end = got
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))
        .unwrap_or(got.len());
    let more = if end > QUOTED { "…" } else { "" };
    let start = got[..end.min(QUOTED)].escape_ascii();
    format!("\"{start}{more}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECT: &[u8] = b"\x10\x0D\0\x04MQTT\x05\x02\0\x3C\0\0\0";

    /// What it seems when the bytes come one at a time, and what it seems when they come at once.
    fn told(got: &[u8]) -> Seems {
        let one_by_one = (1..=got.len())
            .map(|n| seems(CONNECT, &got[..n], n == got.len(), false))
            .find(|seems| *seems != Seems::Undecided)
            .unwrap();
        assert_eq!(
            one_by_one,
            seems(CONNECT, got, true, false),
            "{}",
            got.escape_ascii()
        );
        one_by_one
    }

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        for (got, kind) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Kind::Http),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", Kind::Ssh),
            (b"\x15\x03\x01\0\x02\x02\x46", Kind::Tls),
            (b"\x16\x03\x03\0\x7A", Kind::Tls),
            (CONNECT, Kind::Echo),
            (b"220 mail.example ESMTP\r\n", Kind::Mail),
            (b"220-ftp.example\r\n", Kind::Mail),
            (b"-ERR unknown command\r\n", Kind::Redis),
            (b"+OK POP3 ready\r\n", Kind::Mailbox),
            (b"* OK IMAP4rev1\r\n", Kind::Mailbox),
            (b"RFB 003.008\n", Kind::Vnc),
            (b"<?xml version='1.0'?>", Kind::Text),
            (b"554 no\r\n", Kind::Text),
            (b"ERROR\r\n", Kind::Text),
            (b"{\"a\":1}", Kind::Text),
            (b"a\n", Kind::Text),
            (b"\xFF\xFF\xFF\xFF", Kind::Binary),
            (b"\0\0\0\0", Kind::Binary),
            (b"\x4A\0\0\0\x0A5.5.5", Kind::Binary),
        ] {
            assert_eq!(told(got), Seems::Stranger(kind), "{}", got.escape_ascii());
        }
    }

    #[test]
    fn a_broken_broker_is_a_broker() {
        for got in [
            &b"\x20\x02\0\0"[..],
            b"\x20\x03\0\0\0",
            b"\x21\x02\0\0",
            b"\x2F\x02\0\0",
            b"\x2D\x02\0\0",
            b"\x20\x7F\0\x20\x20\x20",
            b"\x20\x02\xFF\0",
            b"\x20",
            b"\x20\x20",
            b"\x20\xFF\xFF\xFF\xFF",
            b"\x30\x05\0\x01a\0x",
            b"\x30\x25\0\x20aaaaaaaaaa",
            b"\x40\x02\0\0",
            b"\xD1\0",
            b"\xD0\x01\0",
            b"\xE0\0",
            b"\xE3\x02\x82\0",
            b"\xF0\0",
        ] {
            assert_eq!(told(got), Seems::Mqtt, "{}", got.escape_ascii());
        }
    }

    #[test]
    fn what_only_begins_like_a_packet_is_a_stranger() {
        for (got, kind) in [
            (&b"( success ( 2 2 ( ) "[..], Kind::Text),
            (b" !\"#$%&'()*+,-./", Kind::Text),
            (b"\x24\0\0\0\x01\0\0\0", Kind::Binary),
            (b"\x20\x7F\x20\x20\x20\x20", Kind::Binary),
        ] {
            assert_eq!(told(got), Seems::Stranger(kind), "{}", got.escape_ascii());
        }
        // An answer of LDAP, and a time as RFC 868 has it: read as MQTT, each is a broken packet that is not due.
        for got in [&b"\x30\x24\x02\x01\0\x78\x1F"[..], b"\xED\xC3\x1B\x40"] {
            let seen = seems(CONNECT, got, true, true);
            assert_eq!(
                seen,
                Seems::Stranger(Kind::Binary),
                "{}",
                got.escape_ascii()
            );
        }
    }

    #[test]
    fn no_well_formed_packet_of_a_server_is_a_stranger() {
        for case in squall_vectors::valid() {
            if case.sender == squall_vectors::Sender::Server {
                assert_eq!(told(&case.wire), Seems::Mqtt, "{}", case.label());
            }
        }
    }

    #[test]
    fn what_is_quoted_cannot_be_obeyed() {
        let text = words(
            Kind::Ssh,
            b"SSH-2.0-\x1B[31m\x07\xFF and so on, for more than it can be",
        );
        assert_eq!(
            text,
            "it answers with SSH (\"SSH-2.0-\\x1b[31m\\x07\\xff and so on, for more than…\")"
        );
        assert_eq!(
            words(Kind::Http, b"HTTP/1.1 400 Bad Request\r\nServer: x"),
            "it answers with HTTP (\"HTTP/1.1 400 Bad Request\")"
        );
        assert_eq!(
            words(Kind::Tls, b"\x15\x03\x01\0\x02"),
            "it answers with TLS (bytes 15 03 01 …)"
        );
    }
}
