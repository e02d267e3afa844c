//! What a command is given to read: text on the command line, a file, or standard input.

use crate::exit::CliError;
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// Bytes for `squall decode`, out of an argument that is hex digits, a file, or `-`.
pub(crate) fn bytes(arguments: &[String]) -> Result<Vec<u8>, CliError> {
    let (name, content) = match arguments {
        [dash] if dash == "-" => ("standard input", standard_input()?),
        [name] if !is_hex(name) || Path::new(name).is_file() && name.contains(['/', '.']) => {
            (name.as_str(), file(name)?)
        }
        digits => return hex(&digits.join(" "), "the argument"),
    };
    if let Some(why) = capture_file(&content) {
        return Err(CliError::input(format!("{name} is {why}")).help(
            "Squall reads the bytes of one direction of a connection: in Wireshark, Follow TCP Stream, \
             choose one direction, show as Raw and save",
        ));
    }
    // An MQTT stream is never all hex digits: it has control characters in its first bytes.
    match std::str::from_utf8(&content) {
        Ok(text) if is_hex(text) => hex(text, name),
        _ => Ok(content),
    }
}

/// Text for `squall encode`: the argument itself where it begins like JSON, a file, or standard input for `-`.
pub(crate) fn text(argument: &str) -> Result<String, CliError> {
    if argument.trim_start().starts_with(['{', '[']) {
        return Ok(argument.to_owned());
    }
    let (name, content) = match argument {
        "-" => ("standard input", standard_input()?),
        name => (name, file(name)?),
    };
    String::from_utf8(content).map_err(|e| {
        CliError::input(format!(
            "{name} is no JSON: byte {} is not UTF-8",
            e.utf8_error().valid_up_to()
        ))
    })
}

fn standard_input() -> Result<Vec<u8>, CliError> {
    let mut content = Vec::new();
    match io::stdin().lock().read_to_end(&mut content) {
        Ok(_) => Ok(content),
        Err(e) => Err(CliError::input(format!("cannot read standard input: {e}"))),
    }
}

fn file(name: &str) -> Result<Vec<u8>, CliError> {
    fs::read(name).map_err(|e| {
        CliError::input(format!("cannot read {name}: {e}")).help(
            "give hex digits such as `30 03 0001 61`, the name of a file, or - for standard input",
        )
    })
}

/// Hex digits with what people write between them.
fn is_hex(text: &str) -> bool {
    !text.trim().is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || is_separator(c) || c == 'x')
        && text.split(is_separator).all(|word| {
            let digits = word.strip_prefix("0x").unwrap_or(word);
            digits.chars().all(|c| c.is_ascii_hexdigit())
        })
}

const fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, ':' | ',')
}

fn hex(text: &str, name: &str) -> Result<Vec<u8>, CliError> {
    let digits: Vec<u8> = text
        .split(is_separator)
        .flat_map(|word| word.strip_prefix("0x").unwrap_or(word).bytes())
        .collect();
    if !digits.len().is_multiple_of(2) {
        return Err(CliError::input(format!(
            "{name} has {} hex digits: half a byte is missing",
            digits.len()
        )));
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    };
    Ok(digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect())
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

    #[test]
    fn hex_is_read_as_people_write_it() {
        for text in [
            "30030001 61",
            "30 03 00 01 61",
            "30:03:00:01:61",
            "0x30, 0x03, 0x00, 0x01, 0x61\n",
            "30 03\n0001 61",
        ] {
            assert!(is_hex(text), "{text}");
            assert_eq!(hex(text, "it").ok(), Some(vec![0x30, 3, 0, 1, 0x61]));
        }
        for text in ["", "  ", "capture.bin", "30 0g", "x30"] {
            assert!(!is_hex(text), "{text}");
        }
    }
}
