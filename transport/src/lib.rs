//! How bytes get from one party to another: streams that can be reset, how they are [dialled](Dial) and
//! [accepted](Accept), over TCP or inside of one process.
//!
//! Nothing of it knows what is spoken on a connection but the [`tap`], which knows where packets begin and end. One word for how a connection ended, [`Hangup`], is shared by
//! everybody.

mod accept;
mod dial;
mod hangup;
mod memory;
mod peer;
mod server;
mod stream;
pub mod tap;

pub use accept::Accept;
pub use dial::{Dial, Endpoint, TcpDial};
pub use hangup::Hangup;
pub use memory::{Memory, MemoryListener, MemoryStream};
pub use peer::Peer;
pub use server::{ConnectionId, Output, Server};
pub use stream::{BoxStream, Stream};
