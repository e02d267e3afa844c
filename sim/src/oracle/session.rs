//! Session Present tells the truth: an oracle of clean start and expiry of its own.

use super::{Broken, Cite, History, cited, findings::Findings};
use squall_protocol::Time;

const PRESENT: Cite = (
    &["MQTT-3.2.2-1", "MQTT-3.2.2-2", "MQTT-3.2.2-3"],
    &["MQTT-3.2.2-2", "MQTT-3.2.2-3", "MQTT-3.1.2-4"],
);

pub(super) fn judge(history: &History<'_>, broken: &mut Findings) {
    for (n, connection) in history.connections.iter().enumerate() {
        let (Some((asked, connect)), Some((answered, present, _))) =
            (connection.connect, connection.answered)
        else {
            continue;
        };
        if !connection.accepted() || on_the_edge(history, n) {
            continue;
        }
        let expected = !connect.clean_start && kept(history, n);
        if present != expected {
            broken.push(Broken {
                rule: "session",
                statements: cited(history.version, PRESENT),
                message: format!(
                    "CONNACK to {} said Session Present {}",
                    history.name(connection.client),
                    u8::from(present)
                ),
                expected: if expected {
                    "Session Present 1: the session was kept and clean start was not asked for"
                        .into()
                } else {
                    "Session Present 0: there was no session to resume".into()
                },
                source: None,
                witness: vec![asked, answered],
                absence: false,
            });
        }
    }
}

/// Whether the broker must still have session state for the client of connection `n` when its CONNECT arrives.
pub(super) fn kept(history: &History<'_>, n: usize) -> bool {
    let Some((now, end)) = previous_end(history, n) else {
        return false;
    };
    end.is_none_or(|end| now < end)
}

/// The session ends in the very millisecond in which it is asked for: both answers are right.
fn on_the_edge(history: &History<'_>, n: usize) -> bool {
    previous_end(history, n).is_some_and(|(now, end)| end == Some(now))
}

/// When the CONNECT of connection `n` arrived, and when the session of the connection before it ends (`None`: never).
fn previous_end(history: &History<'_>, n: usize) -> Option<(Time, Option<Time>)> {
    let connection = &history.connections[n];
    let (asked, _) = connection.connect?;
    let now = history.at(asked);
    // The latest accepted one, in the order in which they were accepted: dials can overtake one another.
    let accepted = &history.accepted[history.session(connection.client)];
    let answered = |c: &usize| history.connections[*c].answered.map(|(ix, ..)| ix);
    let before = accepted.partition_point(|c| answered(c).is_some_and(|ix| ix < asked));
    let mut earlier = accepted[..before].iter().rev().filter(|c| **c != n);
    let previous = &history.connections[*earlier.next()?];
    // A connection that is still open when the next CONNECT arrives is taken over now.
    let ended = previous
        .closed
        .as_ref()
        .map_or(now, |(_, at, _)| (*at).min(now));
    let end = previous
        .expiry
        .map(|s| ended + std::time::Duration::from_secs(s.into()));
    // A session with expiry 0 ends with its connection, so it is never on the edge.
    Some((
        now,
        if previous.expiry == Some(0) {
            Some(Time::ZERO)
        } else {
            end
        },
    ))
}
