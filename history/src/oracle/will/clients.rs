//! What is certain of wills where only the clients' ends are seen.
//!
//! Whether a DISCONNECT arrived is not known there, so a connection that was ended by its client may always have called
//! for its will. One that the server certainly had open after the will came did not; nor did one that the server refused,
//! or whose session was resumed before the Will Delay Interval had passed. A server may end a session before its time, and
//! the will is due then; so a delay is only counted where the session is known to have gone on.

use super::super::{Findings, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, Connection, MessageIx, Model, Reach, SessionIx},
    words,
};
use squall_protocol::Role;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub(super) const ONLY_THEN: Cite = (
    &["MQTT-3.1.2-8", "MQTT-3.14.4-3"],
    &["MQTT-3.1.2-8", "MQTT-3.1.2-10", "MQTT-3.14.4-3"],
);
const DELAYED: Cite = (&[], &["MQTT-3.1.2-8", "MQTT-3.1.3-9"]);
const REMOVED: Cite = (&["MQTT-3.1.2-10"], &["MQTT-3.1.2-10"]);
/// Servers count in whole seconds.
const ROUNDED: Duration = Duration::from_secs(1);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let wills = model.connections.iter().filter_map(Connection::will);
    let mut wills = wills.peekable();
    if model.unknown || wills.peek().is_none() {
        return;
    }
    let mut reach = Reach::new(&model.subscriptions);
    let mut judged = BTreeSet::new();
    for will in wills {
        let what = model.messages.find(&will.topic, &will.payload);
        if let Some(what) = what.filter(|what| judged.insert(*what)) {
            message(model, &mut reach, what, broken);
        }
    }
}

fn message<'h>(
    model: &'h Model<'h>,
    reach: &mut Reach<'h, 'h>,
    what: MessageIx,
    broken: &mut Findings,
) {
    let seen = model.messages.get(what);
    let packets = || seen.packets.iter().map(|n| &model.packets[*n]);
    // A client may publish the very same words itself.
    if !seen.published.is_empty() || packets().any(|p| p.from == Role::Client) || broken.full() {
        return;
    }
    let mut copies: BTreeMap<SessionIx, usize> = BTreeMap::new();
    for sent in packets() {
        let explained: Vec<Doubt> = seen.wills.iter().map(|n| doubt(model, *n, sent)).collect();
        let may = explained.iter().filter(|d| **d == Doubt::MayBe).count();
        if may == 0 {
            return broken.push(uncalled(model, what, &explained, sent));
        }
        if sent.retain || !sent.fresh {
            continue;
        }
        let session = model.session(sent.client);
        let overlap = reach.overlap(session, seen.topic, false);
        let mut filters = reach.filters(session, seen.topic);
        let vague =
            |f: &crate::model::Filter<'_>| f.filter.is_shared() || model.subscriptions.is_unsure(f);
        let count = copies.entry(session).or_default();
        *count += 1;
        if *count > may * overlap.most.max(1) && !overlap.as_published && !filters.any(vague) {
            return broken.push(too_often(model, what, *count, sent));
        }
    }
}

/// Why a connection can have no will out when one came, if it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// It may have.
    MayBe,
    /// It had not begun, or was refused, or was open still.
    NotOver,
    /// Its Will Delay Interval was not over, or was cut short by the session that went on.
    Delayed,
}

fn doubt(model: &Model<'_>, n: usize, sent: &Carried<'_>) -> Doubt {
    let connection = &model.connections[n];
    let Some((asked, connect)) = connection.connect else {
        return Doubt::MayBe;
    };
    let open = connection.certain.open;
    if asked.ix > sent.ix || connection.refused() || open.is_some_and(|open| open.ix > sent.ix) {
        return Doubt::NotOver;
    }
    let will = connect.will.as_ref();
    let delay = will.and_then(|w| w.properties.will_delay_interval());
    // With a DISCONNECT the session may end sooner than it was to.
    let (Some(delay), Some(open), None, true) =
        (delay, open, connection.farewell, model.has_clock())
    else {
        return Doubt::MayBe;
    };
    let Some(resumed) = resumed(model, n) else {
        return Doubt::MayBe;
    };
    // It ended no sooner than this; the session was there until it was resumed.
    let due = open.at + Duration::from_secs(delay.into());
    let early = sent.at + ROUNDED < due;
    let cancelled = resumed.at + ROUNDED < due;
    match early || cancelled {
        true => Doubt::Delayed,
        false => Doubt::MayBe,
    }
}

/// When the session of a connection was resumed by the next one, with all that it had.
fn resumed(model: &Model<'_>, n: usize) -> Option<crate::model::Mark> {
    let connection = &model.connections[n];
    let began = connection.began?;
    let accepted = &model.accepted[model.session(connection.client)];
    let next = accepted.iter().skip_while(|c| **c != n).nth(1)?;
    let next = &model.connections[*next];
    let same = next.began == Some(began) && next.resumed();
    next.answered.map(|a| a.mark).filter(|_| same)
}

fn uncalled(
    model: &Model<'_>,
    what: MessageIx,
    explained: &[Doubt],
    sent: &Carried<'_>,
) -> Finding {
    let seen = model.messages.get(what);
    let owners = seen.wills.iter().map(|n| &model.connections[*n]);
    let owner = owners.clone().next();
    let mut witness: Vec<usize> = owners.filter_map(|c| Some(c.connect?.0.ix)).collect();
    witness.push(sent.ix);
    let client = owner.map_or("?", |c| model.name(c.client));
    let delayed = explained.contains(&Doubt::Delayed);
    Finding {
        message: match delayed {
            true => format!(
                "the will of {client} reached {} before its Will Delay Interval was over, and the session went on",
                model.name(sent.client)
            ),
            false => format!(
                "the will of {client} reached {} although no connection of {client} had ended",
                model.name(sent.client)
            ),
        },
        expected: match delayed {
            true => "the will waits, and does not come when the session is resumed in time".into(),
            false => "a will is published when its connection is over".into(),
        },
        witness,
        ..of(model, "will", if delayed { DELAYED } else { ONLY_THEN })
    }
}

fn too_often(model: &Model<'_>, what: MessageIx, count: usize, sent: &Carried<'_>) -> Finding {
    let seen = model.messages.get(what);
    let owners = seen.wills.iter().map(|n| &model.connections[*n]);
    let client = owners.clone().next().map_or("?", |c| model.name(c.client));
    let mut witness: Vec<usize> = owners.filter_map(|c| Some(c.connect?.0.ix)).collect();
    let to = seen.packets.iter().map(|n| &model.packets[*n]);
    witness.extend(to.filter(|p| p.client == sent.client).map(|p| p.ix));
    Finding {
        message: format!(
            "the will of {client} reached {} {}, more often than connections with it can have ended",
            model.name(sent.client),
            words::times(count)
        ),
        expected: "a will is removed once it has been published".into(),
        witness,
        ..of(model, "will", REMOVED)
    }
}
