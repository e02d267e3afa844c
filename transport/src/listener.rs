//! Where a server listens: over TCP, TLS, WebSocket, both, or at a unix socket; and several of them at once.

use crate::{
    Accept, BoxStream, Peer, ServerTls, Socket, Stream,
    accept::is_local,
    arriving::{Arriving, Handshake},
    web_socket,
};
use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
};
use tokio::net::TcpListener;

/// One place where a server listens. What it accepts comes at once: handshakes go on while a connection is read for the
/// first time, and hold nobody else up.
#[derive(Debug)]
pub struct Listener {
    door: Door,
    tls: Option<ServerTls>,
    /// The path of WebSocket.
    path: Option<String>,
}

#[derive(Debug)]
enum Door {
    Tcp {
        listener: TcpListener,
        address: SocketAddr,
        local: bool,
    },
    #[cfg(unix)]
    Unix(unix::Door),
}

impl Listener {
    /// Listens at this address and port; port 0 takes a free one. Needs a runtime with network.
    ///
    /// # Errors
    /// When nobody can listen there.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self::over(Door::Tcp {
            address: listener.local_addr()?,
            local: is_local(&listener),
            listener,
        }))
    }

    /// Listens at a unix socket. A socket that a server has left there, and at which nobody listens any more, is replaced;
    /// it goes away with this value.
    ///
    /// # Errors
    /// When nobody can listen there, or somebody does already.
    #[cfg(unix)]
    pub async fn unix(path: &std::path::Path) -> io::Result<Self> {
        Ok(Self::over(Door::Unix(unix::Door::open(path).await?)))
    }

    const fn over(door: Door) -> Self {
        Self {
            door,
            tls: None,
            path: None,
        }
    }

    /// The same over TLS.
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The same over WebSocket, over TLS if there is any, at this path, such as `/mqtt`.
    #[must_use]
    pub fn web_socket(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The port and the address of a listener over TCP.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        match &self.door {
            Door::Tcp { address, .. } => Some(*address),
            #[cfg(unix)]
            Door::Unix(_) => None,
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<BoxStream>> {
        let accepted = match &self.door {
            Door::Tcp {
                listener, local, ..
            } => {
                let accepted = listener.poll_accept(cx);
                accepted.map_ok(|(stream, _)| Socket::tcp(stream).local(*local))
            }
            #[cfg(unix)]
            Door::Unix(door) => door.poll_accept(cx),
        };
        accepted.map_ok(|socket| self.dressed(socket))
    }

    /// A connection with whatever goes over it.
    fn dressed(&self, socket: Socket) -> BoxStream {
        let (peer, given_up) = (socket.peer(), socket.given_up());
        let handshake: Handshake = match (self.tls.clone(), self.path.clone()) {
            (None, None) => return Box::new(socket),
            (Some(tls), None) => Box::pin(async move {
                let stream: BoxStream = Box::new(tls.accept(socket).await?);
                Ok(stream)
            }),
            (None, Some(path)) => Box::pin(async move {
                let stream: BoxStream = Box::new(web_socket::accept(socket, &path).await?);
                Ok(stream)
            }),
            (Some(tls), Some(path)) => Box::pin(async move {
                let stream = tls.accept(socket).await?;
                let stream: BoxStream = Box::new(web_socket::accept(stream, &path).await?);
                Ok(stream)
            }),
        };
        Box::new(Arriving::new(handshake, peer, given_up))
    }
}

/// An address that leads there, if the host is one that others can reach.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (&self.tls, &self.path) {
            (None, None) => "mqtt",
            (Some(_), None) => "mqtts",
            (None, Some(_)) => "ws",
            (Some(_), Some(_)) => "wss",
        };
        let path = self.path.as_deref().unwrap_or_default();
        match &self.door {
            Door::Tcp { address, .. } => write!(f, "{scheme}://{address}{path}"),
            #[cfg(unix)]
            Door::Unix(door) => write!(f, "unix:{}", door.path().display()),
        }
    }
}

impl Accept for Listener {
    type Stream = BoxStream;

    async fn accept(&mut self) -> io::Result<BoxStream> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn peer(stream: &BoxStream) -> Option<Peer> {
        Some(stream.peer())
    }
}

/// Several listeners, each of which has its turn. When one fails, they all do.
#[derive(Debug)]
pub struct Listeners {
    all: Vec<Listener>,
    /// Who is asked first.
    next: usize,
}

impl Listeners {
    /// All of these.
    #[must_use]
    pub const fn new(all: Vec<Listener>) -> Self {
        Self { all, next: 0 }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<BoxStream>> {
        let count = self.all.len();
        for n in 0..count {
            let index = (self.next + n) % count;
            if let Poll::Ready(accepted) = self.all[index].poll_accept(cx) {
                self.next = index + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

impl Accept for Listeners {
    type Stream = BoxStream;

    async fn accept(&mut self) -> io::Result<BoxStream> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn peer(stream: &BoxStream) -> Option<Peer> {
        Some(stream.peer())
    }
}

#[cfg(unix)]
mod unix {
    use crate::Socket;
    use std::{
        fs, io,
        os::unix::fs::FileTypeExt,
        path::{Path, PathBuf},
        task::{Context, Poll},
    };
    use tokio::net::{UnixListener, UnixStream};

    /// A unix socket at which somebody listens, as long as this value lives.
    #[derive(Debug)]
    pub(super) struct Door {
        listener: UnixListener,
        path: PathBuf,
    }

    impl Door {
        pub(super) async fn open(path: &Path) -> io::Result<Self> {
            if is_deserted(path).await {
                fs::remove_file(path)?;
            }
            Ok(Self {
                listener: UnixListener::bind(path)?,
                path: path.to_owned(),
            })
        }

        pub(super) fn path(&self) -> &Path {
            &self.path
        }

        pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
            let accepted = self.listener.poll_accept(cx);
            accepted.map_ok(|(stream, _)| Socket::unix(stream))
        }
    }

    /// Whether a server has left its socket there, and is gone.
    async fn is_deserted(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
            && UnixStream::connect(path)
                .await
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    impl Drop for Door {
        fn drop(&mut self) {
            // Somebody may have removed it already.
            let _ = fs::remove_file(&self.path);
        }
    }
}
