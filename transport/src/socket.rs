//! A socket of the system, the lowest layer of every connection that leaves the process.

use crate::{Peer, Stream};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection over TCP or over a unix socket.
#[derive(Debug)]
pub struct Socket {
    wire: Wire,
    /// It comes from a listener that can be reached from this machine only.
    local: bool,
    given_up: GivenUp,
}

#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Has a socket end with a reset when it is dropped, wherever it is by then: also in the middle of a handshake, where
/// nobody can reach it.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    pub(crate) fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Socket {
    /// Over TCP. One packet is one write, so nothing is gained by waiting for more: Nagle's algorithm is off, unless the
    /// socket refuses that, and still works.
    #[must_use]
    pub fn tcp(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Self::over(Wire::Tcp(stream), false)
    }

    /// Over a unix socket, which nobody on another machine can reach.
    #[cfg(unix)]
    #[must_use]
    pub fn unix(stream: UnixStream) -> Self {
        Self::over(Wire::Unix(stream), true)
    }

    fn over(wire: Wire, local: bool) -> Self {
        Self {
            wire,
            local,
            given_up: GivenUp::default(),
        }
    }

    /// The same, from a listener that can be reached from this machine only, or not.
    #[must_use]
    pub const fn local(mut self, local: bool) -> Self {
        self.local = local;
        self
    }

    pub(crate) fn given_up(&self) -> GivenUp {
        self.given_up.clone()
    }
}

impl Stream for Socket {
    /// A unix socket knows no reset: its peer sees an end, or a reset where it has sent what nobody has read.
    fn reset(self: Box<Self>) {
        self.given_up.say();
    }

    fn peer(&self) -> Peer {
        let address = match &self.wire {
            Wire::Tcp(stream) => stream.peer_addr().ok(),
            #[cfg(unix)]
            Wire::Unix(_) => None,
        };
        Peer {
            address,
            local: self.local,
            ..Peer::default()
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.given_up.is_said()
            && let Wire::Tcp(stream) = &self.wire
        {
            // A socket that is closed without lingering sends RST. One that refuses the option is gone already.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Does the same with either kind.
macro_rules! either {
    ($self:ident, $stream:ident => $do:expr) => {
        match &mut $self.wire {
            Wire::Tcp($stream) => $do,
            #[cfg(unix)]
            Wire::Unix($stream) => $do,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
