//! A server's end of a connection over WebSocket, after its handshake.

use super::frames::{self, Came, End, Fault, Frames};
use crate::{Peer, Stream};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client's connection. Each write is one binary frame of its own; what the client sends is handed on as it comes, and
/// nothing of it is kept.
#[derive(Debug)]
pub(crate) struct Served<S> {
    inner: S,
    frames: Frames,
    end: Option<End>,
    /// Whole frames, of which so many bytes are written.
    out: Vec<u8>,
    written: usize,
    /// What the last ping wants back: who pings without end and does not read is answered to one of them.
    pong: Option<Vec<u8>>,
    /// A Close frame was said: nothing comes after it.
    closes: bool,
    /// Wakes the task that writes, which waits for the transport.
    writer: Option<Waker>,
}

/// Room for frames that is kept while none waits, in bytes.
const KEPT: usize = 4 << 10;

impl<S: AsyncRead + AsyncWrite + Unpin> Served<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            frames: Frames::default(),
            end: None,
            out: Vec::new(),
            written: 0,
            pong: None,
            closes: false,
            writer: None,
        }
    }

    /// Writes what waits.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.written == self.out.len() {
                self.written = 0;
                self.out.clear();
                self.out.shrink_to(KEPT);
                match self.pong.take() {
                    Some(payload) => frames::pong(&mut self.out, &payload),
                    None => return Poll::Ready(Ok(())),
                }
            }
            let waiting = &self.out[self.written..];
            match ready!(Pin::new(&mut self.inner).poll_write(cx, waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
    }

    /// The same for the task that writes, which is woken when it goes on.
    fn poll_out_as_writer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let over = self.poll_out(cx);
        self.writer = over.is_pending().then(|| cx.waker().clone());
        over
    }

    /// The same for the task that reads. A transport wakes one task only, so where the other waits for it already, that one
    /// does it.
    fn answer(&mut self, cx: &mut Context<'_>) {
        let nothing = self.out.is_empty() && self.pong.is_none();
        if nothing || self.writer.is_some() {
            return;
        }
        // What goes wrong shows when it is read.
        if self.poll_out(cx).is_ready() {
            let _ = Pin::new(&mut self.inner).poll_flush(cx);
        }
    }

    /// Answers what a client says beside.
    fn hear(&mut self, mut came: Came, cx: &mut Context<'_>) {
        if !self.closes && came.ping.is_some() {
            self.pong = came.ping.take();
        }
        if let Some(end) = came.end {
            self.end = Some(end);
            self.say_close(match end {
                End::Closed(code) => code,
                End::Fault(fault) => Some(fault.code()),
            });
        }
        self.answer(cx);
        if self.end.is_some() && self.out.is_empty() {
            // Whoever reads learns that it is over, and may keep this value for long; a client may wait for the end below.
            let _ = Pin::new(&mut self.inner).poll_shutdown(cx);
        }
    }

    fn say_close(&mut self, code: Option<u16>) {
        if !self.closes {
            frames::close(&mut self.out, code);
            self.pong = None;
            self.closes = true;
        }
    }
}

fn refused(fault: Fault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault.to_string())
}

impl<S: Stream> Stream for Served<S> {
    fn reset(self: Box<Self>) {
        Box::new(self.inner).reset();
    }

    fn peer(&self) -> Peer {
        self.inner.peer()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Served<S> {
    /// A client that ends the connection below without a word of WebSocket has ended it: MQTT knows by itself where its
    /// packets end.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.answer(cx);
        while buf.remaining() > 0 {
            match this.end {
                None => {}
                Some(End::Closed(_)) => break,
                Some(End::Fault(fault)) => return Poll::Ready(Err(refused(fault))),
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            let bytes = &mut buf.filled_mut()[before..];
            if bytes.is_empty() {
                this.end = Some(End::Closed(None));
                break;
            }
            let came = this.frames.take(bytes);
            let data = came.data;
            buf.set_filled(before + data);
            this.hear(came, cx);
            if data > 0 {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Served<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // An earlier frame that waits goes first, so that no more than one is held here.
        ready!(self.poll_out_as_writer(cx))?;
        if self.closes {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // In a binary frame [MQTT-6.0.0-1].
        frames::data_head(&mut self.out, buf.len());
        self.out.extend(buf);
        match self.poll_out_as_writer(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out_as_writer(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_close(Some(frames::NORMAL));
        // Where no word of WebSocket goes through any more, what is below can still be ended.
        if ready!(self.poll_out_as_writer(cx)).is_ok() {
            let _ = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
