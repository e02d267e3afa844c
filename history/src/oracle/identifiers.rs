//! A message carries the Subscription Identifiers of the subscriptions that brought it, and no other.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, Connection, MessageIx, Model, Request, SessionIx},
};
use squall_protocol::{QoS, Role, Version};
use std::collections::{BTreeMap, BTreeSet};

const OWN: Cite = (&[], &["X-5.0-subid-2", "X-5.0-subid-6"]);
const MISSING: Cite = (&[], &["MQTT-3.3.4-3"]);
const ALL: Cite = (&[], &["MQTT-3.3.4-4", "MQTT-3.3.4-5"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let asks = |r: &Request<'_>| r.id.is_some();
    let says = |p: &Carried<'_>| p.properties.subscription_identifiers().next().is_some();
    let any = || model.requests.iter().any(asks) || model.packets.iter().any(says);
    if model.setting.version == Version::V3_1_1 || model.unknown || !any() {
        return;
    }
    // A server that has said that it knows none may close the connection of who sends one, or overlook it (section 4.13.1).
    let without = |c: &Connection<'_>| {
        let ack = c.connack.map(|(_, ack)| &ack.properties);
        ack.is_some_and(|p| p.subscription_identifiers_available() == Some(0))
    };
    if model.connections.iter().any(without) {
        return;
    }
    let asked = model.asked();
    let mut said: BTreeMap<(SessionIx, MessageIx), Vec<&Carried<'_>>> = BTreeMap::new();
    for sent in model.packets.iter().filter(|p| p.from == Role::Server) {
        if broken.full() {
            return;
        }
        let session = model.session(sent.client);
        said.entry((session, sent.what)).or_default().push(sent);
        // What is sent again says what it said before.
        let began = model.connections[sent.connection].began;
        if let Some(began) = began.filter(|_| sent.fresh) {
            let origin = Origin::of(model, &asked[session], began, sent);
            one(model, &origin, sent, broken);
        }
    }
    for sent in said.values() {
        together(model, &asked, sent, broken);
    }
}

/// The requests that may have brought a message.
struct Origin<'h> {
    requests: Vec<&'h Request<'h>>,
}

impl<'h> Origin<'h> {
    fn of(model: &Model<'_>, asked: &[&'h Request<'h>], began: usize, sent: &Carried<'_>) -> Self {
        let seen = model.messages.get(sent.what);
        let packets = seen.packets.iter().map(|n| &model.packets[*n]);
        // It was published later than this; of a will nobody can say when.
        let came = packets.filter(|p| p.from == Role::Client).map(|p| p.ix);
        let handed = seen.published.iter().map(|n| model.published[*n].mark.ix);
        let from = came.chain(handed).min().unwrap_or(0);
        let from = if seen.wills.is_empty() { from } else { 0 };
        let fits = |r: &&&Request<'_>| {
            r.ix < sent.ix
                && model.may_have_session(r.connection, began)
                && r.filter.matches(seen.topic)
        };
        let all: Vec<_> = asked.iter().filter(fits).copied().collect();
        // What is retained was there before, and comes because of a request.
        let brings = |r: &&&Request<'_>| match sent.retain {
            true if r.may_bring_retained => true,
            true if !r.as_published => false,
            _ => !is_over(model, &all, r, from),
        };
        let requests = all.iter().filter(brings).copied().collect();
        Self { requests }
    }
}

/// Whether a request counted no more when a message came: it had certainly been replaced, or unsubscribed.
fn is_over(model: &Model<'_>, all: &[&Request<'_>], one: &Request<'_>, from: usize) -> bool {
    let later = |r: &&&Request<'_>| r.ix > one.ix && r.filter == one.filter;
    let mut replaced = all.iter().filter(later);
    let subscription = one.subscription.map(|n| &model.subscriptions.all[n]);
    replaced.any(|r| r.answered.is_some_and(|ix| ix < from))
        || subscription.is_some_and(|s| s.gone.is_some_and(|gone| gone < from))
}

/// What a single packet says.
fn one(model: &Model<'_>, origin: &Origin<'_>, sent: &Carried<'_>, broken: &mut Findings) {
    if origin.requests.is_empty() {
        return; // another rule asks why it came at all
    }
    let who = model.name(sent.client);
    let what = name(model, sent.what);
    let mut own = origin.requests.iter().map(|r| r.id);
    let mut said = sent.properties.subscription_identifiers();
    let foreign = said.find(|id| own.clone().all(|own| own != Some(*id)));
    let none = sent.properties.subscription_identifiers().next().is_none();
    let finding = if let Some(id) = foreign {
        Finding {
            message: format!(
                "{who} was sent {what} with Subscription Identifier {id}, which none of its subscriptions for it has"
            ),
            expected: "the identifiers of the subscriptions that brought it".into(),
            ..of(model, "subscription identifiers", OWN)
        }
    } else if none && own.all(|own| own.is_some()) {
        Finding {
            message: format!("{who} was sent {what} without a Subscription Identifier"),
            expected: "every subscription that can have brought it has one, so it is sent".into(),
            ..of(model, "subscription identifiers", MISSING)
        }
    } else {
        return;
    };
    let mut witness: Vec<usize> = origin.requests.iter().map(|r| r.ix).collect();
    witness.push(sent.ix);
    broken.push(Finding { witness, ..finding });
}

/// Once all has settled, each identifier came with one copy or another.
fn together(
    model: &Model<'_>,
    asked: &[Vec<&Request<'_>>],
    sent: &[&Carried<'_>],
    broken: &mut Findings,
) {
    let [first, ..] = sent else { return };
    let seen = model.messages.get(first.what);
    let packets = seen.packets.iter().map(|n| &model.packets[*n]);
    let mut came = packets.filter(|p| p.from == Role::Client);
    let (Some(from), None, true) = (came.next(), came.next(), seen.wills.is_empty()) else {
        return;
    };
    let counts = from.qos != QoS::AtMostOnce
        && model.is_over()
        && !model.setting.drops
        && from.expiry().is_none()
        && model.online_at_end(first.client)
        && !broken.full();
    if !counts {
        return;
    }
    let session = model.session(first.client);
    let lasting = |r: &&&Request<'_>| {
        let subscription = r.subscription.map(|n| &model.subscriptions.all[n]);
        r.granted != QoS::AtMostOnce
            && r.answered.is_some_and(|ix| ix < from.ix)
            && !r.filter.is_shared()
            && r.filter.matches(seen.topic)
            && subscription.is_some_and(|s| s.until.is_none() && !s.subscription.no_local)
    };
    let due: BTreeSet<u32> = asked[session]
        .iter()
        .filter(lasting)
        .filter_map(|r| r.id)
        .collect();
    let said: BTreeSet<u32> = sent
        .iter()
        .flat_map(|p| p.properties.subscription_identifiers())
        .collect();
    let Some(missing) = due.difference(&said).next() else {
        return;
    };
    let mut witness = vec![from.ix];
    witness.extend(sent.iter().map(|p| p.ix));
    broken.push(Finding {
        message: format!(
            "{} was sent {}, and no copy has Subscription Identifier {missing}",
            model.name(first.client),
            name(model, first.what)
        ),
        expected:
            "one copy has the identifiers of all subscriptions, or each has a copy with its own"
                .into(),
        witness,
        absence: true,
        ..of(model, "subscription identifiers", ALL)
    });
}
