//! What an adapter does wrong. It says nothing about MQTT: a story whose client's adapter failed was not told.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// An adapter cannot be used any more: what it did, and its last words.
#[derive(Debug, thiserror::Error)]
pub struct AdapterError {
    /// The command that started it.
    pub command: String,
    /// What it did.
    #[source]
    pub trouble: Trouble,
    /// The last lines of its standard output.
    pub said: Vec<String>,
    /// The last lines of its standard error.
    pub complained: Vec<String>,
}

/// What an adapter did wrong.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It cannot be started.
    #[error("it cannot be started: {0}")]
    Start(#[source] io::Error),
    /// Its process is over.
    #[error("its process ended ({0})")]
    Died(ExitStatus),
    /// It closed its standard output and goes on.
    #[error("it closed its standard output")]
    Closed,
    /// Reading from it failed, or waiting for its end.
    #[error("talking to it failed: {0}")]
    Io(#[source] io::Error),
    /// It did not answer.
    #[error("it did not answer `{operation}` within {} s", .limit.as_secs_f64())]
    Hung {
        /// The operation that waited.
        operation: String,
        /// How long.
        limit: Duration,
    },
    /// A line that is no report.
    #[error("it wrote a line that is no report: {why}: {line}")]
    Garbage {
        /// The line, cut short.
        line: String,
        /// What is wrong with it.
        why: String,
    },
    /// An answer to no operation that is open.
    #[error("it answered operation {0}, which does not wait for an answer")]
    UnknownId(u64),
    /// An answer that is none to this operation.
    #[error("it answered `{operation}` with `{outcome}`")]
    Unfit {
        /// The operation's name.
        operation: String,
        /// The outcome's name.
        outcome: &'static str,
    },
    /// A line without end.
    #[error("it wrote a line of more than {0} bytes")]
    LongLine(usize),
    /// More reports than anybody waits for.
    #[error("it wrote more than {0} bytes that nobody had asked for")]
    Flood(usize),
    /// It does not read what it is asked.
    #[error("it left more than {0} bytes of operations unread")]
    Unread(usize),
    /// It speaks another version of the protocol.
    #[error("it speaks version {0} of the adapters' protocol, and Squall speaks version {ours}", ours = crate::PROTOCOL)]
    Protocol(u32),
    /// It took an operation that does not exist.
    #[error(
        "it answered `{0}` to an operation that does not exist; `unsupported` is the answer to whatever an adapter does \
         not know"
    )]
    Credulous(&'static str),
}

impl Trouble {
    /// What whoever wrote the adapter, or installs it, can do.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Start(_) => "check that the program is installed and the command is right",
            Self::Died(_) | Self::Closed | Self::Io(_) => {
                "start the command by hand, write {\"id\": 1, \"do\": \"hello\", \"protocol\": 1} and see what it says"
            }
            Self::Hung { .. } => {
                "an adapter answers each operation and never waits for one before it reads the next; see clients/README.md"
            }
            Self::Garbage { .. } | Self::LongLine(_) => {
                "standard output is for reports alone, one JSON object a line; see clients/README.md and clients/schema.json"
            }
            Self::UnknownId(_) | Self::Unfit { .. } => {
                "each operation gets exactly one answer of the kinds that fit it; see clients/README.md"
            }
            Self::Flood(_) => "write less; `log` is for a few lines that somebody may want to read",
            Self::Unread(_) => "an adapter reads its standard input at any time",
            Self::Protocol(_) => "use an adapter and a Squall of the same protocol version",
            Self::Credulous(_) => {
                "answer {\"id\": …, \"outcome\": \"unsupported\", \"what\": \"…\"} to operations and options that the \
                 adapter does not know"
            }
        }
    }
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the adapter `{}`: {}", self.command, self.trouble)?;
        for (name, lines) in [
            ("standard output", &self.said),
            ("standard error", &self.complained),
        ] {
            if !lines.is_empty() {
                write!(f, "\n  its last lines on {name}:")?;
            }
            for line in lines {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}
