//! Bytes in hex, as people and tools write them: digits with or without blanks, `0x30, 0x04`, C arrays, `\x30` strings,
//! and dumps with an offset before the digits and characters after them.

use squall_protocol::hex::{self, HexError};

/// The bytes of a text.
///
/// # Errors
/// Which word is not hex, and why. Nothing is guessed: a digit too few would shift all that follows.
pub(crate) fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim_start_matches('\u{feff}').replace('\u{a0}', " ");
    match dump(&text) {
        Some(bytes) => Ok(bytes),
        None => words(&array(&text)),
    }
}

/// What stands in the braces of a C array, or the text itself; comments are blanked.
fn array(text: &str) -> String {
    let inner = match (text.find('{'), text.rfind('}')) {
        (Some(open), Some(close)) if open < close => &text[open + 1..close],
        _ => text,
    };
    let mut out = String::new();
    for line in inner.lines() {
        let end = ["//", "#"].iter().filter_map(|mark| line.find(mark)).min();
        let line = &line[..end.unwrap_or(line.len())];
        let mut rest = line;
        while let Some((before, comment)) = rest.split_once("/*") {
            out += before;
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        }
        out += rest;
        out.push('\n');
    }
    out
}

fn words(text: &str) -> Result<Vec<u8>, String> {
    let text = text.replace("\\x", " 0x");
    let separators = |c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '"' | '\'');
    let mut bytes = Vec::new();
    for word in text.split(separators).filter(|word| !word.is_empty()) {
        word_bytes(word, &mut bytes)?;
    }
    if bytes.is_empty() {
        return Err("there are no hex digits".to_owned());
    }
    Ok(bytes)
}

fn word_bytes(word: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    // One digit after 0x is a number; elsewhere it is half a byte.
    let padded = digits.filter(|d| d.len() == 1).map(|d| format!("0{d}"));
    let digits = padded.as_deref().or(digits).unwrap_or(word);
    let found = match hex::bytes(digits) {
        Ok(found) if found.is_empty() => Err(HexError::HalfByte(0)),
        found => found,
    };
    let found = found.map_err(|error| {
        let word = shown(word);
        match error {
            HexError::NoDigit(_, c) => format!("`{word}` has {c:?} in it, which is no hex digit"),
            HexError::HalfByte(digits) => {
                format!("`{word}` has {digits} hex digits, so half a byte is missing")
            }
        }
    })?;
    bytes.extend(found);
    Ok(())
}

/// A dump: lines of an offset, hex digits, and characters for the eye (`xxd`, `hexdump -C`, `od -tx1`, Wireshark). The
/// offsets have to fit, or it is no dump.
fn dump(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut lines = 0;
    for line in text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
    {
        let (offset, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let colon = offset.ends_with(':');
        let offset = offset.trim_end_matches(':');
        let fits = |radix| usize::from_str_radix(offset, radix) == Ok(bytes.len());
        if offset.len() < 4 || !(fits(16) || fits(8)) {
            return None;
        }
        bytes.extend(dump_line(rest, colon)?);
        lines += 1;
    }
    // A single short line of digits, such as `0000 0000`, is no dump.
    (lines > 0 && !bytes.is_empty() && (lines > 1 || text.contains("  "))).then_some(bytes)
}

/// The hex digits of one line of a dump, without the characters after them.
fn dump_line(rest: &str, colon: bool) -> Option<Vec<u8>> {
    let rest = rest.trim_start();
    let end = match (rest.find('|'), rest.find("  ")) {
        // `hexdump -C` has a gap in the middle of the digits.
        (Some(bar), _) => bar,
        (None, Some(gap)) if colon => gap,
        (None, _) => rest.find("   ").unwrap_or(rest.len()),
    };
    let mut bytes = Vec::new();
    for word in rest[..end].split_whitespace() {
        if word.len() > 8 {
            return None;
        }
        bytes.extend(hex::bytes(word).ok()?);
    }
    (bytes.len() <= 64).then_some(bytes)
}

fn shown(word: &str) -> String {
    match word.char_indices().nth(24) {
        None => word.to_owned(),
        Some((end, _)) => format!("{}…", &word[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::bytes_of;

    #[test]
    fn hex_is_read_as_people_write_it() {
        for text in [
            "300400016100",
            "30040001 6100",
            "30 04 00 01 61 00",
            "30:04:00:01:61:00",
            "0x30, 0x04, 0x00, 0x01, 0x61, 0x00\n",
            "0x30 0x4 0x0 0x1 0x61 0x0",
            "0X30,0X04,0X00,0X01,0X61,0X00",
            "\\x30\\x04\\x00\\x01\\x61\\x00",
            "\"\\x30\\x04\\x00\\x01\\x61\\x00\"",
            "unsigned char packet[] = {\n  0x30, 0x04, /* length */\n  0x00, 0x01, 0x61, 0x00 // topic\n};",
            "30 04 # PUBLISH\n0001 61\r\n00 # no properties",
            "\u{feff}30 04 00\u{a0}01 61 00",
            "00000000: 3004 0001 6100                           0...a.",
            "00000000  30 04 00 01 61 00                                 |0...a.|\n00000006",
            "0000   30 04 00 01 61 00                                 0...a.",
            "0000000 30 04 00 01 61 00\n0000006",
        ] {
            assert_eq!(bytes_of(text), Ok(vec![0x30, 4, 0, 1, 0x61, 0]), "{text}");
        }
    }

    #[test]
    fn a_dump_of_several_lines_is_put_together() {
        let text = "00000000  30 12 00 03 61 2f 62 00  68 65 6c 6c 6f 20 77 6f  |0..a/b.hello wo|\n\
                    00000010  72 6c 64 21                                       |rld!|\n00000014\n";
        assert_eq!(
            bytes_of(text).as_deref(),
            Ok(&b"0\x12\0\x03a/b\0hello world!"[..])
        );
        // The characters after them may look like digits.
        let xxd = "00000000: 3006 0001 6100 6162                      0...a.ab";
        assert_eq!(bytes_of(xxd).as_deref(), Ok(&b"0\x06\0\x01a\0ab"[..]));
    }

    #[test]
    fn what_is_no_hex_is_said() {
        for (text, words) in [
            ("", "there are no hex digits"),
            ("30 04 0O", "`0O` has 'O' in it, which is no hex digit"),
            ("300", "`300` has 3 hex digits, so half a byte is missing"),
            ("3 0", "`3` has 1 hex digits, so half a byte is missing"),
            (
                "MAQAAWEA",
                "`MAQAAWEA` has 'M' in it, which is no hex digit",
            ),
            ("0x", "`0x` has 0 hex digits, so half a byte is missing"),
        ] {
            assert_eq!(bytes_of(text), Err(words.to_owned()), "{text}");
        }
    }
}
