//! A network inside of one process: connections without sockets, so that time can be virtual.

use crate::{Accept, Peer, Stream};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// Bytes that are under way in one direction before a writer has to wait, about what a kernel keeps.
const WINDOW: usize = 256 * 1024;

/// The way to one listener in this process. Copies lead to the same.
#[derive(Clone, Debug)]
pub struct Memory {
    callers: UnboundedSender<MemoryStream>,
}

/// Takes the connections that [`Memory::dial`] opens, in their order. When it is dropped, further ones are refused.
#[derive(Debug)]
pub struct MemoryListener {
    callers: UnboundedReceiver<MemoryStream>,
}

/// One side of a connection in this process.
#[derive(Debug)]
pub struct MemoryStream {
    inner: DuplexStream,
    /// One side has reset the connection.
    broken: Arc<AtomicBool>,
}

impl Memory {
    /// A listener, and the way to it.
    #[must_use]
    pub fn listen() -> (Self, MemoryListener) {
        let (sender, receiver) = unbounded_channel();
        (
            Self { callers: sender },
            MemoryListener { callers: receiver },
        )
    }

    /// Opens a connection; it does not wait until it is accepted.
    ///
    /// # Errors
    /// `ConnectionRefused` when nobody listens any more.
    pub fn dial(&self) -> io::Result<MemoryStream> {
        let (ours, theirs) = MemoryStream::pair();
        match self.callers.send(theirs) {
            Ok(()) => Ok(ours),
            Err(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

impl MemoryStream {
    /// Both sides of a connection.
    #[must_use]
    pub fn pair() -> (Self, Self) {
        let (one, other) = duplex(WINDOW);
        let broken = Arc::new(AtomicBool::new(false));
        let side = |inner, broken| Self { inner, broken };
        (side(one, Arc::clone(&broken)), side(other, broken))
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

impl Stream for MemoryStream {
    fn reset(self: Box<Self>) {
        self.broken.store(true, Ordering::Relaxed);
    }

    fn peer(&self) -> Peer {
        Peer {
            local: true,
            ..Peer::default()
        }
    }
}

impl AsyncRead for MemoryStream {
    /// After a reset by the peer, what had arrived is read first.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let at_end = matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if at_end && buf.remaining() > 0 && self.is_broken() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for MemoryStream {
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
}

impl Accept for MemoryListener {
    type Stream = MemoryStream;

    /// Ends with an error when no way leads here any more.
    async fn accept(&mut self) -> io::Result<MemoryStream> {
        let caller = self.callers.recv().await;
        caller.ok_or_else(|| io::Error::other("nobody can dial this listener any more"))
    }

    fn peer(stream: &MemoryStream) -> Option<Peer> {
        Some(stream.peer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    #[tokio::test]
    async fn bytes_go_both_ways_and_an_end_is_in_order() {
        let (memory, mut listener) = Memory::listen();
        let mut client = Endpoint::from(memory).dial().await.unwrap();
        let mut server = listener.accept().await.unwrap();
        client.write_all(b"ask").await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"answer");
        assert!(client.write_all(b"more").await.is_err());
    }

    #[tokio::test]
    async fn a_reset_is_told_from_an_end_in_memory_and_over_tcp() {
        let (memory, mut near) = Memory::listen();
        let mut far = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = Endpoint::from(far.local_addr().unwrap());
        for (endpoint, over_tcp) in [(Endpoint::from(memory), false), (tcp, true)] {
            let mut client = endpoint.dial().await.unwrap();
            match over_tcp {
                false => Box::new(near.accept().await.unwrap()).reset(),
                true => Box::new(Accept::accept(&mut far).await.unwrap()).reset(),
            }
            let error = client.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{endpoint}");
        }
    }

    #[tokio::test]
    async fn who_dials_where_nobody_listens_is_refused() {
        let (memory, listener) = Memory::listen();
        drop(listener);
        let error = Endpoint::from(memory).dial().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_listener_ends_when_no_way_leads_to_it() {
        let (memory, mut listener) = Memory::listen();
        drop(memory);
        assert!(listener.accept().await.is_err());
    }
}
