//! QoS 2 messages of one session that are under way, as far as it matters which of them are new.

use crate::record::Message;
use std::collections::{BTreeMap, BTreeSet};

/// Both directions of a session.
#[derive(Debug, Default)]
pub(super) struct Flows<'r> {
    /// Towards the server: from PUBLISH to PUBREL, by packet identifier.
    going: BTreeMap<u16, Going<'r>>,
    begun: u64,
    /// From the server: packet identifiers from PUBLISH to PUBREL.
    coming: BTreeSet<u16>,
}

#[derive(Debug)]
struct Going<'r> {
    /// Its place among all that were begun.
    place: u64,
    message: Message<'r>,
}

impl<'r> Flows<'r> {
    /// A PUBLISH is sent. Whether it is a new message: one that is `repeated` under its identifier before PUBREL is not.
    pub(super) fn begin(&mut self, id: u16, message: Message<'r>, repeated: bool) -> bool {
        let same = |g: &Going<'_>| {
            g.message.topic == message.topic && g.message.payload == message.payload
        };
        if repeated && self.going.get(&id).is_some_and(same) {
            return false;
        }
        let place = self.begun;
        self.begun += 1;
        self.going.insert(id, Going { place, message });
        true
    }

    /// A PUBREL is sent. Gives the message if an older one of its topic waits for its PUBREL still: a server that hands
    /// on at PUBREL does so in another order than one that hands on at PUBLISH.
    pub(super) fn release(&mut self, id: u16) -> Option<Message<'r>> {
        let Going { place, message } = self.going.remove(&id)?;
        let older = |g: &Going<'_>| g.place < place && g.message.topic == message.topic;
        self.going.values().any(older).then_some(message)
    }

    /// The server has refused the message.
    pub(super) fn forget(&mut self, id: u16) {
        self.going.remove(&id);
    }

    /// A PUBLISH comes; whether it is a new message.
    pub(super) fn comes(&mut self, id: u16) -> bool {
        self.coming.insert(id)
    }

    /// A PUBREL comes.
    pub(super) fn came_to_end(&mut self, id: u16) {
        self.coming.remove(&id);
    }
}
