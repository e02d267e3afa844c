//! Two connections of one Client Identifier are never open together: the newer one makes the server close the older.

use super::{Findings, of};
use crate::{
    finding::{Cite, Finding},
    model::Model,
};

const CLOSED: Cite = (&["MQTT-3.1.4-2"], &["MQTT-3.1.4-3"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    // At a client's end of a connection that was silenced, nobody sees it end.
    if !model.sharp() {
        return;
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
