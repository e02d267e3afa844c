//! A silent client is dropped at one and a half times its Keep Alive.
//!
//! A server may end a connection earlier, whenever it likes; but then it must not say that the Keep Alive was the
//! reason. At the server's end it is known what it heard, and when. At a client's end it is known where it answered
//! everything that the client had sent, and where it answered a packet that came after a silence.

use super::{Findings, of};
use crate::{
    finding::{Cite, Finding},
    model::{Connection, Model},
};
use squall_protocol::ReasonCode;
use std::time::Duration;

const DROPPED: Cite = (&["MQTT-3.1.2-24"], &["MQTT-3.1.2-22"]);
/// Table 3-10 says what reason code 0x8D means.
const REASON: Cite = (&[], &["MQTT-3.14.2-1"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if !model.sharp() {
        return from_clients(model, broken);
    }
    for connection in model.connections.iter().filter(|c| c.accepted()) {
        let Some((heard, silent)) = connection.longest_silence(model.end) else {
            continue;
        };
        let limit = Duration::from_millis(u64::from(connection.keep_alive) * 1500);
        let (silent_ms, limit_ms) = (silent.as_millis(), limit.as_millis());
        let on = connection.keep_alive > 0;
        let mut finding = if on && silent > limit + model.setting.slack {
            too_late(model, connection, silent_ms)
        } else if connection.told == Some(ReasonCode::KEEP_ALIVE_TIMEOUT)
            && !(on && silent >= limit)
        {
            too_early(model, connection, silent_ms)
        } else {
            continue;
        };
        finding.expected = match on {
            false => "Keep Alive is off: silence is no reason to drop a client".into(),
            true => format!(
                "with Keep Alive {} s a silent client is dropped after {limit_ms} ms",
                connection.keep_alive
            ),
        };
        finding.witness = vec![heard.ix];
        finding.witness.extend(connection.closed.map(|(m, _)| m.ix));
        broken.push(finding);
    }
}

/// Servers count in whole seconds, and may cut them off at both ends of a silence.
const ROUNDED: Duration = Duration::from_secs(1);

/// What the clients' ends show.
fn from_clients(model: &Model<'_>, broken: &mut Findings) {
    if !model.has_clock() {
        return;
    }
    for connection in model.connections.iter().filter(|c| c.accepted()) {
        let limit = Duration::from_millis(u64::from(connection.keep_alive) * 1500);
        let on = connection.keep_alive > 0;
        let certain = &connection.certain;
        let silence = certain.silence.filter(|_| on);
        if let Some((before, until, silent)) = silence
            && silent > limit + model.setting.slack
        {
            broken.push(Finding {
                message: format!(
                    "{} was silent for {} ms, and its connection was open still",
                    model.name(connection.client),
                    silent.as_millis()
                ),
                expected: format!(
                    "with Keep Alive {} s a silent client is dropped after {} ms",
                    connection.keep_alive,
                    limit.as_millis()
                ),
                witness: vec![before.ix, until.ix],
                ..of(model, "keep alive", DROPPED)
            });
        }
        let told = connection.told == Some(ReasonCode::KEEP_ALIVE_TIMEOUT);
        let (Some(at), Some(heard)) = (connection.told_at.filter(|_| told), certain.heard) else {
            continue;
        };
        let silent = at.at.since(heard.at);
        if !on || silent + ROUNDED < limit {
            broken.push(Finding {
                expected: match on {
                    false => "Keep Alive is off: silence is no reason to drop a client".into(),
                    true => format!("no such reason before {} ms of silence", limit.as_millis()),
                },
                witness: vec![heard.ix, at.ix],
                ..too_early(model, connection, silent.as_millis())
            });
        }
    }
}

fn too_late(model: &Model<'_>, connection: &Connection<'_>, silent_ms: u128) -> Finding {
    let name = model.name(connection.client);
    Finding {
        message: format!("{name} was silent for {silent_ms} ms and was not dropped in time"),
        ..of(model, "keep alive", DROPPED)
    }
}

fn too_early(model: &Model<'_>, connection: &Connection<'_>, silent_ms: u128) -> Finding {
    let name = model.name(connection.client);
    Finding {
        message: format!(
            "{name} was told Keep Alive timeout and was never silent for more than {silent_ms} ms"
        ),
        ..of(model, "keep alive", REASON)
    }
}
