//! What retained messages are judged by, whichever ends are seen.

use crate::finding::Cite;
use squall_protocol::topic::TopicFilter;
use std::{
    collections::BTreeMap,
    ops::Bound::{Included, Unbounded},
    time::Duration,
};

pub(super) const STALE: Cite = (
    &["MQTT-3.3.1-6", "MQTT-3.3.1-10", "MQTT-3.3.1-11"],
    &["MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-7"],
);
pub(super) const MISSING: Cite = (
    &["MQTT-3.3.1-5", "MQTT-3.3.1-6"],
    &["MQTT-3.3.1-5", "MQTT-3.3.1-9"],
);

/// A subscriber has this long to get what was retained, before a missing message is a finding.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The topics that a filter matches, and what was published there.
pub(super) fn matching<'v, 'h, T>(
    values: &'v BTreeMap<&'h str, Vec<T>>,
    filter: &'v TopicFilter,
) -> impl Iterator<Item = (&'h str, &'v [T])> {
    let pattern = filter.pattern();
    // Only topics that begin like the filter are looked at; `a/#` matches `a` too.
    let literal = match filter.has_wildcard() {
        true => pattern[..pattern.find(['+', '#']).unwrap_or(0)].trim_end_matches('/'),
        false => pattern,
    };
    values
        .range::<str, _>((Included(literal), Unbounded))
        .take_while(move |(topic, _)| topic.starts_with(literal))
        .take(if filter.has_wildcard() { usize::MAX } else { 1 })
        .filter(|(topic, _)| filter.matches(topic))
        .map(|(topic, changes)| (*topic, changes.as_slice()))
}
