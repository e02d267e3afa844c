//! Where a session begins anew nothing of an older one goes on.

use super::{Duty, Step};
use crate::{
    finding::{Cite, Finding},
    record::Seen,
};
use squall_protocol::Packet;
use std::collections::BTreeSet;

const CLEAN: Cite = (&["MQTT-3.1.2-6"], &["MQTT-3.1.2-4"]);
/// In 3.1.1 a client may choose what it makes of a session that the server does not have.
const ABSENT: Cite = (&[], &["MQTT-3.2.2-5"]);

/// Identifiers of what was published on this connection.
#[derive(Debug, Default)]
pub(super) struct Anew {
    published: BTreeSet<u16>,
}

impl<'a> Duty<'a> for Anew {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        let (id, repeats) = match step.record.seen {
            Seen::Opened => return self.published.clear(),
            Seen::Sent(Packet::Publish(publish)) => (publish.packet_id, publish.dup),
            Seen::Sent(Packet::PubRel(ack)) => (Some(ack.packet_id), true),
            _ => return,
        };
        let (Some(id), Seen::Sent(packet)) = (id, step.record.seen) else {
            return;
        };
        let new = self.published.insert(id.get());
        let clean = step.wire.connect.is_some_and(|connect| connect.clean_start);
        let absent = step.wire.accepted.filter(|(.., ack)| !ack.session_present);
        let cite = match (clean, absent) {
            (true, _) => CLEAN,
            (false, Some(_)) if step.about.five() && step.wire.knows() => ABSENT,
            _ => return,
        };
        if new && repeats {
            let kind = packet.packet_type();
            let message = format!(
                "{} went on with {kind} {id} of an older session in a new one",
                step.about.who()
            );
            let expected = "what an older session had under way is given up with it";
            broken(
                step.about
                    .finding(cite, message, expected, vec![step.record.ix]),
            );
        }
    }
}
