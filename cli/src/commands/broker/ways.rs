//! The ways into the broker: its listeners, as the command line names them.

use crate::{
    exit::{CliError, Result},
    settings::{Place, Settings},
};
use squall_transport::{Listener, Listeners, ServerTls, WEB_SOCKET_PATH};
use std::{fmt::Display, io, net::SocketAddr, path::Path};

/// Opens all of them; none is open when one cannot be.
pub(super) async fn open(ways: &Settings) -> Result<Listeners> {
    let tls = tls(ways)?;
    let mut all = Vec::new();
    for address in &ways.listen {
        all.push(tcp(address.0, "--listen").await?);
    }
    for address in &ways.tls_listen {
        let listener = tcp(address.0, "--tls-listen").await?;
        all.push(encrypted(listener, tls.as_ref(), "--tls-listen")?);
    }
    for address in &ways.ws_listen {
        let listener = tcp(address.0, "--ws-listen").await?;
        all.push(listener.web_socket(WEB_SOCKET_PATH));
    }
    for address in &ways.wss_listen {
        let listener = tcp(address.0, "--wss-listen")
            .await?
            .web_socket(WEB_SOCKET_PATH);
        all.push(encrypted(listener, tls.as_ref(), "--wss-listen")?);
    }
    for place in &ways.unix_listen {
        all.push(unix(place.path()).await?);
    }
    Ok(Listeners::new(all))
}

/// What is said with TLS, if anything is.
fn tls(ways: &Settings) -> Result<Option<ServerTls>> {
    let (certificate, key) = match (&ways.tls_cert, &ways.tls_key) {
        (Some(certificate), Some(key)) => (certificate.path(), key.path()),
        (None, None) if ways.client_ca.is_none() => return Ok(None),
        _ => {
            return Err(CliError::input("TLS needs a certificate and its key")
                .help("name both: --tls-cert FILE --tls-key FILE"));
        }
    };
    if ways.tls_listen.is_empty() && ways.wss_listen.is_empty() {
        return Err(
            CliError::input("there is a certificate, but nobody listens for TLS")
                .help("say where with --tls-listen or --wss-listen"),
        );
    }
    let client_ca = ways.client_ca.as_ref().map(Place::path);
    let tls = ServerTls::new(certificate, key, client_ca);
    tls.map(Some)
        .map_err(|error| CliError::input(error.to_string()))
}

fn encrypted(listener: Listener, tls: Option<&ServerTls>, flag: &str) -> Result<Listener> {
    match tls {
        Some(tls) => Ok(listener.tls(tls.clone())),
        None => Err(CliError::input(format!("{flag} needs a certificate"))
            .help("name it and its key: --tls-cert FILE --tls-key FILE")),
    }
}

async fn tcp(address: SocketAddr, flag: &str) -> Result<Listener> {
    let listener = Listener::tcp(address).await;
    listener.map_err(|error| {
        refused(address, &error).help(format!(
            "choose another port with {flag}; port 0 takes a free one"
        ))
    })
}

#[cfg(unix)]
async fn unix(path: &Path) -> Result<Listener> {
    let help = "choose another path with --unix-listen; its folder has to be there";
    let listener = Listener::unix(path).await;
    listener.map_err(|error| refused(path.display(), &error).help(help))
}

#[cfg(not(unix))]
async fn unix(_: &Path) -> Result<Listener> {
    Err(CliError::input("this system has no unix sockets").help("leave --unix-listen out"))
}

fn refused(place: impl Display, error: &io::Error) -> CliError {
    CliError::input(format!("cannot listen on {place}: {error}"))
}
