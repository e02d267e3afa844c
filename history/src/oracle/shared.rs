//! Each message goes to one session of a shared subscription.
//!
//! What was sent to a member with QoS 2 stays with it. Any other message may go to another member once the connection of
//! the first one is over. Where only the clients' ends are seen, it is not over where the server answered there what was
//! sent after the other member had the message.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, MessageIx, Model, Reach, Subscribed},
};
use squall_protocol::{QoS, Role};
use std::collections::BTreeMap;

const ONE: Cite = (&[], &["X-5.0-shared-1"]);
const STAYS: Cite = (&[], &["MQTT-4.8.2-4", "MQTT-4.8.2-5"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let any = |s: &Subscribed<'_>| s.subscription.filter.is_shared();
    if model.unknown || !model.subscriptions.all.iter().any(any) {
        return;
    }
    let mut reach = Reach::new(&model.subscriptions);
    for what in 0..model.messages.len() {
        let seen = model.messages.get(what);
        // Of a message that came once and is nobody's will, each group gets one. Sent again with QoS 1 it is another.
        let packets = seen.packets.iter().map(|n| &model.packets[*n]);
        let came = packets.filter(|p| p.from == Role::Client && p.fresh);
        if came.count() == 1 && seen.published.len() == 1 && seen.wills.is_empty() {
            message(model, &mut reach, what, broken);
        }
        if broken.full() {
            return;
        }
    }
}

/// First sendings of a message to members of a group that have no other subscription for it.
fn message<'h>(
    model: &'h Model<'h>,
    reach: &mut Reach<'h, 'h>,
    what: MessageIx,
    broken: &mut Findings,
) {
    let seen = model.messages.get(what);
    // By group (its whole filter): who was sent it, in order.
    let mut groups: BTreeMap<&str, Vec<&Carried<'_>>> = BTreeMap::new();
    let packets = seen.packets.iter().map(|n| &model.packets[*n]);
    for sent in packets.filter(|p| p.from == Role::Server && !p.retain) {
        let mut filters = reach.filters(model.session(sent.client), seen.topic);
        let (Some(only), None) = (filters.next(), filters.next()) else {
            continue;
        };
        if only.filter.is_shared() {
            let group = groups.entry(only.filter.as_str()).or_default();
            if group.iter().all(|g| g.client != sent.client) {
                group.push(sent);
            }
        }
    }
    for (group, sent) in groups {
        for pair in sent.windows(2) {
            let [first, second] = [pair[0], pair[1]];
            if model.session(first.client) == model.session(second.client) {
                continue;
            }
            let moved = may_move(model, first, second);
            if !moved {
                broken.push(twice(model, group, what, first, second));
            }
        }
    }
}

/// Whether a message may go on to another member: its QoS is not 2, and the connection on which it was sent first is over.
fn may_move(model: &Model<'_>, first: &Carried<'_>, second: &Carried<'_>) -> bool {
    if model.sharp() {
        return first.qos != QoS::ExactlyOnce && ended_between(model, first, second);
    }
    // Which of them was sent it first is not known.
    let from = |one: &Carried<'_>, other: &Carried<'_>| {
        let open = model.connections[one.connection].certain.open;
        one.qos != QoS::ExactlyOnce && open.is_none_or(|open| open.ix < other.ix)
    };
    from(first, second) || from(second, first)
}

/// The end counts from when the server hears of it: in that very moment it may move what it has, and close afterwards.
fn ended_between(model: &Model<'_>, first: &Carried<'_>, second: &Carried<'_>) -> bool {
    let mut ends = model.connections_of(first.client).filter_map(|c| c.closed);
    ends.any(|(mark, _)| first.ix < mark.ix && mark.at <= second.at + model.setting.slack)
}

fn twice(
    model: &Model<'_>,
    group: &str,
    what: MessageIx,
    first: &Carried<'_>,
    second: &Carried<'_>,
) -> Finding {
    let (name, one, other) = (
        name(model, what),
        model.name(first.client),
        model.name(second.client),
    );
    let cite = match first.qos {
        QoS::ExactlyOnce => STAYS,
        _ => ONE,
    };
    Finding {
        message: format!("{name} was sent to {one} and to {other}, both of `{group}`"),
        expected: match first.qos {
            QoS::ExactlyOnce => "a QoS 2 message that was begun with a member stays with it".into(),
            _ => "each message goes to one member of a shared subscription".into(),
        },
        witness: vec![first.ix, second.ix],
        ..of(model, "shared subscription", cite)
    }
}
