//! Variable byte integers (section 2.2.3 of 3.1.1, 1.5.5 of 5.0): seven bits a byte, least significant first.
//!
//! Knows the encoding alone. Whether a padded form is tolerated is the caller's decision, because 5.0 forbids it and
//! 3.1.1 says nothing.

/// The largest value four bytes can say.
pub(crate) const MAX: u32 = 268_435_455;

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// A whole integer.
    Whole {
        /// Its value, at most [`MAX`].
        value: u32,
        /// How many bytes it takes, 1 to 4.
        len: usize,
        /// Whether it takes no more bytes than it needs.
        minimal: bool,
    },
    /// The bytes end before the integer does.
    Incomplete,
    /// The fourth byte says that a fifth follows.
    TooLong,
}

/// Reads the integer at the beginning of `bytes`.
pub(crate) fn scan(bytes: &[u8]) -> Scan {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            // A last byte of zero adds nothing, unless it is the only one.
            return Scan::Whole {
                value,
                len: i + 1,
                minimal: i == 0 || byte != 0,
            };
        }
    }
    if bytes.len() < 4 {
        Scan::Incomplete
    } else {
        Scan::TooLong
    }
}

/// How many bytes `value` takes in its shortest form [MQTT-1.5.5-1] (5.0).
pub(crate) const fn len(value: u32) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

/// The shortest form of `value`: the bytes and how many of them count. Values over [`MAX`] are the caller's bug.
pub(crate) fn encode(value: u32) -> ([u8; 4], usize) {
    debug_assert!(value <= MAX, "{value} is not a variable byte integer");
    let len = len(value);
    let mut bytes = [0; 4];
    for (i, byte) in bytes.iter_mut().enumerate().take(len) {
        let more = if i + 1 < len { 0x80 } else { 0 };
        *byte = (value >> (7 * i)) as u8 & 0x7F | more;
    }
    (bytes, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn borders_are_those_of_table_1_1() {
        let table: [(u32, &[u8]); 8] = [
            (0, &[0x00]),
            (127, &[0x7F]),
            (128, &[0x80, 0x01]),
            (16_383, &[0xFF, 0x7F]),
            (16_384, &[0x80, 0x80, 0x01]),
            (2_097_151, &[0xFF, 0xFF, 0x7F]),
            (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
            (MAX, &[0xFF, 0xFF, 0xFF, 0x7F]),
        ];
        for (value, wire) in table {
            let (bytes, len) = encode(value);
            assert_eq!(&bytes[..len], wire);
            assert_eq!(
                scan(wire),
                Scan::Whole {
                    value,
                    len: wire.len(),
                    minimal: true
                }
            );
        }
    }

    #[test]
    fn padding_is_seen_and_a_fifth_byte_refused() {
        assert_eq!(
            scan(&[0x80, 0x00]),
            Scan::Whole {
                value: 0,
                len: 2,
                minimal: false
            }
        );
        assert_eq!(
            scan(&[0xFF, 0x80, 0x00]),
            Scan::Whole {
                value: 127,
                len: 3,
                minimal: false
            }
        );
        assert_eq!(scan(&[0x80, 0x80, 0x80, 0x80]), Scan::TooLong);
        assert_eq!(scan(&[0x80, 0x80, 0x80]), Scan::Incomplete);
        assert_eq!(scan(&[]), Scan::Incomplete);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in 0..=MAX, tail in any::<[u8; 3]>()) {
            let (bytes, len) = encode(value);
            let mut wire = bytes[..len].to_vec();
            wire.extend(tail);
            prop_assert_eq!(scan(&wire), Scan::Whole { value, len, minimal: true });
            prop_assert_eq!(scan(&wire[..len - 1]), Scan::Incomplete);
        }
    }
}
