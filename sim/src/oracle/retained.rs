//! A new subscription finds the last retained message of each topic, in the order in which the broker got them.

use super::{
    Broken, Cite, History, cited,
    history::{Connection, Direction, Ix, PublishSeen, Request},
};
use crate::scenario::describe;
use bytes::Bytes;
use squall_protocol::{Text, Time};
use std::{collections::BTreeMap, time::Duration};

const STALE: Cite = (
    &["MQTT-3.3.1-6", "MQTT-3.3.1-10", "MQTT-3.3.1-11"],
    &["MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-7"],
);
const MISSING: Cite = (
    &["MQTT-3.3.1-5", "MQTT-3.3.1-6"],
    &["MQTT-3.3.1-5", "MQTT-3.3.1-9"],
);

/// A subscriber has this long to get what was retained, before a missing message is a finding.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn judge(history: &History<'_>, broken: &mut Vec<Broken>) {
    // What each subscriber may be sent as retained: topic → payloads that were retained at one of its requests.
    let end = history.records.last().map_or(Time::ZERO, |r| r.at);
    let mut allowed: BTreeMap<(usize, Text), Vec<Option<Bytes>>> = BTreeMap::new();
    let topics = judged_topics(history);
    for request in &history.requests {
        for topic in topics.iter().filter(|t| request.filter.matches(t)) {
            let (value, set_at) = value_at(history, topic, request.ix);
            allowed
                .entry((request.client, topic.clone()))
                .or_default()
                .push(value.clone());
            if let (Some(payload), true) = (value, request.wants_retained) {
                missing(history, request, topic, &payload, set_at, end, broken);
            }
        }
    }
    stale(history, &allowed, broken);
}

/// Topics to which something retained was published by a client, and whose value nothing else can change.
fn judged_topics(history: &History<'_>) -> Vec<Text> {
    let mut topics: Vec<Text> = retained_publishes(history)
        .map(|p| p.id.0.clone())
        .collect();
    topics.sort();
    topics.dedup();
    let touched = |topic: &Text| {
        let will = |c: &Connection| c.will().is_some_and(|w| w.retain && w.topic == *topic);
        history.connections.iter().any(will)
            || retained_publishes(history).any(|p| p.expires && p.id.0 == *topic)
    };
    topics.retain(|t| !touched(t));
    topics
}

fn retained_publishes<'h>(history: &'h History<'_>) -> impl Iterator<Item = &'h PublishSeen> {
    history
        .packets
        .iter()
        .filter(|p| p.direction == Direction::ToBroker && p.retain && p.fresh)
}

/// The retained payload of a topic when record `ix` happened, and the record that set it.
fn value_at(history: &History<'_>, topic: &Text, ix: Ix) -> (Option<Bytes>, Option<Ix>) {
    match retained_publishes(history)
        .filter(|p| p.id.0 == *topic && p.ix < ix)
        .last()
    {
        Some(p) => (Some(p.id.1.clone()).filter(|b| !b.is_empty()), Some(p.ix)),
        None => (None, None),
    }
}

fn sent_retained<'h>(history: &'h History<'_>) -> impl Iterator<Item = &'h PublishSeen> {
    history
        .packets
        .iter()
        .filter(|p| p.direction == Direction::FromBroker && p.retain)
}

fn missing(
    history: &History<'_>,
    request: &Request,
    topic: &Text,
    payload: &Bytes,
    set_at: Option<Ix>,
    end: Time,
    broken: &mut Vec<Broken>,
) {
    // It may have to wait: for room in the Receive Maximum, for a slow link. After a settle it must be there.
    let limited = history.plan.broker.max_queued.is_some();
    if limited || !history.online_at_end(request.client) {
        return;
    }
    let connection = &history.connections[request.conn.0 as usize];
    let lasted = connection.closed.as_ref().map_or(end, |(_, at, _)| *at);
    let sent = sent_retained(history).any(|p| {
        p.ix > request.ix && p.client == request.client && p.id.0 == *topic && p.id.1 == *payload
    });
    if sent || lasted < request.at + PATIENCE {
        return;
    }
    let mut witness: Vec<Ix> = set_at.into_iter().collect();
    witness.push(request.ix);
    broken.push(Broken {
        rule: "retained",
        statements: cited(history.version, MISSING),
        message: format!(
            "{} subscribed to `{}` and was not sent the retained message {} of `{topic}`",
            history.name(request.client),
            request.filter,
            describe::payload(payload)
        ),
        expected: "a new subscription gets the last retained message of each matching topic".into(),
        source: None,
        witness,
    });
}

fn stale(
    history: &History<'_>,
    allowed: &BTreeMap<(usize, Text), Vec<Option<Bytes>>>,
    broken: &mut Vec<Broken>,
) {
    let as_published = |p: &PublishSeen| {
        let subscriptions = history.subscriptions.iter();
        subscriptions
            .filter(|s| s.client == p.client && s.since < p.ix)
            .any(|s| s.subscription.retain_as_published && s.subscription.filter.matches(&p.id.0))
    };
    for p in sent_retained(history) {
        let Some(values) = allowed.get(&(p.client, p.id.0.clone())) else {
            continue;
        };
        if values.contains(&Some(p.id.1.clone())) || as_published(p) {
            continue;
        }
        let (_, set_at) = value_at(history, &p.id.0, p.ix);
        let mut witness: Vec<Ix> = set_at.into_iter().collect();
        witness.push(p.ix);
        broken.push(Broken {
            rule: "retained",
            statements: cited(history.version, STALE),
            message: format!(
                "{} was sent {} as the retained message of `{}`, which it was no longer",
                history.name(p.client),
                describe::payload(&p.id.1),
                p.id.0
            ),
            expected: match values.last() {
                Some(Some(value)) => {
                    format!("the last retained message, {}", describe::payload(value))
                }
                _ => "nothing: the retained message was cleared by an empty one".into(),
            },
            source: None,
            witness,
        });
    }
}
