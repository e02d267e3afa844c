//! Where a server gives less than was asked for, as it may.

use super::{ClientIx, Model};
use squall_protocol::{
    QoS, ReasonCode, Role, Time,
    packet::{ConnAck, Connect, Subscription},
};
use std::time::Duration;

/// What a CONNACK gives less of than its CONNECT asks for, or offers not at all.
pub(super) fn of_connack(connect: Option<&Connect>, ack: &ConnAck) -> Option<String> {
    let asked = connect?;
    if ack.reason.is_error() {
        return Some(format!("CONNECT was refused with {}", ack.reason));
    }
    let properties = &ack.properties;
    let missing = [
        (properties.retain_available(), "retained messages"),
        (properties.wildcard_subscription_available(), "wildcards"),
        (
            properties.subscription_identifiers_available(),
            "Subscription Identifiers",
        ),
        (
            properties.shared_subscription_available(),
            "shared subscriptions",
        ),
    ];
    if let Some((_, what)) = missing.iter().find(|(available, _)| *available == Some(0)) {
        return Some(format!("CONNACK offers no {what}"));
    }
    if let Some(most) = properties.maximum_qos() {
        return Some(format!("CONNACK offers no QoS above {most}"));
    }
    let expiry = asked.properties.session_expiry_interval().unwrap_or(0);
    if let Some(given) = properties
        .session_expiry_interval()
        .filter(|e| *e != expiry)
    {
        return Some(format!(
            "CONNACK sets the Session Expiry Interval to {given} s, {expiry} s were asked for"
        ));
    }
    let keep_alive = asked.keep_alive;
    let given = properties.server_keep_alive();
    // Where none was asked for, it depends on how long the connection lasts.
    if let Some(given) = given.filter(|k| *k != keep_alive && keep_alive != 0) {
        return Some(format!(
            "CONNACK sets the Keep Alive to {given} s, {keep_alive} s were asked for"
        ));
    }
    None
}

/// What a SUBACK gives less of than was asked for.
pub(super) fn of_suback(asked: &Subscription, reason: ReasonCode) -> Option<String> {
    match QoS::from_bits(reason.0) {
        Some(granted) if granted < asked.qos => Some(format!(
            "SUBACK grants `{}` with QoS {granted}, {} was asked for",
            asked.filter, asked.qos
        )),
        Some(_) => None,
        None => Some(format!("SUBACK refuses `{}` with {reason}", asked.filter)),
    }
}

impl Model<'_> {
    /// A server may set a Keep Alive where none was asked for. That is less only for who is silent for so long.
    pub(super) fn note_keep_alive(&mut self) {
        let silenced = self.connections.iter().find_map(|c| {
            let (asked, answered) = (c.connect?.1, c.answered?);
            let until = c.closed.map_or(self.end, |(mark, _)| mark.at);
            let allowed = Duration::from_secs(c.keep_alive.into()) * 3 / 2;
            let matters = asked.keep_alive == 0 && c.keep_alive != 0;
            let (name, given) = (self.name(c.client), c.keep_alive);
            (matters && until.since(answered.mark.at) >= allowed).then(|| {
                let what = format!(
                    "to {name}, CONNACK sets the Keep Alive to {given} s, none was asked for"
                );
                (answered.mark.ix, what)
            })
        });
        if let Some((ix, what)) = silenced {
            self.note_less(ix, what);
        }
    }

    pub(super) fn note_less(&mut self, ix: usize, what: String) {
        self.less.get_or_insert((ix, what));
    }

    /// A connection is over. A server may end one whenever it likes; whether it had to is what shows here.
    pub(super) fn note_close(&mut self, n: usize) {
        let connection = &self.connections[n];
        let Some((mark, by)) = connection.closed else {
            return;
        };
        let own_accord = by == Role::Server
            && connection.accepted()
            && connection.farewell.is_none()
            && !self.silent_for_too_long(n, mark.at)
            && !self.taken_over(n);
        if own_accord {
            let name = self.name(connection.client);
            self.note_less(mark.ix, format!("the connection of {name} was ended"));
        }
    }

    fn silent_for_too_long(&self, n: usize, now: Time) -> bool {
        let connection = &self.connections[n];
        let limit = u128::from(connection.keep_alive) * 1500;
        let silent = connection.heard.map_or(0, |m| now.since(m.at).as_millis());
        limit > 0 && silent >= limit
    }

    /// Whether somebody else has the session now, or asks for it.
    fn taken_over(&self, n: usize) -> bool {
        let session = |c: ClientIx| self.session(c);
        let own = session(self.connections[n].client);
        let later = self.connections[n + 1..].iter();
        let mut rivals = later.filter(|c| session(c.client) == own);
        rivals.any(|c| c.connect.is_some() && c.closed.is_none())
    }
}
