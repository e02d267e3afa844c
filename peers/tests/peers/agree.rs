//! On valid packets everybody agrees: what we write a peer reads as the same packet, and what it writes again we read
//! as the same packet. Where a peer does not, the class stands in [`KNOWN`] with the reason; it is left out here for
//! that peer alone, and has to go on existing.

use crate::{
    known::{KNOWN, Known},
    strategies,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use squall_peers::{Outcome, Peer};
use squall_protocol::{Packet, Role, Version, decode_one, encode};
use std::{collections::BTreeMap, fmt::Write, sync::LazyLock};

/// Packets per peer: about 250 of each type, version and sender.
const CASES: usize = 12_000;

/// A valid packet and its bytes.
struct Case {
    role: Role,
    version: Version,
    packet: Packet,
    wire: bytes::Bytes,
}

/// The same packets in every run, made once for all tests.
static SENT: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let sent = strategies::sent();
    let case = |_| {
        let (role, version, packet) = sent.new_tree(&mut runner).expect("a packet").current();
        let wire = encode(&packet, version).expect("a packet from the strategies can be written");
        Case {
            role,
            version,
            packet,
            wire,
        }
    };
    (0..CASES).map(case).collect()
});

fn known(peer: Peer, case: &Case) -> Option<&'static Known> {
    let falls_in = |known: &&Known| known.peer == peer && (known.class)(&case.packet, case.version);
    KNOWN.iter().find(falls_in)
}

/// What is wrong with what the peer makes of this packet: in few words, and with the particulars.
fn fault(peer: Peer, case: &Case) -> Option<(String, String)> {
    let packet = &case.packet;
    let connection = (!matches!(packet, Packet::Connect(_))).then_some(case.version);
    let expected = peer.view(packet.clone());
    match peer.decode(&case.wire, connection, case.role) {
        Outcome::Cannot(_) => return None,
        Outcome::Read(read) if peer.view((*read).clone()) == expected => {}
        Outcome::Read(read) => return Some(("misread".to_owned(), format!("{read:?}"))),
        other => return Some((format!("{other:?}"), String::new())),
    }
    let again = match peer.rewrite(&case.wire, connection, case.role) {
        Ok(again) => again,
        Err(words) => return Some((format!("cannot write it: {words}"), String::new())),
    };
    match decode_one(&again, case.role, connection) {
        Ok(frame) if frame.bytes == again && peer.view(frame.packet.clone()) == expected => None,
        Ok(frame) => Some((
            "writes another packet".to_owned(),
            format!("{again:02x?} {:?}", frame.packet),
        )),
        Err(violation) => Some((
            format!("writes an invalid packet: {violation}"),
            format!("{again:02x?}"),
        )),
    }
}

/// The shortest example of each fault, and how often there was one like it.
fn faults<'a>(peer: Peer, cases: impl Iterator<Item = &'a Case>) -> String {
    let mut groups: BTreeMap<String, (usize, &Case, String)> = BTreeMap::new();
    for case in cases {
        let Some((kind, particulars)) = fault(peer, case) else {
            continue;
        };
        let key = format!("{} {}: {kind}", case.version, case.packet.packet_type());
        match groups.get_mut(&key) {
            None => drop(groups.insert(key, (1, case, particulars))),
            Some((count, shortest, old)) => {
                *count += 1;
                if case.wire.len() < shortest.wire.len() {
                    (*shortest, *old) = (case, particulars);
                }
            }
        }
    }
    groups
        .iter()
        .fold(String::new(), |mut out, (key, (count, case, what))| {
            let wire = case.wire.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02X}");
                hex
            });
            let _ = writeln!(
                out,
                "{count} times {key}\n    {wire}\n    {:?}\n    {what}",
                case.packet
            );
            out
        })
}

fn agrees(peer: Peer) {
    let faults = faults(peer, SENT.iter().filter(|case| known(peer, case).is_none()));
    assert!(faults.is_empty(), "{}:\n{faults}", peer.name());
}

#[test]
fn ntex_mqtt_agrees() {
    agrees(Peer::Ntex);
}

#[test]
fn mqtt5_protocol_agrees() {
    agrees(Peer::Mqtt5);
}

#[test]
fn mqtt_protocol_core_agrees() {
    agrees(Peer::Core);
}

#[test]
fn rumqttc_agrees() {
    agrees(Peer::Rumqttc);
}

/// A class that no longer fails has to leave the list.
#[test]
fn known_disagreements_still_exist() {
    for known in KNOWN {
        let seen = SENT
            .iter()
            .filter(|case| (known.class)(&case.packet, case.version))
            .any(|case| fault(known.peer, case).is_some());
        assert!(seen, "{} now agrees: {}", known.peer.name(), known.what);
    }
}
