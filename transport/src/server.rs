//! A server as a machine: connections, bytes and time go in; bytes and one next deadline come out. Whoever drives it, in
//! a simulation or on sockets, moves bytes and waits, and decides nothing.

use bytes::Bytes;

/// A network connection, numbered by whoever drives the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What a server wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes, after those before.
    Send(ConnectionId, Bytes),
    /// Close the connection once everything before is written. A connection that is gone is no error.
    Close(ConnectionId),
}

/// A server that only decides. Times are milliseconds since any start and never go back.
pub trait Server {
    /// A client opened a connection.
    fn opened(&mut self, now: u64, id: ConnectionId);
    /// Bytes arrived on a connection.
    fn received(&mut self, now: u64, id: ConnectionId, bytes: &[u8]);
    /// The client closed the connection, or the network failed. Also comes after [`Output::Close`] and then means nothing.
    fn closed(&mut self, now: u64, id: ConnectionId);
    /// Time has passed until `now`.
    fn passed(&mut self, now: u64);
    /// When [`Self::passed`] has to be called at the latest; `None` while nothing is to be waited for.
    fn deadline(&self) -> Option<u64>;
    /// What is to be done since the last call, in order.
    fn outputs(&mut self) -> Vec<Output>;
}
