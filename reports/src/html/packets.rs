//! Evidence on the page: the chart, and a table with fields and bytes of the same packets.

use crate::{
    excerpt::{Row, excerpt, wording},
    model::{EventKind, Exchange},
    quantity::{count, grouped, seconds},
    sequence,
    visible::{block, ellipsise, line, shorten},
};

/// Longest text of one table cell, in characters.
const LONGEST: usize = 4_000;

/// What is shown of an exchange.
pub(super) struct Evidence {
    /// The chart as markup that is safe to take as it is.
    pub(super) chart: String,
    /// The packets in full; empty where no event has more to tell than the chart shows.
    pub(super) packets: Vec<Packet>,
    /// A word on what is not shown, if anything is not.
    pub(super) left_out: Option<String>,
}

/// One row of the table.
pub(super) struct Packet {
    pub(super) time: String,
    pub(super) who: String,
    pub(super) label: String,
    pub(super) detail: String,
    pub(super) hex: String,
    pub(super) highlight: bool,
}

/// What is shown of an exchange with at most `limit` events; `None` if nothing was recorded.
pub(super) fn evidence(exchange: &Exchange, title: &str, limit: usize) -> Option<Evidence> {
    if exchange.events.is_empty() {
        return None;
    }
    let excerpt = excerpt(exchange, limit);
    let name = |party: usize| ellipsise(&line(excerpt.parties[party]), 60).into_owned();
    let mut packets = Vec::new();
    let mut more_to_tell = false;
    for row in &excerpt.rows {
        let Row::Event { event, from, to } = row else {
            continue;
        };
        let who = match (row.is_arrow(), event.kind) {
            (false, _) => name(*from),
            (true, EventKind::Lost) => format!("{} → {} (lost)", name(*from), name(*to)),
            (true, _) => format!("{} → {}", name(*from), name(*to)),
        };
        more_to_tell |= !event.detail.is_empty() || !event.hex.is_empty();
        packets.push(Packet {
            time: seconds(event.at_ms),
            who,
            label: shorten(&wording(event, row.is_arrow()), LONGEST).into_owned(),
            detail: shorten(&block(&event.detail), LONGEST).into_owned(),
            hex: shorten(&line(&event.hex), LONGEST).into_owned(),
            highlight: event.highlight,
        });
    }
    if !more_to_tell {
        packets.clear();
    }
    let left_out = (excerpt.left_out > 0).then(|| {
        let (left_out, all) = (
            grouped(excerpt.left_out as u64),
            count(exchange.events.len() as u64, "event"),
        );
        format!("{left_out} of {all} left out here; the JSON report has all of them.")
    });
    let chart = sequence::svg(
        exchange,
        &sequence::Options {
            title,
            events: limit,
        },
    );
    Some(Evidence {
        chart,
        packets,
        left_out,
    })
}
