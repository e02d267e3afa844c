//! The ways into the broker: its listeners, as the command line names them.

use crate::{
    args::Ways,
    exit::{CliError, Result},
};
use squall_transport::{Listener, Listeners, ServerTls, WEB_SOCKET_PATH};
use std::{
    fmt::Display,
    io,
    net::{Ipv4Addr, SocketAddr},
};

/// Where the broker listens if nobody says anything.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);

/// Opens all of them; none is open when one cannot be.
pub(super) async fn open(ways: &Ways) -> Result<Listeners> {
    let tls = tls(ways)?;
    let mut all = Vec::new();
    let plain: &[SocketAddr] = match is_silent(ways) {
        true => &[DEFAULT],
        false => &ways.listen,
    };
    for address in plain {
        all.push(tcp(*address, "--listen").await?);
    }
    for address in &ways.tls_listen {
        let listener = tcp(*address, "--tls-listen").await?;
        all.push(encrypted(listener, tls.as_ref(), "--tls-listen")?);
    }
    for address in &ways.ws_listen {
        let listener = tcp(*address, "--ws-listen").await?;
        all.push(listener.web_socket(WEB_SOCKET_PATH));
    }
    for address in &ways.wss_listen {
        let listener = tcp(*address, "--wss-listen")
            .await?
            .web_socket(WEB_SOCKET_PATH);
        all.push(encrypted(listener, tls.as_ref(), "--wss-listen")?);
    }
    #[cfg(unix)]
    for path in &ways.unix_listen {
        let help = "choose another path with --unix-listen; its folder has to be there";
        let listener = Listener::unix(path).await;
        all.push(listener.map_err(|error| refused(path.display(), &error).help(help))?);
    }
    Ok(Listeners::new(all))
}

/// Whether no way in is named.
fn is_silent(ways: &Ways) -> bool {
    let sockets = [
        &ways.listen,
        &ways.tls_listen,
        &ways.ws_listen,
        &ways.wss_listen,
    ];
    #[cfg(unix)]
    let more = !ways.unix_listen.is_empty();
    #[cfg(not(unix))]
    let more = false;
    !more && sockets.iter().all(|all| all.is_empty())
}

/// What is said with TLS, if anything is.
fn tls(ways: &Ways) -> Result<Option<ServerTls>> {
    let (Some(certificate), Some(key)) = (&ways.tls_cert, &ways.tls_key) else {
        return Ok(None);
    };
    if ways.tls_listen.is_empty() && ways.wss_listen.is_empty() {
        return Err(
            CliError::input("there is a certificate, but nobody listens for TLS")
                .help("say where with --tls-listen or --wss-listen"),
        );
    }
    let tls = ServerTls::new(certificate, key, ways.client_ca.as_deref());
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

fn refused(place: impl Display, error: &io::Error) -> CliError {
    CliError::input(format!("cannot listen on {place}: {error}"))
}
