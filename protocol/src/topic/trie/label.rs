//! The text of one topic level, and its hash.

use std::fmt;

/// One level of a filter. Short ones, which is nearly all, stand in the node itself: a look at them costs no second
/// trip to memory.
#[derive(Clone)]
pub(super) enum Label {
    Short(u8, [u8; Self::SHORT]),
    Long(Box<[u8]>),
}

impl Label {
    /// As many bytes as make it no larger than its other variant would be with a length beside it.
    const SHORT: usize = 22;

    pub(super) fn new(level: &[u8]) -> Self {
        match u8::try_from(level.len()) {
            Ok(len) if level.len() <= Self::SHORT => {
                let mut bytes = [0; Self::SHORT];
                bytes[..level.len()].copy_from_slice(level);
                Self::Short(len, bytes)
            }
            _ => Self::Long(level.into()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }

    /// Bytes held outside the label itself.
    pub(super) fn footprint(&self) -> usize {
        match self {
            Self::Short(..) => 0,
            Self::Long(bytes) => bytes.len(),
        }
    }
}

impl Default for Label {
    fn default() -> Self {
        Self::Short(0, [0; Self::SHORT])
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

/// The hash of a level's text: eight bytes at a time, each folded in by a multiplication of 64 by 64 bits. The same on
/// every machine.
pub(super) fn hash_level(seed: u64, level: &[u8]) -> u64 {
    let (words, rest) = level.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = fold(seed ^ level.len() as u64, FACTOR);
    let hash = words.iter().fold(start, |hash, word| {
        fold(hash ^ u64::from_le_bytes(*word), FACTOR)
    });
    fold(hash ^ u64::from_le_bytes(last), FACTOR)
}

/// The hash of a level below a certain node.
pub(super) fn hash_below(level: u64, parent: u32) -> u32 {
    (fold(
        level ^ (u64::from(parent) << 32 | u64::from(parent)),
        FACTOR,
    ) >> 32) as u32
}

/// 32 bits of hash spread over the 64 that the table looks at.
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(FACTOR)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// 2^64 divided by the golden ratio, made odd: its bits are well mixed.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
