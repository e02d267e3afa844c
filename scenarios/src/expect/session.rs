//! `session`: what the broker says of a client's session.

use super::judge::Judge;
use crate::{
    construct::Expect,
    kind::{CLIENT, FLAG, Several},
    record::record,
    source::ClientIx,
};
use squall_history::Cite;

record! {
    /// Session Present in each accepted CONNACK of a client, in order.
    pub struct Session, "session" {
        /// whose session
        of: ClientIx = "of", needed(0, CLIENT);
        /// the flags, in order
        present: Vec<bool> = "present",
            needed(Vec::new(), Several { of: "flags", each: FLAG, distinct: false });
        /// `true`: it may speak of nothing that happened, which otherwise fails the run
        optional: bool = "optional", usual(false, FLAG);
    }
}

impl Expect for Session {
    const WORD: &'static str = "session";
    const MEANING: &'static str = "Session Present in each accepted CONNACK of a client, in order";
    const EXAMPLE: &'static str = "{ of: lock, present: [false, true] }";

    fn excludes(&self, other: &Self) -> bool {
        self.of == other.of && self.present != other.present
    }

    fn is_optional(&self) -> bool {
        self.optional
    }

    /// A client that never connected is not what the list says. A stranger may end connections, so that there are more of
    /// them, and discard a session; whether a flag is true, an oracle says.
    fn judge(&self, judge: &mut Judge<'_, '_>) {
        if judge.stranger {
            return;
        }
        let (of, present) = (self.of, &self.present);
        let own = judge.connections_of(of).into_iter();
        let accepted: Vec<_> = own
            .filter(|c| c.accepted())
            .filter_map(|c| c.answered)
            .collect();
        let flags: Vec<bool> = accepted.iter().map(|a| a.session_present).collect();
        if flags != *present {
            let message = format!(
                "Session Present of {} was {}",
                judge.model.name(of),
                list(&flags)
            );
            let witness = accepted.iter().map(|a| a.mark.ix).collect();
            let absence = present.starts_with(&flags);
            judge.add(SESSION, message, list(present), witness, absence);
        }
    }
}

const SESSION: Cite = (
    &["MQTT-3.2.2-1", "MQTT-3.2.2-2", "MQTT-3.2.2-3"],
    &["MQTT-3.2.2-2", "MQTT-3.2.2-3"],
);

fn list(flags: &[bool]) -> String {
    let flags: Vec<String> = flags.iter().map(|f| u8::from(*f).to_string()).collect();
    format!("[{}]", flags.join(", "))
}
