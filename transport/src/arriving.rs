//! A connection whose handshake is not over when it is accepted.

use crate::{BoxStream, Peer, Stream, socket::GivenUp};
use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The rest of a handshake.
pub(crate) type Handshake = Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send>>;

/// A server's end of a connection whose handshake goes on while it is read for the first time: whoever accepts waits for
/// nobody, and a client that never ends its handshake is a client that never sends anything.
pub(crate) struct Arriving {
    state: State,
    /// Who is there, as far as it is known before the handshake.
    peer: Peer,
    given_up: GivenUp,
    /// Wakes the task that reads, while the handshake goes on.
    reader: Option<Waker>,
    /// Wakes the task that writes, while the handshake goes on.
    writer: Option<Waker>,
}

enum State {
    Shaking(Handshake),
    Here(BoxStream),
    /// The handshake has failed, or was given up.
    Gone,
}

impl Arriving {
    pub(crate) fn new(handshake: Handshake, peer: Peer, given_up: GivenUp) -> Self {
        Self {
            state: State::Shaking(handshake),
            peer,
            given_up,
            reader: None,
            writer: None,
        }
    }

    /// Goes on with the handshake. Only the task that reads does.
    fn poll_arrive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Shaking(handshake) = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        let Poll::Ready(over) = handshake.as_mut().poll(cx) else {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        self.wake();
        self.state = State::Gone;
        self.state = State::Here(over?);
        Poll::Ready(Ok(()))
    }

    fn wake(&mut self) {
        let both = [self.reader.take(), self.writer.take()];
        both.into_iter().flatten().for_each(Waker::wake);
    }

    /// The connection, for the task that writes, once it is there.
    fn poll_here(&mut self, cx: &Context<'_>) -> Poll<io::Result<&mut BoxStream>> {
        match &mut self.state {
            State::Here(stream) => Poll::Ready(Ok(stream)),
            State::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            State::Shaking(_) => {
                self.writer = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Arriving {
    fn reset(self: Box<Self>) {
        match self.state {
            State::Here(stream) => stream.reset(),
            State::Shaking(_) => self.given_up.say(),
            State::Gone => {}
        }
    }

    fn peer(&self) -> Peer {
        match &self.state {
            State::Here(stream) => stream.peer(),
            State::Shaking(_) | State::Gone => self.peer.clone(),
        }
    }
}

impl AsyncRead for Arriving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_arrive(cx))?;
        match &mut self.state {
            State::Here(stream) => Pin::new(stream).poll_read(cx, buf),
            State::Shaking(_) | State::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Arriving {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(ready!(self.poll_here(cx))?).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Here(stream) => Pin::new(stream).poll_flush(cx),
            // Nothing was written yet.
            State::Shaking(_) | State::Gone => Poll::Ready(Ok(())),
        }
    }

    /// Before the handshake is over there is nobody to whom an end could be told: the connection is dropped, and who
    /// reads it learns that it has ended.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Here(stream) => Pin::new(stream).poll_shutdown(cx),
            State::Gone => Poll::Ready(Ok(())),
            State::Shaking(_) => {
                drop(mem::replace(&mut self.state, State::Gone));
                self.wake();
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(ready!(self.poll_here(cx))?).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        matches!(&self.state, State::Here(stream) if stream.is_write_vectored())
    }
}

impl fmt::Debug for Arriving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Here(stream) => stream.fmt(f),
            State::Shaking(_) => write!(f, "Arriving({:?})", self.peer),
            State::Gone => f.write_str("Gone"),
        }
    }
}
