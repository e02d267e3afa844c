//! Squall's reference MQTT client for 3.1.1 and 5.0: a client to embed, the core that decides for it, and the raw
//! [`probe`] connection that conformance checks speak through.
//!
//! # A client to embed
//!
//! [`open`] gives a [`Handle`] and a driver, a future that somebody has to poll:
//!
//! ```
//! use squall_client::{Message, Servers, Settings, open};
//! use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let servers = Servers::tcp(["broker.example.org:1883"]);
//! let (client, driver) = open(servers, Settings::new(Version::V5_0, "thermostat-7"));
//! let work = async {
//!     let wanted = Subscription::new(TopicFilter::parse_v5("rooms/7/wanted")?, QoS::AtLeastOnce);
//!     let mut wanted = client.subscribe([wanted]).await?;
//!     while let Some(message) = wanted.next().await {
//!         let answer = Message::new("rooms/7/set", message.payload.clone(), QoS::ExactlyOnce);
//!         client.publish(answer).await?;
//!     }
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! let (worked, ()) = tokio::join!(work, driver);
//! # worked
//! # }
//! ```
//!
//! * **Publish.** [`Handle::publish`] is ready when the QoS is fulfilled, with the reason code that the server gave;
//!   [`Handle::enqueue`] when there is room, for those who want many messages under way. Never more are in flight than
//!   [`Settings::window`] and the server's Receive Maximum allow, and never more wait than [`Settings::outgoing`].
//! * **Subscribe.** [`Handle::subscribe`] gives a stream of [`Messages`]. A message is acknowledged when it is taken from its
//!   stream, or when the application says so ([`Settings::manual_acknowledgement`]). Nothing is ever dropped: who takes
//!   nothing is sent nothing more.
//! * **Come back.** A client dials again where [`Again`] says so, with jitter, resumes its session, sends again what was not
//!   acknowledged, and makes its subscriptions again where the session is gone. [`Handle::events`] tells of it.
//! * **Ask.** [`Handle::request`] and [`Handle::respond`] are request and response of 5.0.
//! * **Prove who you are.** [`Settings::credentials`], or an Authentication [`Method`], of which [`ScramSha256`] is one.
//! * **Dial.** [`TcpDial`] is one address, [`HostDial`] a host with all of its addresses, [`Servers`] several servers, also
//!   those that a server refers to; [`Dial`] is whatever else carries bytes.
//!
//! `examples/` shows it in tests of an application, with a broker in the same process.
//!
//! # The core
//!
//! * [`Client`] decides everything. It is handed bytes, commands and time, and hands back packets to send, events and
//!   one deadline. No socket, clock, task or random number is known to it.
//! * [`Scripted`] is told what to send, packet by packet, also what is wrong.
//! * [`run`] moves bytes between a stream that it [dials](Dial) and a [`Client`], and waits.
//!
//! The order of outputs and events is a function of the inputs alone; in particular it does not depend on how a byte
//! stream was cut into pieces.

mod answers;
mod core;
mod driver;
mod machine;
mod open;
pub mod probe;
mod scram;
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
pub use scram::ScramSha256;
pub use script::Scripted;
pub use servers::{HostDial, Servers};
pub use squall_transport::{Dial, Endpoint, Hangup, TcpDial};
