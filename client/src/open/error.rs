//! Why something that was asked for has no outcome.

use crate::core::{Abandonment, EndCause};
use squall_protocol::ReasonCode;

/// Why a request has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It will never be acknowledged.
    #[error("{0}")]
    Abandoned(Abandonment),
    /// The connection, or the first attempt at one, is over, and there is no other one.
    #[error("{0}")]
    Ended(EndCause),
    /// The server grants none of the subscriptions: its codes, one for each.
    #[error("the server grants none of the subscriptions: {}", codes(.0))]
    NotGranted(Vec<ReasonCode>),
    /// As much waits as may wait ([`crate::Handle::try_publish`]).
    #[error("too much waits to be sent already")]
    Full,
    /// MQTT 3.1.1 knows no such thing.
    #[error("requests and responses need MQTT 5.0")]
    NeedsVersion5,
    /// A message that asks for no response: it has no Response Topic.
    #[error("the message has no Response Topic")]
    NoResponseTopic,
    /// The driver is not running any more.
    #[error("the client has stopped")]
    Stopped,
}

fn codes(reasons: &[ReasonCode]) -> String {
    let codes: Vec<_> = reasons.iter().map(ToString::to_string).collect();
    codes.join(", ")
}
