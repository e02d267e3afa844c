//! What a server has after it took a packet of the collection, so that it can be removed again.
//!
//! The packets break a rule, so they are read leniently: as a server would read them that does not see the fault.

use super::lenient::{block, body, byte, field};
use crate::ledger::{Leftover, session};
use bytes::Bytes;
use squall_protocol::{PacketType, Version};

/// Sessions and retained messages that the packet makes.
pub(super) fn leaves(wire: &Bytes, version: Version) -> Vec<Leftover> {
    let mut bytes = wire.clone();
    match wire
        .first()
        .and_then(|first| PacketType::from_number(first >> 4))
    {
        Some(PacketType::Publish) if wire[0] & 1 == 1 => {
            let topic = body(&mut bytes).and_then(|()| field(&mut bytes));
            let topic = topic.and_then(|topic| retained(&topic, version));
            topic.into_iter().collect()
        }
        Some(PacketType::Connect) => of_connect(&mut bytes, version).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn retained(topic: &[u8], version: Version) -> Option<Leftover> {
    let topic = std::str::from_utf8(topic).ok()?;
    // Nothing can be published to a topic of these, and so nothing can be cleared there.
    let cannot_be = topic.is_empty() || topic.contains(['\0', '+', '#']);
    (!cannot_be).then(|| Leftover::Retained(topic.to_owned(), version))
}

/// What a CONNECT leaves, `None` when it ends before that can be told.
fn of_connect(bytes: &mut Bytes, version: Version) -> Option<Vec<Leftover>> {
    const CLEAN: u8 = 0x02;
    const WILL: u8 = 0x04;
    const WILL_RETAIN: u8 = 0x20;
    const SESSION_EXPIRY_INTERVAL: u8 = 0x11;
    body(bytes)?;
    field(bytes)?;
    let level = byte(bytes)?;
    let flags = byte(bytes)?;
    let _keep_alive = (byte(bytes)?, byte(bytes)?);
    let five = level == Version::V5_0.level();
    let properties = match five {
        true => block(bytes)?,
        false => Bytes::new(),
    };
    let id = field(bytes)?;
    let retains = flags & (WILL | WILL_RETAIN) == WILL | WILL_RETAIN;
    let kept = flags & CLEAN == 0 || properties.contains(&SESSION_EXPIRY_INTERVAL);
    let mut all = Vec::new();
    if kept || retains {
        all.push(session(id, version));
    }
    if retains {
        if five {
            block(bytes)?;
        }
        all.extend(retained(&field(bytes)?, version));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::Packet;

    #[test]
    fn what_valid_packets_of_a_client_leave_is_found() {
        let mut found = 0;
        for case in squall_vectors::valid().filter(|c| c.sender == squall_vectors::Sender::Client) {
            let known = case.known();
            let Ok(frame) = squall_protocol::decode_one(&case.wire, case.peer(), known) else {
                panic!("{}", case.label());
            };
            let expected: Vec<Leftover> = match frame.packet {
                Packet::Connect(connect) => {
                    let ledger = crate::ledger::Ledger::default();
                    let owner = crate::ledger::Owner { check: 0, case: 0 };
                    ledger.connecting(owner, &connect);
                    ledger.all()
                }
                Packet::Publish(publish) if publish.retain && !publish.topic.is_empty() => {
                    vec![Leftover::Retained(publish.topic.to_string(), case.version)]
                }
                _ => Vec::new(),
            };
            // A byte of a property may look like a Session Expiry Interval; that costs a connection and no more.
            for what in &expected {
                assert!(
                    leaves(&case.wire, case.version).contains(what),
                    "{}: {what}",
                    case.label()
                );
            }
            found += expected.len();
        }
        assert!(found > 10, "only {found} valid packets leave something");
    }

    #[test]
    fn broken_packets_leave_something_too() {
        let all: Vec<Leftover> = super::super::CASES
            .iter()
            .flat_map(|case| leaves(&case.wire, case.version))
            .collect();
        let retained = |what: &Leftover| matches!(what, Leftover::Retained(..));
        assert!(all.iter().any(retained));
        assert!(all.iter().any(|what| !retained(what)));
    }
}
