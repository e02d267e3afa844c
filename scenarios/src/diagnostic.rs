//! What is wrong with a file, shown to a person: a message, the offending text underlined, and what to do.
//!
//! A [`Diagnostic`] carries its own copy of the source, so whoever holds it can show it. It knows nothing of scenarios
//! or YAML; it never prints, and decides neither colours nor exit codes.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::{fmt, ops::Range, sync::Arc};

/// One problem of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the user named it.
    pub file: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What is underlined. The first label is the place of the problem; the others explain it. Empty when the
    /// problem has no place, such as a file that does not exist.
    pub labels: Vec<Label>,
    /// What to do about it, one advice a line.
    pub help: Vec<String>,
    source: Arc<str>,
}

/// A part of the source with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Byte range in the source. May reach over the end or split a character; it is put right when shown.
    pub span: Range<usize>,
    /// The remark; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// A problem of `file` whose text is `source`.
    #[must_use]
    pub fn new(
        file: impl Into<String>,
        source: impl Into<Arc<str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            message: message.into(),
            labels: Vec::new(),
            help: Vec::new(),
            source: source.into(),
        }
    }

    /// Underlines `span` (bytes of the source); the first label is the place of the problem.
    #[must_use]
    pub fn label(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Adds an advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Line and column (in characters) of the problem, both from 1; `None` when it has no place.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        let at = floor(&self.source, self.labels.first()?.span.start);
        let before = &self.source[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Some((
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        ))
    }

    /// The same problem in the file that the source is a part of, at the same offsets.
    pub fn within(mut self, source: Arc<str>) -> Self {
        self.source = source;
        self
    }

    /// The problem with its source, several lines without a line break at the end. `styled` adds terminal colours.
    /// Nothing in it that comes from the file can do anything to a terminal.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let (message, file) = (harmless(&self.message), harmless(&self.file));
        let labels: Vec<String> = self.labels.iter().map(|l| harmless(&l.text)).collect();
        let help: Vec<String> = self.help.iter().map(|h| harmless(h)).collect();
        let title = Level::ERROR.primary_title(message.as_str());
        let mut group = if self.labels.is_empty() {
            Group::with_title(title).element(annotate_snippets::Origin::path(file.as_str()))
        } else {
            let (excerpt, first_line, offset) = self.excerpt();
            // A sign is longer than the character it stands for, so what is before a place decides where it is shown.
            let at = |place: usize| harmless_lines(excerpt, place - offset).len();
            let annotations = self.labels.iter().zip(&labels).enumerate();
            let annotations = annotations.map(|(i, (label, text))| {
                let kind = if i == 0 {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                let span = self.visible(&label.span);
                let text = Some(text.as_str()).filter(|t| !t.is_empty());
                kind.span(at(span.start)..at(span.end)).label(text)
            });
            let snippet = Snippet::source(harmless_lines(excerpt, excerpt.len()))
                .path(file.as_str())
                .line_start(first_line);
            Group::with_title(title).element(snippet.annotations(annotations))
        };
        for help in &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if styled {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&[group])
    }

    /// The lines that hold the labels: the text, the number of its first line and its byte offset. Handing over no
    /// more keeps rendering cheap when a large file has many problems.
    fn excerpt(&self) -> (&str, usize, usize) {
        let spans = || self.labels.iter().map(|l| self.visible(&l.span));
        let from = spans().map(|s| s.start).min().unwrap_or(0);
        let to = spans().map(|s| s.end).max().unwrap_or(0);
        let start = self.source[..from].rfind('\n').map_or(0, |i| i + 1);
        let end = self.source[to..]
            .find('\n')
            .map_or(self.source.len(), |i| to + i);
        (
            &self.source[start..end],
            self.source[..start].matches('\n').count() + 1,
            start,
        )
    }

    /// A span that can be shown: inside the source, on character borders, and not over the end of its first line
    /// unless text on later lines is meant.
    fn visible(&self, span: &Range<usize>) -> Range<usize> {
        let start = floor(&self.source, span.start);
        let end = floor(&self.source, span.end.max(start));
        let trimmed = self.source[start..end].trim_end().len();
        start..start + trimmed
    }
}

impl fmt::Display for Diagnostic {
    /// The one-line form, `file:line:column: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position() {
            Some((line, column)) => write!(
                f,
                "{}:{line}:{column}: {}",
                harmless(&self.file),
                harmless(&self.message)
            ),
            None => write!(f, "{}: {}", harmless(&self.file), harmless(&self.message)),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// The nearest character border at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

/// Text of a user in a message: in backquotes, on one line, at most 60 characters.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(printable).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

/// Control characters, and those that turn the direction of writing or cannot be seen, are shown by their number.
fn printable(c: char) -> Vec<char> {
    match sign(c) {
        Some(_) => c.escape_default().collect(),
        None => vec![c],
    }
}

/// Text on one line in which every character that a terminal might obey is replaced by a sign of its own.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| sign(c).unwrap_or(c)).collect()
}

/// The first `until` bytes of lines of a file, harmless, in which line breaks and tabs stay what they are.
fn harmless_lines(text: &str, until: usize) -> String {
    let mut shown = String::with_capacity(until);
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if at >= until {
            break;
        }
        let ends_line = rest.peek().is_none_or(|(_, next)| *next == '\n');
        match c {
            '\n' | '\t' => shown.push(c),
            '\r' if ends_line => {}
            c => shown.push(sign(c).unwrap_or(c)),
        }
    }
    shown
}

/// What is shown in place of a character that is not to reach a terminal: controls, marks that turn the direction of
/// writing, and what cannot be seen. As wide as one column.
const fn sign(c: char) -> Option<char> {
    match c {
        // The signs for the controls stand in the order of the controls.
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32),
        '\x7f' => Some('␡'),
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Diagnostic {
        Diagnostic::new(
            "a.yaml",
            "title: x\nlimit: 5 parsecs\n",
            "`5 parsecs` is not a duration",
        )
        .label(16..25, "not a duration")
        .help("write a number and a unit")
    }

    #[test]
    fn one_line_names_file_line_and_column() {
        assert_eq!(
            sample().to_string(),
            "a.yaml:2:8: `5 parsecs` is not a duration"
        );
        assert_eq!(
            Diagnostic::new("b.yaml", "", "does not exist").to_string(),
            "b.yaml: does not exist"
        );
    }

    #[test]
    fn columns_count_characters() {
        let d = Diagnostic::new("a", "é: ü x", "m").label(7..8, "");
        assert_eq!(d.position(), Some((1, 6)));
    }

    #[test]
    fn rendering_underlines_the_text() {
        let placeless = Diagnostic::new("b.yaml", "", "does not exist").help("check the path");
        insta::assert_snapshot!(sample().render(false) + "\n\n" + &placeless.render(false));
    }

    #[test]
    fn text_of_users_is_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\n"), "`a\\u{1b}[31m\\n`");
        assert_eq!(quoted("\u{202E}x"), "`\\u{202e}x`");
        assert_eq!(quoted(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
    }

    /// Whatever the file, its name or a key holds: nothing reaches the terminal, and the underline stands under the
    /// same text.
    #[test]
    fn nothing_of_the_file_reaches_the_terminal() {
        let nasty = "\u{1b}[31m\u{9b}2J\u{202e}\u{2066}\u{200f}\u{61c}\x07\r";
        let source = format!("x: 1\n{nasty}key{nasty}: v\r\n");
        let at = source.find("key").expect("it is there");
        let d = Diagnostic::new(format!("a{nasty}.yaml"), source, format!("no {nasty}"))
            .label(at..at + 3, format!("here {nasty}"))
            .help(format!("try {nasty}"));
        for text in [d.render(false), d.to_string()] {
            let bad = |c: char| c != '\n' && sign(c).is_some();
            assert!(!text.contains(bad), "{}", text.escape_debug());
        }
        let text = d.render(false);
        let lines: Vec<&str> = text.lines().collect();
        let line = lines.iter().position(|l| l.contains("key")).expect("shown");
        let column = |l: &str, of: &str| l.find(of).map(|i| l[..i].chars().count());
        assert_eq!(column(lines[line], "key"), column(lines[line + 1], "^^^"));
    }

    proptest! {
        #[test]
        fn any_span_can_be_shown(source in "\\PC{0,20}(\n\\PC{0,20}){0,3}", a in 0usize..90, b in 0usize..90, c in 0usize..90) {
            let d = Diagnostic::new("f", source, "m").label(a..b, "here").label(b..c, "");
            prop_assert!(d.render(false).contains("error: m"));
            prop_assert!(d.position().is_some());
        }
    }
}
