//! Squall's reference MQTT client for 3.1.1 and 5.0: a core that only decides, a thin async driver, and the raw
//! [`probe`] connection that conformance checks speak through.
//!
//! * [`Client`] decides everything. It is handed bytes, commands and time, and hands back packets to send, events and
//!   one deadline. No socket, clock, task or random number is known to it.
//! * [`Scripted`] is told what to send, packet by packet, also what is wrong.
//! * [`run`] moves bytes between a stream that it [dials](Dial) and a [`Client`], and waits.
//! * [`open`] is for people: publish and await the outcome.
//!
//! The order of outputs and events is a function of the inputs alone; in particular it does not depend on how a byte
//! stream was cut into pieces.

mod answers;
mod core;
mod driver;
mod machine;
mod open;
pub mod probe;
mod script;
mod servers;
mod wire;

pub use answers::Answers;
pub use core::{
    Abandonment, Acknowledgement, Again, Authentication, Backoff, Client, Command, ConnectOptions,
    EndCause, Event, Message, Method, Output, ProtocolError, QueueLimit, Receipt, Script,
    SharedSession, Ticket,
};
pub use driver::{run, run_machine};
pub use machine::Machine;
pub use open::{
    Delivery, Events, Handle, Happening, Messages, Publication, Reference, References,
    RequestError, Settings, open,
};
pub use script::Scripted;
pub use servers::{HostDial, Servers};
pub use squall_transport::{Dial, Endpoint, Hangup, TcpDial};
