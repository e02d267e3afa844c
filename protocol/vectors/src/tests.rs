//! What the collection promises as a whole.

use super::{FILES, Sender, VECTORS, cases};
use squall_protocol::PacketType;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

#[test]
fn no_file_is_left_out() {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("this folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    let stem = |path: std::path::PathBuf| path.file_stem().expect("a name").to_owned();
    let there: BTreeSet<_> = yaml.map(stem).collect();
    let read: BTreeSet<_> = FILES.iter().map(|(stem, _)| (*stem).into()).collect();
    assert_eq!(there, read);
}

#[test]
fn each_entry_keeps_to_the_format() {
    let mut names = BTreeSet::new();
    for (stem, vector) in VECTORS.iter() {
        let name = &vector.name;
        let slug = name.strip_prefix(&format!("{stem}/")).expect(name);
        let slug_character =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(
            !slug.is_empty() && slug.chars().all(slug_character),
            "{name}"
        );
        assert!(names.insert(name), "{name} stands twice");
        assert!(
            !vector.mqtt.is_empty() && !vector.from.is_empty() && !vector.says.is_empty(),
            "{name}"
        );
        assert!(
            vector.hex.chars().all(|c| " 0123456789ABCDEF".contains(c)),
            "{name}"
        );
        assert!(!vector.first || vector.from == [Sender::Client], "{name}");
        assert_ne!(vector.valid.is_some(), vector.invalid.is_some(), "{name}");
        let receivers: BTreeSet<_> = vector.from.iter().map(|from| from.other()).collect();
        let reacting: BTreeSet<_> = vector.reactions.keys().copied().collect();
        assert_eq!(
            reacting,
            if vector.invalid.is_some() {
                receivers
            } else {
                BTreeSet::new()
            },
            "{name}"
        );
    }
}

#[test]
fn no_packet_stands_twice() {
    let mut seen = BTreeMap::new();
    for case in cases() {
        let key = (
            case.version,
            case.sender,
            case.vector.first,
            case.wire.clone(),
        );
        if let Some(earlier) = seen.insert(key, case.label()) {
            panic!("{} has the bytes of {earlier}", case.label());
        }
    }
}

/// Valid and invalid cases each packet type has at least, in a version and from a sender that may send it.
const AT_LEAST: &[(PacketType, usize, usize)] = &[
    (PacketType::Connect, 25, 70),
    (PacketType::ConnAck, 7, 17),
    (PacketType::Publish, 39, 48),
    (PacketType::PubAck, 4, 10),
    (PacketType::PubRec, 4, 10),
    (PacketType::PubRel, 4, 10),
    (PacketType::PubComp, 4, 9),
    (PacketType::Subscribe, 24, 43),
    (PacketType::SubAck, 6, 12),
    (PacketType::Unsubscribe, 7, 18),
    (PacketType::UnsubAck, 3, 8),
    (PacketType::PingReq, 1, 7),
    (PacketType::PingResp, 1, 5),
    (PacketType::Disconnect, 2, 7),
    (PacketType::Auth, 12, 24),
];

#[test]
fn there_are_enough_of_every_kind() {
    assert!(VECTORS.len() >= 1_500, "{}", VECTORS.len());
    let mut count: BTreeMap<_, [usize; 2]> = BTreeMap::new();
    for case in cases() {
        let key = (case.packet_type(), case.version, case.sender);
        count.entry(key).or_default()[usize::from(case.vector.invalid.is_some())] += 1;
    }
    let mut checked = BTreeSet::new();
    for ((packet, version, sender), [valid, invalid]) in &count {
        // What a sender may not send at all has no valid vector, and one fault is enough.
        if *valid > 0 {
            let packet = packet.expect("packet type 0 is never valid");
            checked.insert((packet, *version, *sender));
            let (_, least_valid, least_invalid) = AT_LEAST
                .iter()
                .find(|(p, ..)| *p == packet)
                .expect("every type");
            let label = format!("{packet} {version} {sender:?}: {valid} valid, {invalid} invalid");
            assert!(valid >= least_valid && invalid >= least_invalid, "{label}");
        } else {
            assert!(*invalid > 0);
        }
    }
    // Five packets go both ways, nine one way, DISCONNECT one way in 3.1.1; AUTH and DISCONNECT both ways in 5.0.
    assert_eq!(checked.len(), 2 * (5 * 2 + 8) + 1 + 2 + 2);
    assert_eq!(
        count.len(),
        2 * 16 * 2,
        "every packet type in every version and direction"
    );
}
