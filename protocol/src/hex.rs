//! Bytes as hexadecimal digits and back: the one place that knows how. Two ways to write them: compact for programs, and
//! as a dump, digits of a byte together and cut to a length, for people.

use std::fmt;

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

/// Bytes that show themselves as two lower-case digits each, without anything between them.
#[derive(Clone, Copy, Debug)]
pub struct Compact<'a>(pub &'a [u8]);

impl fmt::Display for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A piece at a time, as the text may be long and each write has its price.
        let mut piece = String::with_capacity(128);
        for bytes in self.0.chunks(64) {
            piece.clear();
            bytes.iter().for_each(|byte| piece.extend(digits(*byte)));
            f.write_str(&piece)?;
        }
        Ok(())
    }
}

fn digits(byte: u8) -> [char; 2] {
    [
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 0x0F)],
    ]
}

/// Two lower-case digits a byte, without anything between them: `3004`.
#[must_use]
pub fn compact(bytes: &[u8]) -> String {
    Compact(bytes).to_string()
}

/// Two lower-case digits a byte, with blanks between them, of the first `most` bytes; ` …` stands for the rest: `30 04 …`.
#[must_use]
pub fn dump(bytes: &[u8], most: usize) -> String {
    let shown = &bytes[..bytes.len().min(most)];
    let mut text = String::with_capacity(3 * shown.len() + 3);
    for byte in shown {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(digits(*byte));
    }
    if shown.len() < bytes.len() {
        text.push_str(" …");
    }
    text
}

/// Why a text is no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexError {
    /// A character that is no digit, and where: the first is 0.
    NoDigit(usize, char),
    /// So many digits, and they are no whole bytes.
    HalfByte(usize),
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDigit(at, c) => write!(f, "character {} is {c:?}, no hex digit", at + 1),
            Self::HalfByte(digits) => {
                write!(f, "{digits} hex digits, so half a byte is missing")
            }
        }
    }
}

impl std::error::Error for HexError {}

/// The bytes that pairs of digits stand for, of either case; blanks may stand anywhere.
///
/// # Errors
/// When there is another character, or half a byte.
pub fn bytes(text: &str) -> Result<Vec<u8>, HexError> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let (mut digits, mut high) = (0, 0);
    for (at, c) in text.chars().enumerate().filter(|(_, c)| *c != ' ') {
        let digit = c.to_digit(16).ok_or(HexError::NoDigit(at, c))? as u8;
        match digits % 2 {
            0 => high = digit,
            _ => out.push(high << 4 | digit),
        }
        digits += 1;
    }
    match digits % 2 {
        0 => Ok(out),
        _ => Err(HexError::HalfByte(digits)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_written_in_two_ways() {
        assert_eq!(compact(&[0x30, 4, 0xFF]), "3004ff");
        assert_eq!(dump(&[0x30, 4, 0xFF], 3), "30 04 ff");
        assert_eq!(dump(&[0x30, 4, 0xFF], 2), "30 04 …");
        assert_eq!((compact(&[]), dump(&[], 8)), (String::new(), String::new()));
    }

    #[test]
    fn what_is_no_bytes_is_said() {
        assert_eq!(bytes("30 0x"), Err(HexError::NoDigit(4, 'x')));
        assert_eq!(bytes("30 0"), Err(HexError::HalfByte(3)));
        assert_eq!(bytes(" 3 0 Ff"), Ok(vec![0x30, 0xFF]));
        let said = HexError::NoDigit(4, 'x').to_string();
        assert_eq!(said, "character 5 is 'x', no hex digit");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(own in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(bytes(&compact(&own)), Ok(own.clone()));
            prop_assert_eq!(bytes(&dump(&own, own.len())), Ok(own.clone()));
        }
    }
}
