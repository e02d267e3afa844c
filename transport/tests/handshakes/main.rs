//! Every way to a server, from both ends: what comes through, who is there, how it ends, and what is said when a handshake
//! comes to nothing.

mod failures;
mod frames;
mod greetings;
mod hand;
mod pki;
mod ways;

use squall_transport::{Accept, Address, BoxStream, ClientTls, Listener, Listeners};
use std::{io, net::Ipv4Addr};
use tokio::task::{LocalSet, spawn_local};

/// A free port of loopback.
async fn listener() -> Listener {
    Listener::tcp((Ipv4Addr::LOCALHOST, 0).into())
        .await
        .unwrap()
}

/// Opens a connection to an address.
async fn dial(address: &str, tls: Option<&ClientTls>) -> io::Result<BoxStream> {
    let address = Address::parse(address).unwrap();
    let endpoints = address.resolve(tls).await.map_err(io::Error::other)?;
    endpoints[0].dial().await
}

/// Serves these listeners, each connection in a task of its own, while the future runs.
async fn serving<F, S>(listeners: Vec<Listener>, serve: fn(BoxStream) -> S, client: F) -> F::Output
where
    F: Future,
    S: Future<Output = ()> + 'static,
{
    let mut listeners = Listeners::new(listeners);
    let accepting = async move {
        loop {
            let stream = listeners.accept().await.unwrap();
            spawn_local(serve(stream));
        }
    };
    LocalSet::new()
        .run_until(async {
            let accepting = spawn_local(accepting);
            let output = client.await;
            accepting.abort();
            output
        })
        .await
}
