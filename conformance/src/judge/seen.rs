//! The journal of a check in the words of `squall-history`: what its probes saw, as one history of clients' ends.

use squall_client::probe::{Event, Record as Written};
use squall_history::{
    End, Ended, Record, Seen,
    probe::{Known, Told},
};
use squall_protocol::{Packet, Role, Text, Time, Version};
use std::collections::{BTreeMap, BTreeSet};

/// By party: its session, the first party with its Client Identifier. A connection whose CONNECT nobody has seen is a
/// session of its own, and so is one to which the server has to give an identifier.
pub(super) fn sessions(records: &[Written], parties: usize, version: Version) -> Vec<usize> {
    let mut sessions: Vec<usize> = (0..parties).collect();
    let mut by_id: BTreeMap<Text, usize> = BTreeMap::new();
    let mut greeted = BTreeSet::new();
    for Written { party, event, .. } in records {
        match event {
            Event::Sent(Packet::Connect(connect), ..) if connect.version == version => {
                let first = greeted.insert(*party);
                if first && !connect.client_id.is_empty() {
                    let id = connect.client_id.clone();
                    sessions[*party] = *by_id.entry(id).or_insert(*party);
                }
            }
            Event::Received(Packet::ConnAck(ack), ..) => {
                if let Some(id) = ack.properties.assigned_client_identifier() {
                    by_id.insert(id, sessions[*party]);
                }
            }
            _ => {}
        }
    }
    sessions
}

/// What a party of MQTT saw, if it was one.
fn at_wire(event: &Event, version: Version) -> Option<Seen<'_>> {
    Some(match event {
        // What another version makes of the session is not known.
        Event::Sent(Packet::Connect(connect), ..) if connect.version != version => Seen::Unknown,
        Event::Sent(packet, ..) => Seen::Sent(packet),
        Event::Received(packet, ..) => Seen::Received(packet),
        // Bytes of which nothing is known, and packets that were too long to be kept.
        Event::SentRaw(..) | Event::Long { sent: true, .. } => Seen::Unknown,
        // What broken bytes are worth is for the check that read them to say.
        Event::Long { sent: false, .. } | Event::Broken(..) | Event::Dropped(_) => Seen::Missed,
        Event::PeerClosed(_) => Seen::Closed(Ended::There),
        Event::Closed => Seen::Closed(Ended::Here),
        Event::Opened | Event::Note(_) => return None,
    })
}

/// Whom a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// The monitors, which know by themselves what they cannot know.
    Monitors,
    /// The model.
    Model,
}

/// Translates the records of a journal, one by one.
pub(super) struct Translator<'r> {
    version: Version,
    /// By party.
    sessions: &'r [usize],
    known: Known<'r>,
    /// Time never goes back: what was appended to a journal may be older.
    at: Time,
}

impl<'r> Translator<'r> {
    pub(super) const fn new(version: Version, sessions: &'r [usize], known: Known<'r>) -> Self {
        Self {
            version,
            sessions,
            known,
            at: Time::ZERO,
        }
    }

    /// What a record says, and to whom.
    pub(super) fn translate(
        &mut self,
        ix: usize,
        written: &'r Written,
        tell: &mut dyn FnMut(For, Record<'r>),
    ) {
        let Some(seen) = at_wire(&written.event, self.version) else {
            return;
        };
        let at = u64::try_from(written.at.as_millis()).unwrap_or(u64::MAX);
        self.at = self.at.max(Time::from_millis(at));
        let (at, party) = (self.at, written.party);
        let session = self.sessions[party];
        let end = End {
            side: Role::Client,
            client: party,
            session,
            conn: party as u64,
        };
        let record = |seen| Record { ix, at, end, seen };
        tell(For::Monitors, record(seen));
        let Told {
            before,
            packet,
            after,
        } = match seen {
            Seen::Sent(packet) => self.known.sent(party, session, packet),
            Seen::Received(packet) => self.known.received(party, session, packet),
            Seen::Closed(_) => self.known.ended(),
            Seen::Unknown => self.known.lose_sight(),
            // The connection is over; what came there and was not read is sent again, or was for nobody.
            Seen::Missed if matches!(written.event, Event::Dropped(_)) => Told::default(),
            _ => self.known.miss(session),
        };
        if let Some(what) = before {
            tell(For::Model, record(Seen::Application(what)));
        }
        if packet {
            tell(For::Model, record(seen));
        }
        if let Some(what) = after {
            tell(For::Model, record(Seen::Application(what)));
        }
    }
}
