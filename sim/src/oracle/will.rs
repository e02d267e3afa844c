//! A will is published when a connection ends without a normal DISCONNECT, and only then.
//!
//! Always on is the upper bound: no more wills than ends that call for one. How often and how late a will must come
//! is judged by the `will` expectation, with the observer's help.

use super::{
    Broken, Cite, History, cited,
    findings::Findings,
    history::{Connection, Delivered, Ix, MessageIx},
};
use squall_broker::CloseCause;
use squall_protocol::ReasonCode;
use squall_scenarios::model::ClientIx;
use std::collections::{BTreeMap, BTreeSet};

const ONLY_THEN: Cite = (
    &["MQTT-3.1.2-8", "MQTT-3.14.4-3"],
    &["MQTT-3.1.2-8", "MQTT-3.1.2-10", "MQTT-3.14.4-3"],
);

pub(super) fn judge(history: &History<'_>, broken: &mut Findings) {
    let wills = history.connections.iter().filter_map(Connection::will);
    let mut judged = BTreeSet::new();
    for will in wills {
        let what = history.messages.find(&will.topic, &will.payload);
        if let Some(what) = what.filter(|what| judged.insert(*what)) {
            bound(history, what, broken);
        }
    }
}

fn bound(history: &History<'_>, what: MessageIx, broken: &mut Findings) {
    let seen = history.messages.get(what);
    // One copy per subscription that overlaps, and QoS 1 may repeat: only what nothing can explain is a finding.
    let mut of = seen.wills.iter().map(|n| &history.connections[*n]);
    if !seen.published.is_empty() || of.any(calls_for_will) {
        return;
    }
    let mut heard: BTreeMap<ClientIx, Vec<Ix>> = BTreeMap::new();
    for d in deliveries(history, what) {
        heard.entry(d.to).or_default().push(d.ix);
    }
    let owner = seen.wills.iter().min().map(|n| &history.connections[*n]);
    for (to, heard) in heard {
        let mut witness: Vec<Ix> = owner.iter().filter_map(|c| Some(c.connect?.0)).collect();
        witness.extend(owner.iter().filter_map(|c| Some(c.closed.as_ref()?.0)));
        witness.extend(heard);
        let of = owner.map_or("?", |c| history.name(c.client));
        broken.push(Broken {
            rule: "will",
            statements: cited(history.version, ONLY_THEN),
            message: format!(
                "the will of {of} reached {} although {of} never ended without DISCONNECT",
                history.name(to)
            ),
            expected: "a will is deleted, unpublished, when the client says DISCONNECT".into(),
            source: None,
            witness,
            absence: false,
        });
    }
}

/// Live deliveries of a will message.
pub(super) fn deliveries<'h>(
    history: &'h History<'_>,
    what: MessageIx,
) -> impl Iterator<Item = &'h Delivered<'h>> {
    let all = history.messages.get(what).delivered.iter();
    all.map(|n| &history.delivered[*n])
        .filter(|d| !d.message.retain)
}

/// Whether the connection ended in a way after which the will is published.
pub(super) fn calls_for_will(connection: &Connection<'_>) -> bool {
    connection.accepted()
        && match &connection.closed {
            None => false,
            Some((_, _, CloseCause::Disconnected(reason))) => {
                *reason != ReasonCode::NORMAL_DISCONNECTION
            }
            Some(_) => true,
        }
}
