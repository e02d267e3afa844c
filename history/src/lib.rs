//! What was seen on the wire, and what follows from it.
//!
//! A [`Record`] says when, at which end of which connection, something was seen. It knows neither a broker, nor a
//! client, nor a scenario: worlds and probes translate what they see. [`Monitors`] hold rules against every packet;
//! [`oracle`]s judge a whole history, by a [`model`] of sessions, subscriptions and messages that is built from the
//! packets alone.
//!
//! **How far an end can see is part of what a record means.** A packet that a party sent is seen *sharply* at its own
//! end: the rules know exactly what that party had sent and heard before. Seen at the peer's end, packets that crossed
//! or were lost are unknown, and rules only speak where they are *sound*: where no party that keeps the standard could
//! have sent what was seen.

mod finding;
pub mod model;
mod monitor;
pub mod oracle;
mod record;
pub mod spelling;
pub mod words;

pub use finding::{Cite, Finding, Findings, cited};
pub use monitor::{Monitors, Scene};
pub use record::{Application, End, Ended, Message, Record, Seen};
