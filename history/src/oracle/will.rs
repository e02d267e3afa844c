//! A will is published when a connection ends without a normal DISCONNECT, and only then.
//!
//! This is the upper bound: no will where nothing called for one. At the server's end it is known whether a DISCONNECT
//! arrived; [`clients`] has what is certain without. How often and how late a will must come is for whoever asked for it
//! to say.

mod clients;

use super::{Findings, of};
use crate::{
    finding::Finding,
    model::{ClientIx, Connection, Delivered, MessageIx, Model},
};
use clients::ONLY_THEN;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if !model.sharp() {
        return clients::judge(model, broken);
    }
    let wills = model.connections.iter().filter_map(Connection::will);
    let mut judged = BTreeSet::new();
    for will in wills {
        let what = model.messages.find(&will.topic, &will.payload);
        if let Some(what) = what.filter(|what| judged.insert(*what)) {
            bound(model, what, broken);
        }
    }
}

fn bound(model: &Model<'_>, what: MessageIx, broken: &mut Findings) {
    let seen = model.messages.get(what);
    // One copy per subscription that overlaps, and QoS 1 may repeat: only what nothing can explain is a finding.
    let mut of_will = seen.wills.iter().map(|n| &model.connections[*n]);
    if !seen.published.is_empty() || of_will.any(Connection::calls_for_will) {
        return;
    }
    let mut heard: BTreeMap<ClientIx, Vec<usize>> = BTreeMap::new();
    for d in deliveries(model, what) {
        heard.entry(d.to).or_default().push(d.mark.ix);
    }
    let owner = seen.wills.iter().min().map(|n| &model.connections[*n]);
    for (to, heard) in heard {
        let mut witness: Vec<usize> = owner.iter().filter_map(|c| Some(c.connect?.0.ix)).collect();
        witness.extend(owner.iter().filter_map(|c| Some(c.closed?.0.ix)));
        witness.extend(heard);
        let client = owner.map_or("?", |c| model.name(c.client));
        broken.push(Finding {
            message: format!(
                "the will of {client} reached {} although {client} never ended without DISCONNECT",
                model.name(to)
            ),
            expected: "a will is deleted, unpublished, when the client says DISCONNECT".into(),
            witness,
            ..of(model, "will", ONLY_THEN)
        });
    }
}

/// Live deliveries of a will message.
fn deliveries<'h>(
    model: &'h Model<'_>,
    what: MessageIx,
) -> impl Iterator<Item = &'h Delivered<'h>> {
    let all = model.messages.get(what).delivered.iter();
    all.map(|n| &model.delivered[*n])
        .filter(|d| !d.message.retain)
}
