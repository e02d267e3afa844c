//! UTF-8 Encoded Strings (section 1.5.3 of 3.1.1, 1.5.4 of 5.0).

use bytes::Bytes;
use std::{borrow::Borrow, fmt, ops::Deref};

/// A string as MQTT allows it: well-formed UTF-8 without U+0000. Cheap to clone; a slice of the packet it came in.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Bytes);

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
        Self(Bytes::new())
    }

    /// Checks `bytes` [MQTT-1.5.3-1], [MQTT-1.5.3-2] (3.1.1), [MQTT-1.5.4-1], [MQTT-1.5.4-2] (5.0). A byte order
    /// mark is kept [MQTT-1.5.3-3], [MQTT-1.5.4-3], and so are control characters and non-characters, which a sender
    /// should avoid and a receiver need not refuse [X-3.1.1-utf8-1], [X-5.0-utf8-2].
    ///
    /// # Errors
    /// When the bytes are not UTF-8 or hold U+0000.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TextError> {
        match std::str::from_utf8(&bytes) {
            Err(e) => Err(TextError::NotUtf8(e.valid_up_to())),
            Ok(s) => match s.bytes().position(|b| b == 0) {
                Some(at) => Err(TextError::Null(at)),
                None => Ok(Self(bytes)),
            },
        }
    }

    /// The string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }

    /// Its bytes, without the second look at them that [`Self::as_str`] takes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
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
        Self::from(s.to_owned())
    }
}

/// Panics on U+0000: for strings of our own; use [`Text::from_bytes`] for input.
impl From<String> for Text {
    fn from(s: String) -> Self {
        assert!(!s.contains('\0'), "a string of our own holds U+0000: {s:?}");
        Self(Bytes::from(s))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
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
    #[should_panic(expected = "U+0000")]
    fn a_string_of_our_own_with_null_is_a_bug() {
        let _ = Text::from("a\0");
    }
}
