//! UTF-8 Encoded Strings (section 1.5.3 of 3.1.1, 1.5.4 of 5.0).

use crate::wire::own;
use arrayvec::ArrayString;
use bytes::Bytes;
use bytestring::ByteString;
use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

/// A string as MQTT allows it: well-formed UTF-8 without U+0000, checked once. Cheap to clone: a short one is held in
/// place, a very long one is a slice of the packet it came in.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Short(ArrayString<SHORT>),
    Long(ByteString),
}

/// The longest string, in bytes, that is held in place, without an allocation or a share in the packet's buffer. Most
/// topics, Client Identifiers and property values are shorter.
const SHORT: usize = 48;

/// Why bytes are not an MQTT string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Not well-formed UTF-8 from this byte on (overlong forms and surrogates included).
    #[error("not well-formed UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The null character U+0000 stands at this byte.
    #[error("null character U+0000 at byte {0}")]
    Null(usize),
}

impl Text {
    /// The empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::Short(ArrayString::new_const()))
    }

    /// Checks `bytes` [MQTT-1.5.3-1], [MQTT-1.5.3-2] (3.1.1), [MQTT-1.5.4-1], [MQTT-1.5.4-2] (5.0). A byte order
    /// mark is kept [MQTT-1.5.3-3], [MQTT-1.5.4-3], and so are control characters and non-characters, which a sender
    /// should avoid and a receiver need not refuse [X-3.1.1-utf8-1], [X-5.0-utf8-2].
    ///
    /// # Errors
    /// When the bytes are not UTF-8 or hold U+0000.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TextError> {
        let mut text = Self::new();
        text.fill(&bytes, Some(&bytes))?;
        Ok(text)
    }

    /// Like [`Self::from_bytes`], of bytes that are in the `shared` buffer, if there is one. Fills an empty text in
    /// its place: moving one that was just written would wait for the writing.
    #[inline]
    pub(crate) fn fill(&mut self, bytes: &[u8], shared: Option<&Bytes>) -> Result<(), TextError> {
        // What stands first is said.
        let not_utf8 = |e: std::str::Utf8Error| {
            let well_formed = &bytes[..e.valid_up_to()];
            match well_formed.iter().position(|byte| *byte == 0) {
                Some(at) => TextError::Null(at),
                None => TextError::NotUtf8(e.valid_up_to()),
            }
        };
        match &mut self.0 {
            Repr::Short(short) if bytes.len() <= SHORT => {
                short.push_str(std::str::from_utf8(bytes).map_err(not_utf8)?);
            }
            repr => *repr = Repr::Long(own(bytes, shared).try_into().map_err(not_utf8)?),
        }
        if holds(bytes, [0]) {
            let at = bytes.iter().position(|byte| *byte == 0);
            return Err(TextError::Null(at.unwrap_or_default()));
        }
        Ok(())
    }

    /// The string.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Short(short) => short,
            Repr::Long(long) => long,
        }
    }
}

/// Whether any of the `wanted` bytes stands in `bytes`.
#[inline]
pub(crate) fn holds<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> bool {
    try_each(bytes, wanted, Err).is_err()
}

/// Calls `visit` with the place of each `wanted` byte, until it fails; perhaps more than once with the same place.
/// Looks at eight bytes at a time, which for strings of usual length is as fast as it gets.
#[inline]
pub(crate) fn try_each<const N: usize, E>(
    bytes: &[u8],
    wanted: [u8; N],
    visit: impl Fn(usize) -> Result<(), E>,
) -> Result<(), E> {
    let (words, rest) = bytes.as_chunks();
    for (i, word) in words.iter().enumerate() {
        visit_word(8 * i, *word, wanted, &visit)?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    match bytes.last_chunk() {
        // The last eight take in the bytes that are left over.
        Some(last) => visit_word(bytes.len() - 8, *last, wanted, &visit),
        None => (0..rest.len())
            .filter(|i| wanted.contains(&rest[*i]))
            .try_for_each(visit),
    }
}

/// Calls `visit` with the place of each `wanted` byte of the word that begins at `start`.
#[inline(always)]
fn visit_word<const N: usize, E>(
    start: usize,
    word: [u8; 8],
    wanted: [u8; N],
    visit: &impl Fn(usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut found = wanted
        .iter()
        .fold(0, |found, byte| found | equal(word, *byte));
    while found != 0 {
        visit(start + found.trailing_zeros() as usize / 8)?;
        found &= found - 1;
    }
    Ok(())
}

/// The high bit of each byte of the word that is `wanted`; the first in the lowest.
const fn equal(word: [u8; 8], wanted: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7F; 8]);
    let differs = u64::from_le_bytes(word) ^ u64::from_le_bytes([wanted; 8]);
    // Adding carries into the high bit where a low bit is set; never into the next byte.
    !(((differs & LOW) + LOW) | differs | LOW)
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// As `str` does, which [`Borrow`] demands.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

/// Panics on U+0000: for literals of our own; use [`Text::from_bytes`] for input.
impl From<&str> for Text {
    fn from(s: &str) -> Self {
        match ArrayString::from(s) {
            Ok(short) => Self::checked(Repr::Short(short)),
            Err(_) => Self::from(s.to_owned()),
        }
    }
}

/// Panics on U+0000: for strings of our own; use [`Text::from_bytes`] for input.
impl From<String> for Text {
    fn from(s: String) -> Self {
        Self::checked(match ArrayString::from(&s) {
            Ok(short) => Repr::Short(short),
            Err(_) => Repr::Long(s.into()),
        })
    }
}

impl Text {
    fn checked(repr: Repr) -> Self {
        let text = Self(repr);
        assert!(
            !text.contains('\0'),
            "a string of our own holds U+0000: {text:?}"
        );
        text
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

/// Text of a peer, made printable and cut to so many characters as they are shown: quoted when it is empty or holds
/// anything but visible characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a str, pub(crate) usize);

impl Shown<'_> {
    /// As many characters as a line of a log bears.
    pub(crate) const SHORT: usize = 48;
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, limit) = *self;
        let plain = !text.is_empty()
            && text
                .chars()
                .all(|c| !c.is_whitespace() && c.escape_debug().len() == 1);
        // An escape such as `\u{10ffff}` counts as what it takes.
        let mut room = limit;
        let end = text.char_indices().find(|(_, c)| {
            let takes = c.escape_debug().len();
            let full = takes > room;
            room = room.saturating_sub(takes);
            full
        });
        let end = end.map_or(text.len(), |(at, _)| at);
        let cut = if end < text.len() { "…" } else { "" };
        match plain {
            true => write!(f, "{}{cut}", &text[..end]),
            false => write!(f, "\"{}{cut}\"", text[..end].escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &'static [u8]) -> Result<(), TextError> {
        Text::from_bytes(Bytes::from_static(bytes)).map(drop)
    }

    #[test]
    fn ill_formed_utf8_is_refused_at_its_first_byte() {
        for (what, bytes, at) in [
            ("never a byte of UTF-8", &b"\xFF"[..], 0),
            ("overlong U+0000", b"ab\xC0\x80", 2),
            ("overlong slash", b"\xE0\x80\xAF", 0),
            ("surrogate U+D800", b"a\xED\xA0\x80", 1),
            ("surrogate U+DFFF", b"\xED\xBF\xBF", 0),
            ("above U+10FFFF", b"\xF4\x90\x80\x80", 0),
            ("cut short", b"abc\xE2\x82", 3),
            ("continuation without a start", b"\x80", 0),
        ] {
            assert_eq!(check(bytes), Err(TextError::NotUtf8(at)), "{what}");
        }
    }

    #[test]
    fn null_is_refused_and_everything_else_kept() {
        assert_eq!(check(b"ab\0c"), Err(TextError::Null(2)));
        assert_eq!(check(b"a\0\xFF"), Err(TextError::Null(1)));
        assert_eq!(check(b"\xFF\0"), Err(TextError::NotUtf8(0)));
        for text in [
            "",
            "\u{1}",
            "\u{7f}",
            "\u{d7ff}",
            "\u{e000}",
            "\u{ffff}",
            "\u{10ffff}",
        ] {
            assert_eq!(Text::from_bytes(Bytes::from(text)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_byte_order_mark_is_text() {
        let text =
            Text::from_bytes(Bytes::from_static(b"\xEF\xBB\xBFa")).expect("U+FEFF is allowed");
        assert_eq!(text.as_str(), "\u{feff}a");
        assert_ne!(text, "a");
    }

    #[test]
    fn a_wanted_byte_is_found_wherever_it_stands() {
        for len in 0..40 {
            let mut bytes = vec![b'a'; len];
            assert!(!holds(&bytes, [0, b'+']), "{len}");
            for at in 0..len {
                for other in [0x01, 0x80, 0xFF, b'+' - 1, b'+' + 1, b'+' | 0x80] {
                    bytes[at] = other;
                    assert!(!holds(&bytes, [0, b'+']), "{other} at {at} of {len}");
                }
                for wanted in [0, b'+'] {
                    bytes[at] = wanted;
                    assert!(holds(&bytes, [0, b'+']), "{wanted} at {at} of {len}");
                }
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn short_and_long_strings_are_checked_and_compared_alike() {
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, 200] {
            let string = "é".repeat(len / 2) + &"x".repeat(len % 2);
            let text = Text::from_bytes(Bytes::from(string.clone())).expect("well-formed");
            assert_eq!(text, string.as_str());
            assert_eq!(text, Text::from(string.clone()));
            assert_eq!(text, Text::from(string.as_str()));
            let mut bytes = string.into_bytes();
            bytes.push(0);
            assert_eq!(
                Text::from_bytes(bytes.clone().into()),
                Err(TextError::Null(len))
            );
            bytes[len] = 0xFF;
            assert_eq!(Text::from_bytes(bytes.into()), Err(TextError::NotUtf8(len)));
        }
        let (short, long) = (Text::from("b"), Text::from("a".repeat(SHORT + 1)));
        assert!(long < short);
    }

    #[test]
    #[should_panic(expected = "U+0000")]
    fn a_string_of_our_own_with_null_is_a_bug() {
        let _ = Text::from("a\0");
    }
}
