//! What a server has after it took a packet of the collection, so that it can be removed again.
//!
//! The packets break a rule, so they are read leniently: as a server would read them that does not see the fault.

use crate::ledger::{Leftover, session};
use bytes::{Buf, Bytes};
use squall_protocol::{PacketType, Version};
use squall_vectors::Case;

/// Sessions and retained messages that the packet makes.
pub(super) fn leaves(case: &Case) -> Vec<Leftover> {
    let mut bytes = case.wire.clone();
    let version = case.version;
    match case.packet_type() {
        Some(PacketType::Publish) if case.wire[0] & 1 == 1 => {
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

/// Steps over the fixed header.
fn body(bytes: &mut Bytes) -> Option<()> {
    byte(bytes)?;
    length(bytes).map(drop)
}

fn byte(bytes: &mut Bytes) -> Option<u8> {
    bytes.has_remaining().then(|| bytes.get_u8())
}

fn length(bytes: &mut Bytes) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = byte(bytes)?;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Bytes with their length in front, as properties have it.
fn block(bytes: &mut Bytes) -> Option<Bytes> {
    let len = length(bytes)?;
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

/// Bytes with their length in two bytes in front.
fn field(bytes: &mut Bytes) -> Option<Bytes> {
    let len = usize::from(byte(bytes)?) << 8 | usize::from(byte(bytes)?);
    (len <= bytes.len()).then(|| bytes.split_to(len))
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
                assert!(leaves(&case).contains(what), "{}: {what}", case.label());
            }
            found += expected.len();
        }
        assert!(found > 10, "only {found} valid packets leave something");
    }

    #[test]
    fn broken_packets_leave_something_too() {
        let all: Vec<Leftover> = super::super::CASES.iter().flat_map(leaves).collect();
        let retained = |what: &Leftover| matches!(what, Leftover::Retained(..));
        assert!(all.iter().any(retained));
        assert!(all.iter().any(|what| !retained(what)));
    }
}
