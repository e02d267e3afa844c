//! What is certain of retained messages where only the clients' ends are seen.
//!
//! A retained message is in force from some moment between its first PUBLISH and its acknowledgement on. One that was not
//! acknowledged may come into force at any time, and so may one that was sent again. So a message is certainly displaced
//! where another one was begun after its acknowledgement, and was acknowledged itself before the SUBSCRIBE.
//!
//! A PINGRESP proves nothing of a message of QoS 0 that was sent before it: no statement says in which order a server gets
//! to them.

use super::{
    super::{Findings, of},
    handling::{brought, requests},
    terms::{MISSING, PATIENCE, STALE, matching},
};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, ClientIx, Connection, Mark, MessageIx, Model, Request, SessionIx},
    words,
};
use squall_protocol::{QoS, Role, Version};
use std::collections::{BTreeMap, BTreeSet};

const FLAG: Cite = (&["MQTT-3.3.1-8"], &["X-5.0-retain-1"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if model.unknown {
        return;
    }
    let asked = model.asked();
    let values = Values::of(model);
    stale(model, &asked, &values, broken);
    unmarked(model, &asked, broken);
    missing(model, &values, broken);
}

/// A message that was published to be retained.
struct Kept {
    what: MessageIx,
    by: ClientIx,
    qos: QoS,
    expires: bool,
    /// It was not in force before this record.
    from: usize,
    /// When it certainly was, or had been.
    taken: Option<Mark>,
}

/// What was published to be retained, by topic.
struct Values<'h> {
    by_topic: BTreeMap<&'h str, Vec<Kept>>,
    /// Topics of wills to be retained: when those come, nobody can say.
    of_wills: BTreeSet<&'h str>,
}

impl<'h> Values<'h> {
    fn of(model: &'h Model<'_>) -> Self {
        let mut by_topic: BTreeMap<&str, Vec<Kept>> = BTreeMap::new();
        let retained = |p: &&Carried<'_>| p.from == Role::Client && p.retain;
        for p in model.packets.iter().filter(retained) {
            let seen = model.messages.get(p.what);
            let handed = seen.published.first().map(|n| model.published[*n].mark.ix);
            by_topic.entry(seen.topic.as_str()).or_default().push(Kept {
                what: p.what,
                by: p.client,
                qos: p.qos,
                expires: p.expiry().is_some(),
                from: handed.map_or(p.ix, |ix| ix.min(p.ix)),
                taken: model.bounds(p).taken.filter(|_| is_only(model, p.what)),
            });
        }
        let wills = model.connections.iter().filter_map(Connection::will);
        let retained = wills.filter(|w| w.retain).map(|w| w.topic.as_str());
        Self {
            by_topic,
            of_wills: retained.collect(),
        }
    }

    /// Whether a message was certainly displaced before a request was made.
    fn displaced(&self, model: &Model<'_>, what: MessageIx, request: &Request<'_>) -> bool {
        let seen = model.messages.get(what);
        let Some(all) = self.by_topic.get(seen.topic.as_str()) else {
            return false;
        };
        let own = || all.iter().filter(|k| k.what == what);
        let last = own().map(|k| k.taken.map(|t| t.ix)).max().flatten();
        let certain = own().all(|k| k.taken.is_some()) && seen.wills.is_empty();
        let Some(last) = last.filter(|_| certain) else {
            return false;
        };
        // In 3.1.1 what is not authorised is acknowledged too [MQTT-3.3.5-2]; who was obeyed before is.
        let obeyed = |by: ClientIx| model.speaks(by) == Version::V5_0 || own().all(|k| k.by == by);
        all.iter().any(|k| {
            k.what != what
                && k.from > last
                && k.taken.is_some_and(|t| t.ix < request.ix)
                && obeyed(k.by)
        })
    }
}

/// Whether a message was sent to the server only once.
fn is_only(model: &Model<'_>, what: MessageIx) -> bool {
    let seen = model.messages.get(what);
    let packets = seen.packets.iter().map(|n| &model.packets[*n]);
    packets.filter(|p| p.from == Role::Client).count() == 1
}

/// Retained messages that were retained no longer: each request brings one, of those that it can have found.
fn stale(
    model: &Model<'_>,
    asked: &[Vec<&Request<'_>>],
    values: &Values<'_>,
    broken: &mut Findings,
) {
    let mut sent: BTreeMap<(SessionIx, usize, MessageIx), usize> = BTreeMap::new();
    for p in brought(model) {
        let session = model.session(p.client);
        let Some(began) = model.connections[p.connection].began else {
            continue;
        };
        let requests = requests(model, &asked[session], began, p);
        if broken.full() || requests.iter().any(|r| r.as_published) {
            continue;
        }
        let count = sent.entry((session, began, p.what)).or_default();
        *count += 1;
        let bring: Vec<_> = requests.iter().filter(|r| r.may_bring_retained).collect();
        let found = |r: &&&&Request<'_>| !values.displaced(model, p.what, r);
        // More than there were requests is another rule's.
        let fits = bring.iter().filter(found).count();
        if *count != fits + 1 || *count > bring.len() {
            continue;
        }
        let seen = model.messages.get(p.what);
        let mut witness: Vec<usize> = bring.iter().map(|r| r.ix).collect();
        witness.push(p.ix);
        broken.push(Finding {
            message: format!(
                "{} was sent {} as the retained message of `{}`, which it was no longer",
                model.name(p.client),
                words::payload(seen.payload),
                seen.topic
            ),
            expected:
                "a newer message, or an empty one, had been acknowledged before SUBSCRIBE was sent"
                    .into(),
            witness,
            ..of(model, "retained", STALE)
        });
    }
}

/// Retained messages with RETAIN 0: acknowledged so long before the first SUBSCRIBE that they cannot be live ones.
fn unmarked(model: &Model<'_>, asked: &[Vec<&Request<'_>>], broken: &mut Findings) {
    if !model.has_clock() {
        return;
    }
    let plain = |p: &&Carried<'_>| p.from == Role::Server && !p.retain && p.fresh;
    for p in model.packets.iter().filter(plain) {
        let seen = model.messages.get(p.what);
        let mut came = seen.packets.iter().map(|n| &model.packets[*n]);
        let Some(kept) = came.find(|p| p.from == Role::Client && p.retain) else {
            continue;
        };
        let certain = seen.wills.is_empty() && is_only(model, p.what);
        let (Some(taken), Some(began)) = (
            model.bounds(kept).taken.filter(|_| certain),
            model.connections[p.connection].began,
        ) else {
            continue;
        };
        let requests = requests(model, &asked[model.session(p.client)], began, p);
        // What waits for members of a shared subscription is live for the next one too.
        let late = |r: &&Request<'_>| {
            !r.filter.is_shared() && r.asked_at.since(taken.at) > model.setting.slack
        };
        if broken.full() || requests.is_empty() || !requests.iter().all(late) {
            continue;
        }
        broken.push(Finding {
            message: format!(
                "{} was sent {}, retained on `{}` since long before it subscribed, with RETAIN 0",
                model.name(p.client),
                words::payload(seen.payload),
                seen.topic
            ),
            expected: "a message that comes because of a new subscription has RETAIN 1".into(),
            witness: vec![kept.ix, taken.ix, requests[0].ix, p.ix],
            ..of(model, "retained", FLAG)
        });
    }
}

/// Retained messages that never came, to who had time to get them.
fn missing(model: &Model<'_>, values: &Values<'_>, broken: &mut Findings) {
    if !model.is_over() || model.setting.drops {
        return;
    }
    let mut last: BTreeMap<(SessionIx, MessageIx), usize> = BTreeMap::new();
    for p in model.packets.iter().filter(|p| p.from == Role::Server) {
        last.insert((model.session(p.client), p.what), p.ix);
    }
    for request in model.requests.iter().filter(|r| r.wants_retained) {
        if broken.full() || !can_wait(model, request) {
            continue;
        }
        for (topic, kept) in matching(&values.by_topic, request.filter) {
            let Some(due) = due(model, kept, request) else {
                continue;
            };
            let session = model.session(request.client);
            let came = last.get(&(session, due.what));
            let unsure = values.of_wills.contains(topic) || topic.starts_with('$');
            if unsure || came.is_some_and(|ix| *ix > request.ix) {
                continue;
            }
            let payload = model.messages.get(due.what).payload;
            broken.push(Finding {
                message: format!(
                    "{} subscribed to `{}` and was not sent the retained message {} of `{topic}`",
                    model.name(request.client),
                    request.filter,
                    words::payload(payload)
                ),
                expected:
                    "a new subscription gets the last retained message of each matching topic"
                        .into(),
                witness: vec![due.from, request.ix],
                absence: true,
                ..of(model, "retained", MISSING)
            });
        }
    }
}

/// Whether whoever asked was there to the end, and takes what there is.
fn can_wait(model: &Model<'_>, request: &Request<'_>) -> bool {
    let connection = &model.connections[request.connection];
    let small = |c: &Connection<'_>| {
        c.connect
            .is_none_or(|(_, c)| c.properties.maximum_packet_size().is_some())
    };
    let ended = |n: usize| model.subscriptions.all[n].until.is_some();
    request.granted != QoS::AtMostOnce
        && connection.closed.is_none()
        && !small(connection)
        && !request.subscription.is_none_or(ended)
        && model.online_at_end(request.client)
        && model.end >= request.at + PATIENCE
}

/// The message that is certainly retained when a request is made, and stays so.
fn due<'v>(model: &Model<'_>, kept: &'v [Kept], request: &Request<'_>) -> Option<&'v Kept> {
    let due = kept.iter().max_by_key(|k| k.from)?;
    let taken = due.taken?;
    let others = kept.iter().filter(|k| k.from != due.from);
    let displaced = |k: &Kept| k.taken.is_some_and(|t| t.ix < due.from);
    let seen = model.messages.get(due.what);
    // One of QoS 0 may be discarded at any time. In 3.1.1 what is not authorised is acknowledged too [MQTT-3.3.5-2].
    let stays = due.qos != QoS::AtMostOnce && !due.expires && !seen.payload.is_empty();
    let mut packets = seen.packets.iter().map(|n| &model.packets[*n]);
    let obeyed = model.speaks(due.by) == Version::V5_0 || packets.any(|p| p.from == Role::Server);
    let certain = taken.ix < request.ix && others.into_iter().all(displaced);
    (certain && stays && obeyed).then_some(due)
}
