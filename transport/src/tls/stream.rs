//! A connection that is encrypted.

use super::{failure, subject};
use crate::{Peer, Socket, Stream};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

/// A connection over TLS, after its handshake.
#[derive(Debug)]
pub(crate) struct TlsStream {
    inner: tokio_rustls::TlsStream<Socket>,
    /// The name in the certificate of a client.
    certificate: Option<Arc<str>>,
}

impl TlsStream {
    pub(super) fn of_client(stream: client::TlsStream<Socket>) -> Self {
        Self {
            inner: stream.into(),
            certificate: None,
        }
    }

    /// With the name of the client, if it has shown a certificate; then that was verified.
    pub(super) fn of_server(stream: server::TlsStream<Socket>) -> Self {
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(|chain| subject::name(chain.first()?));
        Self {
            inner: stream.into(),
            certificate,
        }
    }

    const fn is_client(&self) -> bool {
        matches!(self.inner, tokio_rustls::TlsStream::Client(_))
    }
}

impl Stream for TlsStream {
    fn reset(self: Box<Self>) {
        let socket = match self.inner {
            tokio_rustls::TlsStream::Client(stream) => stream.into_inner().0,
            tokio_rustls::TlsStream::Server(stream) => stream.into_inner().0,
        };
        Box::new(socket).reset();
    }

    fn peer(&self) -> Peer {
        Peer {
            encrypted: true,
            certificate: self.certificate.clone(),
            ..self.inner.get_ref().0.peer()
        }
    }
}

impl AsyncRead for TlsStream {
    /// A peer that ends the connection below without a word of TLS has ended it: MQTT knows by itself where its packets
    /// end, and many brokers do so.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_client = self.is_client();
        match ready!(Pin::new(&mut self.inner).poll_read(cx, buf)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(failure::explained(error, is_client))),
            Ok(()) => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
