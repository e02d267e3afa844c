//! MQTT over WebSocket (RFC 6455): bytes go in binary frames, whose borders mean nothing. It draws its keys from the system,
//! so it is for real sockets only: nothing of a simulation goes through here.
//!
//! A client has its frames of a library. A server, which strangers speak to, takes them apart as they come and keeps none.

mod frames;
mod greeting;
mod served;

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
        Error, Message, Utf8Bytes,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The largest message that is taken in from a server, in bytes, in one frame or in many: it is held until it is whole.
/// Larger packets may come in several messages.
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

/// A client's connection over WebSocket, after its handshake. Each write is one binary frame of its own.
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
                Some(Ok(Message::Text(_)) | Err(Error::Utf8(_))) => {
                    return Poll::Ready(Err(self.refuse(cx, CloseCode::Unsupported, TEXT)));
                }
                Some(Ok(Message::Close(_))) | None => self.take_leave(cx),
                Some(Ok(_)) => {}
                Some(Err(error)) => match broken(error) {
                    Ok(None) => self.take_leave(cx),
                    Ok(Some((code, why))) => {
                        return Poll::Ready(Err(self.refuse(cx, code, &why)));
                    }
                    Err(error) => {
                        self.take_leave(cx);
                        return Poll::Ready(Err(error));
                    }
                },
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

    /// Closes the connection, as far as that is possible now, and says why.
    fn refuse(&mut self, cx: &mut Context<'_>, code: CloseCode, why: &str) -> io::Error {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        };
        let _ = Pin::new(&mut self.inner).start_send(Message::Close(Some(frame)));
        self.take_leave(cx);
        io::Error::new(io::ErrorKind::InvalidData, why)
    }
}

/// Who gets another data frame than a binary one closes the connection [MQTT-6.0.0-1].
const TEXT: &str = "the server sends a WebSocket frame of text, where MQTT asks for binary ones [MQTT-6.0.0-1]; is MQTT at another path?";

/// How a connection ended: in order, because the server has broken a rule, which is told with a code, or by an error below.
/// One that is ended below without a word of WebSocket has ended in order: MQTT knows by itself where its packets end.
fn broken(error: Error) -> io::Result<Option<(CloseCode, String)>> {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ok(None),
        Error::Io(error) => Err(error),
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            let why = "the server sends a WebSocket message of more than 32 MiB, which is more than is taken in; larger packets may come in several messages";
            Ok(Some((CloseCode::Size, why.to_owned())))
        }
        Error::Protocol(why) => {
            let why = format!("the server does not speak WebSocket as RFC 6455 says: {why}");
            Ok(Some((CloseCode::Protocol, why)))
        }
        other => Ok(Some((CloseCode::Protocol, other.to_string()))),
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
