//! Which events of a long exchange are shown: the highlighted ones and their neighbours.
//!
//! Traces have thousands of events and a reader looks at the place where it went wrong. Both the chart and the text
//! ladder take their rows from here, so they always show the same. Nothing is left out without a row that says so.

use crate::model::{Event, EventKind, Exchange};
use std::{borrow::Cow, collections::VecDeque};

/// The parties and rows to draw.
pub(crate) struct Excerpt<'a> {
    /// Names of the parties, left to right; `?` at the end stands for an index that names nobody.
    pub(crate) parties: Vec<&'a str>,
    /// Top to bottom.
    pub(crate) rows: Vec<Row<'a>>,
    /// How many events have no row of their own.
    pub(crate) left_out: usize,
}

/// One line of a chart or ladder.
pub(crate) enum Row<'a> {
    /// An event.
    Event {
        /// What happened.
        event: &'a Event,
        /// Column of who did it, in range.
        from: usize,
        /// Column of whom it was for, in range.
        to: usize,
    },
    /// So many events left out here.
    Gap(usize),
}

/// A chart with more columns than this is drawn with the parties that do something only.
const MANY_PARTIES: usize = 12;

/// What to show of an exchange, with at most `limit` events.
pub(crate) fn excerpt(exchange: &Exchange, limit: usize) -> Excerpt<'_> {
    let chosen = choose(&exchange.events, limit);
    let columns = Columns::new(exchange, &chosen);
    let mut rows = Vec::new();
    let mut next = 0;
    for &index in &chosen {
        if index > next {
            rows.push(Row::Gap(index - next));
        }
        let event = &exchange.events[index];
        rows.push(Row::Event {
            event,
            from: columns.of(event.from),
            to: columns.of(event.to),
        });
        next = index + 1;
    }
    if exchange.events.len() > next {
        rows.push(Row::Gap(exchange.events.len() - next));
    }
    Excerpt {
        parties: columns.names,
        rows,
        left_out: exchange.events.len() - chosen.len(),
    }
}

/// Indexes of the events to show, ascending: those nearest to the highlighted ones; without any, those nearest to
/// the beginning and the end.
fn choose(events: &[Event], limit: usize) -> Vec<usize> {
    if events.len() <= limit {
        return (0..events.len()).collect();
    }
    let mut queue: VecDeque<usize> = (0..events.len())
        .filter(|&index| events[index].highlight)
        .collect();
    if queue.is_empty() {
        queue.extend([0, events.len() - 1]);
    }
    let mut seen = vec![false; events.len()];
    queue.iter().for_each(|&index| seen[index] = true);
    let mut chosen = Vec::with_capacity(limit);
    while chosen.len() < limit {
        let Some(index) = queue.pop_front() else {
            break;
        };
        chosen.push(index);
        for neighbour in [index.checked_sub(1), Some(index + 1)]
            .into_iter()
            .flatten()
        {
            if seen.get(neighbour) == Some(&false) {
                seen[neighbour] = true;
                queue.push_back(neighbour);
            }
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Which column an index of a party has.
struct Columns<'a> {
    names: Vec<&'a str>,
    /// Parties drawn, ascending, where not all of them are.
    drawn: Option<Vec<usize>>,
    known: usize,
}

impl<'a> Columns<'a> {
    fn new(exchange: &'a Exchange, chosen: &[usize]) -> Self {
        let known = exchange.parties.len();
        let used = || {
            chosen
                .iter()
                .flat_map(|&index| [exchange.events[index].from, exchange.events[index].to])
        };
        let drawn = (known > MANY_PARTIES).then(|| {
            let mut drawn: Vec<usize> = used().filter(|&index| index < known).collect();
            drawn.sort_unstable();
            drawn.dedup();
            drawn
        });
        let mut names: Vec<&str> = match &drawn {
            Some(drawn) => drawn
                .iter()
                .map(|&index| exchange.parties[index].as_str())
                .collect(),
            None => exchange.parties.iter().map(String::as_str).collect(),
        };
        if used().any(|index| index >= known) {
            names.push("?");
        }
        Self {
            names,
            drawn,
            known,
        }
    }

    fn of(&self, index: usize) -> usize {
        if index >= self.known {
            return self.names.len() - 1;
        }
        match &self.drawn {
            Some(drawn) => drawn
                .binary_search(&index)
                .unwrap_or_else(|nearest| nearest),
            None => index,
        }
    }
}

impl Row<'_> {
    /// Whether it is an arrow between two columns; everything else is a note at one.
    pub(crate) fn is_arrow(&self) -> bool {
        matches!(self, Self::Event { event, from, to } if from != to && event.kind != EventKind::Note)
    }
}

/// What is written at an event: its label, with words for what an arrow alone would say.
pub(crate) fn wording<'a>(event: &'a Event, is_arrow: bool) -> Cow<'a, str> {
    let label = crate::visible::line(&event.label);
    let prefix = match event.kind {
        EventKind::Packet | EventKind::Note => return label,
        EventKind::Lost if is_arrow => return label,
        EventKind::Lost => "lost",
        EventKind::Open => "opened",
        EventKind::Close => "closed",
    };
    if label.is_empty() {
        Cow::Borrowed(prefix)
    } else {
        Cow::Owned(format!("{prefix}: {label}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(events: usize, highlighted: &[usize]) -> Exchange {
        let event = |index: usize| Event {
            at_ms: index as u64,
            kind: EventKind::Packet,
            from: 0,
            to: 1,
            label: index.to_string(),
            detail: String::new(),
            hex: String::new(),
            highlight: highlighted.contains(&index),
        };
        Exchange {
            parties: vec!["a".into(), "b".into()],
            events: (0..events).map(event).collect(),
        }
    }

    fn shown(exchange: &Exchange, limit: usize) -> Vec<String> {
        let rows = excerpt(exchange, limit).rows;
        rows.iter()
            .map(|row| match row {
                Row::Event { event, .. } => event.label.clone(),
                Row::Gap(events) => format!("+{events}"),
            })
            .collect()
    }

    #[test]
    fn shows_everything_that_fits() {
        assert_eq!(shown(&exchange(3, &[]), 3), ["0", "1", "2"]);
        assert!(shown(&exchange(0, &[]), 0).is_empty());
    }

    #[test]
    fn shows_the_neighbourhood_of_what_is_highlighted() {
        assert_eq!(
            shown(&exchange(100, &[50]), 3),
            ["+49", "49", "50", "51", "+48"]
        );
        assert_eq!(
            shown(&exchange(100, &[0, 99]), 4),
            ["0", "1", "+96", "98", "99"]
        );
        assert_eq!(shown(&exchange(100, &[50]), 0), ["+100"]);
    }

    #[test]
    fn without_a_highlight_shows_beginning_and_end() {
        assert_eq!(shown(&exchange(10, &[]), 4), ["0", "1", "+6", "8", "9"]);
    }

    #[test]
    fn an_index_that_names_nobody_gets_a_column_of_its_own() {
        let mut lost = exchange(1, &[]);
        lost.events[0].to = 7;
        let excerpt = excerpt(&lost, 9);
        assert_eq!(excerpt.parties, ["a", "b", "?"]);
        assert!(matches!(excerpt.rows[0], Row::Event { from: 0, to: 2, .. }));
    }

    #[test]
    fn a_crowd_is_reduced_to_those_who_act() {
        let mut crowd = exchange(1, &[]);
        crowd.parties = (0..500).map(|index| index.to_string()).collect();
        crowd.events[0].from = 17;
        crowd.events[0].to = 499;
        let excerpt = excerpt(&crowd, 9);
        assert_eq!(excerpt.parties, ["17", "499"]);
        assert!(matches!(excerpt.rows[0], Row::Event { from: 0, to: 1, .. }));
    }
}
