//! The formats a report can have, as a table: a new format is one more row.

use crate::{html, json, junit, model::Report, terminal};
use std::{fmt, str::FromStr};

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
    write: fn(&Report) -> String,
}

const TABLE: [Row; 4] = [
    Row {
        format: Format::Terminal,
        name: "terminal",
        ending: "txt",
        write: plain,
    },
    Row {
        format: Format::Json,
        name: "json",
        ending: "json",
        write: json::render,
    },
    Row {
        format: Format::Junit,
        name: "junit",
        ending: "xml",
        write: junit::render,
    },
    Row {
        format: Format::Html,
        name: "html",
        ending: "html",
        write: html::render,
    },
];

fn plain(report: &Report) -> String {
    terminal::render(report, &terminal::Options::default())
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

    /// The report in this format.
    #[must_use]
    pub fn render(self, report: &Report) -> String {
        (self.row().write)(report)
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
