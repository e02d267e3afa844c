//! Every delivery goes back to a publish or a will, at the QoS the standard says.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Model, Reach},
};
use squall_protocol::QoS;

const UNCHANGED: Cite = (
    &["MQTT-3.3.2-3", "MQTT-3.8.4-6"],
    &["MQTT-3.3.2-3", "MQTT-3.8.4-8"],
);

/// Every delivery goes back to a publish or a will, at the QoS the standard says.
pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let mut reach = Reach::new(&model.subscriptions);
    let origins = Origin::all(model);
    for d in model.delivered.iter() {
        if broken.full() {
            return;
        }
        // Topics with `$` are a stranger's own: what it publishes there, nobody else has to (section 4.7.2).
        let topic = model.messages.get(d.what).topic;
        if model.setting.buffers && topic.starts_with('$') {
            continue;
        }
        let sent = origins[d.what].sent_before(d.mark.ix);
        if sent.clone().next().is_none() {
            broken.push(Finding {
                message: format!(
                    "{} received {}, which nobody had published",
                    model.name(d.to),
                    name(model, d.what)
                ),
                expected:
                    "every delivered message was published before, with this topic and payload"
                        .into(),
                witness: vec![d.mark.ix],
                ..of(model, "no invention", UNCHANGED)
            });
            continue;
        }
        // The QoS of a delivery is the lower of the publish's and the subscription's.
        let mut granted = reach
            .filters(model.session(d.to), topic)
            .flat_map(|f| f.granted_before(d.mark.ix));
        let fits = granted.any(|g| sent.clone().any(|q| d.message.qos == q.min(g)));
        if !fits {
            broken.push(Finding {
                message: format!(
                    "{} received {} with QoS {}",
                    model.name(d.to),
                    name(model, d.what),
                    d.message.qos
                ),
                expected: "a subscription matches, and the QoS is the lower of the publish's and the granted one"
                    .into(),
                witness: vec![d.mark.ix],
                ..of(model, "no invention", UNCHANGED)
            });
        }
    }
}

/// Where deliveries of one message can come from.
#[derive(Clone, Copy, Default)]
struct Origin {
    /// First publish of each QoS.
    published: [Option<usize>; 3],
    /// Whether it is somebody's will, by QoS.
    will: [bool; 3],
}

impl Origin {
    /// By message.
    fn all(model: &Model<'_>) -> Vec<Self> {
        let mut origins = vec![Self::default(); model.messages.len()];
        for p in &model.published {
            let first = &mut origins[p.what].published[usize::from(p.message.qos.as_u8())];
            first.get_or_insert(p.mark.ix);
        }
        for (what, origin) in origins.iter_mut().enumerate() {
            for &n in &model.messages.get(what).wills {
                if let Some(will) = model.connections[n].will() {
                    origin.will[usize::from(will.qos.as_u8())] = true;
                }
            }
        }
        origins
    }

    /// QoS levels with which it was published before a record, or is a will.
    fn sent_before(self, ix: usize) -> impl Iterator<Item = QoS> + Clone {
        let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        levels.into_iter().filter(move |qos| {
            let n = usize::from(qos.as_u8());
            self.will[n] || self.published[n].is_some_and(|first| first < ix)
        })
    }
}
