//! Squall's reference MQTT client for 3.1.1 and 5.0: a client to embed, the core that decides for it, and the raw
//! [`probe`] connection that conformance checks speak through.
//!
//! # A client to embed
//!
//! [`open`] gives a [`Handle`] and a driver, a future that somebody has to poll. Here it is in a test, with a broker in the same
//! process and no socket between them; an application dials with [`TcpDial`], [`HostDial`] or [`Servers`] instead:
//!
//! ```
//! use squall_broker::{Broker, Config, Server};
//! use squall_client::{Message, Settings, open};
//! use squall_protocol::{QoS, ReasonCode, Version, packet::Subscription, topic::TopicFilter};
//! use squall_transport::{Endpoint, Memory};
//! use tokio::task::{LocalSet, spawn_local};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # LocalSet::new().block_on(&runtime, async {
//! let (way, listener) = Memory::listen();
//! let broker = spawn_local(Server::new(Broker::new(Config::default())).run(listener));
//!
//! let settings = Settings::new(Version::V5_0, "thermostat-7");
//! let (client, driver) = open(Endpoint::from(way), settings);
//! spawn_local(driver);
//! let wanted = Subscription::new(TopicFilter::parse_v5("rooms/7/wanted")?, QoS::ExactlyOnce);
//! let mut wanted = client.subscribe([wanted]).await?;
//! assert_eq!(wanted.granted(), [ReasonCode::GRANTED_QOS_2]);
//! client.publish(Message::new("rooms/7/wanted", "21.5", QoS::ExactlyOnce)).await?;
//! let message = wanted.next().await.ok_or("the stream has ended")?;
//! assert_eq!(message.payload, "21.5");
//!
//! client.disconnect().await;
//! broker.abort();
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # A tour
//!
//! * **Set up.** [`Settings`] has sound defaults, and a method for each thing that one may want otherwise; what is left,
//!   [`ConnectOptions`] has.
//! * **Publish.** [`Handle::publish`] is ready when the QoS is fulfilled, with the reason code that the server gave;
//!   [`Handle::enqueue`] when there is room, for those who want many messages under way. Never more are in flight than
//!   [`Settings::window`] and the server's Receive Maximum allow, and never more wait than [`Settings::outgoing`].
//! * **Subscribe.** [`Handle::subscribe`] gives a stream of [`Messages`]. A message is acknowledged when it is taken from its
//!   stream, or when the application says so ([`Settings::manual_acknowledgement`]). Nothing is ever dropped: who takes
//!   nothing is sent nothing more.
//! * **Come back.** A client dials again where [`Again`] says so, with jitter, resumes its session, sends again what was not
//!   acknowledged, and makes its subscriptions again where the session is gone. [`Handle::events`] tells of it. One that has
//!   lost its session to another client with its name stays away, and says so.
//! * **Ask.** [`Handle::request`] and [`Handle::respond`] are request and response of 5.0.
//! * **Prove who you are.** [`Settings::credentials`], or an Authentication [`Method`], of which [`ScramSha256`] is one.
//! * **Dial.** [`TcpDial`] is one address, [`HostDial`] a host with all of its addresses, [`Servers`] several servers, also
//!   those that a server refers to; [`Endpoint`] is TLS, WebSocket, a unix socket or a broker in this process, and [`Dial`]
//!   whatever else carries bytes.
//! * **Be anywhere.** A [`Handle`] is `Send` and may be cloned; so is the driver where what it dials is. Nothing is spawned
//!   that nobody holds.
//!
//! The examples are tests as an application has them: `embedded`, `by_hand` (acknowledgement, and messages that are refused),
//! `request`.
//!
//! # The core
//!
//! * [`Client`] decides everything. It is handed bytes, commands and time, and hands back packets to send, events and
//!   one deadline. No socket, clock, task or random number is known to it.
//! * [`Scripted`] is told what to send, packet by packet, also what is wrong.
//! * [`run`] moves bytes between a stream that it [dials](Dial) and a [`Client`], and waits.
//!
//! ```
//! use squall_client::{Client, ConnectOptions, Output};
//! use squall_protocol::{Time, Version};
//!
//! let mut client = Client::new();
//! client.connect(Time::ZERO, ConnectOptions::new(Version::V3_1_1, "a"));
//! assert_eq!(client.poll_output(), Some(Output::Dial));
//! client.handle_dialed(Time::ZERO);
//! let Some(Output::Send(connect)) = client.poll_output() else {
//!     panic!("CONNECT comes first");
//! };
//! assert_eq!(connect[..], *b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a");
//! ```
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
