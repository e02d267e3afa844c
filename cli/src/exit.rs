//! How a command ends: exit codes, and errors in words. Nothing is printed here.

use squall_reports::{Verdict, visible::is_deceptive};
use squall_scenarios::diagnostic::Diagnostic;

pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// How a command ended that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing failed.
    Good,
    /// A verdict is fail.
    Failed,
    /// Something could not be found out, because the target cannot be reached or does not answer as it should;
    /// results that say so were given.
    Unknown,
    /// Nothing failed, but an output that was asked for could not be written.
    Unwritten,
    /// Squall itself is at fault: a run panicked, or the two worlds differ; results that say so were given.
    Internal,
    /// A signal, with its exit code; what was found until then was given.
    Interrupted(u8),
}

impl Ending {
    /// What a whole report's verdict means.
    pub(crate) const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fail => Self::Failed,
            Verdict::Inconclusive => Self::Unknown,
            Verdict::Pass | Verdict::Warn | Verdict::NotApplicable => Self::Good,
        }
    }

    /// The same, if all outputs were written. What was found weighs more than a file that is missing.
    pub(crate) const fn if_written(self, written: bool) -> Self {
        match self {
            Self::Good if !written => Self::Unwritten,
            other => other,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Unwritten => 2,
            Self::Unknown => 3,
            // What Rust ends with when nobody catches a panic: one code says whose fault it is.
            Self::Internal => 101,
            Self::Interrupted(code) => code,
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct CliError {
    code: u8,
    /// What happened, safe to show; empty if the problems say it.
    pub(crate) message: String,
    /// What to do about it, safe to show.
    pub(crate) help: Option<String>,
    /// Problems in files, each with its own heading.
    pub(crate) problems: Vec<Diagnostic>,
}

impl CliError {
    fn new(code: u8, message: &str) -> Self {
        Self {
            code,
            message: visible(message),
            help: None,
            problems: Vec::new(),
        }
    }

    /// Wrong arguments or bad input: exit code 2.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(2, &message.into())
    }

    /// The target does not do what was asked of it: exit code 1.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(1, &message.into())
    }

    /// The target cannot be reached: exit code 3.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(3, &message.into())
    }

    /// With advice.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(visible(&help.into()));
        self
    }

    /// Files that were refused.
    pub(crate) fn from_diagnostics(problems: Vec<Diagnostic>) -> Self {
        Self {
            problems,
            ..Self::new(2, "")
        }
    }

    pub(crate) const fn code(&self) -> u8 {
        self.code
    }
}

/// Text that may quote input: what a terminal might obey or would not show is written as its number; lines stay lines.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            c if is_deceptive(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
