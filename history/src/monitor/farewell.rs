//! Who has said DISCONNECT says nothing more on that connection; nor does a server that has refused it.

use super::{Rule, Step};
use crate::finding::{Cite, Finding};
use squall_protocol::{Packet, Role, packet::ConnAck};

const AFTER_DISCONNECT: Cite = (&["MQTT-3.14.4-2"], &["MQTT-3.14.4-1"]);
const AFTER_REFUSAL: Cite = (&["MQTT-3.2.2-5"], &["MQTT-3.2.2-7"]);

/// What the judged side has ended the connection with.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    last: Option<(&'static str, Cite, usize)>,
}

impl Rule for Farewell {
    fn turn_to(&mut self, _: u64) {
        self.last = None;
    }

    fn greets(&mut self, step: &Step<'_>, ack: &ConnAck, broken: &mut dyn FnMut(Finding)) {
        self.follows(step, broken);
        if ack.reason.is_error() {
            self.last = Some((
                "the CONNACK that refused the connection",
                AFTER_REFUSAL,
                step.ix,
            ));
        }
    }

    fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        self.follows(step, broken);
        // 3.1.1 knows none from a server, which the codec says.
        let known = step.five() || step.judged == Role::Client;
        if known && matches!(step.packet, Packet::Disconnect(_)) {
            self.last = Some(("DISCONNECT", AFTER_DISCONNECT, step.ix));
        }
    }
}

impl Farewell {
    fn follows(&self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        let Some((what, cite, before)) = self.last else {
            return;
        };
        let packet = step.packet.packet_type();
        let message = format!("{} sent {packet} after {what}", step.who());
        let expected = "nothing more: the connection is closed";
        broken(step.finding("packet flow", cite, message, expected, Some(before)));
    }
}
