//! The first packet of a client is CONNECT, and it sends no other; the first one of a server is CONNACK, in 5.0 after any
//! AUTH, and it sends no other.

use super::Step;
use crate::finding::{Cite, Finding};
use squall_protocol::{Packet, Role};

const CONNACK_FIRST: Cite = (&["MQTT-3.2.0-1"], &["MQTT-3.2.0-1"]);
const CONNACK_ONCE: Cite = (&[], &["MQTT-3.2.0-2"]);
const CONNECT_ONCE: Cite = (&["MQTT-3.1.0-2"], &["MQTT-3.1.0-2"]);
const CONNECT_FIRST: Cite = (&["MQTT-3.1.0-1"], &["MQTT-3.1.0-1"]);

/// Who has greeted.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// Connections on which the judged side has said something, and that are not over.
    begun: Vec<u64>,
    /// Those of them on which CONNACK has come.
    answered: Vec<u64>,
    /// A CONNACK has come once.
    met: bool,
}

impl Greeting {
    pub(super) const fn has_met(&self) -> bool {
        self.met
    }

    pub(super) const fn met(&mut self) {
        self.met = true;
    }

    pub(super) fn closed(&mut self, conn: u64) {
        self.begun.retain(|c| *c != conn);
        self.answered.retain(|c| *c != conn);
    }

    pub(super) fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        if matches!(step.packet, Packet::ConnAck(_)) && step.judged == Role::Server {
            self.answers(step, broken);
        }
        if self.begun.contains(&step.end.conn) {
            if matches!(step.packet, Packet::Connect(_)) && step.judged == Role::Client {
                let message = format!("{} sent a second CONNECT", step.who());
                let expected = "one CONNECT in a network connection";
                broken(step.finding("packet flow", CONNECT_ONCE, message, expected, None));
            }
            return;
        }
        // In 5.0 the server may ask for more before it answers.
        if step.five() && matches!(step.packet, Packet::Auth(_)) && step.judged == Role::Server {
            return;
        }
        self.begun.push(step.end.conn);
        let (fits, cite, expected) = match step.judged {
            Role::Server => (
                matches!(step.packet, Packet::ConnAck(_)),
                CONNACK_FIRST,
                "CONNACK is the first packet",
            ),
            Role::Client => (
                matches!(step.packet, Packet::Connect(_)),
                CONNECT_FIRST,
                "CONNECT is the first packet",
            ),
        };
        if !fits {
            let message = format!("{} began with {}", step.who(), step.packet.packet_type());
            broken(step.finding("packet flow", cite, message, expected, None));
        }
    }

    /// In 3.1.1 it is only described that one CONNECT has one answer.
    fn answers(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        if !self.answered.contains(&step.end.conn) {
            self.answered.push(step.end.conn);
        } else if step.five() {
            let message = format!("{} sent a second CONNACK", step.who());
            let expected = "one CONNACK in a network connection";
            broken(step.finding("packet flow", CONNACK_ONCE, message, expected, None));
        }
    }
}
