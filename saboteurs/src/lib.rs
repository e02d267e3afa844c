//! Strangers that prove Squall's judge.
//!
//! Squall judges brokers. Whether it judges them well can only be told by servers that it did not grow up with:
//!
//! * [`double`] a second, small broker, written from the OASIS text alone. Plain, it obeys both versions. With a
//!   [`Switch`] it breaks one statement, which a judge should notice; with a [`Decoy`] it does something legal and odd,
//!   which a judge must not hold against it.
//! * [`wire`] tampers with the packets between a client and any broker.
//! * [`fake`] servers that answer without being brokers.
//! * [`client`] makes a client of ours one that breaks the standard, or is odd and legal: it has a [`client::Habit`].
//! * [`store`] makes our broker one that forgets what it has promised when it crashes, or is odd and legal: its store has
//!   a [`store::Habit`].
//!
//! [`serve`] puts a [`Server`] on streams and sockets. Nothing here takes part in a verdict.

pub mod client;
pub mod double;
pub mod fake;
mod family;
pub mod serve;
pub mod store;
mod switch;
pub mod wire;

pub use double::Decoy;
pub use family::Family;
pub use squall_transport::{ConnectionId, Output, Server};
pub use switch::Switch;
