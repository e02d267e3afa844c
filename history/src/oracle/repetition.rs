//! Nothing is delivered more often than publishes, subscriptions and visible retransmissions explain.

use super::{Findings, asked_for_retained, guarantee, name, of};
use crate::{
    finding::Finding,
    model::{Delivered, Model, Published, Reach, SessionIx},
    words,
};
use squall_protocol::{QoS, Role};
use std::collections::BTreeMap;

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let mut reach = Reach::new(&model.subscriptions);
    for published in &model.published {
        if broken.full() {
            return;
        }
        upper_bound(model, &mut reach, published, broken);
    }
}

/// No more deliveries than publishes, subscriptions and visible retransmissions explain.
fn upper_bound<'h>(
    model: &'h Model<'h>,
    reach: &mut Reach<'h, 'h>,
    published: &Published<'_>,
    broken: &mut Findings,
) {
    let seen = model.messages.get(published.what);
    // Counted once for all copies; of what is a will too nobody can say how often it may come.
    let first = seen.published.first().map(|n| model.published[*n].mark.ix);
    if seen.delivered.len() < 2 || first != Some(published.mark.ix) || !seen.wills.is_empty() {
        return;
    }
    // Live deliveries, not those of a retained message at subscribe, session by session.
    let all = seen.delivered.iter().map(|n| &model.delivered[*n]);
    let mut live: Vec<(SessionIx, &Delivered<'_>)> = all
        .filter(|d| !d.message.retain)
        .map(|d| (model.session(d.to), d))
        .collect();
    live.sort_by_key(|(session, _)| *session);
    let sessions = || live.chunk_by(|(a, _), (b, _)| a == b);
    if sessions().all(|live| live.len() < 2) {
        return;
    }
    let flows = Flows::of(model, published);
    for live in sessions().filter(|live| live.len() > 1) {
        let session = live[0].0;
        if let Some(b) = too_often(model, reach, published, &flows, session, live) {
            broken.push(b);
        }
    }
}

/// How often the packets of one message were sent again.
struct Flows {
    /// What explains a further delivery to everybody.
    again: usize,
    /// By session of the receiver.
    resent_down: BTreeMap<SessionIx, usize>,
}

impl Flows {
    fn of(model: &Model<'_>, published: &Published<'_>) -> Self {
        let seen = model.messages.get(published.what);
        let (mut resent_up, mut flows) = (0, 0);
        let mut resent_down = BTreeMap::new();
        for p in seen.packets.iter().map(|n| &model.packets[*n]) {
            match p.from {
                Role::Client => {
                    resent_up += usize::from(p.dup);
                    flows += usize::from(p.fresh);
                }
                Role::Server if p.dup => {
                    *resent_down.entry(model.session(p.client)).or_default() += 1;
                }
                Role::Server => {}
            }
        }
        let again = match published.message.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => resent_up,
            // A new flow with the same content: its session was lost in between, so it is another message.
            QoS::ExactlyOnce => flows.saturating_sub(seen.published.len()),
        };
        Self { again, resent_down }
    }
}

fn too_often<'h>(
    model: &'h Model<'h>,
    reach: &mut Reach<'h, 'h>,
    published: &Published<'_>,
    flows: &Flows,
    session: SessionIx,
    live: &[(SessionIx, &Delivered<'_>)],
) -> Option<Finding> {
    let seen = model.messages.get(published.what);
    let by = |n: &usize| model.session(model.published[*n].by);
    let own = seen.published.iter().all(|n| by(n) == session);
    let overlap = reach.overlap(session, seen.topic, own);
    if overlap.as_published {
        return None; // its retained deliveries cannot be told from live ones
    }
    let levels = live.iter().map(|(_, d)| d.message.qos);
    let qos = levels.max().unwrap_or_default();
    // Between two connections it may have gone to another member and come back from there (section 4.8.2).
    let away = !model.sharp() && model.accepted[session].len() > 1;
    if overlap.shared && away && qos == QoS::AtLeastOnce {
        return None;
    }
    let redelivered = match qos {
        QoS::AtLeastOnce => flows.resent_down.get(&session).copied().unwrap_or(0),
        _ => 0,
    };
    let copies = seen.published.len();
    let published_here = seen.published.iter().map(|n| &model.published[*n]);
    let retained: usize = published_here
        .map(|p| asked_for_retained(model, p, session, usize::MAX))
        .sum();
    let bound = overlap.most.max(1) * (copies + flows.again) + redelivered + retained;
    if live.len() <= bound {
        return None;
    }
    let (rule, cite) = guarantee(published.message.qos.min(qos));
    let mut witness: Vec<usize> = vec![published.mark.ix];
    witness.extend(model.packets_of(published.what));
    witness.extend(live.iter().map(|(_, d)| d.mark.ix));
    Some(Finding {
        message: format!(
            "{} reached {} {}",
            name(model, published.what),
            model.name(session),
            words::times(live.len())
        ),
        expected: match bound {
            1 if rule == "exactly once" => {
                "1 delivery, however often packets are sent again".into()
            }
            1 => "1 delivery: nothing was retransmitted that could explain more".into(),
            n => format!("at most {n} deliveries: more are not explained by retransmissions"),
        },
        witness,
        ..of(model, rule, cite)
    })
}
