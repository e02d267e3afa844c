//! Text that is not YAML, told to people who have never read its grammar.

use crate::raw::Span;
use serde_yaml::granit_parser::{ErrorKind, ScanError};

/// The word at the place of an error; the last line that has one when it is the end of the file.
pub(super) fn place(source: &str, error: &ScanError) -> Span {
    let at = error.marker().byte_offset().unwrap_or(0).min(source.len());
    let at = source.floor_char_boundary(at);
    let rest = &source[at..];
    if is_tab(error.kind())
        && let Some(tab) = rest.find('\t')
    {
        return at + tab..at + tab + 1;
    }
    let line = rest.split('\n').next().unwrap_or_default().trim_end();
    if line.trim().is_empty() {
        let end = source[..at].trim_end().len();
        let width = source[..end].chars().next_back().map_or(0, char::len_utf8);
        return end - width..end;
    }
    let skipped = line.len() - line.trim_start().len();
    let word = line[skipped..]
        .find(char::is_whitespace)
        .unwrap_or(line.len() - skipped);
    at + skipped..at + skipped + word
}

/// Message, label and help for text that is not YAML, in words for people who have never read YAML's grammar.
pub(super) fn in_words(kind: &ErrorKind) -> (String, &'static str, &'static str) {
    use ErrorKind as K;
    let (message, label, help) = match kind {
        K::UnclosedFlowCollection { open } => {
            return (
                format!("`{open}` is never closed"),
                "open until here",
                "add the closing bracket",
            );
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            let message = format!("`{open}` is closed by `{close}`");
            return (
                message,
                "does not fit",
                "brackets must match: `[ ]` for lists, `{ }` for maps",
            );
        }
        K::UnclosedQuotedScalar
        | K::InvalidQuotedScalarIndent
        | K::DocumentIndicatorInQuotedScalar => (
            "a quoted text is not closed",
            "still in quotes here",
            "add the closing quote on a line above",
        ),
        K::BlockEntryInFlowCollection => (
            "`- ` inside brackets",
            "not allowed here",
            "separate entries by commas",
        ),
        tab if is_tab(tab) => (
            "a tab stands where YAML wants spaces",
            "a tab",
            "indent with spaces",
        ),
        K::ExpectedBlockMappingKey
        | K::ExpectedBlockSequenceEntry
        | K::InvalidIndentation
        | K::InvalidFlowScalarIndent
        | K::InvalidBlockScalarIndent => (
            "the indentation does not fit",
            "belongs to nothing above",
            "entries of one map or list begin in the same column",
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey => (
            "there is no `: ` behind this key",
            "expected `key: value`",
            "put a colon and a space behind the key",
        ),
        K::MappingValueNotAllowed | K::InvalidColonPlacement | K::InvalidMappingValueWhitespace => {
            (
                "a second `: ` on the way to one value",
                "not allowed here",
                "put a text that contains `: ` in quotes, and each key on a line of its own",
            )
        }
        K::ExpectedFlowMappingSeparator => (
            "`,` or `}` is missing",
            "unexpected here",
            "separate entries by commas and close the map",
        ),
        K::ExpectedFlowSequenceSeparator => (
            "`,` or `]` is missing",
            "unexpected here",
            "separate entries by commas and close the list",
        ),
        K::UnexpectedCharacter { .. } => (
            "a text cannot begin with this character",
            "reserved by YAML",
            "put the text in quotes",
        ),
        other => {
            return (
                format!("not valid YAML: {other}"),
                "here",
                "when in doubt, put the text in quotes",
            );
        }
    };
    (message.to_owned(), label, help)
}

fn is_tab(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::TabNotAllowed
            | K::TabInBlockIndentation
            | K::TabInIndentation
            | K::TabAtBlockScalarStart
            | K::TabInPlainScalar
    )
}
