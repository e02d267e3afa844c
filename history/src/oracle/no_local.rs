//! A subscription with No Local brings nothing that its own client published.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, Model, Reach, SessionIx, Subscribed},
};
use squall_protocol::Role;

const NO_LOCAL: Cite = (&[], &["MQTT-3.8.3-3"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let asks = |s: &Subscribed<'_>| s.subscription.no_local;
    if model.unknown || !model.subscriptions.all.iter().any(asks) {
        return;
    }
    let mut reach = Reach::new(&model.subscriptions);
    // Of a retained message, which comes because of the subscription itself, nothing is said.
    let live = |p: &&Carried<'_>| p.from == Role::Server && !p.retain;
    for sent in model.packets.iter().filter(live) {
        if broken.full() {
            return;
        }
        let session = model.session(sent.client);
        let Some(published) = published_by_itself(model, session, sent) else {
            continue;
        };
        let topic = model.messages.get(sent.what).topic;
        let mut filters = reach.filters(session, topic).peekable();
        // One without No Local, now or ever, may have brought it, and so may one that was never answered.
        let bars = |f: &crate::model::Filter<'_>| {
            !model.subscriptions.is_unsure(f)
                && (model.subscriptions.of(f)).all(|s| s.subscription.no_local)
        };
        if filters.peek().is_none() || !filters.all(bars) {
            continue;
        }
        broken.push(Finding {
            message: format!(
                "{} was sent {}, which it had published itself",
                model.name(sent.client),
                name(model, sent.what)
            ),
            expected: "its subscription has No Local: its own messages do not come back".into(),
            witness: vec![published, sent.ix],
            ..of(model, "no local", NO_LOCAL)
        });
    }
}

/// The first PUBLISH of the message, where only clients of this session can have published it.
fn published_by_itself(model: &Model<'_>, session: SessionIx, sent: &Carried<'_>) -> Option<usize> {
    let seen = model.messages.get(sent.what);
    let packets = seen.packets.iter().map(|n| &model.packets[*n]);
    let mut came = packets.filter(|p| p.from == Role::Client && p.ix < sent.ix);
    let mut handed = seen.published.iter().map(|n| &model.published[*n]);
    let first = came.next()?;
    let own = model.session(first.client) == session
        && came.all(|p| model.session(p.client) == session)
        && handed.all(|p| model.session(p.by) == session);
    (own && seen.wills.is_empty()).then_some(first.ix)
}
