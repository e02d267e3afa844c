//! Seeds for the fuzzer: every vector and some generated packets, in the form `protocol/fuzz` reads.

use crate::{check::check, strategies::sent};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use squall_protocol::{Packet, Role, Version, encode};
use std::{collections::BTreeSet, fs, path::PathBuf};

/// One input: a byte that says who sends and which version is known, and the stream.
fn seed(from: Role, version: Option<Version>, wire: &[u8]) -> Vec<u8> {
    let from = match from {
        Role::Client => 0,
        Role::Server => 1,
    };
    let version = match version {
        None => 0,
        Some(Version::V3_1_1) => 1,
        Some(Version::V5_0) => 2,
    };
    [&[from | version << 1], wire].concat()
}

fn seeds() -> BTreeSet<Vec<u8>> {
    let vectors = squall_vectors::valid().chain(squall_vectors::invalid());
    let mut seeds: BTreeSet<_> = vectors
        .map(|case| seed(case.peer(), case.known(), &case.wire))
        .collect();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..300 {
        let tree = sent().new_tree(&mut runner).expect("nothing is rejected");
        let (from, version, packet) = tree.current();
        let known = (!matches!(packet, Packet::Connect(_))).then_some(version);
        let wire = encode(&packet, version).expect("it can be written");
        if wire.len() < 1000 {
            seeds.insert(seed(from, known, &wire));
        }
    }
    seeds
}

/// With `SQUALL_SEEDS` set, writes the seeds into that folder, seen from the top of the repository.
#[test]
fn seeds_for_the_fuzzer() {
    let seeds = seeds();
    assert!(seeds.len() > 500, "{} seeds", seeds.len());
    // Both ends and every state.
    let states: BTreeSet<u8> = seeds.iter().map(|seed| seed[0]).collect();
    assert!(
        states.is_superset(&BTreeSet::from([0, 2, 3, 4, 5])),
        "{states:?}"
    );
    for seed in &seeds {
        let from = if seed[0] & 1 == 0 {
            Role::Client
        } else {
            Role::Server
        };
        let version = [None, Some(Version::V3_1_1), Some(Version::V5_0)][usize::from(seed[0] >> 1)];
        check(&seed[1..], from, version);
    }
    #[expect(clippy::disallowed_methods, reason = "somebody asks for files")]
    let Ok(folder) = std::env::var("SQUALL_SEEDS") else {
        return;
    };
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (i, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{i:04}")), seed).expect("the seed can be written");
    }
}
