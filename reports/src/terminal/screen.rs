//! Lines of text with a few styles. It knows widths and ANSI codes, not what is reported.

use super::Options;
use crate::{
    ladder,
    model::{Exchange, Finding, StatementRef, Verdict},
    visible::{block, columns, ellipsise, line, shorten, wrap},
};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Doubtful,
    Unknown,
}

impl Style {
    /// The style of a verdict's word.
    pub(super) const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            Verdict::Fail => Self::Bad,
            Verdict::Warn => Self::Doubtful,
            Verdict::NotApplicable => Self::Faint,
            Verdict::Inconclusive => Self::Unknown,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Doubtful => "\x1b[33m",
            Self::Unknown => "\x1b[35m",
        }
    }
}

const RESET: &str = "\x1b[0m";
/// Longest message shown, in characters; JSON and HTML have the rest.
const LONGEST: usize = 800;
/// Columns of the names of fields such as `expected`.
const FIELD: usize = 10;
/// Columns before the details of a result.
const INDENT: usize = 4;

/// The text so far and how to go on.
pub(super) struct Screen {
    pub(super) text: String,
    pub(super) width: usize,
    colour: bool,
    events: usize,
}

impl Screen {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            text: String::new(),
            width: options.width.clamp(40, 140),
            colour: options.colour,
            events: options.events,
        }
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line of styled pieces, broken between words where it would be too wide. The pieces have to be safe to show
    /// already.
    pub(super) fn line(&mut self, pieces: &[(Style, &str)]) {
        let all: usize = pieces.iter().map(|(_, piece)| columns(piece)).sum();
        if all <= self.width {
            return self.unbroken(pieces);
        }
        let text = pieces.first().map_or("", |(_, piece)| piece);
        let indent = text.len() - text.trim_start_matches(' ').len() + 2;
        let indent = " ".repeat(indent.min(self.width / 4));
        let mut row: Vec<(Style, String)> = Vec::new();
        let mut used = 0;
        for (style, piece) in pieces {
            for word in piece.split_inclusive(' ') {
                for part in wrap_word(word, self.width - indent.len()) {
                    if used + columns(part.trim_end()) > self.width && !row.is_empty() {
                        self.row(&mut row);
                        row.push((Style::Plain, indent.clone()));
                        used = indent.len();
                        if part.trim().is_empty() {
                            continue;
                        }
                    }
                    used += columns(&part);
                    row.push((*style, part));
                }
            }
        }
        self.row(&mut row);
    }

    /// Writes the pieces of a row and empties it.
    fn row(&mut self, row: &mut Vec<(Style, String)>) {
        let pieces: Vec<(Style, &str)> = row
            .iter()
            .map(|(style, text)| (*style, text.as_str()))
            .collect();
        self.unbroken(&pieces);
        row.clear();
    }

    fn unbroken(&mut self, pieces: &[(Style, &str)]) {
        let mut line = String::new();
        for (style, piece) in pieces {
            if self.colour && *style != Style::Plain && !piece.trim().is_empty() {
                line.push_str(style.code());
                line.push_str(piece);
                line.push_str(RESET);
            } else {
                line.push_str(piece);
            }
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// The name of a result for the line that begins it, cut to leave room for what stands beside it.
    pub(super) fn name(&self, name: &str) -> String {
        format!(
            "  {}",
            ellipsise(&line(name), self.width.saturating_sub(44).max(28))
        )
    }

    /// Wrapped text, indented.
    pub(super) fn paragraph(&mut self, style: Style, text: &str) {
        let indent = " ".repeat(INDENT);
        for row in wrap(&shorten(&block(text), LONGEST), self.width - INDENT) {
            self.line(&[(style, &format!("{indent}{row}"))]);
        }
    }

    /// A field of a result: its name and wrapped text beside it. An empty text is not shown.
    pub(super) fn field(&mut self, name: &str, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        let shown = shorten(&block(text), LONGEST).into_owned();
        for (number, line) in wrap(&shown, self.width - INDENT - FIELD).iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            let head = format!("{:INDENT$}{name:<FIELD$}", "");
            self.line(&[(Style::Faint, &head), (style, line)]);
        }
    }

    /// A field that is never wrapped or cut, such as a command to be copied.
    pub(super) fn verbatim(&mut self, name: &str, text: &str) {
        let head = format!("{:INDENT$}{name:<FIELD$}", "");
        self.unbroken(&[(Style::Faint, &head), (Style::Strong, &line(text))]);
    }

    /// Statements with their meaning.
    pub(super) fn statements(&mut self, statements: &[StatementRef]) {
        for StatementRef { id, says } in statements {
            let text = if says.is_empty() {
                format!("[{id}]")
            } else {
                format!("[{id}] {says}")
            };
            self.field("statement", Style::Plain, &text);
        }
    }

    /// A finding in full.
    pub(super) fn finding(&mut self, finding: &Finding) {
        self.blank();
        self.field("rule", Style::Strong, &finding.rule);
        self.field("observed", Style::Bad, &finding.message);
        self.field("expected", Style::Plain, &finding.expected);
        self.statements(&finding.statements);
        let location = finding.location.as_deref().unwrap_or_default();
        self.field("where", Style::Plain, location);
        self.evidence(&finding.evidence);
    }

    /// The packets as a ladder; nothing where there are none.
    pub(super) fn evidence(&mut self, exchange: &Exchange) {
        if exchange.events.is_empty() {
            return;
        }
        self.blank();
        let options = ladder::Options {
            width: self.width - INDENT,
            events: self.events,
        };
        let indent = " ".repeat(INDENT);
        for line in ladder::lines(exchange, &options) {
            let style = if line.highlight {
                Style::Bad
            } else {
                Style::Plain
            };
            self.line(&[(style, &format!("{indent}{}", line.text))]);
        }
    }
}

/// A word in pieces of at most `limit` columns, its blank with the last.
fn wrap_word(word: &str, limit: usize) -> Vec<String> {
    if columns(word.trim_end()) <= limit {
        return vec![word.to_owned()];
    }
    let mut parts = wrap(word, limit);
    if let (Some(last), true) = (parts.last_mut(), word.ends_with(' ')) {
        last.push(' ');
    }
    parts
}
