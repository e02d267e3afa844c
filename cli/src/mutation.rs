//! Changed texts and bytes for property tests: a good one, with a few places replaced, repeated, left out or put in.

use proptest::{collection::vec, prelude::*, sample::Index};

/// How often a property is tried: `SQUALL_FUZZ_CASES`, or few.
pub(crate) fn cases() -> ProptestConfig {
    let asked = std::env::var("SQUALL_FUZZ_CASES").ok();
    ProptestConfig {
        cases: asked.and_then(|n| n.parse().ok()).unwrap_or(64),
        // The seeds of failures become tests of their own.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[derive(Clone, Debug)]
enum Change {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, u8),
    Repeat(Index, u8, u8),
}

/// One of `good`, changed in up to eight places; `bits` are put in besides single bytes.
pub(crate) fn changed(
    good: Vec<Vec<u8>>,
    bits: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let bit = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        proptest::sample::select(bits).prop_map(|bit| bit.as_bytes().to_vec()),
    ];
    let change = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), bit).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, len)| Change::Remove(at, len)),
        (any::<Index>(), any::<u8>(), any::<u8>())
            .prop_map(|(at, len, times)| Change::Repeat(at, len, times)),
    ];
    (proptest::sample::select(good), vec(change, 0..8)).prop_map(|(mut bytes, changes)| {
        for change in changes {
            apply(&mut bytes, &change);
        }
        bytes
    })
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let len = bytes.len();
    let place = |at: &Index| at.index(len + 1);
    match change {
        Change::Replace(at, byte) if len > 0 => bytes[at.index(len)] = *byte,
        Change::Replace(..) => {}
        Change::Insert(at, bit) => {
            let at = place(at);
            bytes.splice(at..at, bit.iter().copied());
        }
        Change::Remove(at, n) => {
            let at = place(at);
            bytes.drain(at..len.min(at + usize::from(n % 16)));
        }
        Change::Repeat(at, n, times) => {
            let at = place(at);
            let part = bytes[at..len.min(at + usize::from(n % 32))].repeat(usize::from(*times));
            bytes.splice(at..at, part);
        }
    }
}
