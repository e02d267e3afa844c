//! From UNSUBSCRIBE on, and after the end of a session, no new messages are added for its subscriptions.
//!
//! A message that was under way may still come; one that was published when the end had been acknowledged may not.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Model, Reach, Subscribed},
};

const NO_NEW: Cite = (&["MQTT-3.10.4-2"], &["MQTT-3.10.4-2"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if model.subscriptions.all.iter().all(|s| s.gone.is_none()) {
        return;
    }
    let mut reach = Reach::new(&model.subscriptions);
    for d in &model.delivered {
        if broken.full() {
            return;
        }
        let seen = model.messages.get(d.what);
        // When a will was published, nobody can say; what was retained comes to a new subscription.
        let (Some(first), true, false) = (
            seen.published.first(),
            seen.wills.is_empty(),
            d.message.retain,
        ) else {
            continue;
        };
        let first = &model.published[*first];
        let session = model.session(d.to);
        let filters: Vec<_> = reach.filters(session, seen.topic).collect();
        // One that was never answered may exist.
        if filters.iter().any(|f| model.subscriptions.is_unsure(f)) {
            continue;
        }
        let all = || filters.iter().flat_map(|f| model.subscriptions.of(f));
        let over = |s: &&Subscribed<'_>| s.gone.is_some_and(|gone| gone < first.mark.ix);
        let lasting = all().any(|s| !over(&s) && s.since < d.mark.ix);
        // Who never had a subscription is told so by another rule.
        let (false, Some(ended)) = (lasting, all().filter(over).last()) else {
            continue;
        };
        let mut witness: Vec<usize> = ended.until.into_iter().chain(ended.gone).collect();
        witness.extend([first.mark.ix, d.mark.ix]);
        broken.push(Finding {
            message: format!(
                "{} received {}, which was published after its subscription to `{}` had ended",
                model.name(d.to),
                name(model, d.what),
                ended.subscription.filter
            ),
            expected: "no new messages for a subscription that has ended".into(),
            witness,
            ..of(model, "unsubscribed", NO_NEW)
        });
    }
}
