//! How bytes get from one party to another: streams that can be reset, how they are [dialled](Dial) and
//! [accepted](Accept), over TCP, TLS [X-5.0-security-1], WebSocket and unix sockets, or inside of one process.
//!
//! Nothing of it knows what is spoken on a connection but the [`tap`], which knows where packets begin and end. One word for
//! how a connection ended, [`Hangup`], is shared by everybody, and so is what an [`Address`] is.
//!
//! The tap, the memory and everything without I/O are deterministic. Sockets are not, and TLS and WebSocket draw on the
//! system's randomness besides: they are for servers and clients that really run.

mod accept;
mod address;
mod arriving;
mod credentials;
mod dial;
mod endpoint;
mod hangup;
mod listener;
mod memory;
mod peer;
mod server;
mod socket;
mod stream;
pub mod tap;
mod tls;
mod web_socket;

pub use accept::Accept;
pub use address::{Address, AddressError, LookupError, Scheme, is_address};
pub use credentials::{Credentials, without_password};
pub use dial::{Dial, TcpDial};
pub use endpoint::Endpoint;
pub use hangup::Hangup;
pub use listener::{Listener, Listeners};
pub use memory::{Memory, MemoryListener, MemoryStream};
pub use peer::Peer;
pub use server::{ConnectionId, Output, Server};
pub use socket::Socket;
pub use stream::{BoxStream, Stream};
pub use tls::{ClientTls, Secured, ServerTls, TlsError, TlsSettings};
pub use web_socket::{WEB_SOCKET_PATH, WebSocketRequest};
