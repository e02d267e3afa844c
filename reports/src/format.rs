//! The formats a report can have, as a table: a new format is one more row.

use crate::{
    html, json, junit,
    model::{Report, SimResult},
    sink::Sink,
    terminal,
};
use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

/// A way to write a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain text for people, without colour; [`terminal::render`] has the options.
    Terminal,
    /// The whole result model.
    Json,
    /// JUnit XML for CI servers.
    Junit,
    /// One page that needs nothing else.
    Html,
}

struct Row {
    format: Format,
    name: &'static str,
    ending: &'static str,
    begin: Begin,
}

/// Begins a report that goes to `out`.
type Begin = for<'w> fn(Box<dyn Write + 'w>, &Report) -> Begun<'w>;

/// A report that was begun, unless its place did not take it.
type Begun<'w> = io::Result<Box<dyn Sink + 'w>>;

const TABLE: [Row; 4] = [
    Row {
        format: Format::Terminal,
        name: "terminal",
        ending: "txt",
        begin: |out, _| whole(out, plain),
    },
    Row {
        format: Format::Json,
        name: "json",
        ending: "json",
        begin: begin_json,
    },
    Row {
        format: Format::Junit,
        name: "junit",
        ending: "xml",
        begin: |out, _| whole(out, junit::render),
    },
    Row {
        format: Format::Html,
        name: "html",
        ending: "html",
        begin: |out, _| whole(out, html::render),
    },
];

fn plain(report: &Report) -> String {
    terminal::render(report, &terminal::Options::default())
}

fn begin_json<'w>(out: Box<dyn Write + 'w>, head: &Report) -> Begun<'w> {
    Ok(Box::new(json::Document::begin(out, head)?))
}

/// A format that shows what a report kept, and is written in the end.
struct Whole<'w> {
    out: Box<dyn Write + 'w>,
    render: fn(&Report) -> String,
}

fn whole<'w>(out: Box<dyn Write + 'w>, render: fn(&Report) -> String) -> Begun<'w> {
    Ok(Box::new(Whole { out, render }))
}

impl Sink for Whole<'_> {
    fn run(&mut self, _: &SimResult) -> io::Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, report: &Report) -> io::Result<()> {
        self.out.write_all((self.render)(report).as_bytes())?;
        self.out.flush()
    }
}

impl Format {
    /// All formats, in the order help texts list them.
    pub const ALL: [Self; 4] = [Self::Terminal, Self::Json, Self::Junit, Self::Html];

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
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

    /// The format that files with this ending have; upper and lower case are the same.
    #[must_use]
    pub fn from_ending(ending: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.ending.eq_ignore_ascii_case(ending))
            .map(|row| row.format)
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
        match self {
            Self::Terminal => plain(report),
            Self::Json => json::render(report),
            Self::Junit => junit::render(report),
            Self::Html => html::render(report),
        }
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
        let names = Format::ALL.map(Format::name).join(", ");
        write!(
            f,
            "there is no report format `{}`; use one of: {names}",
            crate::visible::line(&self.0)
        )
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let row = TABLE.iter().find(|row| row.name == name);
        row.map(|row| row.format)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (row, format) in TABLE.iter().zip(Format::ALL) {
            assert_eq!(row.format, format);
            assert_eq!(row.format as usize, format.row().format as usize);
        }
    }

    #[test]
    fn names_and_endings_find_their_format() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(Format::from_ending(format.ending()), Some(format));
        }
        assert_eq!(Format::from_ending("HTML"), Some(Format::Html));
        let error = "pdf".parse::<Format>().expect_err("no such format");
        assert_eq!(
            error.to_string(),
            "there is no report format `pdf`; use one of: terminal, json, junit, html"
        );
    }
}
