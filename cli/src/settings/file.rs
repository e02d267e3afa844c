//! A file of settings: YAML whose keys are the flags.

use super::Settings;
use crate::exit::{CliError, Result};
use serde_yaml::{Error, Location};
use squall_scenarios::{diagnostic::Diagnostic, did_you_mean};
use std::{fs::File, io::Read, path::Path};

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Reads the settings in a file.
///
/// # Errors
/// When it cannot be read; the first thing in it that is no setting, with its place.
pub(crate) fn read(path: &Path) -> Result<Settings> {
    let name = path.display().to_string();
    let text = text(path).map_err(|error| {
        CliError::input(format!("cannot read {name}: {error}"))
            .help("name a YAML file with --config; `squall broker --print-config` prints one")
    })?;
    parse(&name, &text).map_err(|problem| CliError::from_diagnostics(vec![*problem]))
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    if file.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64 > MOST_BYTES {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

fn parse(name: &str, text: &str) -> std::result::Result<Settings, Box<Diagnostic>> {
    // A file that says nothing is no mistake.
    let says_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(says_nothing) {
        return Ok(Settings::default());
    }
    serde_yaml::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let mut shown = text;
        let (message, help) = match error {
            Error::SerdeUnknownField {
                field, expected, ..
            } => {
                let near = did_you_mean(field, expected.iter().copied());
                let help = near.unwrap_or_else(|| {
                    "the keys are the flags of `squall broker --help`, without --".to_owned()
                });
                // What stands there may be a secret that does not belong there.
                shown = &text[..span(text, at).end];
                (
                    format!("there is no setting `{}`", field.escape_debug()),
                    Some(help),
                )
            }
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                (format!("`{}` is said twice", key.escape_debug()), None)
            }
            Error::Unexpected {
                expected: "mapping start",
                ..
            } => (
                "these are no settings".to_owned(),
                Some(
                    "write a key, a colon and a value on each line, such as `max-queued: 1000`"
                        .to_owned(),
                ),
            ),
            other => (without_place(other), None),
        };
        let problem = Diagnostic::new(name, shown, message).label(span(text, at), "");
        Box::new(match help {
            Some(help) => problem.help(help),
            None => problem,
        })
    })
}

/// What the YAML crate says, on one line and without the place, which is told anyway.
fn without_place(error: &Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let end = text.find(" at line ").unwrap_or(text.len());
    text[..end].trim_start_matches("error: ").to_owned()
}

/// The bytes from a place to the end of the word there.
fn span(text: &str, at: Location) -> std::ops::Range<usize> {
    let number = |n: u64| usize::try_from(n).unwrap_or(1).max(1);
    let lines = text.split_inclusive('\n');
    let start: usize = lines.take(number(at.line()) - 1).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or_default();
    let column = line.char_indices().nth(number(at.column()) - 1);
    let before = column.map_or(line.len(), |(n, _)| n);
    let word = &line[before..];
    let length = word.find([',', '}', ']', ' ']).unwrap_or(word.len());
    start + before..start + before + word[..length].trim_end_matches(':').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match parse("broker.yaml", text) {
            Ok(settings) => format!("{settings:?}"),
            Err(problem) => problem.render(false),
        }
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let whole = Settings::default().whole();
        let text = serde_yaml::to_string(&whole).unwrap();
        assert_eq!(parse("a", &text).unwrap(), whole);
        let odd = Settings {
            listen: vec![
                "[::1]:1883".parse().unwrap(),
                "127.0.0.1:0".parse().unwrap(),
            ],
            store: Some("true".parse().unwrap()),
            password_file: Some("007".parse().unwrap()),
            access_file: Some("a: b #c".parse().unwrap()),
            tls_cert: Some("18446744073709551616".parse().unwrap()),
            tls_key: Some("1e3".parse().unwrap()),
            client_ca: Some("~".parse().unwrap()),
            redirect: Some("null".parse().unwrap()),
            response_information: Some("0x1F\n\t\"é'".parse().unwrap()),
            unix_listen: vec!["12".parse().unwrap(), "no".parse().unwrap()],
            ..Settings::default()
        };
        let text = serde_yaml::to_string(&odd).unwrap();
        assert_eq!(parse("a", &text).unwrap(), odd, "{text}");
    }

    #[test]
    fn a_file_says_one_thing_or_several_and_may_say_nothing() {
        for text in ["", "# nothing\n\n"] {
            assert_eq!(parse("a", text).unwrap(), Settings::default());
        }
        let text = "listen: 127.0.0.1:1883\nunix-listen: [ a, 7 ]\nretain-available: false\n\
            max-queued: 10\nmax-queued-bytes: 64KiB\nserver-keep-alive: 90s\nsession-expiry-maximum: none\n";
        let read = parse("a", text).unwrap();
        let whole = read.clone().whole();
        let config = whole.config();
        assert_eq!(read.listen.len(), 1);
        assert_eq!(read.unix_listen[1].path(), Path::new("7"));
        assert!(!config.retain_available);
        assert_eq!((config.max_queued, config.max_queued_bytes), (10, 65_536));
        assert_eq!(config.server_keep_alive, Some(90));
        assert_eq!(config.session_expiry_maximum, None);
        assert_eq!(config.maximum_packet_size, 16 << 20);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place) in [
            ("listen: 127.0.0.1:1883\nmax-queue: 3\n", "broker.yaml:2:1"),
            ("max_queued: 3\n", "broker.yaml:1:1"),
            ("max-queued: many\n", "broker.yaml:1:13"),
            ("receive-maximum: 65536\n", "broker.yaml:1:18"),
            ("receive-maximum: -1\n", "broker.yaml:1:18"),
            ("receive-maximum: 1.5\n", "broker.yaml:1:18"),
            ("max-queued-bytes: 5MB\n", "broker.yaml:1:19"),
            ("retain-available: maybe\n", "broker.yaml:1:19"),
            (
                "listen: [ 127.0.0.1:1883, localhost ]\n",
                "broker.yaml:1:27",
            ),
            ("listen: { a: b }\n", "broker.yaml:1:9"),
            ("max-queued:\n", "broker.yaml:1:"),
            ("max-queued: 3\nmax-queued: 4\n", "broker.yaml:2:1"),
            ("just text\n", "broker.yaml:1:1"),
            ("- a list\n", "broker.yaml:1:1"),
            ("max-queued: [\n", "broker.yaml:"),
            ("maximum-qos: 3\n", "broker.yaml:1:14"),
        ] {
            let said = said(text);
            assert!(said.contains(place), "{text}{said}");
        }
    }

    #[test]
    fn any_text_is_settings_or_told_to_be_none() {
        let mut random = 7_u64;
        let pieces = [
            "listen",
            ":",
            " ",
            "\n",
            "-",
            "[",
            "]",
            "{",
            "}",
            "é",
            "max-queued",
            "1",
            "&a",
            "*a",
            "|",
            "\"",
            "'",
            "#",
            "!",
            "\t",
            "\u{1b}",
            "?",
            "~",
            "store",
        ];
        for _ in 0..2000 {
            let mut text = String::new();
            for _ in 0..12 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text += pieces[(random >> 33) as usize % pieces.len()];
            }
            assert!(!said(&text).contains('\u{1b}'), "{text:?}");
        }
    }
}
