//! A silent client is dropped at one and a half times its Keep Alive.
//!
//! A server may end a connection earlier, whenever it likes; but then it must not say that the Keep Alive was the
//! reason. Both need the server's end: what it heard, and when.

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
        return;
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
