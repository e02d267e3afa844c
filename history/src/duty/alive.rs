//! A client that has nothing else to say sends PINGREQ in time.
//!
//! A machine may be slow, so it counts as silence only where it is longer than the one and a half times that a server
//! waits, and longer by [`LATE`]; and it is something that did not happen.

use super::{Duty, Ending, Step, wire::Wire};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::Time;
use std::time::Duration;

const PINGS: Cite = (&["MQTT-3.1.2-23"], &["MQTT-3.1.2-20"]);
const SERVERS: Cite = (&[], &["MQTT-3.1.2-21", "MQTT-3.2.2-21"]);

/// How late a client may be.
const LATE: Duration = Duration::from_secs(5);

/// When the client last said something on this connection: the record and the time.
#[derive(Debug, Default)]
pub(super) struct Alive {
    spoke: Option<(usize, Time)>,
    said: bool,
}

impl<'a> Duty<'a> for Alive {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        let now = (step.record.ix, step.record.at);
        match step.record.seen {
            Seen::Opened => *self = Self::default(),
            Seen::Sent(_) => {
                self.look(&step.about, step.wire, now.1, broken);
                self.spoke = Some(now);
            }
            // Before CONNACK nobody knows what the Keep Alive is.
            Seen::Received(squall_protocol::Packet::ConnAck(_)) => self.spoke = Some(now),
            Seen::Closed(_) | Seen::Silenced => {
                self.look(&step.about, step.wire, now.1, broken);
                self.spoke = None;
            }
            _ => {}
        }
    }

    fn finish(&mut self, ending: &Ending<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        if !ending.wire.over {
            self.look(&ending.about, ending.wire, ending.end, broken);
        }
    }
}

impl Alive {
    fn look(
        &mut self,
        about: &super::About<'_>,
        wire: &Wire<'_>,
        now: Time,
        broken: &mut dyn FnMut(Finding),
    ) {
        let (Some((ix, since)), Some((_, _, ack)), Some(connect)) =
            (self.spoke, wire.accepted, wire.connect)
        else {
            return;
        };
        let servers = ack.properties.server_keep_alive();
        let keep_alive = servers.unwrap_or(connect.keep_alive);
        let period = Duration::from_secs(keep_alive.into());
        let silent = now.since(since);
        if keep_alive == 0 || self.said || silent < (period * 3 / 2).max(period + LATE) {
            return;
        }
        self.said = true;
        let message = format!("{} was silent for {} ms", about.who(), silent.as_millis());
        let expected = format!("PINGREQ before {keep_alive} s, the Keep Alive, are over");
        let cite = if servers.is_some() { SERVERS } else { PINGS };
        broken(Finding {
            absence: true,
            ..about.finding(cite, message, expected, vec![ix])
        });
    }
}
