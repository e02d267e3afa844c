//! Every small packet: all first bytes with all bodies of at most one byte, all bodies of two bytes after the first
//! bytes that may be, and longer ones out of few letters. How many are taken, and why the others are not, is a table.

use crate::check::check;
use squall_protocol::{Role, Version};
use std::collections::BTreeMap;

const STATES: [(Role, Option<Version>); 6] = [
    (Role::Client, None),
    (Role::Client, Some(Version::V3_1_1)),
    (Role::Client, Some(Version::V5_0)),
    (Role::Server, None),
    (Role::Server, Some(Version::V3_1_1)),
    (Role::Server, Some(Version::V5_0)),
];

/// A first byte of each packet, and PUBLISH with each QoS.
const FIRST_BYTES: [u8; 17] = [
    0x10, 0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xA2, 0xB0, 0xC0, 0xD0, 0xE0,
    0xF0,
];

/// How often each packet ended how.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn play(&mut self, wire: &[u8]) {
        for (from, version) in STATES {
            let reading = check(wire, from, version);
            let version = version.map_or("-", Version::as_str);
            let ends = match (&reading.violation, reading.frames.len()) {
                (Some(violation), _) => format!("{:?}", violation.rule),
                (None, 0) => "waits".to_owned(),
                (None, _) => "taken".to_owned(),
            };
            let row = format!("0x{:X}. {from} {version:5} {ends}", wire[0] >> 4);
            *self.0.entry(row).or_default() += 1;
        }
    }

    fn rows(&self) -> String {
        let rows = self.0.iter().map(|(row, count)| format!("{row} {count}\n"));
        rows.collect()
    }
}

/// 256 first bytes, Remaining Length 0 to 3, and fewer bytes, as many or one more after it.
#[test]
fn every_first_byte_with_bodies_of_at_most_one_byte() {
    let mut tally = Tally::default();
    for first in 0..=u8::MAX {
        for remaining in 0..=3 {
            tally.play(&[first, remaining]);
        }
        for byte in 0..=u8::MAX {
            tally.play(&[first, 1, byte]);
        }
    }
    insta::assert_snapshot!(tally.rows());
}

/// Two bytes that say something somewhere: borders of integers, lengths, letters, bits, property identifiers.
#[test]
fn bodies_of_two_bytes() {
    let telling: Vec<u8> = match everything() {
        true => (0..=u8::MAX).collect(),
        false => [
            0, 1, 2, 3, 4, 5, 0x0B, 0x10, 0x18, 0x19, 0x1F, 0x23, 0x26, b'+', b'a', 0x7F, 0x80,
            0x81, 0x87, 0xC2, 0xE0, 0xFF,
        ]
        .into(),
    };
    let firsts: Vec<u8> = match everything() {
        true => (0..=u8::MAX).collect(),
        false => FIRST_BYTES.into(),
    };
    let mut tally = Tally::default();
    for first in &firsts {
        for a in &telling {
            for b in &telling {
                tally.play(&[*first, 2, *a, *b]);
            }
        }
    }
    // In the full form it is `check` that judges; the table would be too long to read.
    if !everything() {
        insta::assert_snapshot!(tally.rows());
    }
}

/// Bodies of up to five bytes out of the letters that make lengths and fields: this reaches topics, filters, empty
/// properties and reason codes.
#[test]
fn bodies_out_of_few_letters() {
    const LETTERS: [u8; 4] = [0, 1, 2, b'a'];
    let mut tally = Tally::default();
    for first in FIRST_BYTES {
        for len in 3..=5u8 {
            for number in 0..LETTERS.len().pow(len.into()) {
                let mut wire = vec![first, len];
                wire.extend((0..len.into()).map(|at| {
                    let digit = number / LETTERS.len().pow(at) % LETTERS.len();
                    LETTERS[digit]
                }));
                tally.play(&wire);
            }
        }
    }
    insta::assert_snapshot!(tally.rows());
}

#[expect(
    clippy::disallowed_methods,
    reason = "the choice between the quick form and the full one"
)]
fn everything() -> bool {
    std::env::var("SQUALL_EXHAUSTIVE").is_ok()
}
