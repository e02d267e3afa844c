//! MQTT over WebSocket (RFC 6455): bytes go in binary frames, whose borders mean nothing. It draws its keys from the system,
//! so it is for real sockets only: nothing of a simulation goes through here.

mod greeting;

pub use greeting::{WEB_SOCKET_PATH, WebSocketRequest};

pub(crate) use greeting::{accept, connect};

use crate::{Peer, Stream};
use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream as Messages};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The largest message that is taken in, in bytes, in one frame or in many: it is held until it is whole. Larger packets
/// may come in several messages.
const LARGEST_MESSAGE: usize = 32 << 20;
/// Bytes that are read at once. It is room that every connection takes, also one that is silent.
const READ_BYTES: usize = 8 << 10;

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        // Each write goes out at once.
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE))
}

/// A connection over WebSocket, after its handshake. Each write is one binary frame of its own.
#[derive(Debug)]
pub(crate) struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// What has come in a frame and was not read yet.
    rest: Bytes,
    /// Nothing more comes.
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    const fn new(inner: WebSocketStream<S>) -> Self {
        Self {
            inner,
            rest: Bytes::new(),
            ended: false,
        }
    }

    /// The next bytes; none when no more come.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        while !self.ended {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                // A packet may come in many frames, and a frame may hold many packets [MQTT-6.0.0-2].
                Some(Ok(Message::Binary(bytes))) if !bytes.is_empty() => {
                    return Poll::Ready(Ok(bytes));
                }
                Some(Ok(Message::Text(_))) => return Poll::Ready(Err(self.refuse_text())),
                Some(Ok(Message::Close(_))) | None => self.take_leave(cx),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.take_leave(cx);
                    ended(error)?;
                }
            }
        }
        Poll::Ready(Ok(Bytes::new()))
    }

    /// Answers the peer that has closed, and ends what is below, as far as that is possible now. Whoever reads learns that it
    /// is over, and may keep this value for long; a server may wait for its peer to be gone.
    fn take_leave(&mut self, cx: &mut Context<'_>) {
        self.ended = true;
        if Pin::new(&mut self.inner).poll_flush(cx).is_ready() {
            let _ = Pin::new(self.inner.get_mut()).poll_shutdown(cx);
        }
    }

    /// Who gets another data frame than a binary one closes the connection [MQTT-6.0.0-1].
    fn refuse_text(&mut self) -> io::Error {
        self.ended = true;
        let why = "MQTT is spoken in binary frames";
        let frame = CloseFrame {
            code: CloseCode::Unsupported,
            reason: why.into(),
        };
        // As far as that is possible now: the connection ends in any case.
        let _ = Pin::new(&mut self.inner).start_send(Message::Close(Some(frame)));
        io::Error::new(
            io::ErrorKind::InvalidData,
            "a WebSocket frame of text, where MQTT asks for binary ones [MQTT-6.0.0-1]",
        )
    }
}

/// How a connection ended. One that is ended below without a word of WebSocket has ended in order: MQTT knows by itself
/// where its packets end.
fn ended(error: Error) -> io::Result<()> {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ok(()),
        Error::Io(error) => Err(error),
        other => Err(io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}

/// Why nothing can be written.
fn unwritten(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::BrokenPipe, other),
    }
}

impl<S: Stream> Stream for WebSocket<S> {
    fn reset(self: Box<Self>) {
        Box::new(self.inner.into_inner()).reset();
    }

    fn peer(&self) -> Peer {
        self.inner.get_ref().peer()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() && buf.remaining() > 0 {
            self.rest = ready!(self.poll_bytes(cx))?;
        }
        let count = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // An earlier frame that waits goes first, so that no more than one is held here.
        ready!(Pin::new(&mut self.inner).poll_ready(cx)).map_err(unwritten)?;
        // In a binary frame [MQTT-6.0.0-1].
        let message = Message::Binary(Bytes::copy_from_slice(buf));
        let sent = Pin::new(&mut self.inner).start_send(message);
        Poll::Ready(sent.map(|()| buf.len()).map_err(unwritten))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        flushed.map_err(unwritten)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Where no word of WebSocket goes through any more, what is below can still be ended.
        let _ = ready!(Pin::new(&mut self.inner).poll_close(cx));
        Pin::new(self.inner.get_mut()).poll_shutdown(cx)
    }
}
