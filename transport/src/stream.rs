//! A connection: ordered bytes, both ways.

use std::fmt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection of any kind. Dropping it ends it in order, [`Self::reset`] does not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + fmt::Debug {
    /// Ends the connection at once, without what still waits to be sent; the peer sees a reset.
    fn reset(self: Box<Self>);
}

/// A connection of which only is known that it is one.
pub type BoxStream = Box<dyn Stream>;

impl<S: Stream + ?Sized> Stream for Box<S> {
    fn reset(self: Box<Self>) {
        S::reset(*self);
    }
}

impl Stream for TcpStream {
    fn reset(self: Box<Self>) {
        // A socket that is closed without lingering sends RST. One that refuses the option is gone already.
        let _ = self.set_zero_linger();
    }
}
