//! Whether a session is still there when its client comes back.

use super::Model;
use squall_protocol::Time;
use std::time::Duration;

/// Whether the server has state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It must have it.
    Yes,
    /// It must not.
    No,
    /// Both are right: the session ends in the very millisecond in which it is asked for, or what the server had seen
    /// by then is not known.
    Either,
}

/// Whether the server has session state for the client of connection `n` when its CONNECT comes.
#[must_use]
pub fn kept(model: &Model<'_>, n: usize) -> Kept {
    let connection = &model.connections[n];
    let Some((asked, _)) = connection.connect else {
        return Kept::No;
    };
    // The latest accepted one, in the order in which they were accepted: dials can overtake one another.
    let accepted = &model.accepted[model.session(connection.client)];
    let answered = |c: &usize| model.connections[*c].answered.map(|a| a.mark);
    let before = accepted.partition_point(|c| answered(c).is_some_and(|m| m < asked));
    let Some(previous) = accepted[..before].iter().rev().find(|c| **c != n) else {
        return if unanswered_before(model, n) {
            Kept::Either
        } else {
            Kept::No
        };
    };
    if unanswered_before(model, n) {
        return Kept::Either;
    }
    let previous = &model.connections[*previous];
    match previous.expiry {
        None => Kept::Yes,
        // Ends with its connection, which is over or is taken over now.
        Some(0) => Kept::No,
        // When the server noticed that the connection was over is not known.
        Some(_) if !model.sharp() => Kept::Either,
        Some(seconds) => {
            let ended = previous
                .closed
                .map_or(asked.at, |(m, _)| m.at.min(asked.at));
            against(asked.at, ended + Duration::from_secs(seconds.into()))
        }
    }
}

fn against(now: Time, end: Time) -> Kept {
    match now.cmp(&end) {
        std::cmp::Ordering::Less => Kept::Yes,
        std::cmp::Ordering::Equal => Kept::Either,
        std::cmp::Ordering::Greater => Kept::No,
    }
}

/// Whether a CONNECT of the session that came just before got no answer. At a client's end nobody knows what the server
/// made of it.
fn unanswered_before(model: &Model<'_>, n: usize) -> bool {
    let session = model.session(model.connections[n].client);
    let mut before = model.connections[..n]
        .iter()
        .rev()
        .filter(|c| model.session(c.client) == session && c.connect.is_some());
    !model.sharp() && before.next().is_some_and(|c| c.answered.is_none())
}
