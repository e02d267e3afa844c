//! A byte stream with a queue before it: whole packets in, one write each.
//!
//! It does not know what the bytes mean, and never waits by itself.

use bytes::Bytes;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream and the packets that it has not taken yet.
pub(crate) struct Wire<S> {
    stream: S,
    queue: VecDeque<Bytes>,
    /// Bytes in the queue.
    queued: usize,
    /// Whether something was written since the last flush.
    unflushed: bool,
    /// Writing failed. What the peer sent before may still be read.
    broken: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self {
            stream,
            queue: VecDeque::new(),
            queued: 0,
            unflushed: false,
            broken: false,
        }
    }

    /// Queues one packet and writes as much as the stream takes now.
    pub(crate) fn send(&mut self, packet: Bytes, cx: &mut Context<'_>) {
        if !self.broken {
            self.queued += packet.len();
            self.queue.push_back(packet);
            // Pending: the rest goes when the stream is ready.
            let _ = self.poll_drain(cx);
        }
    }

    /// Bytes that the stream has not taken yet.
    pub(crate) const fn queued(&self) -> usize {
        self.queued
    }

    /// Writes what is queued; ready when nothing is left, or nothing can be written any more.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.poll_write_all(cx)) {
            Ok(()) => {}
            Err(_) => {
                // The reading side says how the connection ended, after what is still to be read.
                self.broken = true;
                self.queue.clear();
                self.queued = 0;
            }
        }
        Poll::Ready(())
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(packet) = self.queue.front_mut() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, packet))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.queued = self.queued.saturating_sub(written);
            if written >= packet.len() {
                self.queue.pop_front();
            } else {
                *packet = packet.slice(written..);
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is queued, then ends the stream in order.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_drain(cx));
        // An error leaves nothing to be closed.
        Pin::new(&mut self.stream).poll_shutdown(cx).map(|_| ())
    }

    /// Reads one chunk: how many bytes are in `buffer` now, 0 for the end of the stream.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(result) => Poll::Ready(result.map(|()| buffer.filled().len())),
            // All was read that came before the stream broke.
            Poll::Pending if self.broken => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}
