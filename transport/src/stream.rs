//! A connection: ordered bytes, both ways.

use crate::Peer;
use std::fmt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection of any kind. Dropping it ends it in order, [`Self::reset`] does not. What was written is on its way once it
/// was flushed.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + fmt::Debug {
    /// Ends the connection at once, without what still waits to be sent; the peer sees a reset.
    fn reset(self: Box<Self>);

    /// Who is at the other end, as far as this side knows: after a handshake of the transport more than before it.
    /// Nothing is known where nothing is said.
    fn peer(&self) -> Peer {
        Peer::default()
    }
}

/// A connection of which only is known that it is one. Any thread may have it.
pub type BoxStream = Box<dyn Stream + Send>;

impl<S: Stream + ?Sized> Stream for Box<S> {
    fn reset(self: Box<Self>) {
        S::reset(*self);
    }

    fn peer(&self) -> Peer {
        S::peer(self)
    }
}

impl Stream for TcpStream {
    fn reset(self: Box<Self>) {
        // A socket that is closed without lingering sends RST. One that refuses the option is gone already.
        let _ = self.set_zero_linger();
    }
}
