//! Whether a session is still there when its client comes back.

use super::{Connection, Model};
use squall_protocol::{Role, Time};
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
    let previous = accepted[..before].iter().rev().find(|c| **c != n);
    let previous = previous.map(|c| &model.connections[*c]);
    let since = previous.and_then(|c| c.answered).map(|a| a.mark);
    if since.is_some_and(|since| model.is_lost(since.ix, asked.ix)) {
        return Kept::No;
    }
    if unanswered_before(model, n) || model.went_down_unasked(n, since) {
        return Kept::Either;
    }
    let Some(previous) = previous else {
        return Kept::No;
    };
    match previous.expiry {
        None => Kept::Yes,
        // Ends with its connection, which is over or is taken over now; if the server still knows that it was to.
        Some(0) if previous.forgets_farewell(model) => Kept::Either,
        Some(0) => Kept::No,
        Some(seconds) if !model.sharp() => far_from(model, previous, asked.at, seconds),
        Some(seconds) => model.lasts(previous, asked, seconds),
    }
}

/// At a client's end it is not known when the server noticed that the connection was over; but it noticed no later than
/// one and a half times the Keep Alive after that, where there is one.
fn far_from(model: &Model<'_>, previous: &Connection<'_>, now: Time, seconds: u32) -> Kept {
    let Some((closed, by)) = previous.closed else {
        return Kept::Either;
    };
    let silence = Duration::from_millis(u64::from(previous.keep_alive) * 1500);
    let noticed = match by {
        Role::Server => Some(closed.at),
        Role::Client if previous.keep_alive > 0 => Some(closed.at + silence),
        Role::Client => None,
    };
    // A DISCONNECT may have changed the interval, and may not have arrived.
    let noticed = noticed.filter(|_| previous.farewell.is_none());
    let over = noticed.map(|at| at + Duration::from_secs(seconds.into()) + model.setting.slack);
    match over {
        Some(over) if now > over => Kept::No,
        _ => Kept::Either,
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
