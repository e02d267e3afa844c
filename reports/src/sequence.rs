//! An exchange as a message sequence chart: SVG, written by hand.
//!
//! Parties are lifelines, time runs downwards at the left. A lost packet ends in a cross half way. The drawing takes
//! its ink from `currentColor` and its paper and signal colours from the CSS variables `--squall-paper` and
//! `--squall-bad` (both have fallbacks), so it follows the page into dark mode and stands alone as well.
//! Labels are cut to the room they have; their full text is in a `<title>`. Nothing of the input reaches the output
//! unescaped.

use crate::{
    excerpt::{Excerpt, Row, excerpt, wording},
    model::{Event, EventKind, Exchange},
    quantity::{count, seconds},
    visible::{block, columns, ellipsise, line, shorten},
};
use std::fmt::Write;

/// What a chart is about and how much it shows.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Name of the chart for those who cannot see it, such as `Packets of seed 7`.
    pub title: &'a str,
    /// Events drawn at most; those left out are counted in the chart.
    pub events: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            title: "Message sequence chart",
            events: 200,
        }
    }
}

/// The chart as an `<svg>` element with its natural size in pixels.
#[must_use]
pub fn svg(exchange: &Exchange, options: &Options<'_>) -> String {
    let excerpt = excerpt(exchange, options.events);
    let layout = Layout::new(&excerpt);
    let mut chart = Chart {
        layout,
        svg: String::new(),
    };
    chart.open(exchange, &excerpt, options.title);
    chart.lifelines(&excerpt);
    for (number, row) in excerpt.rows.iter().enumerate() {
        let top = HEAD + number * ROW;
        match row {
            Row::Gap(events) => chart.gap(top, *events),
            Row::Event { event, from, to } => chart.event(top, row, event, *from, *to),
        }
    }
    chart.svg.push_str("</svg>");
    chart.svg
}

/// The five characters that mean something in markup, escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Pixels of the head with the parties' names.
const HEAD: usize = 48;
/// Pixels of one event.
const ROW: usize = 32;
/// Pixels one column of the fixed-width font takes at most.
const COLUMN: usize = 7;
/// Longest text of a `<title>`, in characters.
const TITLE: usize = 1_000;

/// Where things are, in pixels.
struct Layout {
    /// The first lifeline.
    first: usize,
    /// Between neighbouring lifelines.
    gap: usize,
    /// Right of the last lifeline.
    margin: usize,
    parties: usize,
    rows: usize,
}

impl Layout {
    fn new(excerpt: &Excerpt<'_>) -> Self {
        let parties = excerpt.parties.len();
        let mut times = 8;
        let mut gap = 150;
        for row in &excerpt.rows {
            let Row::Event { event, from, to } = row else {
                continue;
            };
            times = times.max(seconds(event.at_ms).len());
            if row.is_arrow() {
                let wanted = columns(&wording(event, true))
                    .saturating_mul(COLUMN)
                    .saturating_add(48);
                gap = gap.max(wanted / from.abs_diff(*to));
            }
        }
        let widest = match parties {
            0..=2 => 440,
            3 => 300,
            4..=6 => 220,
            _ => 160,
        };
        let gap = gap.min(widest);
        // Half of the first party's box stands over the time column's right end.
        let first = times * COLUMN + 24 + gap.min(150) / 2;
        let margin = if parties <= 1 {
            420
        } else {
            gap.min(150) / 2 + 40
        };
        Self {
            first,
            gap,
            margin,
            parties,
            rows: excerpt.rows.len(),
        }
    }

    fn x(&self, party: usize) -> usize {
        self.first + party * self.gap
    }

    fn width(&self) -> usize {
        self.x(self.parties.saturating_sub(1)) + self.margin
    }

    fn height(&self) -> usize {
        HEAD + self.rows.max(1) * ROW + 16
    }

    /// Columns of text that fit between two neighbouring lifelines.
    fn fit(pixels: usize) -> usize {
        pixels.saturating_sub(20) / COLUMN
    }
}

struct Chart {
    layout: Layout,
    svg: String,
}

impl Chart {
    /// Markup that this module alone decides; everything from outside goes through `escape` first.
    fn put(&mut self, markup: std::fmt::Arguments<'_>) {
        self.svg
            .write_fmt(markup)
            .expect("writing to a string cannot fail");
    }

    fn open(&mut self, exchange: &Exchange, excerpt: &Excerpt<'_>, title: &str) {
        let (width, height) = (self.layout.width(), self.layout.height());
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.25\" \
             font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
             font-size=\"11\"><title>{}</title><desc>{}</desc>",
            escape(&shorten(&line(title), TITLE)),
            escape(&describe(exchange, excerpt)),
        ));
    }

    fn lifelines(&mut self, excerpt: &Excerpt<'_>) {
        let bottom = self.layout.height() - 8;
        for (party, name) in excerpt.parties.iter().enumerate() {
            let x = self.layout.x(party);
            let wide = (self.layout.gap - 14).min(150);
            let name = line(name);
            let shown = ellipsise(&name, Layout::fit(wide));
            let left = x - wide / 2;
            self.put(format_args!(
                "<g><title>{}</title><path d=\"M{x} 34V{bottom}\" stroke-opacity=\".3\"/>\
                 <rect x=\"{left}\" y=\"8\" width=\"{wide}\" height=\"26\" rx=\"5\" fill=\"currentColor\" \
                 fill-opacity=\".07\" stroke-opacity=\".35\"/>\
                 <text x=\"{x}\" y=\"25\" text-anchor=\"middle\" font-weight=\"600\" fill=\"currentColor\" \
                 stroke=\"none\">{}</text></g>",
                escape(&shorten(&name, TITLE)),
                escape(&shown),
            ));
        }
        if excerpt.rows.is_empty() {
            self.put(format_args!(
                "<text x=\"12\" y=\"{}\" fill=\"currentColor\" stroke=\"none\">No packets were recorded.</text>",
                HEAD + 20
            ));
        }
    }

    fn gap(&mut self, top: usize, events: usize) {
        let (y, right) = (top + ROW / 2 + 4, self.layout.width() - 8);
        let middle = usize::midpoint(8, right);
        let text = format!("{} left out", count(events as u64, "event"));
        self.put(format_args!(
            "<path d=\"M8 {y}H{right}\" stroke-dasharray=\"2 5\" stroke-opacity=\".5\"/>"
        ));
        self.text(middle, y + 4, "middle", &text);
    }

    fn event(&mut self, top: usize, row: &Row<'_>, event: &Event, from: usize, to: usize) {
        let class = if event.highlight {
            " class=\"highlight\" style=\"color:var(--squall-bad,#c2290a)\""
        } else {
            ""
        };
        let mut full = format!("{} — {}", seconds(event.at_ms), event.label);
        if !event.detail.is_empty() {
            full = format!("{full}\n{}", event.detail);
        }
        self.put(format_args!(
            "<g{class}><title>{}</title>",
            escape(&shorten(&block(&full), TITLE))
        ));
        if event.highlight {
            self.put(format_args!(
                "<rect x=\"4\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"currentColor\" \
                 fill-opacity=\".1\" stroke=\"none\"/>",
                top + 2,
                self.layout.width() - 8,
                ROW - 2,
            ));
        }
        let time_end = self.layout.first - self.layout.gap.min(150) / 2 - 14;
        self.put(format_args!(
            "<text x=\"{time_end}\" y=\"{}\" text-anchor=\"end\" fill=\"currentColor\" fill-opacity=\".75\" \
             stroke=\"none\">{}</text>",
            top + 26,
            seconds(event.at_ms),
        ));
        let label = wording(event, row.is_arrow());
        if row.is_arrow() {
            self.arrow(top, event.kind, &label, from, to)
        } else {
            self.note(top, event, &label, from)
        }
        self.svg.push_str("</g>");
    }

    fn arrow(&mut self, top: usize, kind: EventKind, label: &str, from: usize, to: usize) {
        let (y, start, end) = (top + 22, self.layout.x(from), self.layout.x(to));
        let rightwards = start < end;
        let middle = usize::midpoint(start, end);
        let dash = if matches!(kind, EventKind::Open | EventKind::Close) {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        };
        let tip = if kind == EventKind::Lost { middle } else { end };
        self.put(format_args!("<path d=\"M{start} {y}H{tip}\"{dash}/>"));
        match kind {
            EventKind::Lost => self.cross(tip, y),
            EventKind::Open => {
                self.head(end, y, rightwards);
                self.put(format_args!(
                    "<circle cx=\"{start}\" cy=\"{y}\" r=\"4\" fill=\"var(--squall-paper,Canvas)\"/>"
                ));
            }
            EventKind::Close => {
                self.head(end, y, rightwards);
                self.cross(start, y);
            }
            EventKind::Packet | EventKind::Note => self.head(end, y, rightwards),
        }
        let shown = ellipsise(label, Layout::fit(start.abs_diff(end)));
        self.text(middle, y - 7, "middle", &shown);
    }

    /// A box beside the lifeline, on the side with more room.
    fn note(&mut self, top: usize, event: &Event, label: &str, party: usize) {
        let (x, y) = (self.layout.x(party), top + 22);
        let (left_room, right_room) = (
            x.saturating_sub(self.layout.first / 2),
            self.layout.width() - x - 8,
        );
        let rightwards = right_room >= left_room;
        let room = if rightwards { right_room } else { left_room };
        let shown = ellipsise(label, Layout::fit(room.saturating_sub(14)));
        let wide = columns(&shown) * COLUMN + 16;
        let left = if rightwards {
            x + 12
        } else {
            x.saturating_sub(12 + wide)
        };
        match event.kind {
            EventKind::Close | EventKind::Lost => self.cross(x, y - 4),
            EventKind::Open => self.put(format_args!(
                "<circle cx=\"{x}\" cy=\"{}\" r=\"4\" fill=\"var(--squall-paper,Canvas)\"/>",
                y - 4
            )),
            EventKind::Packet | EventKind::Note => self.put(format_args!(
                "<circle cx=\"{x}\" cy=\"{}\" r=\"3\" fill=\"currentColor\" stroke=\"none\"/>",
                y - 4
            )),
        }
        self.put(format_args!(
            "<rect x=\"{left}\" y=\"{}\" width=\"{wide}\" height=\"22\" rx=\"4\" \
             fill=\"var(--squall-paper,Canvas)\" stroke-opacity=\".45\"/>",
            top + 7,
        ));
        let start = left + 8;
        self.put(format_args!(
            "<text x=\"{start}\" y=\"{}\" fill=\"currentColor\" stroke=\"none\">{}</text>",
            y,
            escape(&shown)
        ));
    }

    /// Text with a rim of paper, so that lifelines do not run through its letters.
    fn text(&mut self, x: usize, y: usize, anchor: &str, text: &str) {
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"currentColor\" \
             stroke=\"var(--squall-paper,Canvas)\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
            escape(text)
        ));
    }

    fn head(&mut self, x: usize, y: usize, rightwards: bool) {
        let back = if rightwards { -8 } else { 8 };
        self.put(format_args!(
            "<path d=\"M{x} {y}l{back} -4v8z\" fill=\"currentColor\" stroke=\"none\"/>"
        ));
    }

    fn cross(&mut self, x: usize, y: usize) {
        let (left, top) = (x.saturating_sub(4), y.saturating_sub(4));
        self.put(format_args!(
            "<path d=\"M{left} {top}l8 8m0 -8l-8 8\" stroke-width=\"2\"/>"
        ));
    }
}

/// The chart in a few sentences.
fn describe(exchange: &Exchange, excerpt: &Excerpt<'_>) -> String {
    let (Some(first), Some(last)) = (exchange.events.first(), exchange.events.last()) else {
        return "No packets were recorded.".to_owned();
    };
    let events = count(exchange.events.len() as u64, "event");
    let parties: Vec<_> = excerpt
        .parties
        .iter()
        .map(|party| ellipsise(party, 40))
        .collect();
    let mut text = format!(
        "{events} between {} from {} to {}.",
        line(&parties.join(", ")),
        seconds(first.at_ms),
        seconds(last.at_ms)
    );
    if excerpt.left_out > 0 {
        text += &format!(" {} left out.", count(excerpt.left_out as u64, "event"));
    }
    for event in exchange
        .events
        .iter()
        .filter(|event| event.highlight)
        .take(3)
    {
        text += &format!(
            " It went wrong at {}: {}.",
            seconds(event.at_ms),
            ellipsise(&line(&event.label), 120)
        );
    }
    text
}
