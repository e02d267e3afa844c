//! The formats a report can have, as their table has them. Command lines, their help and their messages take names and
//! endings from here.

use crate::{
    TABLE,
    model::Report,
    sink::{Row, Sink},
};
use std::{
    fmt,
    io::{self, Write},
    path::Path,
    str::FromStr,
};

/// A way to write a report: a row of the table of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format(usize);

impl Format {
    /// Plain text for people, without colour; [`terminal::render`](crate::terminal::render) has the options.
    pub const TERMINAL: Self = Self(0);
    /// The whole result model.
    pub const JSON: Self = Self(1);
    /// JUnit XML for CI servers.
    pub const JUNIT: Self = Self(2);
    /// One page that needs nothing else.
    pub const HTML: Self = Self(3);

    /// All formats, in the order help texts list them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    fn row(self) -> &'static Row {
        &TABLE[self.0]
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The ending of its files, without the dot.
    #[must_use]
    pub fn ending(self) -> &'static str {
        self.row().ending
    }

    /// The endings there are, with what they stand for: `.json (JSON), .xml (JUnit XML)`.
    #[must_use]
    pub fn endings() -> String {
        let one = |row: &Row| format!(".{} ({})", row.ending, row.what);
        TABLE.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// The format that files with this ending have; upper and lower case are the same.
    #[must_use]
    pub fn from_ending(ending: &str) -> Option<Self> {
        Self::all().find(|format| format.ending().eq_ignore_ascii_case(ending))
    }

    /// The format of a file, told by its ending.
    ///
    /// # Errors
    /// When the name has no ending, or one that no format has; the message lists those there are.
    pub fn of_file(path: &Path) -> Result<Self, UnknownEnding> {
        let ending = path.extension().map(|ending| ending.to_string_lossy());
        let format = ending.as_deref().and_then(Self::from_ending);
        format.ok_or_else(|| UnknownEnding(ending.map(|ending| ending.into_owned())))
    }

    /// Begins a report in this format. `head` has what is known before anything ran: tool, title and time.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn begin<'w>(
        self,
        out: Box<dyn Write + 'w>,
        head: &Report,
    ) -> io::Result<Box<dyn Sink + 'w>> {
        (self.row().begin)(out, head)
    }

    /// The report in this format, of what it kept: runs that passed are counted in it and not listed.
    #[must_use]
    pub fn render(self, report: &Report) -> String {
        let mut text = Vec::new();
        let series = report.simulation.iter().flat_map(|s| &s.series);
        let mut runs = series.flat_map(|s| &s.failures);
        let written = self
            .begin(Box::new(&mut text), report)
            .and_then(|mut sink| {
                runs.try_for_each(|run| sink.run(run))?;
                sink.finish(report)
            });
        written.expect("memory takes everything");
        String::from_utf8(text).expect("every format is text")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no format's; the message lists the names there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Format::all().map(Format::name).collect();
        write!(
            f,
            "there is no report format `{}`; use one of: {}",
            crate::visible::line(&self.0),
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::all()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// An ending that no format has, if there is one at all; the message lists the endings there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEnding(Option<String>);

impl fmt::Display for UnknownEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("the name has no ending that says the format")?,
            Some(ending) => {
                write!(
                    f,
                    "no report has the ending .{}",
                    crate::visible::line(ending)
                )?;
            }
        }
        write!(f, "; write one of: {}", Format::endings())
    }
}

impl std::error::Error for UnknownEnding {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_with_a_name_here_are_their_rows() {
        for (format, name) in [
            (Format::TERMINAL, "terminal"),
            (Format::JSON, "json"),
            (Format::JUNIT, "junit"),
            (Format::HTML, "html"),
        ] {
            assert_eq!(format.name(), name);
        }
    }

    #[test]
    fn names_and_endings_find_their_format() {
        for format in Format::all() {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(Format::from_ending(format.ending()), Some(format));
            let file = format!("a/b.c.{}", format.ending());
            assert_eq!(Format::of_file(Path::new(&file)), Ok(format));
        }
        assert_eq!(Format::from_ending("HTML"), Some(Format::HTML));
        let error = "pdf".parse::<Format>().expect_err("no such format");
        let said = error.to_string();
        assert!(said.starts_with("there is no report format `pdf`; use one of: terminal, json,"));
    }

    #[test]
    fn an_ending_that_nothing_has_is_answered_with_those_there_are() {
        for (file, said) in [
            (
                "a.pdf",
                "no report has the ending .pdf; write one of: .txt (",
            ),
            (
                "a",
                "the name has no ending that says the format; write one of: .txt (",
            ),
            (".json", "the name has no ending"),
            ("-", "the name has no ending"),
        ] {
            let error = Format::of_file(Path::new(file)).expect_err("no such ending");
            assert!(error.to_string().starts_with(said), "{error}");
            for format in Format::all() {
                assert!(error.to_string().contains(&format!(".{}", format.ending())));
            }
        }
    }
}
