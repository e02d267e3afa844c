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
            "the server ended the connection in the middle of the TLS handshake; does it speak TLS on this port? An address without it begins with mqtt:// or ws://"
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
        // Its name is that of a CA that is trusted, such as one that was made anew.
        CertificateError::BadSignature => {
            "the server's certificate is not signed by the CA that is trusted here, though by one of the same name; name the certificate of its CA as it is now (--ca FILE), or trust everybody (--insecure)"
                .to_owned()
        }
        CertificateError::NotValidForName => named("another name", ""),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } if presented.is_empty() => format!(
            "the server's certificate has no name that counts, so it is not for `{}`; give it one (subjectAltName), or trust everybody (--insecure)",
            expected.to_str()
        ),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names: Vec<_> = presented.iter().map(|name| plain(name)).collect();
            named(&names.join(", "), &format!(" and not for `{}`", expected.to_str()))
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
        other => format!(
            "the server's certificate is not accepted: {other}; it needs another one, or trust everybody (--insecure)"
        ),
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
        Alert::CertificateExpired => {
            "the server does not accept our certificate, as it has expired or is not valid yet; name another (--cert FILE --key FILE)"
                .to_owned()
        }
        Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::CertificateUnknown
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
            "the server speaks another version of TLS; have it speak 1.2 or 1.3, as is done here".to_owned()
        }
        Alert::UnrecognisedName => {
            "the server knows nothing by this name; say the right one (--server-name NAME)".to_owned()
        }
        other => format!(
            "the server ends the TLS connection with the alert {other:?}; its log may say why"
        ),
    }
}

fn older(why: &PeerIncompatible) -> String {
    format!(
        "the server's TLS does not fit ours, which is 1.2 or 1.3 with today's ciphers: {why:?}; have it offer some of these"
    )
}

fn to_server(error: &Error) -> String {
    use AlertDescription as Alert;
    match error {
        Error::InvalidMessage(_) => {
            "what the client says is no TLS; its address of this port has to begin with mqtts:// or wss://".to_owned()
        }
        Error::NoCertificatesPresented => {
            "the client shows no certificate, and has to; give it one of a CA that is trusted here"
                .to_owned()
        }
        Error::InvalidCertificate(why) => {
            let why = match why {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    "no CA that is trusted here has signed it"
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "it has expired"
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "it is not valid yet"
                }
                other => &other.to_string(),
            };
            format!("the client's certificate is not accepted: {why}; give it another")
        }
        Error::AlertReceived(
            alert @ (Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::DecryptError),
        ) => format!(
            "the client does not accept our certificate ({alert:?}); does it trust its CA, and connect to a name in it?"
        ),
        Error::AlertReceived(alert) => {
            format!("the client ends the TLS connection with the alert {alert:?}")
        }
        other => format!("the TLS handshake failed: {other}"),
    }
}
