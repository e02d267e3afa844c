//! What a failed handshake means, and what to do.

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use std::io;

/// Says in words why a handshake came to nothing, as the client sees it or as the server does.
pub(super) fn of_handshake(error: io::Error, client: bool) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let gone = matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    );
    let text = match (gone, client) {
        (false, _) => return explained(error, client),
        (true, true) => {
            "the server ended the connection in the middle of the TLS handshake; does it speak TLS on this port?"
        }
        (true, false) => "the client ended the connection in the middle of the TLS handshake",
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Says in words what was wrong, where it was TLS.
pub(super) fn explained(error: io::Error, client: bool) -> io::Error {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    let text = match inner {
        Some(inner) if client => to_client(inner),
        Some(inner) => to_server(inner),
        None => return error,
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn to_client(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => certificate(why),
        Error::InvalidMessage(_) => {
            "what the server says is no TLS; does it speak TLS on this port? An address without it begins with mqtt:// or ws://"
                .to_owned()
        }
        Error::AlertReceived(alert) => alerted(*alert),
        Error::PeerIncompatible(why) => older(why),
        other => format!("the TLS handshake failed: {other}"),
    }
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by nobody who is trusted here; name the certificate of its CA (--ca FILE), or trust everybody (--insecure)"
                .to_owned()
        }
        CertificateError::NotValidForName => named("another name", ""),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names = match presented.is_empty() {
                true => "no name at all".to_owned(),
                false => presented.iter().map(|n| plain(n)).collect::<Vec<_>>().join(", "),
            };
            named(&names, &format!(" and not for `{}`", expected.to_str()))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; it needs a new one, or is this machine's clock wrong?".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; is this machine's clock wrong, or the server's when it was made?"
                .to_owned()
        }
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server shows the certificate of a CA as its own, which is not accepted; sign one for the server with it, or trust everybody (--insecure)"
                .to_owned()
        }
        other => format!("the server's certificate is not accepted: {other}"),
    }
}

/// A name without what says of which kind it is: `DnsName("a.example")`.
fn plain(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn named(names: &str, expected: &str) -> String {
    format!(
        "the server's certificate is for {names}{expected}; write that name in the address, or say which name is right (--server-name NAME)"
    )
}

fn alerted(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => {
            "the server lets in only who shows a certificate; name yours and its key (--cert FILE --key FILE)".to_owned()
        }
        Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::CertificateExpired
        | Alert::CertificateRevoked
        | Alert::UnsupportedCertificate
        | Alert::AccessDenied
        | Alert::DecryptError => format!(
            "the server does not accept our certificate ({alert:?}); is it signed by the CA that the server trusts (--cert FILE --key FILE)?"
        ),
        Alert::HandshakeFailure => {
            "the server refuses the TLS handshake (HandshakeFailure); perhaps it wants a certificate (--cert FILE --key FILE), or knows only old ciphers"
                .to_owned()
        }
        Alert::ProtocolVersion => {
            "the server speaks another version of TLS; 1.2 and 1.3 are spoken here".to_owned()
        }
        Alert::UnrecognisedName => {
            "the server knows nothing by this name; say the right one (--server-name NAME)".to_owned()
        }
        other => format!("the server ends the TLS connection with the alert {other:?}"),
    }
}

fn older(why: &PeerIncompatible) -> String {
    format!("the server's TLS does not fit ours, which is 1.2 or 1.3 with today's ciphers: {why:?}")
}

fn to_server(error: &Error) -> String {
    match error {
        Error::InvalidMessage(_) => "what the client says is no TLS".to_owned(),
        Error::NoCertificatesPresented => "the client shows no certificate".to_owned(),
        Error::InvalidCertificate(why) => {
            format!("the client's certificate is not accepted: {why}")
        }
        Error::AlertReceived(alert) => {
            format!("the client ends the TLS connection with the alert {alert:?}")
        }
        other => format!("the TLS handshake failed: {other}"),
    }
}
