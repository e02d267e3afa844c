//! What every part of a target file is read with: the problems found so far, texts, versions and names of checks.

use super::{problem::Problem, written::Source};
use crate::select::{SelectError, select};
use serde_yaml::Spanned;
use squall_protocol::Version;

pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn wrong<T>(
        &mut self,
        value: &Spanned<T>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = self.source.wrong(value, message, help);
        self.problems.push(problem);
    }

    pub(super) fn text(&mut self, text: &Spanned<String>) {
        if text.value.trim().is_empty() {
            self.wrong(text, "there is nothing here", None);
        }
    }

    pub(super) fn versions(&mut self, written: &[Spanned<String>]) -> Vec<Version> {
        let mut versions = Vec::new();
        for text in written {
            match Version::ALL.into_iter().find(|v| v.as_str() == text.value) {
                Some(version) => versions.push(version),
                None => self.wrong(text, "this is no version: 3.1.1 or 5.0", None),
            }
        }
        versions
    }

    /// The checks that are meant; names may hold `*`.
    pub(super) fn checks(&mut self, written: &[Spanned<String>]) -> Vec<&'static str> {
        let mut names = Vec::new();
        for pattern in written {
            match select(std::slice::from_ref(&pattern.value)) {
                Ok(found) => names.extend(found.iter().map(|check| check.id)),
                Err(SelectError::Unknown { nearest, .. }) => {
                    let help = nearest.map(|near| format!("did you mean `{near}`?"));
                    let message = format!("no check is called `{}`", pattern.value.escape_debug());
                    self.wrong(pattern, message, help);
                }
            }
        }
        names
    }
}
