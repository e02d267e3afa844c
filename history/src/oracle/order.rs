//! Messages of one publisher, topic and QoS arrive in the order in which they were published.

use super::{Findings, asked_for_retained, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{ClientIx, MessageIx, Model, Reach},
};
use std::collections::{BTreeMap, BTreeSet};

const ORDER: Cite = (&["MQTT-4.6.0-6"], &["MQTT-4.6.0-5"]);

/// First deliveries of what one client published to one topic with one QoS keep the order of publishing.
pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let mut reach = Reach::new(&model.subscriptions);
    // (receiver, publisher, topic, QoS published, QoS delivered) → the latest message first delivered so far.
    let mut latest: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    let mut seen: BTreeSet<(ClientIx, MessageIx)> = BTreeSet::new();
    for d in model.delivered.iter().filter(|d| !d.message.retain) {
        let message = model.messages.get(d.what);
        let &[n] = message.published.as_slice() else {
            continue;
        };
        if !seen.insert((d.to, d.what)) {
            continue;
        }
        // What one member of a share group left behind reaches another late [MQTT-4.6.0-6] (5.0).
        let mut filters = reach.filters(model.session(d.to), message.topic);
        if filters.any(|f| f.filter.is_shared()) {
            continue;
        }
        let p = &model.published[n];
        if asked_for_retained(model, p, model.session(d.to), d.mark.ix) > 0 {
            continue;
        }
        let lane = (
            d.to,
            p.by,
            message.topic.as_str(),
            p.message.qos,
            d.message.qos,
        );
        match latest.get(&lane) {
            Some((newest, ix)) if *newest > n => {
                let overtaken = &model.published[*newest];
                broken.push(Finding {
                    message: format!(
                        "{} received {} after {}, which {} had published later",
                        model.name(d.to),
                        name(model, d.what),
                        name(model, overtaken.what),
                        model.name(p.by)
                    ),
                    expected:
                        "messages of one publisher, topic and QoS arrive in the order of publishing"
                            .into(),
                    witness: vec![p.mark.ix, overtaken.mark.ix, *ix, d.mark.ix],
                    ..of(model, "order", ORDER)
                });
            }
            _ => {
                latest.insert(lane, (n, d.mark.ix));
            }
        }
    }
}
