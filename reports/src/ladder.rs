//! An exchange as plain text: lifelines side by side, one line an event, its label at the right.
//!
//! ```text
//!                   app       broker
//!   0.000 s          │──────────→│       CONNECT clean start
//!   0.021 s          │←──────────│       CONNACK Success
//! ▸ 0.040 s          │────✕      │       PUBLISH a/b QoS 1 id 1
//! ```
//!
//! Where the parties are too many for the width, each line names its two parties instead. No line is wider than
//! asked for. This module knows columns of text, not colours: a line only says whether it is highlighted.

use crate::{
    excerpt::{Excerpt, Row, excerpt, wording},
    model::{Event, EventKind, Exchange},
    quantity::{count, seconds},
    visible::{columns, ellipsise, line, wrap},
};

/// How a ladder is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns a line may take; less than 36 is taken as 36.
    pub width: usize,
    /// Events shown at most; those left out are counted in the ladder.
    pub events: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 100,
            events: 200,
        }
    }
}

/// One line of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without a line break, safe for a terminal.
    pub text: String,
    /// Whether this is where it went wrong; the text starts with `▸` then.
    pub highlight: bool,
}

/// The ladder as one text; every line ends in a line break.
#[must_use]
pub fn render(exchange: &Exchange, options: &Options) -> String {
    lines(exchange, options)
        .into_iter()
        .map(|line| line.text + "\n")
        .collect()
}

/// The ladder line by line. An exchange without events gives one line that says so.
#[must_use]
pub fn lines(exchange: &Exchange, options: &Options) -> Vec<Line> {
    let excerpt = excerpt(exchange, options.events);
    if excerpt.rows.is_empty() {
        return vec![Line {
            text: "  (no packets were recorded)".to_owned(),
            highlight: false,
        }];
    }
    let layout = Layout::new(&excerpt, options.width.max(NARROWEST));
    let mut lines = layout.head();
    for row in &excerpt.rows {
        layout.row(row, &mut lines);
    }
    lines
}

const NARROWEST: usize = 36;
/// The mark, a blank, and two blanks on either side of the lifelines.
const MARGINS: usize = 6;
/// Columns kept for labels when lifelines have to share the width with them.
const LABEL: usize = 26;
/// Columns of a party's name where there are no lifelines.
const NAME: usize = 14;
/// Lines a highlighted label may take; all others have one.
const HIGHLIGHT_LINES: usize = 4;

struct Layout {
    names: Vec<String>,
    /// Columns of the time.
    time: usize,
    /// Columns of one lifeline's cell; `None` if there is no room for lifelines.
    cell: Option<usize>,
    /// Columns of the parties where they are told in words.
    widest_words: usize,
    width: usize,
}

impl Layout {
    fn new(excerpt: &Excerpt<'_>, width: usize) -> Self {
        let names: Vec<String> = excerpt
            .parties
            .iter()
            .map(|name| line(name).into_owned())
            .collect();
        let times = excerpt.rows.iter().filter_map(|row| match row {
            Row::Event { event, .. } => Some(seconds(event.at_ms).len()),
            Row::Gap(_) => None,
        });
        let time = times.max().unwrap_or_default().max(7);
        let longest = names
            .iter()
            .map(|name| columns(name))
            .max()
            .unwrap_or_default();
        let room = width.saturating_sub(MARGINS + time + LABEL) / names.len().max(1);
        let cell = room.min(longest.saturating_add(2).clamp(10, 20));
        let cell = (cell >= 4).then_some(cell);
        let mut layout = Self {
            names,
            time,
            cell,
            widest_words: 0,
            width,
        };
        let words = excerpt.rows.iter().filter_map(|row| match row {
            Row::Event { event, from, to } => Some(columns(&layout.words(
                event.kind,
                *from,
                *to,
                row.is_arrow(),
            ))),
            Row::Gap(_) => None,
        });
        layout.widest_words = words.max().unwrap_or_default();
        layout
    }

    /// The names above the lifelines; numbers and a legend where names would have to be cut to nothing.
    fn head(&self) -> Vec<Line> {
        let Some(cell) = self.cell else {
            return Vec::new();
        };
        let numbered = cell < 10 && self.names.iter().any(|name| columns(name) >= cell);
        let mut lines = Vec::new();
        let mut head = " ".repeat(2 + self.time + 2);
        for (index, name) in self.names.iter().enumerate() {
            let number = (index + 1).to_string();
            let shown = if numbered {
                number.as_str().into()
            } else {
                ellipsise(name, cell - 1)
            };
            let before = (cell - columns(&shown)) / 2;
            head.push_str(&" ".repeat(before));
            head.push_str(&shown);
            head.push_str(&" ".repeat(cell - before - columns(&shown)));
        }
        if numbered {
            let legend = self.names.iter().enumerate();
            let legend: Vec<String> = legend
                .map(|(index, name)| format!("{}\u{a0}{}", index + 1, ellipsise(name, 30)))
                .collect();
            // Wrapped between entries, not between a number and its name.
            let legend = wrap(&legend.join(" · "), self.width - 2);
            lines.extend(
                legend
                    .into_iter()
                    .map(|text| plain(format!("  {}", text.replace('\u{a0}', " ")))),
            );
        }
        lines.push(plain(head));
        lines
    }

    fn row(&self, row: &Row<'_>, lines: &mut Vec<Line>) {
        match row {
            Row::Gap(events) => {
                let picture: String = self.lifelines('┊').iter().collect();
                let label = format!("⋮ {} left out", count(*events as u64, "event"));
                let label = ellipsise(&label, self.room(&picture));
                lines.push(plain(self.join(false, "", &picture, &label)));
            }
            Row::Event { event, from, to } => self.event(row, event, *from, *to, lines),
        }
    }

    fn event(&self, row: &Row<'_>, event: &Event, from: usize, to: usize, lines: &mut Vec<Line>) {
        let is_arrow = row.is_arrow();
        let label = wording(event, is_arrow);
        let picture = if self.cell.is_some() {
            let mut cells = self.lifelines('│');
            self.draw(&mut cells, event.kind, from, to, is_arrow);
            cells.into_iter().collect()
        } else {
            self.in_words(event.kind, from, to, is_arrow)
        };
        let room = self
            .width
            .saturating_sub(MARGINS + self.time + columns(&picture));
        let time = seconds(event.at_ms);
        if !event.highlight {
            lines.push(plain(self.join(
                false,
                &time,
                &picture,
                &ellipsise(&label, room),
            )));
            return;
        }
        let mut parts = wrap(&label, room);
        if parts.len() > HIGHLIGHT_LINES {
            let rest = parts.split_off(HIGHLIGHT_LINES - 1).join(" ");
            parts.push(ellipsise(&rest, room).into_owned());
        }
        let below = format!(
            "{:<width$}",
            self.lifelines('│').iter().collect::<String>(),
            width = columns(&picture)
        );
        for (number, part) in parts.iter().enumerate() {
            let (time, picture) = if number == 0 {
                (time.as_str(), &picture)
            } else {
                ("", &below)
            };
            lines.push(Line {
                text: self.join(number == 0, time, picture, part),
                highlight: true,
            });
        }
    }

    /// Columns left for the label.
    fn room(&self, picture: &str) -> usize {
        self.width
            .saturating_sub(MARGINS + self.time + columns(picture))
    }

    /// Mark, time, lifelines and label on one line.
    fn join(&self, marked: bool, time: &str, picture: &str, label: &str) -> String {
        let mark = if marked { '▸' } else { ' ' };
        let text = format!(
            "{mark} {time:>width$}  {picture}  {label}",
            width = self.time
        );
        text.trim_end().to_owned()
    }

    /// The column of a party's lifeline.
    fn lifeline(&self, party: usize) -> usize {
        let cell = self.cell.unwrap_or_default();
        party * cell + cell / 2
    }

    fn lifelines(&self, sign: char) -> Vec<char> {
        if self.cell.is_none() || self.names.is_empty() {
            return Vec::new();
        }
        let mut cells = vec![' '; self.lifeline(self.names.len() - 1) + 1];
        (0..self.names.len()).for_each(|party| cells[self.lifeline(party)] = sign);
        cells
    }

    fn draw(&self, cells: &mut [char], kind: EventKind, from: usize, to: usize, is_arrow: bool) {
        let (start, end) = (self.lifeline(from), self.lifeline(to));
        if !is_arrow {
            cells[start] = match kind {
                EventKind::Open => '○',
                EventKind::Close | EventKind::Lost => '✕',
                EventKind::Packet | EventKind::Note => '●',
            };
            return;
        }
        let stroke = if matches!(kind, EventKind::Open | EventKind::Close) {
            '╌'
        } else {
            '─'
        };
        let (first, last) = (start.min(end) + 1, start.max(end) - 1);
        let rightwards = start < end;
        match kind {
            EventKind::Lost => {
                let middle = usize::midpoint(first, last);
                let (line, tip) = if rightwards {
                    (first..=middle, middle)
                } else {
                    (middle..=last, middle)
                };
                cells[line].fill(stroke);
                cells[tip] = '✕';
            }
            _ => {
                cells[first..=last].fill(stroke);
                cells[if rightwards { last } else { first }] =
                    if rightwards { '→' } else { '←' };
            }
        }
        match kind {
            EventKind::Open => cells[start] = '○',
            EventKind::Close => cells[start] = '✕',
            EventKind::Packet | EventKind::Lost | EventKind::Note => {}
        }
    }

    /// The two parties by name, as wide for every event.
    fn in_words(&self, kind: EventKind, from: usize, to: usize, is_arrow: bool) -> String {
        let words = self.words(kind, from, to, is_arrow);
        let pad = " ".repeat(self.widest_words.saturating_sub(columns(&words)));
        format!("{words}{pad}")
    }

    fn words(&self, kind: EventKind, from: usize, to: usize, is_arrow: bool) -> String {
        // Two names, the sign between them and a bit of the label fit the narrowest ladder.
        let limit = (self.width.saturating_sub(MARGINS + self.time + 12) / 2).min(NAME);
        let name = |party: usize| ellipsise(&self.names[party], limit);
        match (is_arrow, kind) {
            (false, _) => name(from).into_owned(),
            (true, EventKind::Lost) => format!("{} ─✕ {}", name(from), name(to)),
            (true, _) => format!("{} → {}", name(from), name(to)),
        }
    }
}

fn plain(text: String) -> Line {
    Line {
        text: text.trim_end().to_owned(),
        highlight: false,
    }
}
