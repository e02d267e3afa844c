//! Nothing comes after DISCONNECT, and CONNECT comes once.

use super::{Duty, Step};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::Packet;

const NOTHING_AFTER: Cite = (&["MQTT-3.14.4-2"], &["MQTT-3.14.4-1"]);
const ONCE: Cite = (&["MQTT-3.1.0-2"], &["MQTT-3.1.0-2"]);

/// What was said on this connection: the records of CONNECT and DISCONNECT.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    connect: Option<usize>,
    disconnect: Option<usize>,
}

impl<'a> Duty<'a> for Farewell {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        let packet = match step.record.seen {
            Seen::Opened => return *self = Self::default(),
            Seen::Sent(packet) => packet,
            _ => return,
        };
        let ix = step.record.ix;
        let who = step.about.who();
        if let Some(before) = self.disconnect {
            let message = format!("{who} sent {} after DISCONNECT", packet.packet_type());
            let expected = "DISCONNECT is the last packet on a connection";
            broken(
                step.about
                    .finding(NOTHING_AFTER, message, expected, vec![before, ix]),
            );
        }
        match packet {
            Packet::Disconnect(_) => self.disconnect = Some(ix),
            Packet::Connect(_) => {
                if let Some(before) = self.connect.replace(ix) {
                    let message = format!("{who} sent a second CONNECT");
                    let expected = "CONNECT is sent once on a connection";
                    broken(
                        step.about
                            .finding(ONCE, message, expected, vec![before, ix]),
                    );
                }
            }
            _ => {}
        }
    }
}
