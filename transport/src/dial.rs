//! How a client gets its connection.

use std::{future::Future, io, net::SocketAddr};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Opens connections to one server.
pub trait Dial {
    /// A connection: ordered bytes, both ways [MQTT-7.1.2-1] (3.1.1), [MQTT-4.2.0-1] (5.0).
    type Stream: AsyncRead + AsyncWrite + Unpin;

    /// Opens one. The future is dropped when the attempt is given up.
    ///
    /// # Errors
    /// When there is no connection to be had; the client is told the text.
    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Stream>>;
}

/// Dials over TCP, without Nagle's delay: each packet goes out at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpDial {
    /// The server.
    pub address: SocketAddr,
}

impl Dial for TcpDial {
    type Stream = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
