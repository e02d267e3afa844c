//! What scripted clients saw. They need not behave, so what nobody can know of them is kept from the oracles, as with
//! the probes of conformance checks; what the story expects is judged by everything that came.

use squall_history::{
    Application, Record, Seen,
    probe::{Known, Told},
};
use squall_protocol::{Packet, Role, Time};

/// Whom a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Everybody.
    All,
    /// The monitors, which know by themselves what they cannot know.
    Monitors,
    /// The model that the oracles judge.
    Oracles,
    /// The model by which it is judged what the story expects.
    Story,
}

/// The scripted clients of a story.
pub(super) struct Scripts<'a> {
    known: Known<'a>,
    /// When something was sent of which nothing is known.
    blind: Option<Time>,
}

impl<'a> Scripts<'a> {
    pub(super) fn new(five: bool) -> Self {
        Self {
            known: Known::new("", "", five),
            blind: None,
        }
    }

    /// From when on nothing is concluded any more.
    pub(super) const fn blind(&self) -> Option<Time> {
        self.blind
    }

    /// What a scripted client saw at its own end.
    pub(super) fn at_client(&mut self, record: Record<'a>, tell: &mut dyn FnMut(For, Record<'a>)) {
        let (party, session) = (record.end.conn as usize, record.end.session);
        let said = |seen| Record { seen, ..record };
        let told = match record.seen {
            Seen::Unknown => self.known.lose_sight(),
            Seen::Sent(packet) => self.known.sent(party, session, packet),
            Seen::Received(packet) => self.known.received(party, session, packet),
            Seen::Broken(_) => self.known.miss(session),
            Seen::Closed(_) => self.known.ended(),
            Seen::Application(Application::Delivered(_)) => return tell(For::Story, record),
            // What an application publishes and learns is told by what goes over the wire.
            Seen::Application(_) => return,
            Seen::Opened | Seen::Missed | Seen::Silenced => return tell(For::All, record),
        };
        if self.known.is_blind() && self.blind.is_none() {
            self.blind = Some(record.at);
        }
        let Told {
            before,
            packet,
            after,
        } = told;
        if let Some(what) = before {
            tell(For::Oracles, said(Seen::Application(what)));
            tell(For::Story, said(Seen::Application(what)));
        }
        tell(For::Monitors, record);
        tell(For::Story, record);
        if packet && self.is_for_oracles(&record) {
            tell(For::Oracles, record);
        }
        if let Some(what) = after {
            tell(For::Oracles, said(Seen::Application(what)));
            if !matches!(what, Application::Delivered(_)) {
                tell(For::Story, said(Seen::Application(what)));
            }
        }
    }

    /// What the broker saw on the connection of a scripted client.
    pub(super) fn at_server(&self, record: Record<'a>, tell: &mut dyn FnMut(For, Record<'a>)) {
        tell(For::Monitors, record);
        tell(For::Story, record);
        if self.is_for_oracles(&record) {
            tell(For::Oracles, record);
        }
    }

    /// Of a session of which too little is known, what the server sends there proves nothing, but for the answer to
    /// CONNECT.
    fn is_for_oracles(&self, record: &Record<'_>) -> bool {
        let by_server = match (record.seen, record.end.side) {
            (Seen::Sent(packet), Role::Server) | (Seen::Received(packet), Role::Client) => {
                !matches!(packet, Packet::ConnAck(_))
            }
            _ => false,
        };
        !by_server || self.known.is_known(record.end.session)
    }
}
