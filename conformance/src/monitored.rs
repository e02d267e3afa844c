//! The monitors of `squall-history` over the journal of a check: whatever a check is about, every packet that the
//! server sends to its clients is held against the rules.

use crate::cx::Cx;
use squall_client::probe::{Event, Record as Written};
use squall_history::{End, Ended, Finding, Monitors, Record, Scene, Seen};
use squall_protocol::{Packet, Role, Text, Time, Version};
use std::collections::BTreeMap;

/// The first rule that the server broke, seen from the clients' ends alone, and the packet that shows it.
pub(crate) fn broken(cx: &Cx) -> Option<(Finding, Packet)> {
    let mut records = cx.journal.records();
    let left_out = cx.journal.left_out();
    if left_out.events > 0 {
        // Nothing is concluded across a gap.
        records.truncate(left_out.before);
    }
    let parties = cx.journal.parties();
    let name = |party: usize| format!("`{}`", parties[party]);
    let topics = cx.topic("");
    let scene = Scene {
        version: cx.version,
        name: &name,
        server: "the server",
        own_topics: Some(&topics),
        buffers: true,
    };
    let mut monitors = Monitors::of(Role::Server, scene);
    let mut sessions = SessionOf::default();
    let mut found = None;
    for (ix, written) in records.iter().enumerate() {
        let Some(seen) = sessions.translate(written, cx.version) else {
            continue;
        };
        let end = End {
            side: Role::Client,
            client: written.party,
            session: sessions.of(written.party),
            conn: written.party as u64,
        };
        monitors.see(
            &Record {
                ix,
                at: Time::ZERO,
                end,
                seen,
            },
            &mut |finding| {
                found.get_or_insert(finding);
            },
        );
        if found.is_some() {
            break;
        }
    }
    let finding: Finding = found?;
    match &records[*finding.witness.last()?].event {
        Event::Received(packet, ..) => Some((finding.clone(), packet.clone())),
        _ => None,
    }
}

/// Which connection belongs to which session: those with one Client Identifier.
#[derive(Default)]
struct SessionOf {
    by_id: BTreeMap<Text, usize>,
    of_party: BTreeMap<usize, usize>,
}

impl SessionOf {
    /// A connection whose CONNECT nobody has seen is a session of its own.
    fn of(&self, party: usize) -> usize {
        self.of_party.get(&party).copied().unwrap_or(party)
    }

    fn translate<'r>(&mut self, written: &'r Written, version: Version) -> Option<Seen<'r>> {
        let party = written.party;
        Some(match &written.event {
            Event::Sent(Packet::Connect(connect), ..) if connect.version != version => {
                Seen::Unknown
            }
            Event::Sent(packet, ..) => {
                if let Packet::Connect(connect) = packet {
                    self.connecting(party, &connect.client_id);
                }
                Seen::Sent(packet)
            }
            Event::Received(packet, ..) => {
                if let Packet::ConnAck(ack) = packet
                    && let Some(id) = ack.properties.assigned_client_identifier()
                {
                    self.by_id.insert(id.clone(), self.of(party));
                }
                Seen::Received(packet)
            }
            // Bytes of which nothing is known, and packets that were too long to be kept.
            Event::SentRaw(..) | Event::Long { sent: true, .. } => Seen::Unknown,
            Event::Long { sent: false, .. } | Event::Broken(..) | Event::Dropped(_) => Seen::Missed,
            Event::PeerClosed(_) => Seen::Closed(Ended::There),
            Event::Closed => Seen::Closed(Ended::Here),
            Event::Opened | Event::Note(_) => return None,
        })
    }

    fn connecting(&mut self, party: usize, id: &Text) {
        // A server that is given no identifier makes a session of its own.
        let session = match id.is_empty() {
            true => party,
            false => *self.by_id.entry(id.clone()).or_insert(party),
        };
        self.of_party.insert(party, session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cx::Env, message::message};
    use squall_protocol::{PacketId, Properties, QoS, ReasonCode, packet::ConnAck};
    use std::{rc::Rc, time::Duration};

    /// What is found where a subscriber gets a message with QoS 1 that was published with QoS 0, and somebody had these
    /// events before.
    fn found(before: &[Event]) -> Option<Finding> {
        let (nowhere, _) = squall_transport::Memory::listen();
        let env = Env::new(nowhere.into(), Duration::ZERO, "run".to_owned());
        let version = Version::V5_0;
        let cx = Cx::new(Rc::new(env), version, 0, "1".to_owned(), "");
        let other = cx.journal.add_party("other");
        for event in before {
            cx.journal.write(other, event.clone());
        }
        let mut publish = message(&cx.topic("t"), QoS::AtMostOnce, b"m");
        let sent = Packet::Publish(publish.clone());
        (publish.qos, publish.packet_id) = (QoS::AtLeastOnce, PacketId::new(1));
        let got = Packet::Publish(publish);
        let connack = Packet::ConnAck(ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        });
        let bytes = bytes::Bytes::new;
        let publisher = cx.journal.add_party("publisher");
        let subscriber = cx.journal.add_party("subscriber");
        for (party, event) in [
            (publisher, Event::Sent(sent, version, bytes())),
            (subscriber, Event::Received(connack, version, bytes())),
            (subscriber, Event::Received(got, version, bytes())),
        ] {
            cx.journal.write(party, event);
        }
        broken(&cx).map(|(finding, _)| finding)
    }

    #[test]
    fn what_one_client_did_not_look_at_hides_nothing_that_others_got() {
        assert!(found(&[]).is_some());
        assert!(found(&[Event::Dropped(195)]).is_some());
        // But bytes that were sent may have been a message.
        let raw = Event::SentRaw("anything".to_owned(), Default::default());
        assert!(found(&[raw]).is_none());
    }
}
