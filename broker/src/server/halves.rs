//! A stream that a reader and a writer share, on one thread, and who is at its other end.

use squall_transport::Peer;
use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The reader's half.
pub(super) struct Source<S> {
    stream: Rc<RefCell<S>>,
    /// Says who is at the other end; nothing once that was said.
    introduce: Option<fn(&S) -> Option<Peer>>,
}

/// The writer's half.
pub(super) struct Sink<S>(Rc<RefCell<S>>);

/// Takes a stream apart. `introduce` says who is at its other end.
pub(super) fn halves<S>(stream: S, introduce: fn(&S) -> Option<Peer>) -> (Source<S>, Sink<S>) {
    let stream = Rc::new(RefCell::new(stream));
    let source = Source {
        stream: Rc::clone(&stream),
        introduce: Some(introduce),
    };
    (source, Sink(stream))
}

impl<S> Source<S> {
    /// Who is at the other end, once, if anybody can say: to be asked when bytes have come, as the handshake of the transport is over then.
    pub(super) fn introduced(&mut self) -> Option<Peer> {
        let introduce = self.introduce.take()?;
        introduce(&self.stream.borrow())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Source<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sink<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().is_write_vectored()
    }
}
