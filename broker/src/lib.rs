//! Squall's reference MQTT broker for 3.1.1 and 5.0: a broker to embed in a test, a core that decides for it, and a thin async
//! driver. It keeps the standard to the letter, announces and enforces every limit that it has, and is deterministic: the
//! same inputs at the same times give the same packets in the same order.
//!
//! # A broker in a test
//!
//! [`Server`] serves whatever [`Accept`]s connections: a TCP listener, TLS, WebSocket and unix sockets of `squall_transport`,
//! or a network inside of the process, which needs no port and works in virtual time:
//!
//! ```
//! use squall_broker::{Broker, Config, Server};
//! use squall_client::{Message, Settings, open};
//! use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
//! use squall_transport::{Endpoint, Memory};
//! use tokio::task::{LocalSet, spawn_local};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # LocalSet::new().block_on(&runtime, async {
//! let (way, listener) = Memory::listen();
//! let server = Server::new(Broker::new(Config::default()));
//! let server = spawn_local(server.run(listener));
//!
//! let (client, driver) = open(Endpoint::from(way), Settings::new(Version::V5_0, "lamp"));
//! spawn_local(driver);
//! let wanted = Subscription::new(TopicFilter::parse_v5("lamps/+")?, QoS::AtLeastOnce);
//! let mut wanted = client.subscribe([wanted]).await?;
//! client.publish(Message::new("lamps/7", "on", QoS::AtLeastOnce)).await?;
//! let message = wanted.next().await.ok_or("the stream has ended")?;
//! assert_eq!(message.payload, "on");
//!
//! client.disconnect().await;
//! server.abort();
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! A server lives in the tasks of one [`LocalSet`](tokio::task::LocalSet), and ends with its future: dropped, it takes every
//! connection with it; with [`Server::run_until`] clients are told first.
//!
//! # What it offers
//!
//! * **Everything the standard has**, as it comes: all of QoS, sessions, retained messages, wills, shared subscriptions, Topic
//!   Aliases both ways, Subscription Identifiers. [`Config`] takes away what a test wants to be without, and clients are told
//!   of it where MQTT has a word: no retained messages, [`Config::maximum_qos`], [`Config::receive_maximum`],
//!   a [`Redirect`] to another server, and the like.
//! * **Bounds.** Everything that it keeps for anybody is bounded in bytes and in number, and [`Config`] says what happens
//!   beyond. [`Counters`] tell what was dropped, and [`Server::notices`] what the server did on its own account.
//! * **A look inside.** [`Server::observer`] sees each [`Event`]: every packet in and out, broken rules with their statements, and
//!   why connections ended ([`CloseCause`]).
//! * **Who may come in.** [`security`] has passwords, certificates, SCRAM and access rules; [`AsidePasswords`] verifies without
//!   keeping others waiting, and [`Verifier`] is for whoever knows users from elsewhere.
//! * **What outlives it.** [`Durable`] is a broker with a [`store`]: what it has promised leaves once it is stored, so that a
//!   test can kill it and begin another life. [`store::Redb`] is a store in one file, or in memory.
//! * **A broker that lies.** [`Scripted`] says what a test wants, packet by packet, right or wrong: is the application ready for
//!   that?
//!
//! # The core
//!
//! [`Broker`] decides everything. It is handed bytes, ends of connections and time, and hands back packets to send,
//! connections to close, events and one deadline. No socket, clock, task or random number is known to it, so a test can hold it
//! in its hands:
//!
//! ```
//! use squall_broker::{Broker, Config, ConnId, Output};
//! use squall_protocol::Time;
//!
//! let (now, conn) = (Time::ZERO, ConnId(1));
//! let mut broker = Broker::new(Config::default());
//! broker.handle_open(now, conn);
//! // CONNECT of 3.1.1, clean session, without Keep Alive, Client Identifier "a".
//! broker.handle_bytes(now, conn, b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a");
//! let Some(Output::Send { bytes, .. }) = broker.poll_output() else {
//!     panic!("every CONNECT is answered");
//! };
//! assert_eq!(bytes[..], [0x20, 2, 0, 0], "CONNACK: accepted, no session");
//! assert_eq!(broker.poll_output(), None);
//! ```
//!
//! [`Server`] is what moves bytes between a listener and a [`Machine`], of which [`Broker`], [`Durable`] and [`Scripted`] are three.
//! The order of outputs and events is a function of the inputs alone; in particular it does not depend on how a byte stream
//! was cut into pieces.
//!
//! # Where to go on
//!
//! The examples are tests as an application has them: `in_a_test`, `observed` (what did it really send?), `guarded` (access
//! rules), `durable` (the broker is killed and comes back). `pressure` measures. Whole stories with faults on the wire, and a
//! verdict about what was seen, are what the crate `squall-sim` plays.

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
