//! How a client gets its connection.

use crate::{BoxStream, Memory};
use std::{fmt, future::Future, io, net::SocketAddr};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Opens connections to one server.
pub trait Dial {
    /// A connection: ordered bytes, both ways.
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

/// Where a server is, whatever the transport.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// Over TCP.
    Tcp(SocketAddr),
    /// In this process.
    Memory(Memory),
}

impl Endpoint {
    /// Opens a connection. Over TCP each packet goes out at once.
    ///
    /// # Errors
    /// When there is no connection to be had.
    pub async fn dial(&self) -> io::Result<BoxStream> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(*address).await?;
                // Without it the kernel may hold a small packet back. A socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Self::Memory(memory) => Ok(Box::new(memory.dial()?)),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<Memory> for Endpoint {
    fn from(memory: Memory) -> Self {
        Self::Memory(memory)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Memory(_) => f.pad("a server in this process"),
        }
    }
}
