//! What was heard in the place of something else, in words and as an outcome.

use crate::outcome::{Outcome, blocked, inconclusive, interrupted};
use squall_client::probe::{Ending, Heard, Probe};
use std::time::Duration;

/// Inconclusive: this was heard where an answer was due.
pub(crate) fn blocked_by(heard: &Heard, text: String) -> Outcome {
    match heard {
        Heard::Flood | Heard::TooLong => blocked(text),
        Heard::Closed(_) => interrupted(text),
        _ => inconclusive(text),
    }
}

/// A connection that was not seen to end, because the server sent without end, may have ended.
pub(crate) fn measured(ending: &Ending) -> Result<(), Outcome> {
    match ending.close.is_none() && ending.beyond_measure {
        true => Err(blocked(
            "the server sends without end, so it cannot be told whether it closes the connection",
        )),
        false => Ok(()),
    }
}

/// What was heard instead, in words.
pub(crate) fn words(heard: &Heard, limit: Duration) -> String {
    match heard {
        Heard::Packet(packet) => format!("the server sent {}", packet.summary()),
        Heard::Violation(violation) => format!("the server broke the standard: {violation}"),
        Heard::Closed(close) => format!("the server closed the connection ({close})"),
        Heard::TooLong => too_long(),
        Heard::Flood => "the server floods the connection".to_owned(),
        Heard::Silence => format!("nothing came within {limit:?}"),
    }
}

/// A packet that a probe does not take in, in words.
pub(crate) fn too_long() -> String {
    format!(
        "the server is sending a packet longer than {} bytes",
        Probe::LARGEST_PACKET
    )
}

/// A correct CONNECT got this instead of a CONNACK.
pub(crate) fn unanswered(heard: &Heard, limit: Duration) -> Outcome {
    let text = format!(
        "a correct CONNECT was not answered by CONNACK: {}",
        words(heard, limit)
    );
    match heard {
        // A target that says nothing to a new client may have fallen silent for all.
        Heard::Silence => interrupted(text),
        _ => blocked_by(heard, text),
    }
}
