//! What the server took responsibility for reaches every subscription that lasted, once all has settled.

use super::{Findings, guarantee, name, of};
use crate::{
    finding::{Cite, Finding, cited},
    model::{ClientIx, Levels, MessageIx, Model, Outcome, Published, SessionIx},
    words,
};
use squall_protocol::QoS;
use std::collections::BTreeMap;

const STATE_KEPT: Cite = (
    &["MQTT-4.5.0-1", "MQTT-3.1.2-5"],
    &["MQTT-4.5.0-1", "MQTT-3.1.2-23"],
);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if !model.is_over() || model.setting.drops {
        return;
    }
    let due = Due::of(model);
    for published in &model.published {
        if broken.full() {
            return;
        }
        due.lower_bound(model, published, broken);
    }
}

/// What must have arrived in the end.
struct Due<'h> {
    /// Subscriptions that lasted, of clients that are connected at the end, at QoS 1 or 2.
    lasting: Levels<'h>,
    /// Message and session of each delivery, sorted.
    delivered: Vec<(MessageIx, SessionIx)>,
    /// By message: publishes the broker took responsibility for.
    completed: Vec<usize>,
}

impl<'h> Due<'h> {
    fn of(model: &'h Model<'h>) -> Self {
        let mut due = Self {
            lasting: Levels::default(),
            delivered: Vec::new(),
            completed: vec![0; model.messages.len()],
        };
        for (n, s) in model.subscriptions.all.iter().enumerate() {
            let lasting = s.until.is_none()
                && s.granted != QoS::AtMostOnce
                && s.subscription.filter.share_name().is_none()
                && model.online_at_end(s.client);
            if lasting {
                due.lasting.insert(&s.subscription.filter, n);
            }
        }
        let all = model.delivered.iter();
        due.delivered = all.map(|d| (d.what, model.session(d.to))).collect();
        due.delivered.sort_unstable();
        for p in model.published.iter().filter(|p| p.completed()) {
            due.completed[p.what] += 1;
        }
        due
    }

    fn reached(&self, what: MessageIx, session: SessionIx) -> usize {
        let wanted = (what, session);
        let from = self.delivered.partition_point(|d| *d < wanted);
        self.delivered[from..].partition_point(|d| *d <= wanted)
    }

    /// What the broker took responsibility for reaches every subscription that lasted, once the story has settled.
    fn lower_bound(&self, model: &Model<'_>, published: &Published<'_>, broken: &mut Findings) {
        let properties = &published.message.properties;
        let (true, true, None, Some(arrived)) = (
            published.completed(),
            published.message.qos != QoS::AtMostOnce,
            properties.message_expiry_interval(),
            published.arrived,
        ) else {
            return;
        };
        let by = model.session(published.by);
        let mut best: BTreeMap<ClientIx, QoS> = BTreeMap::new();
        for n in self.lasting.matching(published.message.topic) {
            let s = &model.subscriptions.all[n];
            let own = s.subscription.no_local && model.session(s.client) == by;
            if s.surely < arrived && !own {
                let qos = s.granted.min(published.message.qos);
                let best = best.entry(s.client).or_insert(qos);
                *best = qos.max(*best);
            }
        }
        let seen = model.messages.get(published.what);
        let wanted = seen.published.len().min(self.completed[published.what]);
        for (to, best) in best {
            let all = self.reached(published.what, model.session(to));
            if all < wanted {
                broken.push(too_seldom(model, published, to, best, all));
            }
        }
    }
}

fn too_seldom(
    model: &Model<'_>,
    published: &Published<'_>,
    to: ClientIx,
    best: QoS,
    all: usize,
) -> Finding {
    let (rule, cite) = guarantee(best.max(QoS::AtLeastOnce));
    let mut statements = cited(model.setting.version, cite);
    statements.extend(cited(model.setting.version, STATE_KEPT));
    let mut witness = vec![published.mark.ix];
    witness.extend(model.packets_of(published.what));
    if let Outcome::Acknowledged(ix) = published.outcome {
        witness.push(ix);
    }
    let times = words::times(all);
    Finding {
        statements,
        message: format!(
            "{} was acknowledged to {} and {times} reached {}",
            name(model, published.what),
            model.name(published.by),
            model.name(to)
        ),
        expected: format!(
            "{} has a subscription that lasted and is connected, so it gets the message",
            model.name(to)
        ),
        witness,
        absence: true,
        ..of(model, rule, cite)
    }
}
