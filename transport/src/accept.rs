//! Where a server's connections come from.

use crate::{Peer, Socket, Stream};
use std::{future::Future, io};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

/// A listener.
pub trait Accept {
    /// A connection: ordered bytes, both ways [MQTT-7.1.1-1] (3.1.1), [MQTT-4.2.0-1] (5.0).
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// Why there is none. A driver tells failures of one connection and passing shortages from the listener's end.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Who is at the other end of a connection. It is asked when the first bytes have come from there, so that a
    /// handshake of the transport is over. `None`, as here, where nobody can say, as in a simulation: a broker takes it for
    /// somebody on this machine.
    fn peer(_stream: &Self::Stream) -> Option<Peer> {
        None
    }
}

impl Accept for TcpListener {
    type Stream = Socket;

    async fn accept(&mut self) -> io::Result<Socket> {
        let (stream, _) = Self::accept(self).await?;
        Ok(Socket::tcp(stream).local(is_local(self)))
    }

    fn peer(stream: &Socket) -> Option<Peer> {
        Some(stream.peer())
    }
}

/// Whether a listener can be reached from this machine only.
pub(crate) fn is_local(listener: &TcpListener) -> bool {
    listener.local_addr().is_ok_and(|at| at.ip().is_loopback())
}
