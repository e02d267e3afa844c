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
//!
//! **A client may be no client.** Probes send what no client may, leave unread what came and unsaid what is due. About a
//! history of probes [`oracle::judge_probes`] is asked, which only says what must not have come, whoever it came to;
//! whoever translates such a history keeps from the model what nobody can know.
//!
//! **A client may be the stranger.** Of a client that somebody else wrote only the bytes at its socket are seen, and what
//! it tells its application: [`Duties`] say what it owes.

mod duty;
mod finding;
pub mod form;
pub mod model;
mod monitor;
pub mod oracle;
pub mod probe;
mod record;
pub mod spelling;
pub mod words;

pub use duty::Duties;
pub use finding::{Cite, Finding, Findings, Fingerprint, cited, one_for_each_cause};
pub use monitor::{Monitors, Scene, Watch};
pub use record::{Application, End, Ended, Message, Record, Seen};
