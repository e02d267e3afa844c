//! A message whose Message Expiry Interval is over is not sent any more, and one that waited says so.
//!
//! Judged at the server's end, where it is known how long the message was there.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{Carried, Model},
};
use squall_protocol::Role;
use std::collections::BTreeSet;

const DELETED: Cite = (&[], &["MQTT-3.3.2-5"]);
const REDUCED: Cite = (&[], &["MQTT-3.3.2-6"]);

pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    let expires = |p: &Carried| p.expiry.is_some();
    if !model.sharp() || !model.packets.iter().any(expires) {
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
        // Sent again with QoS 1 it is another message, whose time begins anew.
        let arrived = seen
            .packets
            .iter()
            .map(|n| &model.packets[*n])
            .rfind(|p| p.from == Role::Client && p.ix < sent.ix);
        if let (Some(given), Some(arrived)) = (given, arrived) {
            waited(model, given, arrived, sent, broken);
        }
    }
}

fn waited(model: &Model<'_>, given: u32, arrived: &Carried, sent: &Carried, broken: &mut Findings) {
    let waited = sent.at.since(arrived.at);
    let over = waited.saturating_sub(std::time::Duration::from_secs(given.into()));
    let who = model.name(sent.client);
    let what = name(model, sent.what);
    let seconds = waited.as_millis() / 1000;
    let finding = if over > model.setting.slack.max(std::time::Duration::from_secs(1)) {
        Finding {
            message: format!(
                "{who} was sent {what} {seconds} s after it came, its Message Expiry Interval was {given} s"
            ),
            expected: "a message that has expired is deleted".into(),
            ..of(model, "expiry", DELETED)
        }
    } else if let Some(said) = sent.expiry
        && u128::from(said) + seconds
            > u128::from(given) + 1 + model.setting.slack.as_secs() as u128
    {
        Finding {
            message: format!(
                "{who} was sent {what} with Message Expiry Interval {said} s after it had waited {seconds} s of {given} s"
            ),
            expected: "the Message Expiry Interval is reduced by the time the message waited"
                .into(),
            ..of(model, "expiry", REDUCED)
        }
    } else {
        return;
    };
    broken.push(Finding {
        witness: vec![arrived.ix, sent.ix],
        ..finding
    });
}
