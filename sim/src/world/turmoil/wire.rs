//! A client's end of a simulated connection, which may also end by a reset that turmoil does not carry.

use crate::guest;
use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A reset on its way to a client.
#[derive(Debug, Default)]
pub(super) struct Reset {
    arrived: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

impl Reset {
    /// It is there.
    pub(super) fn arrives(&self) {
        self.arrived.set(true);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The client's end.
#[derive(Debug)]
pub(super) struct Wire {
    stream: guest::Stream,
    reset: Rc<Reset>,
}

impl Wire {
    /// This end, and where a reset for it goes.
    pub(super) fn new(stream: guest::Stream) -> (Self, Weak<Reset>) {
        let reset = Rc::<Reset>::default();
        let for_others = Rc::downgrade(&reset);
        (Self { stream, reset }, for_others)
    }
}

impl squall_transport::Stream for Wire {
    fn reset(self: Box<Self>) {
        Box::new(self.stream).reset();
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What came before a reset is read before it.
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            return read;
        }
        if self.reset.arrived.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        *self.reset.reader.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
