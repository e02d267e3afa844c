//! Standard output and standard error. The only place that prints, and nothing here panics: a reader who has gone away
//! is no error, a full disk is one, and what cannot be said on standard error cannot be said at all.

use crate::exit::CliError;
use squall_reports::{
    Report, terminal,
    visible::{block, columns, is_deceptive, wrap},
};
use squall_scenarios::diagnostic::Diagnostic;
use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};
use terminal_size::{Width, terminal_size_of};

/// Columns when standard output is no terminal.
const PIPED_WIDTH: usize = 100;
/// Columns that no text is narrower than.
const NARROWEST: usize = 40;

/// Prints a result on standard output. A reader who has gone away is no error; a full disk is.
pub(crate) fn say(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    Printer::judge(write!(out, "{text}{newline}").and_then(|()| out.flush())).map(drop)
}

/// Prints a line at once, of something that goes on; false when the reader has gone away.
pub(crate) fn show(line: &str) -> Result<bool, CliError> {
    let mut out = io::stdout().lock();
    Printer::judge(writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// Prints bytes as they are at once; false when the reader has gone away. Nothing for a terminal.
pub(crate) fn show_bytes(bytes: &[u8]) -> Result<bool, CliError> {
    let mut out = io::stdout().lock();
    Printer::judge(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Whether standard output takes colour.
pub(crate) fn colour() -> bool {
    io::stdout().is_terminal() && wants_colour()
}

/// Prints text for people: on a terminal, lines that are too wide go on below, indented.
pub(crate) fn tell(text: &str) -> Result<(), CliError> {
    if !io::stdout().is_terminal() {
        return say(text);
    }
    let width = columns_of_terminal().unwrap_or(PIPED_WIDTH);
    let mut told = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let (first, rest) = (indent.min(width / 4), (indent + 2).min(width / 4));
        if columns(line) <= width {
            told.push_str(line);
            told.push('\n');
            continue;
        }
        for (n, part) in wrap(line, width - rest).iter().enumerate() {
            let indent = if n == 0 { first } else { rest };
            told.extend([&" ".repeat(indent), part.as_str(), "\n"]);
        }
    }
    say(&told)
}

/// Columns of the terminal that standard output is, at least as many as any text needs; `None` if it is none.
pub(crate) fn columns_of_terminal() -> Option<usize> {
    io::stdout().is_terminal().then(|| width().max(NARROWEST))
}

/// Prints results piece by piece, for outputs that may be long.
pub(crate) struct Printer(io::BufWriter<io::StdoutLock<'static>>);

impl Printer {
    pub(crate) fn new() -> Self {
        Self(io::BufWriter::new(io::stdout().lock()))
    }

    /// One line or paragraph; false when the reader has gone away.
    pub(crate) fn line(&mut self, text: &str) -> Result<bool, CliError> {
        Self::judge(writeln!(self.0, "{text}"))
    }

    /// Bytes as they are; false when the reader has gone away.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<bool, CliError> {
        Self::judge(self.0.write_all(bytes))
    }

    /// Shows what was printed so far; false when the reader has gone away.
    pub(crate) fn flush(&mut self) -> Result<bool, CliError> {
        Self::judge(self.0.flush())
    }

    /// Everything has been printed.
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        Self::judge(self.0.flush()).map(drop)
    }

    fn judge(written: io::Result<()>) -> Result<bool, CliError> {
        match written {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(e) => Err(CliError::input(format!(
                "cannot write the results to standard output: {e}"
            ))),
        }
    }
}

/// Prints something about the work on standard error; what might harm a terminal becomes visible.
pub(crate) fn complain(text: &str) {
    write_error(&block(text));
}

/// JSON whose strings have no character that a terminal would obey or hide.
pub(crate) fn plain(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' || c.escape_debug().len() == 1 {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// Shows a problem in a file, with the place underlined.
pub(crate) fn complain_about(problem: &Diagnostic) {
    write_error(&(problem.render(colour_on_stderr()) + "\n"));
}

fn write_error(text: &str) {
    // There is nowhere to say that nothing can be said.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Shows what clap has to say, help or an error, and gives the exit code.
pub(crate) fn usage(error: &clap::Error) -> u8 {
    let quoted = error.render().to_string();
    let printed = if quoted.chars().any(|c| c != '\n' && is_deceptive(c)) {
        complain(quoted.trim_end());
        Ok(())
    } else {
        error.print()
    };
    match printed {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe && !error.use_stderr() => {
            complain(&format!("error: cannot write to standard output: {e}"));
            2
        }
        _ => u8::try_from(error.exit_code()).unwrap_or(2),
    }
}

/// Whether standard error takes colour.
fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && wants_colour()
}

fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Whether standard error is a terminal, for a progress bar.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// The report as people read it in a terminal.
pub(crate) fn summary(report: &Report) -> String {
    terminal::render(
        report,
        &terminal::Options {
            colour: colour(),
            width: width(),
            ..terminal::Options::default()
        },
    )
}

/// Columns of standard output: the terminal's own; else what `COLUMNS` says.
fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    match terminal_size_of(io::stdout()) {
        Some((Width(width), _)) if width > 0 => width.into(),
        _ => columns().unwrap_or(PIPED_WIDTH),
    }
}
