//! A new subscription finds the last retained message of each topic, in the order in which the server got them. That
//! order is known at the server's end; [`clients`] has what is certain of it at the clients'.

mod clients;
mod handling;
mod terms;

use super::{Findings, of};
use crate::{
    finding::Finding,
    model::{Carried, ClientIx, Connection, Mark, MessageIx, Model, Outcome, Reach, Request},
    words,
};
use bytes::Bytes;
use squall_protocol::{QoS, Role};
use std::collections::{BTreeMap, BTreeSet};
use terms::{MISSING, PATIENCE, STALE, matching};

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if !model.packets.iter().any(|p| p.retain) {
        return;
    }
    handling::judge(model, broken);
    handling::flags(model, broken);
    if !model.sharp() {
        return clients::judge(model, broken);
    }
    let values = values(model);
    let sent = last_sent(model);
    // What each subscriber may be sent as retained: topic → payloads that were retained at one of its requests.
    let mut allowed: BTreeMap<(ClientIx, &str), Allowed<'_>> = BTreeMap::new();
    for request in &model.requests {
        for (topic, changes) in matching(&values, request.filter) {
            let (value, set_at) = value_at(changes, request.ix);
            let allowed = allowed.entry((request.client, topic)).or_insert(Allowed {
                payloads: BTreeSet::new(),
                since: request.ix,
                last: None,
            });
            allowed.payloads.insert(value);
            allowed.last = value;
            // A server that keeps nothing may have kept this all the same.
            let lost = set_at.is_some_and(|at| model.is_lost(at, request.ix));
            if lost {
                allowed.payloads.insert(None);
                allowed.last = None;
            }
            if let (Some(payload), true, false) = (value, request.wants_retained, lost) {
                missing(model, &sent, request, (topic, payload, set_at), broken);
            }
        }
    }
    stale(model, &values, &allowed, broken);
}

/// What a subscriber may be sent as the retained message of a topic; `None` is nothing.
struct Allowed<'h> {
    payloads: BTreeSet<Option<&'h Bytes>>,
    /// Its first request.
    since: usize,
    last: Option<&'h Bytes>,
}

/// Each topic to which something retained was published by a client, and whose value nothing else can change: what
/// was published there and when, in order.
type Values<'h> = BTreeMap<&'h str, Vec<(usize, &'h Bytes)>>;

fn values<'h>(model: &'h Model<'_>) -> Values<'h> {
    let mut values = Values::new();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    for p in &model.packets {
        if p.from == Role::Client && p.retain && p.fresh {
            let seen = model.messages.get(p.what);
            values
                .entry(seen.topic.as_str())
                .or_default()
                .push((p.ix, seen.payload));
            if p.expiry().is_some() || is_shaky(model, p) {
                touched.insert(seen.topic);
            }
        }
    }
    let wills = model.connections.iter().filter_map(Connection::will);
    touched.extend(wills.filter(|w| w.retain).map(|w| w.topic.as_str()));
    values.retain(|topic, _| !touched.contains(topic));
    values
}

/// Whether the server went down without having answered for a message that it had: it may have forgotten it.
fn is_shaky(model: &Model<'_>, p: &Carried<'_>) -> bool {
    let seen = model.messages.get(p.what);
    let published = seen.published.iter().map(|n| &model.published[*n]);
    let answered = published
        .filter(|published| published.by == p.client)
        .map(|published| match published.outcome {
            Outcome::Acknowledged(ix) => Some(ix),
            _ => None,
        });
    // Of QoS 0 nothing is answered.
    let answered = match p.qos {
        QoS::AtMostOnce => None,
        _ => answered.min().flatten(),
    };
    let came = Mark { ix: p.ix, at: p.at };
    model.outages.iter().any(|outage| {
        p.ix < outage.down.ix
            && match (answered, p.qos) {
                (_, QoS::AtMostOnce) => model.is_shaky(came),
                (Some(ix), _) => ix > outage.down.ix && model.is_shaky(came),
                (None, _) => true,
            }
    })
}

/// The retained payload when record `ix` happened, and the record that set it.
fn value_at<'h>(changes: &[(usize, &'h Bytes)], ix: usize) -> (Option<&'h Bytes>, Option<usize>) {
    let before = changes.partition_point(|(at, _)| *at < ix);
    match changes[..before].last() {
        Some((at, payload)) => (Some(*payload).filter(|b| !b.is_empty()), Some(*at)),
        None => (None, None),
    }
}

fn sent_retained<'h>(model: &'h Model<'_>) -> impl Iterator<Item = &'h Carried<'h>> {
    model
        .packets
        .iter()
        .filter(|p| p.from == Role::Server && p.retain)
}

/// When each message was last sent as retained, by client.
fn last_sent(model: &Model<'_>) -> BTreeMap<(ClientIx, MessageIx), usize> {
    sent_retained(model)
        .map(|p| ((p.client, p.what), p.ix))
        .collect()
}

fn missing(
    model: &Model<'_>,
    sent: &BTreeMap<(ClientIx, MessageIx), usize>,
    request: &Request<'_>,
    (topic, payload, set_at): (&str, &Bytes, Option<usize>),
    broken: &mut Findings,
) {
    // It may have to wait: for room in the Receive Maximum, for a slow link. After a settle it must be there.
    let limited = model.setting.drops;
    if limited || !model.is_over() || !model.online_at_end(request.client) {
        return;
    }
    // One of QoS 0 may be discarded at any time [MQTT-3.3.1-7] (3.1.1), section 3.3.1.3 (5.0).
    let set = set_at.map(|ix| &model.packets[model.packets.partition_point(|p| p.ix < ix)]);
    if !model.setting.keeps_sessions && set.is_some_and(|p| p.qos == QoS::AtMostOnce) {
        return;
    }
    let connection = &model.connections[request.connection];
    let lasted = connection.closed.map_or(model.end, |(m, _)| m.at);
    let what = model.messages.find(topic, payload);
    let sent = what.and_then(|what| sent.get(&(request.client, what)));
    if sent.is_some_and(|ix| *ix > request.ix) || lasted < request.at + PATIENCE {
        return;
    }
    let mut witness: Vec<usize> = set_at.into_iter().collect();
    witness.push(request.ix);
    broken.push(Finding {
        message: format!(
            "{} subscribed to `{}` and was not sent the retained message {} of `{topic}`",
            model.name(request.client),
            request.filter,
            words::payload(payload)
        ),
        expected: "a new subscription gets the last retained message of each matching topic".into(),
        witness,
        absence: true,
        ..of(model, "retained", MISSING)
    });
}

fn stale(
    model: &Model<'_>,
    values: &Values<'_>,
    allowed: &BTreeMap<(ClientIx, &str), Allowed<'_>>,
    broken: &mut Findings,
) {
    let mut reach = Reach::new(&model.subscriptions);
    for p in sent_retained(model) {
        let seen = model.messages.get(p.what);
        let Some(allowed) = allowed.get(&(p.client, seen.topic.as_str())) else {
            continue;
        };
        if allowed.payloads.contains(&Some(seen.payload)) || broken.full() {
            continue;
        }
        let mut filters = reach.filters(model.session(p.client), seen.topic);
        if filters.any(|f| f.as_published_before(p.client, p.ix)) {
            continue;
        }
        let changes = values.get(seen.topic.as_str());
        // A server that takes its time over a SUBSCRIBE finds what is retained then.
        let since = |at: usize| allowed.since < at && at < p.ix;
        let meanwhile =
            |c: &Vec<(usize, &Bytes)>| c.iter().any(|(at, b)| since(*at) && *b == seen.payload);
        if model.setting.buffers && changes.is_some_and(meanwhile) {
            continue;
        }
        let (_, set_at) = changes.map_or((None, None), |c| value_at(c, p.ix));
        let mut witness: Vec<usize> = set_at.into_iter().collect();
        witness.push(p.ix);
        broken.push(Finding {
            message: format!(
                "{} was sent {} as the retained message of `{}`, which it was no longer",
                model.name(p.client),
                words::payload(seen.payload),
                seen.topic
            ),
            expected: match allowed.last {
                Some(value) => {
                    format!("the last retained message, {}", words::payload(value))
                }
                None => "nothing: the retained message was cleared by an empty one".into(),
            },
            witness,
            ..of(model, "retained", STALE)
        });
    }
}
