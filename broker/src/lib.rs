//! Squall's reference MQTT broker for 3.1.1 and 5.0: a sans-I/O core and a thin async driver.
//!
//! * [`Broker`] decides everything. It is handed bytes, ends of connections and time, and hands back packets to send,
//!   connections to close, events and one deadline. No socket, clock, task or random number is known to it.
//! * [`Server`] moves bytes between a listener and a [`Broker`], and waits.
//! * [`Durable`] is a broker whose state outlives it: what it promises leaves once a [`store`] has it.
//! * [`Scripted`] is a broker that does what it is told, packet by packet, right or wrong.
//! * [`security`] says who may come in and what they may do.
//! * [`Config`] says what the broker offers; what it does not offer is refused on the wire as the standard says.
//!
//! The order of outputs and events is a function of the inputs alone; in particular it does not depend on how a
//! byte stream was cut into pieces.

mod answers;
mod config;
mod core;
mod durable;
mod machine;
mod offer;
mod script;
pub mod security;
mod server;
pub mod store;

pub use answers::Answers;
pub use config::{Config, Redirect, WhenFull};
pub use core::{Broker, CloseCause, ConnId, Counters, DamagedRow, Event, Output, ProtocolError};
pub use durable::Durable;
pub use machine::Machine;
pub use script::{Callers, Script, Scripted};
pub use server::{AsidePasswords, Notice, Server, Verifier};
pub use squall_transport::{Accept, Hangup, Peer};
