//! A broker or a client that somebody brings along. A broker is async code in Rust that serves streams, run as it is on a simulated host.
//!
//! ```no_run
//! use squall_sim::guest::Guest;
//!
//! let guest = Guest::new(|mut listener| async move {
//!     loop {
//!         let stream = listener.accept().await?;
//!         // my_broker.serve(stream), in a task of its own: a stream is `AsyncRead + AsyncWrite + Unpin + Send`.
//!         drop(stream);
//!     }
//! });
//! squall_sim::harness::Storm::of("tests/stories").broker(guest).check();
//! ```

mod client;
mod wire;

pub use client::{Client, Connection, Order, Part};
pub(crate) use client::{Dialling, Report, Stage};
pub use squall_client::{ConnectOptions, Message, Ticket};
pub use squall_protocol as protocol;
pub use wire::{Happening, Wire};

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

type Serving = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// A broker under test. It is started anew for each run, on a host of its own, and knows nothing but its listener. Its
/// clock must be tokio's ([`tokio::time`]): time is virtual. It may spawn tasks; it must not start threads, nor take
/// randomness or the order of hash maps from the system, or the same seed will not give the same run.
#[derive(Clone)]
pub struct Guest {
    serve: Arc<dyn Fn(Listener) -> Serving + Send + Sync>,
}

impl Guest {
    /// A broker that `serve` makes; its future serves until it is dropped. One that ends fails the run.
    pub fn new<F>(serve: impl Fn(Listener) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        Self {
            serve: Arc::new(move |listener| Box::pin(serve(listener))),
        }
    }

    pub(crate) fn serve(&self, listener: Listener) -> Serving {
        (self.serve)(listener)
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest")
    }
}

/// Where the connections of the clients of a story come from.
pub struct Listener(pub(crate) TcpListener);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// When the simulated listener fails; it does not.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        let (stream, _) = self.0.accept().await?;
        Ok(Stream(stream))
    }
}

/// A simulated connection: ordered bytes, both ways. Dropping it ends it. It tells only that the other end is gone, not
/// how: turmoil resets where a real peer may close and the other way round, depending on what was unread.
#[derive(Debug)]
pub struct Stream(pub(crate) TcpStream);

impl squall_transport::Stream for Stream {
    // What is left of the connection is the link model's to say.
    fn reset(self: Box<Self>) {}
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf).map(|_| Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // The reading side reports the end, at the same instant in every world.
        Pin::new(&mut self.0)
            .poll_write(cx, buf)
            .map(|r| Ok(r.unwrap_or(buf.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx).map(|_| Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx).map(|_| Ok(()))
    }
}
