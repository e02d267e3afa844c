//! Text from the wire, made safe to look at.
//!
//! Topics, payloads and client identifiers are chosen by strangers. A terminal must not obey an escape sequence in
//! them, no bidirectional override may turn a line around, and XML cannot hold most control characters at all. So
//! every renderer for people passes its text through here first: what cannot be shown is replaced by a visible sign.
//! This module knows nothing of results; escaping for a markup language happens where the markup is written.

use std::borrow::Cow;

/// The text on one line: control characters, line breaks included, become visible signs.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    replace(text, |c| if c == '\t' { Some(' ') } else { substitute(c) })
}

/// The text with its line breaks; all other control characters become visible signs.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    replace(text, |c| match c {
        '\n' => None,
        '\t' => Some(' '),
        other => substitute(other),
    })
}

fn replace(text: &str, substitute: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if text.chars().all(|c| substitute(c).is_none()) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|c| substitute(c).unwrap_or(c))
        .collect::<String>()
        .into()
}

/// Whether a terminal might obey a character, or would not show that it is there.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    substitute(c).is_some()
}

/// What stands for a character that must not be shown as it is.
fn substitute(c: char) -> Option<char> {
    match c {
        // The "control pictures" block has the C0 controls in their own order.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)),
        '\x7f' => Some('␡'),
        // C1 controls: some terminals obey them.
        '\u{80}'..='\u{9f}' => Some(char::REPLACEMENT_CHARACTER),
        // Marks that change the direction of their neighbours, invisible separators, the byte order mark.
        '\u{061c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => Some(char::REPLACEMENT_CHARACTER),
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        // Noncharacters; XML forbids some of them.
        '\u{fdd0}'..='\u{fdef}' => Some(char::REPLACEMENT_CHARACTER),
        other if u32::from(other) & 0xfffe == 0xfffe => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

/// How many columns of a fixed-width font the text takes; an estimate for scripts with wide or combining signs.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    match u32::from(c) {
        // Combining marks, zero-width joiners and variation selectors.
        0x300..=0x36f
        | 0x483..=0x489
        | 0x591..=0x5bd
        | 0x610..=0x61a
        | 0x64b..=0x65f
        | 0x1ab0..=0x1aff => 0,
        0x1dc0..=0x1dff | 0x200c..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => {
            0
        }
        // East Asian wide signs and pictographs.
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => {
            2
        }
        0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff => 2,
        0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// At most `limit` columns of the text; `…` stands for what was cut. Stacked combining marks are cut as well: at
/// most four characters for each column.
pub(crate) fn ellipsise(text: &str, limit: usize) -> Cow<'_, str> {
    let characters = limit.saturating_mul(4);
    if columns(text) <= limit && text.chars().nth(characters).is_none() {
        return Cow::Borrowed(text);
    }
    let Some(room) = limit.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut used = 0;
    let kept: String = text
        .chars()
        .take(characters.saturating_sub(1))
        .take_while(|&c| {
            used += width(c);
            used <= room
        })
        .collect();
    Cow::Owned(kept.trim_end().to_owned() + "…")
}

/// At most `limit` characters of a long text, with a word on how many are missing.
pub(crate) fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    let Some((cut, _)) = text.char_indices().nth(limit) else {
        return Cow::Borrowed(text);
    };
    let missing = crate::quantity::count(text[cut..].chars().count() as u64, "more character");
    Cow::Owned(format!("{}… ({missing})", &text[..cut]))
}

/// The text broken into lines of at most `limit` columns (at least two), between words where it can be.
#[must_use]
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(2);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut current = String::new();
        let mut used = 0;
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            let wide = columns(word);
            if used > 0 && used + 1 + wide > limit {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            if used > 0 {
                current.push(' ');
                used += 1;
            }
            for c in word.chars() {
                if used + width(c) > limit {
                    lines.push(std::mem::take(&mut current));
                    used = 0;
                }
                current.push(c);
                used += width(c);
            }
        }
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_become_visible() {
        assert_eq!(line("a\x1b[31mb\r\n\0\x7f\u{9b}"), "a␛[31mb␍␊␀␡\u{fffd}");
        assert_eq!(block("a\nb\x07"), "a\nb␇");
        assert_eq!(line("drow\u{202e}ssap"), "drow\u{fffd}ssap");
        assert_eq!(
            line("\u{ffff}\u{1fffe}\u{fdd0}"),
            "\u{fffd}\u{fffd}\u{fffd}"
        );
        assert!(matches!(line("سلام Grüße 温度"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(ellipsise("sensor/1", 8), "sensor/1");
        assert_eq!(ellipsise("sensor/12", 8), "sensor/…");
        assert_eq!(ellipsise("温度温度", 5), "温度…");
        assert_eq!(ellipsise("x", 0), "");
        assert_eq!(shorten("abcdef", 4), "abcd… (2 more characters)");
        assert_eq!(shorten("abcd", 4), "abcd");
    }

    #[test]
    fn wraps_between_words_and_inside_long_ones() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
    }

    proptest! {
        #[test]
        fn nothing_visible_is_lost_and_nothing_is_too_wide(text in any::<String>(), limit in 0_usize..40) {
            prop_assert_eq!(line(&text).chars().count(), text.chars().count());
            prop_assert!(!line(&text).chars().any(char::is_control));
            let text = block(&text);
            prop_assert!(columns(&ellipsise(&text, limit)) <= limit);
            prop_assert!(wrap(&text, limit).iter().all(|line| columns(line) <= limit.max(2)));
            let letters = |text: &str| text.chars().filter(|c| *c != ' ' && *c != '\n').collect::<String>();
            prop_assert_eq!(letters(&wrap(&text, limit).concat()), letters(&text));
        }
    }
}
