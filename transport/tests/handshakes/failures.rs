//! Handshakes of TLS that come to nothing, and some that do not: what each end is told. A message says what to do.

use crate::{
    dial, listener,
    pki::{Pki, early, expired},
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use squall_transport::{Accept, BoxStream, ClientTls, Listener, ServerTls, Stream, TlsSettings};
use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A byte there and back, or what went wrong; in TLS 1.3 a client learns only so that it was refused.
async fn to_and_fro(stream: io::Result<impl AsyncRead + AsyncWrite + Unpin>) -> String {
    let came = async {
        let mut stream = stream?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        match stream.read(&mut [0; 8]).await? {
            0 => Ok("it ended"),
            _ => Ok("good"),
        }
    };
    told(came.await)
}

fn told(came: io::Result<&str>) -> String {
    came.map_or_else(|error| error.to_string(), str::to_owned)
}

/// What the server came to, and who it thinks is there.
async fn back(mut stream: BoxStream) -> String {
    let came = async {
        let mut buffer = [0; 8];
        let count = stream.read(&mut buffer).await?;
        stream.write_all(&buffer[..count]).await?;
        stream.flush().await
    };
    match came.await {
        Ok(()) => match stream.peer().certificate {
            Some(name) => format!("good, and it is {name}"),
            None => "good".to_owned(),
        },
        Err(error) => error.to_string(),
    }
}

/// Our client and our server; gives what both came to.
async fn between(server: ServerTls, client: &TlsSettings) -> String {
    let mut listener: Listener = listener().await.tls(server);
    let address = listener.to_string();
    let client = ClientTls::new(client).unwrap();
    let client = async { to_and_fro(dial(&address, Some(&client)).await).await };
    let server = async { back(listener.accept().await.unwrap()).await };
    let both = async { tokio::join!(client, server) };
    let (client, server) = timeout(Duration::from_secs(10), both).await.unwrap();
    format!("  client: {client}\n  server: {server}")
}

#[tokio::test]
async fn each_end_is_told_what_is_wrong_with_a_certificate() {
    let (pki, other, anew) = (Pki::new(), Pki::of("another CA"), Pki::new());
    let server = pki.server(false);
    let strict = pki.server(true);
    pki.certify("named", Some("lock.example"), |_| {});
    pki.certify("expired", None, expired);
    pki.certify("early", None, early);
    pki.certify("nameless", None, |params| params.subject_alt_names.clear());
    other.certify("stranger", None, |_| {});
    let (named, trusting) = (pki.server_with("named", false), pki.trusting());
    let name = TlsSettings {
        server_name: Some("lock.example".to_owned()),
        ..trusting.clone()
    };
    let insecure = TlsSettings {
        insecure: true,
        ..TlsSettings::default()
    };
    let stranger = TlsSettings {
        ca: trusting.ca.clone(),
        ..other.showing("stranger")
    };
    let cases = [
        ("all is well", &server, &trusting),
        ("the CA is trusted by nobody", &server, &other.trusting()),
        ("the CA was made anew", &server, &anew.trusting()),
        (
            "anybody is trusted",
            &pki.server_with("expired", false),
            &insecure,
        ),
        ("the certificate has another name", &named, &trusting),
        ("the other name is asked for", &named, &name),
        (
            "the certificate has no name",
            &pki.server_with("nameless", false),
            &trusting,
        ),
        (
            "the certificate has expired",
            &pki.server_with("expired", false),
            &trusting,
        ),
        (
            "the certificate is for later",
            &pki.server_with("early", false),
            &trusting,
        ),
        (
            "the certificate is that of a CA",
            &pki.server_with("ca", false),
            &trusting,
        ),
        (
            "no certificate is shown, and one is demanded",
            &strict,
            &trusting,
        ),
        ("the right one is shown", &strict, &pki.showing("named")),
        (
            "one is shown that nobody asked for",
            &server,
            &pki.showing("named"),
        ),
        ("one of another CA is shown", &strict, &stranger),
        (
            "one that has expired is shown",
            &strict,
            &pki.showing("expired"),
        ),
    ];
    let mut lines = Vec::new();
    for (name, server, client) in cases {
        lines.push(format!("{name}\n{}", between(server.clone(), client).await));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// A server that speaks this version alone, in a library's own words; with `strict` clients have to show a certificate.
fn only_server(pki: &Pki, version: &'static SupportedProtocolVersion, strict: bool) -> TlsAcceptor {
    let (chain, key) = pair(pki, "server");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap();
    let config = match strict {
        true => {
            let provider = Arc::new(default_provider());
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(trusted(pki)), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        false => builder.with_no_client_auth(),
    };
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

/// A client that speaks this version alone, and shows this certificate if there is one.
fn only_client(
    pki: &Pki,
    version: &'static SupportedProtocolVersion,
    shows: Option<&str>,
) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(trusted(pki));
    let config = match shows {
        Some(name) => {
            let (chain, key) = pair(pki, name);
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

fn pair(pki: &Pki, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::from_pem_file(pki.path(&format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(pki.path(&format!("{name}.key"))).unwrap();
    (vec![chain], key)
}

fn trusted(pki: &Pki) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pki.path("ca.pem")).unwrap())
        .unwrap();
    roots
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_at_either_end() {
    let pki = Pki::new();
    let strict = pki.server(true);
    let lenient = pki.server(false);
    pki.certify("lock 1", Some("lock.example"), |_| {});
    let mut lines = Vec::new();
    for (name, version) in [("1.2", &TLS12), ("1.3", &TLS13)] {
        for (server, shows) in [(&lenient, None), (&strict, Some("lock 1")), (&strict, None)] {
            let mut listener = listener().await.tls(server.clone());
            let socket = TcpStream::connect(listener.address().unwrap())
                .await
                .unwrap();
            let host = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
            let connector = only_client(&pki, version, shows);
            let client = async { to_and_fro(connector.connect(host, socket).await).await };
            let server = async { back(listener.accept().await.unwrap()).await };
            let (client, server) = tokio::join!(client, server);
            let shown = shows.unwrap_or("nobody");
            // What another library's client says is its own affair.
            let client = if client == "good" { "good" } else { "refused" };
            lines.push(format!(
                "TLS {name}, {shown} at our server: {server}, {client}"
            ));
        }
        for (strict, shows) in [(false, None), (true, Some("lock 1")), (true, None)] {
            let acceptor = only_server(&pki, version, strict);
            let settings = shows.map_or_else(|| pki.trusting(), |name| pki.showing(name));
            let tls = ClientTls::new(&settings).unwrap();
            let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = format!("mqtts://{}", door.local_addr().unwrap());
            let server = async {
                let (socket, _) = door.accept().await.unwrap();
                to_and_fro(acceptor.accept(socket).await).await
            };
            let client = async { to_and_fro(dial(&address, Some(&tls)).await).await };
            let (_, client) = tokio::join!(server, client);
            let shown = shows.unwrap_or("nobody");
            lines.push(format!("TLS {name}, our client as {shown}: {client}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// What a server may say instead of TLS.
const NO_TLS: [(&str, &[u8]); 8] = [
    ("a CONNACK", &[0x20, 0x02, 0x00, 0x00]),
    ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("nothing", b""),
    ("half of a record", &[0x16, 0x03, 0x03, 0x40]),
    ("the alert protocol_version", &[0x15, 3, 1, 0, 2, 2, 70]),
    ("the alert handshake_failure", &[0x15, 3, 3, 0, 2, 2, 40]),
    ("the alert unrecognized_name", &[0x15, 3, 3, 0, 2, 2, 112]),
    ("the alert internal_error", &[0x15, 3, 3, 0, 2, 2, 80]),
];

#[tokio::test]
async fn a_client_is_told_that_there_is_no_tls() {
    let pki = Pki::new();
    let mut lines = Vec::new();
    for (name, said) in NO_TLS {
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("mqtts://{}", door.local_addr().unwrap());
        let server = async {
            let (mut socket, _) = door.accept().await.unwrap();
            let hello = socket.read(&mut [0; 4096]).await.unwrap();
            assert!(hello > 0);
            socket.write_all(said).await.unwrap();
        };
        let tls = pki.client();
        let client = async { to_and_fro(dial(&address, Some(&tls)).await).await };
        let (client, ()) = tokio::join!(client, server);
        lines.push(format!("{name}: {client}"));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_server_says_who_does_not_speak_tls() {
    let pki = Pki::new();
    let tls = pki.server(false);
    let mut lines = Vec::new();
    for (name, said) in [
        (
            "a CONNECT",
            &b"\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x00"[..],
        ),
        ("a request of HTTP", b"GET /mqtt HTTP/1.1\r\n\r\n"),
        ("half of a record", &[0x16, 0x03, 0x01, 0x40]),
        ("nothing", b""),
    ] {
        let mut listener = listener().await.tls(tls.clone());
        let mut socket = TcpStream::connect(listener.address().unwrap())
            .await
            .unwrap();
        socket.write_all(said).await.unwrap();
        socket.shutdown().await.unwrap();
        lines.push(format!(
            "{name}: {}",
            back(listener.accept().await.unwrap()).await
        ));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn what_is_said_of_tls_is_looked_at_before_anything_else() {
    let (pki, other) = (Pki::new(), Pki::new());
    pki.server(false);
    other.server(false);
    std::fs::write(pki.path("empty.pem"), "").unwrap();
    std::fs::write(
        pki.path("broken.pem"),
        "-----BEGIN CERTIFICATE-----\nMIIB\n",
    )
    .unwrap();
    std::fs::write(
        pki.path("odd.pem"),
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let ca = |name: &str| TlsSettings {
        ca: Some(pki.path(name)),
        ..TlsSettings::default()
    };
    let shows = |certificate: &str, key: Option<std::path::PathBuf>| TlsSettings {
        certificate: Some(pki.path(certificate)),
        key,
        ..pki.trusting()
    };
    let named = TlsSettings {
        server_name: Some("no name!".to_owned()),
        ..pki.trusting()
    };
    let settings = [
        ("a CA that is not there", ca("none.pem")),
        ("a CA that is a folder", ca("")),
        ("a CA in a file without anything", ca("empty.pem")),
        ("a CA that is only begun", ca("broken.pem")),
        ("a CA that is none", ca("odd.pem")),
        ("a certificate without its key", shows("server.pem", None)),
        (
            "a key that is a certificate",
            shows("server.pem", Some(pki.path("server.pem"))),
        ),
        (
            "a key of somebody else",
            shows("server.pem", Some(other.path("server.key"))),
        ),
        ("a name that nobody can have", named),
    ];
    let folder = pki.path("").display().to_string();
    let elsewhere = other.path("").display().to_string();
    let mut lines = Vec::new();
    for (name, settings) in settings {
        let error = ClientTls::new(&settings).unwrap_err().to_string();
        lines.push(format!("{name}: {error}"));
    }
    let error = ServerTls::new(&pki.path("server.pem"), &other.path("server.key"), None);
    lines.push(format!(
        "a server with a key of somebody else: {}",
        error.unwrap_err()
    ));
    let error = ServerTls::new(
        &pki.path("server.pem"),
        &pki.path("server.key"),
        Some(&pki.path("odd.pem")),
    );
    lines.push(format!(
        "a server with a CA for clients that is none: {}",
        error.unwrap_err()
    ));
    let error = dial("mqtts://no_such%20host", Some(&pki.client()))
        .await
        .unwrap_err();
    lines.push(format!("an address that no certificate can have: {error}"));
    let text = lines
        .join("\n")
        .replace(&folder, "A/")
        .replace(&elsewhere, "B/");
    insta::assert_snapshot!(text);
}
