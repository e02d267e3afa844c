//! Streams of valid packets with faults put in: a function of one seed.

use crate::strategies::sent;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use squall_protocol::{Decoder, PacketType, Role, Version, encode};
use std::fmt;

/// Bytes of one peer, and how they arrive.
pub(crate) struct Stream {
    pub(crate) from: Role,
    pub(crate) version: Option<Version>,
    /// The Maximum Packet Size of the receiver.
    pub(crate) max: u32,
    pub(crate) wire: Vec<u8>,
    /// Sizes of the chunks, over and over.
    sizes: Vec<usize>,
}

impl Stream {
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        let mut sizes = self.sizes.iter().cycle();
        std::iter::from_fn(move || {
            let size = (*sizes.next()?).min(rest.len());
            let (chunk, tail) = rest.split_at(size);
            rest = tail;
            (!chunk.is_empty()).then_some(chunk)
        })
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            version,
            max,
            wire,
            sizes,
        } = self;
        let shown = squall_protocol::hex::compact(&wire[..wire.len().min(4096)]);
        let len = wire.len();
        write!(
            f,
            "from a {from}, {version:?}, at most {max}, in {sizes:?}, {len} bytes: {shown}"
        )
    }
}

/// A valid packet as it is written.
struct Seed {
    from: Role,
    version: Version,
    packet: PacketType,
    wire: Vec<u8>,
}

pub(crate) struct Mutator {
    rng: ChaCha8Rng,
    corpus: Vec<Seed>,
}

impl Mutator {
    /// Valid packets that mutations begin with: the vectors, then generated ones.
    const CORPUS: usize = 2_000;
    /// Longer ones are mostly payload, where a flipped bit shows nothing: a few do.
    const LONG: usize = 2_000;
    const FEW: usize = 3;

    pub(crate) fn new() -> Self {
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let mut corpus: Vec<Seed> = squall_vectors::valid()
            .filter(|case| case.wire.len() <= Self::LONG)
            .map(|case| Seed {
                from: case.peer(),
                version: case.version,
                packet: case.packet_type().expect("a valid packet has a type"),
                wire: case.wire.to_vec(),
            })
            .collect();
        while corpus.len() < Self::CORPUS {
            let tree = sent().new_tree(&mut runner).expect("nothing is rejected");
            let (from, version, packet) = tree.current();
            let wire = encode(&packet, version)
                .expect("it can be written")
                .to_vec();
            let packet = packet.packet_type();
            let is_long = |wire: &[u8]| wire.len() > Self::LONG;
            let long = corpus.iter().filter(|seed| is_long(&seed.wire));
            if !is_long(&wire) || long.count() < Self::FEW {
                corpus.push(Seed {
                    from,
                    version,
                    packet,
                    wire,
                });
            }
        }
        Self {
            rng: ChaCha8Rng::seed_from_u64(0x5EED),
            corpus,
        }
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        let draw = u64::from(self.rng.next_u32()) * end as u64;
        usize::try_from(draw >> 32).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        // Half of them small, where lengths, flags and identifiers live.
        let byte = self.rng.next_u32().to_be_bytes()[0];
        if self.below(2) == 0 {
            byte & 0x2F
        } else {
            byte
        }
    }

    pub(crate) fn stream(&mut self) -> Stream {
        let first = self.below(self.corpus.len());
        let (from, known) = (self.corpus[first].from, self.corpus[first].version);
        let version = match self.corpus[first].packet {
            PacketType::Connect => None,
            _ => Some(known),
        };
        let mut wire = self.packet(first);
        for _ in 0..self.below(4) {
            let next = self.another(from, known);
            wire.extend(self.packet(next));
        }
        let max = match self.below(4) {
            0 => u32::try_from(self.below(300)).expect("small"),
            1 => 4096,
            _ => Decoder::LARGEST_PACKET,
        };
        let largest = [1, 8, 100, 5000][self.below(4)];
        let sizes = (0..1 + self.below(4))
            .map(|_| 1 + self.below(largest))
            .collect();
        Stream {
            from,
            version,
            max,
            wire,
            sizes,
        }
    }

    /// A packet of the corpus that goes with the stream.
    fn another(&mut self, from: Role, version: Version) -> usize {
        loop {
            let i = self.below(self.corpus.len());
            if (self.corpus[i].from, self.corpus[i].version) == (from, version) {
                return i;
            }
        }
    }

    /// A packet of the corpus, as it is or with up to four faults.
    fn packet(&mut self, i: usize) -> Vec<u8> {
        let mut wire = self.corpus[i].wire.clone();
        for _ in 0..[0, 0, 0, 1, 1, 2, 4][self.below(7)] {
            self.mutate(&mut wire);
        }
        wire
    }

    fn mutate(&mut self, wire: &mut Vec<u8>) {
        let at = self.below(wire.len());
        match self.below(9) {
            // A bit flips.
            0 | 1 => wire[at] ^= 1 << self.below(8),
            // A byte says something else.
            2 => wire[at] = self.byte(),
            // A byte more, with the Remaining Length as it was or mended.
            3 | 4 => {
                let byte = self.byte();
                wire.insert(at, byte);
                self.mend(wire);
            }
            // Some bytes less.
            5 if wire.len() > 2 => {
                let len = 1 + self.below((wire.len() - at).min(4));
                wire.drain(at..at + len);
                if wire.is_empty() {
                    wire.push(0xC0);
                }
                self.mend(wire);
            }
            // A length of two bytes, or what might be one, says something else.
            6 if at + 1 < wire.len() => {
                let length = [0, 1, wire.len() - at, 0x7FFF, 0xFFFF][self.below(5)];
                wire[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
            }
            // The Remaining Length, or what might be one, says something else.
            7 => {
                let byte = [0x00, 0x7F, 0x80, 0xFF, self.byte()][self.below(5)];
                let near = at.min(1 + self.below(4));
                wire[near] = byte;
            }
            // The front of this packet and the back of another.
            _ => {
                let other = self.below(self.corpus.len());
                let from = self.below(self.corpus[other].wire.len());
                wire.truncate(at.max(1));
                wire.extend_from_slice(&self.corpus[other].wire[from..]);
                self.mend(wire);
            }
        }
    }

    /// Makes the Remaining Length right, three times out of four: else nothing after it would ever be read.
    fn mend(&mut self, wire: &mut Vec<u8>) {
        if wire.len() < 2 || self.below(4) == 0 {
            return;
        }
        let old = 1 + wire[1..].iter().take(4).take_while(|b| **b >= 128).count();
        let body = wire.split_off((1 + old).min(wire.len()));
        wire.truncate(1);
        let mut left = body.len();
        loop {
            let more = if left > 127 { 0x80 } else { 0 };
            wire.push((left % 128) as u8 | more);
            left /= 128;
            if left == 0 {
                break;
            }
        }
        wire.extend(body);
    }
}
