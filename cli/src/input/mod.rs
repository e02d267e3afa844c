//! What a command is given to read: text on the command line, a file, or standard input.

mod hex;
mod source;

use crate::exit::CliError;
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

pub(crate) use hex::bytes_of;
pub(crate) use source::Source;

const DECODE_HELP: &str =
    "give hex digits such as `30 04 0001 61 00`, the name of one file, or - for standard input";
const ENCODE_HELP: &str = "give JSON such as {\"packet\": \"PINGREQ\"}, the name of a file with JSON, or - for standard input";

/// Longest text with hex digits that is read, in bytes.
const LONGEST_HEX: usize = 8 << 20;

/// Bytes for `squall decode`, out of arguments that are hex digits, a file, or `-`.
pub(crate) fn bytes(arguments: &[String]) -> Result<Source, CliError> {
    let (name, source) = match arguments {
        [dash] if dash == "-" => ("standard input", standard_input()),
        [one] => match bytes_of(one) {
            Ok(bytes) => return Ok(Source::of(bytes)),
            Err(_) if Path::new(one).exists() => (one.as_str(), file(one, DECODE_HELP)?),
            Err(why) => {
                let message = format!("`{one}` is neither a file nor hex: {why}");
                return Err(CliError::input(message).help(DECODE_HELP));
            }
        },
        several => {
            return bytes_of(&several.join(" ")).map(Source::of).map_err(|why| {
                let message = format!("the arguments are not hex: {why}");
                CliError::input(message).help(DECODE_HELP)
            });
        }
    };
    from_content(name, source)
}

/// Raw bytes, or text that has them in hex. Nothing is read beyond the first byte that is no text.
fn from_content(name: &str, mut source: Source) -> Result<Source, CliError> {
    source.fill(4)?;
    if let Some(why) = capture_file(source.buffered()) {
        return Err(CliError::input(format!("{name} is {why}")).help(
            "Squall reads the bytes of one direction of a connection: in Wireshark, Follow TCP Stream, \
             choose one direction, show as Raw and save",
        ));
    }
    // MQTT is never text: the length of a string shorter than 2,080 bytes has a control character, and so have
    // packets without strings.
    let mut text = 0;
    loop {
        let Some(more) = printable(&source.buffered()[text..]) else {
            return Ok(source);
        };
        text += more;
        if source.is_at_end() {
            break;
        }
        if text > LONGEST_HEX {
            let message = format!("{name} is text of more than {LONGEST_HEX} bytes");
            return Err(CliError::input(message).help(
                "hex digits are read up to that; make raw bytes of longer ones, for instance with xxd -r -p, \
                 which are read without a limit",
            ));
        }
        source.read()?;
    }
    // A character that is cut short at the end is no text either.
    let whole = std::str::from_utf8(source.buffered());
    let Some(text) = whole.ok().filter(|text| !text.is_empty()) else {
        return Ok(source);
    };
    bytes_of(text).map(Source::of).map_err(|why| {
        CliError::input(format!("{name} is text, and not in hex: {why}")).help(
            "hex digits, C arrays, \\x30 strings and the dumps of xxd, hexdump -C and Wireshark are understood; \
             anything else has to be raw bytes",
        )
    })
}

/// Text for `squall encode`: the argument itself where it begins like JSON, a file, or standard input for `-`; and what
/// a message calls it.
pub(crate) fn text(argument: &str) -> Result<(Box<dyn BufRead>, String), CliError> {
    if argument.trim_start().starts_with(['{', '[']) {
        let text = io::Cursor::new(argument.to_owned());
        return Ok((Box::new(text), "the argument".to_owned()));
    }
    if argument == "-" {
        return Ok((Box::new(io::stdin().lock()), "standard input".to_owned()));
    }
    let file = open(argument, ENCODE_HELP)?;
    Ok((Box::new(BufReader::new(file)), argument.to_owned()))
}

fn standard_input() -> Source {
    Source::new("standard input", io::stdin().lock())
}

fn file(name: &str, help: &str) -> Result<Source, CliError> {
    Ok(Source::new(&format!("`{name}`"), open(name, help)?))
}

fn open(name: &str, help: &str) -> Result<File, CliError> {
    File::open(name).map_err(|e| CliError::input(format!("cannot read `{name}`: {e}")).help(help))
}

/// How many bytes of this are text for sure, if nothing in it is anything else.
fn printable(content: &[u8]) -> Option<usize> {
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        // The rest of a character may still come.
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&content[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n');
    text.chars().all(plain).then_some(text.len())
}

/// Says so if these are the first bytes of a capture file, which has packets of other layers around MQTT.
fn capture_file(content: &[u8]) -> Option<&'static str> {
    match content.get(..4)? {
        [0xD4, 0xC3, 0xB2, 0xA1] | [0xA1, 0xB2, 0xC3, 0xD4] => Some("a pcap capture file"),
        [0x4D, 0x3C, 0xB2, 0xA1] | [0xA1, 0xB2, 0x3C, 0x4D] => Some("a pcap capture file"),
        [0x0A, 0x0D, 0x0D, 0x0A] => Some("a pcapng capture file"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::{cases, changed};
    use proptest::prelude::*;
    use std::io::Read;

    /// Gives a few bytes at a time.
    struct Slow(io::Cursor<Vec<u8>>, usize);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(self.1);
            self.0.read(&mut buffer[..end])
        }
    }

    /// All bytes that come out, or why none do.
    fn read(content: &[u8], portion: usize) -> Result<Vec<u8>, String> {
        let slow = Slow(io::Cursor::new(content.to_vec()), portion);
        let read = from_content("it", Source::new("it", slow));
        let mut source = read.map_err(|e| format!("{e:?}"))?;
        source.fill(usize::MAX).map_err(|e| format!("{e:?}"))?;
        assert!(source.is_at_end());
        Ok(source.buffered().to_vec())
    }

    #[test]
    fn a_text_is_told_from_bytes_at_its_first_other_byte() {
        assert!(read("30 é".as_bytes(), 1).is_err(), "text");
        assert_eq!(read(b"30 04", 1), Ok(vec![0x30, 4]));
        assert_eq!(read(b"30 04\x00", 2), Ok(b"30 04\x00".to_vec()));
        assert_eq!(read(b"30 \xC3", 1), Ok(b"30 \xC3".to_vec()), "cut short");
        assert_eq!(read(b"", 1), Ok(vec![]));
        let long = vec![b'0'; LONGEST_HEX + 1];
        let refused = read(&long, 1 << 20).expect_err("it is too long");
        assert!(refused.contains("8388608"), "{refused}");
        assert!(read(&long[1..], 1 << 20).is_ok());
    }

    fn texts() -> Vec<Vec<u8>> {
        [
            "30 04 0001 6100",
            "0x30, 0x04, 0x00, 0x01, 0x61, 0x00\n",
            "\"\\x30\\x04\\x00\\x01\\x61\\x00\"",
            "unsigned char p[] = {\n  0x30, 0x04, /* length */\n  0x00 // topic\n};",
            "00000000: 3004 0001 6100                           0...a.",
            "00000000  30 12 00 03 61 2f 62 00  68 65 6c 6c 6f 20 77 6f  |0..a/b.hello wo|\n\
             00000010  72 6c 64 21                                       |rld!|\n00000014\n",
            "\u{feff}30 04 00\u{a0}01 61 00",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    }

    const BITS: &[&str] = &[
        "0x", "\\x", "{", "}", "/*", "*/", "//", "#", "|", "   ", "\n", "\u{a0}", "\u{feff}",
        "00000010", ":", "é", "\u{202e}",
    ];

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn any_text_is_read_or_refused(text in changed(texts(), BITS), portion in 1..100_usize) {
            let whole = read(&text, usize::MAX);
            prop_assert_eq!(&whole, &read(&text, portion), "in other portions");
            if let Ok(text) = std::str::from_utf8(&text) {
                match bytes_of(text) {
                    // One digit after 0x is a byte, nothing shorter is.
                    Ok(bytes) => prop_assert!(bytes.len() <= text.len() && !bytes.is_empty()),
                    Err(why) => prop_assert!(why.len() < 200, "{}", why),
                }
            }
        }
    }
}
