//! A message whose Message Expiry Interval is over is not sent any more, and one that waited says so.
//!
//! At the server's end it is known how long a message was there. From the clients' ends there are bounds: it was there
//! for longer than from its acknowledgement to the last thing that the server must have known when it sent it, and for
//! less long than from its sending to its arrival.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, Model, Published},
};
use squall_protocol::{Role, Time};
use std::{collections::BTreeSet, time::Duration};

const DELETED: Cite = (&[], &["MQTT-3.3.2-5"]);
const REDUCED: Cite = (&[], &["MQTT-3.3.2-6"]);
/// Whole seconds may be cut off or rounded, when the message comes and when it goes.
const ROUNDED: Duration = Duration::from_secs(1);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let expires = |p: &Carried<'_>| p.expiry().is_some();
    if !model.has_clock() || !model.packets.iter().any(expires) {
        return;
    }
    // Messages that were begun for a session: those may be finished, whatever the time.
    let mut begun = BTreeSet::new();
    for sent in model.packets.iter().filter(|p| p.from == Role::Server) {
        if broken.full() {
            return;
        }
        let first = begun.insert((model.session(sent.client), sent.what));
        let seen = model.messages.get(sent.what);
        let (&[n], true, true) = (seen.published.as_slice(), seen.wills.is_empty(), first) else {
            continue;
        };
        let published = &model.published[n];
        let given = published.message.properties.message_expiry_interval();
        if let Some(given) = given
            && let Some(waited) = Waited::of(model, published, sent)
        {
            judge_one(model, given, &waited, sent, broken);
        }
    }
}

/// How long a message waited in the server.
struct Waited {
    least: Duration,
    most: Duration,
    /// The record that shows that it was there.
    there: usize,
}

impl Waited {
    fn of(model: &Model<'_>, published: &Published<'_>, sent: &Carried<'_>) -> Option<Self> {
        let seen = model.messages.get(published.what);
        let packets = seen.packets.iter().map(|n| &model.packets[*n]);
        let mut came = packets.filter(|p| p.from == Role::Client && p.ix < sent.ix);
        let first = came.next()?;
        // Sent again with QoS 1 it is another message, whose time begins anew.
        let last = came.next_back().unwrap_or(first);
        let from_to = |from: Time, to: Time| to.since(from);
        if model.sharp() {
            return Some(Self {
                // It may count the time in which it was not there, or not.
                least: from_to(last.at, sent.at).saturating_sub(model.time_down(last.at, sent.at)),
                most: from_to(first.at, sent.at),
                there: last.ix,
            });
        }
        // What is sent again was begun on an older connection, whether or not that shows.
        if sent.dup || model.unknown {
            return None;
        }
        let taken = model.bounds(first).taken.filter(|_| first.ix == last.ix);
        let least = match (taken, model.bounds(sent).after) {
            (Some(taken), Some(after)) if taken < after => from_to(taken.at, after.at),
            _ => Duration::ZERO,
        };
        Some(Self {
            least,
            most: from_to(published.mark.at, sent.at),
            there: taken.map_or(first.ix, |t| t.ix),
        })
    }
}

fn judge_one(
    model: &Model<'_>,
    given: u32,
    waited: &Waited,
    sent: &Carried<'_>,
    broken: &mut Findings,
) {
    let slack = model.setting.slack;
    let interval = Duration::from_secs(given.into());
    let said = sent.expiry().map(|s| Duration::from_secs(s.into()));
    let who = model.name(sent.client);
    let what = name(model, sent.what);
    let seconds = |waited: Duration| waited.as_millis() / 1000;
    let finding = if waited.least.saturating_sub(interval) > slack.max(ROUNDED) {
        Finding {
            message: format!(
                "{who} was sent {what} {} s after it came, its Message Expiry Interval was {given} s",
                seconds(waited.least)
            ),
            expected: "a message that has expired is deleted".into(),
            ..of(model, "expiry", DELETED)
        }
    } else if let Some(said) = said
        && said.as_secs() as u128 + seconds(waited.least)
            > u128::from(given) + 1 + slack.as_secs() as u128
    {
        Finding {
            message: format!(
                "{who} was sent {what} with Message Expiry Interval {} s after it had waited {} s of {given} s",
                said.as_secs(),
                seconds(waited.least)
            ),
            expected: "the Message Expiry Interval is reduced by the time the message waited"
                .into(),
            ..of(model, "expiry", REDUCED)
        }
    } else if let Some(said) = said
        && said + waited.most + 2 * ROUNDED < interval
    {
        Finding {
            message: format!(
                "{who} was sent {what} with Message Expiry Interval {} s, and it cannot have waited longer than {} s of {given} s",
                said.as_secs(),
                seconds(waited.most)
            ),
            expected: "the Message Expiry Interval is reduced by the time the message waited, and by no more"
                .into(),
            ..of(model, "expiry", REDUCED)
        }
    } else {
        return;
    };
    broken.push(Finding {
        witness: vec![waited.there, sent.ix],
        ..finding
    });
}
