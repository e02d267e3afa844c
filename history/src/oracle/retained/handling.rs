//! A request brings each topic's retained message once, and only where its Retain Handling says so; and with Retain As
//! Published messages keep their RETAIN flag.

use super::super::{Findings, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, Model, Request, SessionIx},
    words,
};
use squall_protocol::Role;
use std::collections::BTreeMap;

const ASKED_FOR: Cite = (
    &["MQTT-3.3.1-9"],
    &["MQTT-3.3.1-10", "MQTT-3.3.1-11", "MQTT-3.3.1-12"],
);
const AS_PUBLISHED: Cite = (&[], &["MQTT-3.3.1-13"]);
const SHARED: Cite = (&[], &["X-5.0-subscribe-2"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let asked = model.asked();
    // By session, the connection it began with, and topic: how many retained messages it was sent.
    let mut sent: BTreeMap<(SessionIx, usize, &str), usize> = BTreeMap::new();
    for p in brought(model) {
        let session = model.session(p.client);
        let Some(began) = model.connections[p.connection].began else {
            continue;
        };
        let topic = model.messages.get(p.what).topic.as_str();
        let requests = requests(model, &asked[session], began, p);
        if broken.full() || requests.iter().any(|r| r.as_published) {
            continue;
        }
        let count = sent.entry((session, began, topic)).or_default();
        *count += 1;
        let bring = requests.iter().filter(|r| r.may_bring_retained).count();
        // The first one too many is enough.
        if *count != bring + 1 {
            continue;
        }
        let shared = !requests.is_empty() && requests.iter().all(|r| r.filter.is_shared());
        let mut witness: Vec<usize> = requests.iter().map(|r| r.ix).collect();
        witness.push(p.ix);
        broken.push(Finding {
            message: format!(
                "{} was sent a message with RETAIN 1 on `{topic}` {}",
                model.name(p.client),
                words::times(*count)
            ),
            expected: match bring {
                0 => "none of its subscriptions brings a retained message".into(),
                n => format!(
                    "its subscriptions bring the retained message {}",
                    words::times(n)
                ),
            },
            witness,
            ..of(model, "retained", if shared { SHARED } else { ASKED_FOR })
        });
    }
}

/// Messages that were published with RETAIN 1 and come with RETAIN 0, where every subscription for them has Retain As
/// Published.
pub(super) fn flags(model: &Model<'_>, broken: &mut Findings) {
    if model.unknown || !model.requests.iter().any(|r| r.as_published) {
        return;
    }
    let asked = model.asked();
    let plain = |p: &&Carried<'_>| p.from == Role::Server && !p.retain && p.fresh;
    for p in model.packets.iter().filter(plain) {
        let Some(began) = model.connections[p.connection].began else {
            continue;
        };
        let requests = requests(model, &asked[model.session(p.client)], began, p);
        let seen = model.messages.get(p.what);
        let packets = seen.packets.iter().map(|n| &model.packets[*n]);
        let mut came = packets.filter(|p| p.from == Role::Client).peekable();
        let Some(first) = came.peek().map(|p| p.ix) else {
            continue;
        };
        let retained = came.all(|p| p.retain) && seen.wills.is_empty();
        let all = !requests.is_empty() && requests.iter().all(|r| r.as_published);
        if !retained || !all || broken.full() {
            continue;
        }
        let mut witness: Vec<usize> = requests.iter().map(|r| r.ix).collect();
        witness.extend([first, p.ix]);
        broken.push(Finding {
            message: format!(
                "{} was sent a message on `{}` with RETAIN 0 that was published with RETAIN 1",
                model.name(p.client),
                seen.topic
            ),
            expected: "RETAIN as published: that is what its subscription asks for".into(),
            witness,
            ..of(model, "retained", AS_PUBLISHED)
        });
    }
}

/// What was sent as retained, for the first time.
pub(super) fn brought<'h>(model: &'h Model<'h>) -> impl Iterator<Item = &'h Carried<'h>> {
    let brought = |p: &&Carried<'_>| p.from == Role::Server && p.retain && p.fresh;
    let own = |p: &&Carried<'_>| !model.messages.get(p.what).topic.starts_with('$');
    let known = !model.unknown;
    let packets = model.packets.iter().filter(move |_| known);
    packets.filter(brought).filter(own)
}

/// The requests before a message that may have to do with it: of its session, so far as that is known, and topic.
pub(super) fn requests<'h>(
    model: &Model<'_>,
    asked: &[&'h Request<'h>],
    began: usize,
    sent: &Carried<'_>,
) -> Vec<&'h Request<'h>> {
    let topic = model.messages.get(sent.what).topic;
    let before = &asked[..asked.partition_point(|r| r.ix < sent.ix)];
    let fits =
        |r: &&&Request<'_>| model.may_have_session(r.connection, began) && r.filter.matches(topic);
    before.iter().filter(fits).copied().collect()
}
