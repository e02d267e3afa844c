//! A will is published when a connection ends without a normal DISCONNECT, and only then.
//!
//! Always on is the upper bound: no more wills than ends that call for one. How often and how late a will must come
//! is judged by the `will` expectation, with the observer's help.

use super::{
    Broken, Cite, History, cited,
    history::{Connection, Delivered, Ix},
};
use crate::scenario::model::ClientIx;
use squall_broker::CloseCause;
use squall_protocol::{ReasonCode, packet::Will};

const ONLY_THEN: Cite = (
    &["MQTT-3.1.2-8", "MQTT-3.14.4-3"],
    &["MQTT-3.1.2-8", "MQTT-3.1.2-10", "MQTT-3.14.4-3"],
);

pub(super) fn judge(history: &History<'_>, broken: &mut Vec<Broken>) {
    let mut judged: Vec<&Will> = Vec::new();
    for will in history.connections.iter().filter_map(Connection::will) {
        if judged
            .iter()
            .any(|w| w.topic == will.topic && w.payload == will.payload)
        {
            continue;
        }
        judged.push(will);
        for client in 0..history.plan.clients.len() {
            bound(history, will, client, broken);
        }
    }
}

fn bound(history: &History<'_>, will: &Will, to: ClientIx, broken: &mut Vec<Broken>) {
    let published_too = history
        .published
        .iter()
        .filter(|p| is_will(&p.message.topic, &p.message.payload, will))
        .count();
    let heard: Vec<&Delivered> = deliveries(history, will, to);
    // One copy per subscription that overlaps, and QoS 1 may repeat: only what nothing can explain is a finding.
    let calls: Vec<&Connection> = history
        .connections
        .iter()
        .filter(|c| has_will(c, will) && calls_for_will(c))
        .collect();
    if heard.is_empty() || published_too + calls.len() > 0 {
        return;
    }
    let owner = history.connections.iter().find(|c| has_will(c, will));
    let mut witness: Vec<Ix> = owner
        .iter()
        .filter_map(|c| Some(c.connect.as_ref()?.0))
        .collect();
    witness.extend(owner.iter().filter_map(|c| Some(c.closed.as_ref()?.0)));
    witness.extend(heard.iter().map(|d| d.ix));
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
    });
}

/// Whether a connection has a will with this topic and payload.
fn has_will(connection: &Connection, will: &Will) -> bool {
    connection
        .will()
        .is_some_and(|w| is_will(&w.topic, &w.payload, will))
}

pub(super) fn is_will(topic: &str, payload: &[u8], will: &Will) -> bool {
    *will.topic == *topic && will.payload == payload
}

/// Live deliveries of a will message to one client.
pub(super) fn deliveries<'h>(
    history: &'h History<'_>,
    will: &Will,
    to: ClientIx,
) -> Vec<&'h Delivered> {
    let fits = |d: &&Delivered| {
        d.to == to && !d.message.retain && is_will(&d.message.topic, &d.message.payload, will)
    };
    history.delivered.iter().filter(fits).collect()
}

/// Whether the connection ended in a way after which the will is published.
pub(super) fn calls_for_will(connection: &Connection) -> bool {
    connection.accepted()
        && match &connection.closed {
            None => false,
            Some((_, _, CloseCause::Disconnected(reason))) => {
                *reason != ReasonCode::NORMAL_DISCONNECTION
            }
            Some(_) => true,
        }
}
