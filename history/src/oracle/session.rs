//! Session Present tells the truth.
//!
//! Seen from the clients' ends alone this is judged only where no clock decides, or the session has been over for longer
//! than its Keep Alive and its Session Expiry Interval together.

use super::{Findings, of};
use crate::{
    finding::{Cite, Finding},
    model::{Kept, Model, kept},
};

const PRESENT: Cite = (
    &["MQTT-3.2.2-1", "MQTT-3.2.2-2", "MQTT-3.2.2-3"],
    &["MQTT-3.2.2-2", "MQTT-3.2.2-3", "MQTT-3.1.2-4"],
);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    for (n, connection) in model.connections.iter().enumerate() {
        let (Some((asked, connect)), Some(answer)) = (connection.connect, connection.answered)
        else {
            continue;
        };
        if !connection.accepted() {
            continue;
        }
        let expected = match kept(model, n) {
            _ if connect.clean_start => false,
            Kept::Yes if model.setting.keeps_sessions || answer.session_present => true,
            Kept::No => false,
            Kept::Yes | Kept::Either => continue,
        };
        if answer.session_present == expected {
            continue;
        }
        let client = model.name(connection.client);
        let present = u8::from(answer.session_present);
        broken.push(Finding {
            message: format!("CONNACK to {client} said Session Present {present}"),
            expected: if expected {
                "Session Present 1: the session was kept and clean start was not asked for".into()
            } else {
                "Session Present 0: there was no session to resume".into()
            },
            witness: vec![asked.ix, answer.mark.ix],
            ..of(model, "session", PRESENT)
        });
    }
}
