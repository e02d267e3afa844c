//! Valid packets with a few bytes changed. Where we accept, every peer has to read the same, but for the classes of
//! [`KNOWN`]; the rules by which we refuse what all of them accept are in [`ALONE`]. Anything else is a lead.

use crate::{known::KNOWN, strategies};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use squall_peers::{Outcome, Peer};
use squall_protocol::{Packet, Role, Version, decode_one, encode};
use std::{collections::BTreeMap, fmt::Write};

const CASES: usize = 20_000;

/// One change of a packet. All but the first keep the Remaining Length true.
#[derive(Clone, Debug)]
enum Change {
    Overwrite(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        3 => (at(), byte.clone()).prop_map(|(at, byte)| Change::Overwrite(at, byte)),
        3 => (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        1 => (at(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => at().prop_map(Change::Remove),
        1 => at().prop_map(Change::Cut),
    ]
}

/// The first byte and the body, without the Remaining Length.
fn split(wire: &[u8]) -> (u8, Vec<u8>) {
    let length = wire[1..].iter().take_while(|b| **b & 0x80 != 0).count() + 1;
    let body = wire.get(1 + length..).unwrap_or_default();
    (wire[0], body.to_vec())
}

fn join(first: u8, body: &[u8]) -> Vec<u8> {
    let mut wire = vec![first];
    let mut rest = body.len();
    loop {
        let more = if rest > 0x7F { 0x80 } else { 0 };
        wire.push((rest & 0x7F) as u8 | more);
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    wire.extend(body);
    wire
}

fn apply(wire: Vec<u8>, change: &Change) -> Vec<u8> {
    let (first, mut body) = split(&wire);
    match change {
        Change::Overwrite(at, byte) => {
            let mut wire = wire;
            let at = at.index(wire.len());
            wire[at] = *byte;
            return wire;
        }
        _ if body.is_empty() => return wire,
        Change::Flip(at, bit) => {
            let at = at.index(body.len());
            body[at] ^= bit;
        }
        Change::Insert(at, byte) => body.insert(at.index(body.len() + 1), *byte),
        Change::Remove(at) => drop(body.remove(at.index(body.len()))),
        Change::Cut(at) => body.truncate(at.index(body.len())),
    }
    join(first, &body)
}

/// What is new about a case, if anything: we stand alone, a peer panics or reads something else, for a reason that is
/// in no list.
fn finding(role: Role, version: Option<Version>, wire: &[u8]) -> Option<Finding> {
    let ours = decode_one(&bytes::Bytes::copy_from_slice(wire), role, version);
    let theirs = Peer::ALL.map(|peer| (peer, peer.decode(wire, version, role)));
    let asked = || {
        let can = |(_, outcome): &&(Peer, Outcome)| !matches!(outcome, Outcome::Cannot(_));
        theirs.iter().filter(can)
    };
    let panicked = asked().find(|(_, outcome)| matches!(outcome, Outcome::Panicked(_)));
    if let Some((peer, outcome)) = panicked {
        return Some(Finding::New(format!("{}: {outcome:?}", peer.name())));
    }
    match ours {
        Err(violation) => {
            let rule = format!("{:?}", violation.rule);
            let rule = rule.split('(').next().unwrap_or_default().to_owned();
            let alone = asked().count() >= 3 && asked().all(|(_, outcome)| outcome.accepted());
            alone.then_some(Finding::Alone(rule))
        }
        Ok(frame) => asked().find_map(|(peer, outcome)| {
            let same = |read: &Packet| peer.view(read.clone()) == peer.view(frame.packet.clone());
            let version = version_of(&frame.packet, version);
            let known = KNOWN
                .iter()
                .any(|known| known.peer == *peer && (known.class)(&frame.packet, version));
            match outcome {
                Outcome::Read(read) if same(read) => None,
                _ if known => None,
                _ => Some(Finding::New(format!(
                    "we accept {} {version}, {}: {outcome:?}",
                    frame.packet.packet_type(),
                    peer.name(),
                ))),
            }
        }),
    }
}

enum Finding {
    /// We refuse by this rule, and all peers accept.
    Alone(String),
    /// A difference that stands in no list.
    New(String),
}

fn version_of(packet: &Packet, connection: Option<Version>) -> Version {
    match packet {
        Packet::Connect(connect) => connect.version,
        _ => connection.expect("only CONNECT comes before the version is known"),
    }
}

/// Rules by which we alone refuse, and why the rule is one of the bytes and not of the layer above.
const ALONE: &[(&str, &str)] = &[
    (
        "TopicNameAndAliasMissing",
        "neither a topic name nor a Topic Alias [X-5.0-publish-1]",
    ),
    (
        "PropertyLengthMissing",
        "AUTH with a reason code and no Property Length: only both together may be left out [MQTT-2.2.2-1], \
         [X-5.0-auth-4]",
    ),
    (
        "MultiLevelWildcard",
        "`#` not at the end, or not a level of its own [MQTT-4.7.1-1], [MQTT-4.7.1-2]",
    ),
    (
        "SingleLevelWildcard",
        "`+` not a level of its own [MQTT-4.7.1-2], [MQTT-4.7.1-3]",
    ),
    (
        "TopicNameWildcard",
        "a wildcard in a topic name [MQTT-3.3.2-2]",
    ),
    (
        "TopicNameEmpty",
        "an empty topic name where no Topic Alias can stand for it [MQTT-4.7.3-1]",
    ),
    ("TopicFilterEmpty", "an empty topic filter [MQTT-4.7.3-1]"),
    (
        "ResponseTopicWildcard",
        "a wildcard in the Response Topic [MQTT-3.3.2-14]",
    ),
    (
        "ShareNameInvalid",
        "a share name with no topic filter after it [MQTT-4.8.2-2]",
    ),
    (
        "NoLocalShared",
        "No Local on a shared subscription [MQTT-3.8.3-4]",
    ),
    (
        "SubscriptionReservedBits",
        "reserved bits of a subscription in 3.1.1 [MQTT-3.8.3-4]",
    ),
    (
        "SubscriptionIdentifierFromClient",
        "a client sends a Subscription Identifier with a PUBLISH [MQTT-3.3.4-6]",
    ),
    (
        "SessionExpiryFromServer",
        "a server sends a Session Expiry Interval with DISCONNECT [MQTT-3.14.2-2]",
    ),
    (
        "ReasonCodeDirection",
        "a reason code that this end never sends [MQTT-3.15.2-1]",
    ),
    (
        "SessionPresentWithError",
        "Session Present with a refusal [MQTT-3.2.2-4], [MQTT-3.2.2-6]",
    ),
    (
        "AuthenticationDataWithoutMethod",
        "Authentication Data without a method [X-5.0-auth-1]",
    ),
    (
        "PayloadNotUtf8",
        "a payload announced as UTF-8 that is not; checking it is the receiver's choice",
    ),
    (
        "VariableByteIntegerPadded",
        "an integer in more bytes than it needs [MQTT-1.5.5-1]",
    ),
];

#[test]
fn where_we_stand_alone_is_known() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mutated = (strategies::sent(), vec(change(), 1..4));
    let mut new: BTreeMap<String, (usize, Vec<u8>)> = BTreeMap::new();
    let mut alone = 0;
    for _ in 0..CASES {
        let ((role, version, packet), changes) =
            mutated.new_tree(&mut runner).expect("a case").current();
        let wire = encode(&packet, version).expect("a packet from the strategies can be written");
        let wire = changes.iter().fold(wire.to_vec(), apply);
        let connection = (!matches!(packet, Packet::Connect(_))).then_some(version);
        let class = match finding(role, connection, &wire) {
            None => continue,
            Some(Finding::Alone(rule)) if ALONE.iter().any(|(known, _)| *known == rule) => {
                alone += 1;
                continue;
            }
            Some(Finding::Alone(rule)) => format!("we refuse {rule}, all others accept"),
            Some(Finding::New(what)) => what,
        };
        let (count, shortest) = new.entry(class).or_insert_with(|| (0, wire.clone()));
        *count += 1;
        if wire.len() < shortest.len() {
            *shortest = wire;
        }
    }
    let report = new
        .iter()
        .fold(String::new(), |mut out, (class, (count, wire))| {
            let _ = writeln!(out, "{count} times {class}: {wire:02X?}");
            out
        });
    assert!(report.is_empty(), "{report}");
    assert!(
        alone > 50,
        "only {alone} cases in which we stand alone: the changes find nothing"
    );
}
