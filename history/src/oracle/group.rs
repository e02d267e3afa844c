//! What the server took responsibility for reaches a member of each shared subscription that lasted, once all has settled.
//!
//! Judged are groups whose members all stayed: what was begun with one that has left may be gone with it
//! [MQTT-4.8.2-5], and so may what somebody has refused who need not behave [MQTT-4.8.2-6].

use super::{Findings, guarantee, name, of};
use crate::{
    finding::{Cite, Finding, cited},
    model::{MessageIx, Model, Outcome, Published, SessionIx, Subscribed},
    words,
};
use squall_protocol::QoS;
use std::collections::BTreeMap;

const TAKEN_OVER: Cite = (&[], &["MQTT-4.5.0-1", "X-5.0-shared-1"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let groups = lasting(model);
    if groups.is_empty() || !model.is_over() || model.setting.drops || model.unknown {
        return;
    }
    let mut delivered: BTreeMap<(MessageIx, SessionIx), usize> = BTreeMap::new();
    for d in &model.delivered {
        let reached = delivered.entry((d.what, model.session(d.to))).or_default();
        *reached += 1;
    }
    let mut completed = vec![0; model.messages.len()];
    for p in model.published.iter().filter(|p| p.completed()) {
        completed[p.what] += 1;
    }
    for published in model.published.iter().filter(|p| is_due(p)) {
        let seen = model.messages.get(published.what);
        let wanted = seen.published.len().min(completed[published.what]);
        for (filter, members) in &groups {
            let there = |s: &&Subscribed<'_>| published.arrived.is_some_and(|at| s.surely < at);
            let matches = members[0].subscription.filter.matches(seen.topic);
            if broken.full() || !matches || !members.iter().any(there) {
                continue;
            }
            let reached = |s: &&Subscribed<'_>| {
                let to = (published.what, model.session(s.client));
                delivered.get(&to).copied().unwrap_or(0)
            };
            let all = members.iter().map(reached).sum();
            if all < wanted {
                broken.push(too_seldom(model, published, filter, all));
            }
        }
    }
}

/// The groups whose members all stayed to the end, at QoS 1 or 2, by their whole filters: one subscription of each
/// member.
fn lasting<'m>(model: &'m Model<'_>) -> BTreeMap<&'m str, Vec<&'m Subscribed<'m>>> {
    let mut groups: BTreeMap<&str, Vec<&Subscribed<'_>>> = BTreeMap::new();
    let all = model.subscriptions.all.iter();
    for s in all.filter(|s| s.subscription.filter.is_shared()) {
        let group = groups.entry(s.subscription.filter.as_str()).or_default();
        group.push(s);
    }
    let lasts = |s: &&Subscribed<'_>| {
        s.until.is_none() && s.granted != QoS::AtMostOnce && model.online_at_end(s.client)
    };
    groups.retain(|_, members| {
        let filter = &members[0].subscription.filter;
        members.iter().all(lasts) && !model.subscriptions.is_unsure_anywhere(filter)
    });
    groups
}

/// A message that the server took over, and may not lose.
fn is_due(published: &Published<'_>) -> bool {
    let properties = &published.message.properties;
    published.completed()
        && published.message.qos != QoS::AtMostOnce
        && properties.message_expiry_interval().is_none()
}

fn too_seldom(model: &Model<'_>, published: &Published<'_>, group: &str, all: usize) -> Finding {
    let (rule, cite) = guarantee(published.message.qos);
    let mut witness = vec![published.mark.ix];
    witness.extend(model.packets_of(published.what));
    if let Outcome::Acknowledged(ix) = published.outcome {
        witness.push(ix);
    }
    Finding {
        statements: cited(model.setting.version, TAKEN_OVER),
        message: format!(
            "{} was acknowledged to {} and {} reached a member of `{group}`",
            name(model, published.what),
            model.name(published.by),
            words::times(all)
        ),
        expected: "the members of the group are connected and have not left it, so one of them gets the message"
            .into(),
        witness,
        absence: true,
        ..of(model, rule, cite)
    }
}
