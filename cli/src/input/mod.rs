//! What a command is given to read: text on the command line, a file, or standard input.

mod hex;

use crate::exit::CliError;
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

pub(crate) use hex::hex;

const DECODE_HELP: &str =
    "give hex digits such as `30 04 0001 61 00`, the name of one file, or - for standard input";
const ENCODE_HELP: &str = "give JSON such as {\"packet\": \"PINGREQ\"}, the name of a file with JSON, or - for standard input";

/// Bytes for `squall decode`, out of arguments that are hex digits, a file, or `-`.
pub(crate) fn bytes(arguments: &[String]) -> Result<Vec<u8>, CliError> {
    let (name, content) = match arguments {
        [dash] if dash == "-" => ("standard input", standard_input()?),
        [one] => match hex(one) {
            Ok(bytes) => return Ok(bytes),
            Err(_) if Path::new(one).exists() => (one.as_str(), file(one, DECODE_HELP)?),
            Err(why) => {
                let message = format!("`{one}` is neither a file nor hex: {why}");
                return Err(CliError::input(message).help(DECODE_HELP));
            }
        },
        several => {
            return hex(&several.join(" ")).map_err(|why| {
                CliError::input(format!("the arguments are not hex: {why}")).help(DECODE_HELP)
            });
        }
    };
    from_content(name, content)
}

/// Raw bytes, or text that has them in hex.
fn from_content(name: &str, content: Vec<u8>) -> Result<Vec<u8>, CliError> {
    if let Some(why) = capture_file(&content) {
        return Err(CliError::input(format!("{name} is {why}")).help(
            "Squall reads the bytes of one direction of a connection: in Wireshark, Follow TCP Stream, \
             choose one direction, show as Raw and save",
        ));
    }
    // MQTT is never text: the length of a string shorter than 2,080 bytes has a control character, and so have
    // packets without strings.
    let Some(text) = printable(&content) else {
        return Ok(content);
    };
    hex(text).map_err(|why| {
        CliError::input(format!("{name} is text, and not in hex: {why}")).help(
            "hex digits, C arrays, \\x30 strings and the dumps of xxd, hexdump -C and Wireshark are understood; \
             anything else has to be raw bytes",
        )
    })
}

/// Text for `squall encode`: the argument itself where it begins like JSON, a file, or standard input for `-`.
pub(crate) fn text(argument: &str) -> Result<String, CliError> {
    if argument.trim_start().starts_with(['{', '[']) {
        return Ok(argument.to_owned());
    }
    let (name, content) = match argument {
        "-" => ("standard input", standard_input()?),
        name => (name, file(name, ENCODE_HELP)?),
    };
    let text = String::from_utf8(content).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CliError::input(format!("{name} is no JSON: byte {at} is not UTF-8"))
            .help("`squall decode` reads bytes; `squall encode` reads JSON")
    })?;
    // Some editors put a byte order mark in front.
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

fn standard_input() -> Result<Vec<u8>, CliError> {
    let mut content = Vec::new();
    match io::stdin().lock().read_to_end(&mut content) {
        Ok(_) => Ok(content),
        Err(e) => Err(CliError::input(format!("cannot read standard input: {e}"))),
    }
}

fn file(name: &str, help: &str) -> Result<Vec<u8>, CliError> {
    fs::read(name).map_err(|e| CliError::input(format!("cannot read `{name}`: {e}")).help(help))
}

/// The content as text, if it is nothing but that.
fn printable(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n');
    (!text.is_empty() && text.chars().all(plain)).then_some(text)
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
