//! Standard output and standard error. The only place that prints.

use crate::exit::CliError;
use squall_reports::{Report, terminal};
use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
};

/// Columns when standard output is no terminal.
const PIPED_WIDTH: usize = 100;

/// Prints a result on standard output. A reader who has gone away is no error; a full disk is.
pub(crate) fn say(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{newline}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(CliError::input(format!(
            "cannot write the results to standard output: {e}"
        ))),
        _ => Ok(()),
    }
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

/// Prints something about the work on standard error.
pub(crate) fn complain(text: &str) {
    // A standard error that is closed or full loses the remark, not the work.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether standard error takes colour.
pub(crate) fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Whether standard error is a terminal, for a progress bar.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// The report as people read it in a terminal.
pub(crate) fn summary(report: &Report) -> String {
    let terminal = io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let width = if terminal {
        columns.unwrap_or(PIPED_WIDTH)
    } else {
        PIPED_WIDTH
    };
    terminal::render(
        report,
        &terminal::Options {
            colour,
            width,
            ..terminal::Options::default()
        },
    )
}

/// Refuses a file that cannot be written, before any work is done for it.
pub(crate) fn check_file(path: &Path) -> Result<(), CliError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let refused = |why: &str, help: &str| {
        Err(CliError::input(format!("cannot write {}: {why}", path.display())).help(help))
    };
    if path.is_dir() {
        return refused("it is a folder", "name a file in it");
    }
    if !folder.is_dir() {
        return refused(
            &format!("there is no folder {}", folder.display()),
            "make the folder first",
        );
    }
    Ok(())
}

/// Writes a file whole or not at all, so that a reader never sees half of it. What is no ordinary file (a device, a
/// pipe, a link) is written through and stays what it is.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    let ordinary = fs::symlink_metadata(path).map_or(true, |m| m.is_file());
    let written = if ordinary {
        replace_file(path, text)
    } else {
        fs::write(path, text)
    };
    written.map_err(|e| CliError::write(path, &e))
}

fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.part", std::process::id()));
    let aside = Path::new(&aside);
    let written = fs::write(aside, text).and_then(|()| fs::rename(aside, path));
    if written.is_err() {
        // Half a file helps nobody and may be what fills the disk.
        let _ = fs::remove_file(aside);
    }
    written
}
