//! What happens to a client, packets aside.

use super::delivery::Delivery;
use crate::core::EndCause;
use squall_protocol::{ReasonCode, Violation, packet::ConnAck};

/// What happens to a client beside the outcomes of its requests.
#[derive(Debug)]
pub enum Happening {
    /// The server accepted a connection.
    Connected {
        /// Whether it has kept the session.
        session_present: bool,
        /// Its CONNACK.
        ack: ConnAck,
    },
    /// A connection, or an attempt at one, is over.
    Ended {
        /// Why.
        cause: EndCause,
        /// Whether the client dials again by itself.
        again: bool,
    },
    /// What arrived is not a packet a server may send in this form. `Ended` follows.
    Violation(Violation),
    /// The server had lost the session, and a subscription was made again: what it says now, one code for each filter that
    /// was granted before. A stream of which nothing is granted any more ends.
    Resubscribed(Vec<ReasonCode>),
    /// A message that no stream wants: of a subscription whose stream was dropped, or of a session from before this client.
    Unclaimed(Delivery),
}
