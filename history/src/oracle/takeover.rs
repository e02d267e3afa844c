//! Two connections of one Client Identifier are never open together: the newer one makes the server close the older.
//!
//! At a client's end nobody sees a connection end whose network fell silent. But where the server answers there what was
//! sent after the newer one was accepted, or sends what was published after that, it had both open.

use super::{Findings, of};
use crate::{
    finding::{Cite, Finding},
    model::Model,
};

const CLOSED: Cite = (&["MQTT-3.1.4-2"], &["MQTT-3.1.4-3"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if !model.sharp() {
        return from_clients(model, broken);
    }
    for (n, newer) in model.connections.iter().enumerate() {
        let Some(answer) = newer.answered.filter(|_| newer.accepted()) else {
            continue;
        };
        let session = model.session(newer.client);
        // The one before it is enough: that one has taken over its own predecessor.
        let mut before = model.connections[..n].iter().rev();
        let older = before.find(|c| model.session(c.client) == session && c.accepted());
        let Some(older) = older.filter(|o| o.answered.is_some_and(|a| a.mark < answer.mark)) else {
            continue;
        };
        let until = older.closed.map_or(model.end, |(m, _)| m.at);
        if until.since(answer.mark.at) <= model.setting.slack {
            continue;
        }
        let mut witness: Vec<usize> = older.connect.iter().map(|(m, _)| m.ix).collect();
        witness.push(answer.mark.ix);
        witness.extend(older.closed.map(|(m, _)| m.ix));
        broken.push(Finding {
            message: format!(
                "{} was accepted, and the older connection of its Client Identifier, of {}, stayed open",
                model.name(newer.client),
                model.name(older.client)
            ),
            expected: "the older connection is closed".into(),
            witness,
            ..of(model, "takeover", CLOSED)
        });
    }
}

/// What the clients' ends show.
fn from_clients(model: &Model<'_>, broken: &mut Findings) {
    if !model.has_clock() {
        return;
    }
    for pair in model.accepted.iter().flat_map(|all| all.windows(2)) {
        let [older, newer] = [&model.connections[pair[0]], &model.connections[pair[1]]];
        let (Some(first), Some((asked, _)), Some(answer), Some(open)) = (
            older.answered,
            newer.connect,
            newer.answered,
            older.certain.open,
        ) else {
            continue;
        };
        // The server had accepted the older one before it saw the CONNECT of the newer one.
        let in_order = first.mark < asked;
        if !in_order || open.at.since(answer.mark.at) <= model.setting.slack {
            continue;
        }
        broken.push(Finding {
            message: format!(
                "{} was accepted, and the server went on with the older connection of its Client Identifier, of {}",
                model.name(newer.client),
                model.name(older.client)
            ),
            expected: "the older connection is closed".into(),
            witness: vec![first.mark.ix, answer.mark.ix, open.ix],
            ..of(model, "takeover", CLOSED)
        });
    }
}
