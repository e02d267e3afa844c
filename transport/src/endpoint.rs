//! Where a server is, whatever the transport.

use crate::{BoxStream, Dial, Memory, Socket, tls::Secured, web_socket};
use std::{fmt, io, net::SocketAddr};
#[cfg(unix)]
use std::{path::Path, sync::Arc, time::Duration};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::{net::UnixStream, time::sleep};

/// Where a server is, and what is spoken on the way there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over TLS.
    Tls(SocketAddr, Secured),
    /// Over WebSocket.
    WebSocket(SocketAddr, web_socket::WebSocketRequest),
    /// Over WebSocket over TLS.
    WebSocketTls(SocketAddr, web_socket::WebSocketRequest, Secured),
    /// At a unix socket.
    #[cfg(unix)]
    Unix(Arc<Path>),
    /// In this process.
    Memory(Memory),
}

impl Endpoint {
    /// Opens a connection, with every handshake that it takes. Each packet goes out at once. Only [`Self::Memory`] is of
    /// use where time is virtual.
    ///
    /// # Errors
    /// When there is no connection to be had; a handshake that has failed says what was wrong, and what to do.
    pub async fn dial(&self) -> io::Result<BoxStream> {
        Ok(match self {
            Self::Tcp(address) => Box::new(tcp(address).await?),
            Self::Tls(address, secured) => Box::new(secured.connect(tcp(address).await?).await?),
            Self::WebSocket(address, request) => {
                Box::new(web_socket::connect(tcp(address).await?, request).await?)
            }
            Self::WebSocketTls(address, request, secured) => {
                let stream = secured.connect(tcp(address).await?).await?;
                Box::new(web_socket::connect(stream, request).await?)
            }
            #[cfg(unix)]
            Self::Unix(path) => Box::new(unix(path).await?),
            Self::Memory(memory) => Box::new(memory.dial()?),
        })
    }
}

async fn tcp(address: &SocketAddr) -> io::Result<Socket> {
    Ok(Socket::tcp(TcpStream::connect(address).await?))
}

/// Where many connect at once, a unix socket does not queue them as TCP does, but asks to be tried again.
#[cfg(unix)]
async fn unix(path: &Path) -> io::Result<Socket> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            connected => return Ok(Socket::unix(connected?)),
        }
    }
}

/// How long to wait for a unix socket to have room.
#[cfg(unix)]
const AGAIN: Duration = Duration::from_millis(5);

impl Dial for Endpoint {
    type Stream = BoxStream;

    async fn dial(&mut self) -> io::Result<BoxStream> {
        Self::dial(self).await
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
            Self::Tls(address, _) => write!(f, "mqtts://{address}"),
            Self::WebSocket(address, request) => write!(f, "ws://{address}{}", request.path),
            Self::WebSocketTls(address, request, _) => write!(f, "wss://{address}{}", request.path),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Memory(_) => f.pad("a server in this process"),
        }
    }
}
