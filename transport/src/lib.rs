//! How bytes get from one party to another: streams that can be reset, how they are [dialled](Dial) and
//! [accepted](Accept), over TCP or inside of one process.
//!
//! It does not know what is spoken on a connection. One word for how a connection ended, [`Hangup`], is shared by
//! everybody.

mod accept;
mod dial;
mod hangup;
mod memory;
mod server;
mod stream;

pub use accept::Accept;
pub use dial::{Dial, Endpoint, TcpDial};
pub use hangup::Hangup;
pub use memory::{Memory, MemoryListener, MemoryStream};
pub use server::{ConnectionId, Output, Server};
pub use stream::{BoxStream, Stream};
