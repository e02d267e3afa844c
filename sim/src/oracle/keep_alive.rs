//! A silent client is dropped at one and a half times its Keep Alive, and never earlier.

use super::{Broken, Cite, History, cited, findings::Findings, history::Connection};
use squall_broker::CloseCause;
use squall_protocol::Time;

const KEEP_ALIVE: Cite = (&["MQTT-3.1.2-24"], &["MQTT-3.1.2-22"]);

pub(super) fn judge(history: &History<'_>, broken: &mut Findings) {
    let end = history.records.last().map_or(Time::ZERO, |r| r.at);
    for connection in history.connections.iter().filter(|c| c.accepted()) {
        let Some((heard_ix, heard)) = connection.heard else {
            continue;
        };
        let limit_ms = u64::from(connection.keep_alive) * 1500;
        let (silent, closed_ix, by_keep_alive) = match &connection.closed {
            Some((ix, at, cause)) => (
                at.since(heard),
                Some(*ix),
                matches!(cause, CloseCause::KeepAlive),
            ),
            None => (end.since(heard), None, false),
        };
        let silent_ms = silent.as_millis() as u64;
        let too_early = by_keep_alive && (connection.keep_alive == 0 || silent_ms < limit_ms);
        let too_late = connection.keep_alive > 0 && silent_ms > limit_ms + 1;
        if too_early || too_late {
            let mut witness = vec![heard_ix];
            witness.extend(closed_ix);
            broken.push(finding(
                history, connection, silent_ms, limit_ms, too_early, witness,
            ));
        }
    }
}

fn finding(
    history: &History<'_>,
    connection: &Connection<'_>,
    silent_ms: u64,
    limit_ms: u64,
    too_early: bool,
    witness: Vec<usize>,
) -> Broken {
    let name = history.name(connection.client);
    let message = if too_early {
        format!("{name} was dropped for its silence after {silent_ms} ms")
    } else {
        format!("{name} was silent for {silent_ms} ms and was not dropped in time")
    };
    Broken {
        rule: "keep alive",
        statements: cited(history.version, KEEP_ALIVE),
        message,
        expected: match connection.keep_alive {
            0 => "Keep Alive is off: silence is no reason to drop a client".into(),
            s => format!("with Keep Alive {s} s a silent client is dropped after {limit_ms} ms"),
        },
        source: None,
        witness,
        absence: false,
    }
}
