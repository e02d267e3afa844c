//! Where a server gives less than was asked for, as it may.

use super::{ClientIx, Connection, Model, Published};
use squall_protocol::{
    QoS, ReasonCode, Role, Time,
    packet::{ConnAck, Connect, Subscribe, Subscription},
};
use std::time::Duration;

/// What a CONNACK gives less of than its CONNECT asks for, whatever is done with it.
pub(super) fn of_connack(ack: &ConnAck) -> Option<String> {
    let refused = || format!("CONNECT was refused with {}", ack.reason);
    ack.reason.is_error().then(refused)
}

/// What a SUBSCRIBE makes use of although the CONNACK said that it is not there.
pub(super) fn of_subscribe(ack: &ConnAck, asked: &Subscribe) -> Option<String> {
    let properties = &ack.properties;
    let filters = || asked.subscriptions.iter().map(|s| s.filter.as_str());
    let missing = [
        (
            properties.wildcard_subscription_available(),
            filters().any(|f| f.contains(['#', '+'])),
            "wildcards",
        ),
        (
            properties.subscription_identifiers_available(),
            asked.properties.subscription_identifiers().next().is_some(),
            "Subscription Identifiers",
        ),
        (
            properties.shared_subscription_available(),
            filters().any(|f| f.starts_with("$share/")),
            "shared subscriptions",
        ),
    ];
    let used = |(available, used, _): &&(Option<u8>, bool, _)| *available == Some(0) && *used;
    let missing = missing.iter().find(used);
    missing.map(|(.., what)| format!("CONNACK offers no {what}"))
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
    /// What CONNACKs limit counts where it made a difference.
    pub(super) fn note_limits(&mut self) {
        let all = (0..self.connections.len()).find_map(|n| self.limit(n));
        if let Some((ix, what)) = all {
            self.note_less(ix, what);
        }
    }

    fn limit(&self, n: usize) -> Option<(usize, String)> {
        let c = &self.connections[n];
        let (asked, (mark, ack)) = (c.connect?.1, c.connack?);
        let what = self
            .unavailable(c, asked, ack)
            .or_else(|| self.shorter_session(n, asked, ack))
            .or_else(|| self.other_keep_alive(c, asked, ack))?;
        Some((
            mark.ix,
            format!("to {}, CONNACK {what}", self.name(c.client)),
        ))
    }

    /// A kind of message that a client had to publish, and may not.
    fn unavailable(&self, c: &Connection<'_>, asked: &Connect, ack: &ConnAck) -> Option<String> {
        let will = asked.will.as_ref();
        let mut own = self.published.iter().filter(|p| p.by == c.client);
        let retained = |p: &Published<'_>| p.message.retain;
        if ack.properties.retain_available() == Some(0)
            && (will.is_some_and(|w| w.retain) || own.clone().any(retained))
        {
            return Some("offers no retained messages".to_owned());
        }
        let most = ack.properties.maximum_qos()?;
        let higher = |qos: QoS| qos.as_u8() > most;
        let used = will.is_some_and(|w| higher(w.qos)) || own.any(|p| higher(p.message.qos));
        used.then(|| format!("offers no QoS above {most}"))
    }

    /// The session was left alone for longer than one of both has it last.
    fn shorter_session(&self, n: usize, asked: &Connect, ack: &ConnAck) -> Option<String> {
        let c = &self.connections[n];
        let expiry = asked.properties.session_expiry_interval().unwrap_or(0);
        let given = ack.properties.session_expiry_interval();
        let given = given.filter(|e| *e != expiry)?;
        let closed = c.closed?.0.at;
        let session = self.session(c.client);
        let mut later = self.connections[n + 1..].iter();
        let back = later.find_map(|l| {
            let again = l.connect.filter(|_| self.session(l.client) == session)?;
            Some(again.0.at)
        });
        let alone = back.unwrap_or(self.end).since(closed);
        let least = Duration::from_secs(expiry.min(given).into());
        (alone >= least).then(|| {
            format!("sets the Session Expiry Interval to {given} s, {expiry} s were asked for")
        })
    }

    /// The client was silent for so long that one of both would have it dropped.
    fn other_keep_alive(
        &self,
        c: &Connection<'_>,
        asked: &Connect,
        ack: &ConnAck,
    ) -> Option<String> {
        let given = ack.properties.server_keep_alive();
        let given = given.filter(|k| *k != asked.keep_alive)?;
        let on = [asked.keep_alive, given].into_iter().filter(|k| *k != 0);
        let allowed = Duration::from_secs(on.min()?.into()) * 3 / 2;
        let silent = c.longest_silence(self.end).map(|(_, silent)| silent);
        let dropped = c.silenced || silent.is_some_and(|silent| silent >= allowed);
        dropped.then(|| match asked.keep_alive {
            0 => format!("sets the Keep Alive to {given} s, none was asked for"),
            asked => format!("sets the Keep Alive to {given} s, {asked} s were asked for"),
        })
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
        // Who need not behave may be ended at any time: whether that was meant is for whoever leads it to say.
        let unruly = self.setting.unruly[self.session(connection.client)];
        let own_accord = by == Role::Server
            && !unruly
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
