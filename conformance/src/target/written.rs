//! A target file as it is written, and the reader that knows the YAML crate. What the values mean is not known here.

use super::problem::Problem;
use serde::Deserialize;
use serde_yaml::{Error, Location, Spanned};
use squall_history::spelling::did_you_mean;
use std::collections::BTreeMap;

/// The keys of a target file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) product: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) tested: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<String>>,
    pub(super) credentials: Option<WrittenCredentials>,
    pub(super) install: Option<String>,
    #[serde(default)]
    pub(super) files: BTreeMap<String, Spanned<String>>,
    pub(super) start: Option<Spanned<String>>,
    pub(super) stop: Option<Spanned<String>>,
    pub(super) kill: Option<Spanned<String>>,
    pub(super) restart: Option<Spanned<String>>,
    pub(super) ready: Option<Spanned<String>>,
    pub(super) jobs: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) lacks: Vec<Spanned<WrittenLack>>,
    #[serde(default)]
    pub(super) deviations: Vec<Spanned<WrittenDeviation>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCredentials {
    pub(super) user_name: String,
    pub(super) password: Option<String>,
}

/// Something that is documented as missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLack {
    #[serde(default)]
    pub(super) mqtt: Vec<Spanned<String>>,
    pub(super) feature: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) checks: Vec<Spanned<String>>,
    pub(super) reason: Spanned<String>,
}

/// A known deviation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDeviation {
    #[serde(default)]
    pub(super) checks: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) scenarios: Vec<Spanned<String>>,
    pub(super) mqtt: Vec<Spanned<String>>,
    pub(super) verdict: Spanned<String>,
    #[serde(default)]
    pub(super) sometimes: bool,
    #[serde(default)]
    pub(super) statements: Vec<Spanned<String>>,
    pub(super) reason: Spanned<String>,
}

/// Reads the text; a file that cannot be read at all has one problem, the first.
pub(super) fn read(source: &Source<'_>) -> Result<Written, Problem> {
    serde_yaml::from_str(source.text).map_err(|error| {
        let error = error.without_snippet();
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let (message, help) = match error {
            Error::SerdeUnknownField {
                field, expected, ..
            } => {
                let near = did_you_mean(field, expected.iter().copied());
                let all = || format!("its keys are {}", expected.join(", "));
                (
                    format!("there is no key `{}`", field.escape_debug()),
                    Some(near.unwrap_or_else(all)),
                )
            }
            Error::SerdeMissingField { field, .. } => {
                (format!("the key `{field}` is missing"), None)
            }
            other => (without_place(other), None),
        };
        source.problem(at, message, help)
    })
}

/// What the YAML crate says, on one line and without the place, which is told anyway.
fn without_place(error: &Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let end = text.find(" at line ").unwrap_or(text.len());
    text[..end].trim_start_matches("error: ").to_owned()
}

/// The text of a file and its name.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// Something is wrong with the value at this place.
    pub(super) fn problem(
        &self,
        at: Location,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Problem {
        let number = |n: u64| usize::try_from(n).unwrap_or(1).max(1);
        let (line, column) = (number(at.line()), number(at.column()));
        let start: usize = self
            .text
            .split_inclusive('\n')
            .take(line - 1)
            .map(str::len)
            .sum();
        let rest = self.text[start..].lines().next().unwrap_or_default();
        let before = rest
            .char_indices()
            .nth(column - 1)
            .map_or(rest.len(), |(n, _)| n);
        let value = &rest[before..];
        // A value of one line, without what stands after it in brackets.
        let length = value
            .find([',', '}', ']'])
            .unwrap_or(value.trim_end().len());
        Problem {
            file: self.file.to_owned(),
            at: (line, column),
            span: start + before..start + before + length,
            message: message.into(),
            help,
        }
    }

    /// The same for a value with a place.
    pub(super) fn wrong<T>(
        &self,
        value: &Spanned<T>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Problem {
        self.problem(value.referenced, message, help)
    }
}
