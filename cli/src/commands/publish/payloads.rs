//! Payloads, one after the other: one from the command line, a whole file, or a line at a time. It does not know what
//! becomes of them, and holds no more of them than a few.

use crate::{
    args::{self, Publish},
    exit::{CliError, Result},
    input::bytes_of,
};
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    thread,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The largest payload, in bytes: MQTT cannot frame more [2.2.3 of 3.1.1, 2.1.4 of 5.0].
const LARGEST: usize = 268_435_455;
/// The longest line, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// Lines that are read ahead.
const AHEAD: usize = 16;

/// Where payloads come from.
pub(super) struct Payloads {
    format: args::Payload,
    from: From,
}

enum From {
    /// One, which may have been taken.
    One(Option<Bytes>),
    /// What a thread reads: a line that is slow to come must not keep the client from its connection.
    Lines(Receiver<io::Result<Bytes>>, String),
}

impl Default for Payloads {
    fn default() -> Self {
        Self {
            format: args::Payload::Text,
            from: From::One(None),
        }
    }
}

impl Payloads {
    /// What the command line says. What is there as a whole is read, and refused if it is not what it is to be.
    pub(super) fn new(args: &Publish) -> Result<Self> {
        let (format, lines) = (args.format, args.lines);
        let from = match (&args.file, &args.message) {
            (Some(file), _) if lines => From::Lines(lines_of(opened(file)?)?, shown(file)),
            (Some(file), _) => From::One(Some(read(whole(file)?, format)?)),
            (None, message) => {
                let message = message.clone().unwrap_or_default();
                let bytes = match message.is_empty() {
                    // No digits are no bytes.
                    true => Bytes::new(),
                    false => read(message.into(), format)?,
                };
                From::One(Some(bytes))
            }
        };
        Ok(Self { format, from })
    }

    /// The next one; `None` after the last. It is safe to stop waiting for it.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.from {
            From::One(one) => Ok(one.take()),
            From::Lines(lines, name) => match lines.recv().await {
                None => Ok(None),
                Some(Ok(line)) => read(line, self.format).map(Some),
                Some(Err(error)) => Err(unreadable(name, &error)),
            },
        }
    }
}

/// The bytes that were meant.
fn read(written: Bytes, format: args::Payload) -> Result<Bytes> {
    match format {
        args::Payload::Text => Ok(written),
        args::Payload::Hex => {
            let digits = std::str::from_utf8(&written).map_err(|_| {
                CliError::input("the payload is no text, so there are no hex digits")
            })?;
            let bytes = bytes_of(digits).map_err(|why| {
                CliError::input(format!("the payload is not hex: {why}"))
                    .help("write two digits for each byte, such as '00 ff', or leave --format out")
            })?;
            Ok(bytes.into())
        }
        args::Payload::Json => {
            let read = serde_json::from_slice::<serde::de::IgnoredAny>(&written);
            read.map_err(|why| {
                CliError::input(format!("the payload is not JSON: {why}"))
                    .help("mend it, or leave --format out")
            })?;
            Ok(written)
        }
    }
}

fn shown(file: &Path) -> String {
    match file == Path::new("-") {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    }
}

fn unreadable(name: &str, error: &io::Error) -> CliError {
    CliError::input(format!("cannot read {name}: {error}"))
}

fn opened(file: &Path) -> Result<Box<dyn Read + Send>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(file) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(unreadable(&shown(file), &error)
            .help("name a file with the payload, or - for standard input")),
    }
}

fn whole(file: &Path) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let mut most = opened(file)?.take(LARGEST as u64 + 1);
    most.read_to_end(&mut bytes)
        .map_err(|error| unreadable(&shown(file), &error))?;
    match bytes.len() > LARGEST {
        true => Err(CliError::input(format!(
            "{} has more than the {LARGEST} bytes that MQTT can carry",
            shown(file)
        ))),
        false => Ok(bytes.into()),
    }
}

/// Reads lines on a thread of its own, which ends with the process.
fn lines_of(file: Box<dyn Read + Send>) -> Result<Receiver<io::Result<Bytes>>> {
    let (sender, lines) = channel(AHEAD);
    let reader = BufReader::new(file);
    thread::Builder::new()
        .name("lines".to_owned())
        .spawn(move || hand_over(reader, &sender))
        .map_err(|error| CliError::input(format!("cannot start a thread that reads: {error}")))?;
    Ok(lines)
}

fn hand_over(mut reader: impl BufRead, sender: &Sender<io::Result<Bytes>>) {
    loop {
        let line = line(&mut reader);
        let is_last = !matches!(line, Ok(Some(_)));
        if let Some(line) = line.transpose()
            && sender.blocking_send(line).is_err()
        {
            return;
        }
        if is_last {
            return;
        }
    }
}

/// The next line without its end; `None` after the last.
fn line(reader: &mut impl BufRead) -> io::Result<Option<Bytes>> {
    let mut line = Vec::new();
    let mut most = reader.take(LONGEST_LINE as u64 + 2);
    if most.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    match line.len() > LONGEST_LINE {
        true => Err(io::Error::other(format!(
            "a line is longer than {LONGEST_LINE} bytes"
        ))),
        false => Ok(Some(line.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Option<Bytes>> {
        let mut reader = BufReader::new(text);
        let mut lines = Vec::new();
        loop {
            let next = line(&mut reader).ok().flatten();
            match next {
                Some(line) => lines.push(Some(line)),
                None => return lines,
            }
        }
    }

    #[test]
    fn lines_have_no_ends_and_a_bound() {
        let all = lines(b"a\r\n\n\xFF\x00b\nlast");
        let all: Vec<_> = all.into_iter().flatten().collect();
        assert_eq!(all, [&b"a"[..], b"", b"\xFF\x00b", b"last"]);
        let mut long = vec![b'x'; LONGEST_LINE];
        assert_eq!(lines(&long).len(), 1);
        long.extend(b"y\n");
        assert!(line(&mut BufReader::new(&long[..])).is_err());
    }
}
