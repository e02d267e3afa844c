//! How a command ends: exit codes, and errors in words.

use crate::screen;
use squall_reports::Verdict;
use squall_sim::diagnostic::Diagnostic;
use std::{path::Path, process::ExitCode};

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
    /// Ctrl-C; what was found until then was given.
    Interrupted,
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

    const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Unknown => 3,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: Kind,
    message: String,
    /// What to do about it.
    help: Option<String>,
    /// Whether the message has its own heading, and perhaps colour.
    rendered: bool,
}

#[derive(Debug)]
enum Kind {
    /// Wrong arguments or bad input.
    Input,
    /// Nobody to talk to.
    Unreachable,
    /// Ctrl-C, and nothing to show for it.
    Interrupted,
}

impl CliError {
    /// Bad input: exit code 2.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Input,
            message: visible(&message.into()),
            help: None,
            rendered: false,
        }
    }

    /// The target cannot be reached: exit code 3.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Unreachable,
            message: visible(&message.into()),
            help: None,
            rendered: false,
        }
    }

    /// Ctrl-C before there was anything to show: exit code 130.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Interrupted,
            message: visible(&message.into()),
            help: None,
            rendered: false,
        }
    }

    /// With advice.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Scenario files that were refused.
    pub(crate) fn from_diagnostics(problems: Vec<Diagnostic>) -> Self {
        let styled = screen::colour_on_stderr();
        let texts: Vec<String> = problems.iter().map(|d| d.render(styled)).collect();
        Self {
            kind: Kind::Input,
            message: texts.join("\n\n"),
            help: None,
            rendered: true,
        }
    }

    /// A file that could not be written.
    pub(crate) fn write(path: &Path, error: &std::io::Error) -> Self {
        Self::input(format!("cannot write {}: {error}", path.display()))
    }

    const fn code(&self) -> u8 {
        match self.kind {
            Kind::Input => 2,
            Kind::Unreachable => 3,
            Kind::Interrupted => 130,
        }
    }
}

/// Text that may quote input, without characters that a terminal would obey; lines stay lines.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '"' | '\'' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// Says what went wrong, if anything did, and gives the exit code.
pub(crate) fn report(result: Result<Ending>) -> ExitCode {
    match result {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(error) => {
            let heading = if error.rendered { "" } else { "error: " };
            screen::complain(&format!("{heading}{}", error.message));
            if let Some(help) = &error.help {
                screen::complain(&format!("help: {help}"));
            }
            ExitCode::from(error.code())
        }
    }
}
