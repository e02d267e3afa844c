//! The double itself: inputs with a time in, outputs and one next deadline out.

use super::{
    state::{Connection, ConnectionId, Delivery, End, Message, Session},
    ways::Ways,
};
pub(super) use crate::Output;
use crate::{Decoy, Server, Switch};
use bytes::Bytes;
use squall_protocol::{ReasonCode, Version};
use std::collections::{BTreeMap, BTreeSet};

/// A small broker for 3.1.1 and 5.0, whose faults and oddities can be chosen.
///
/// It is driven as a [`Server`].
#[derive(Debug)]
pub struct Double {
    pub(super) ways: Ways,
    pub(super) now: u64,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) retained: BTreeMap<String, Message>,
    /// Who of a shared subscription was served last, and how often in a row.
    pub(super) turns: BTreeMap<String, (String, u32)>,
    /// Messages of shared subscriptions without members, kept by a fault.
    pub(super) orphans: BTreeMap<String, Vec<Delivery>>,
    /// Shared subscriptions where a member that left has its turn, by a fault.
    pub(super) ghosts: BTreeSet<String>,
    pub(super) later: BTreeMap<(u64, u64), Later>,
    pub(super) waiting_acks: Vec<WaitingAck>,
    /// Numbers whatever needs a number.
    pub(super) counter: u64,
    pub(super) assigned: u64,
    pub(super) out: Vec<Output>,
}

/// Something to be done at a time.
#[derive(Debug)]
pub(super) enum Later {
    Send(ConnectionId, Bytes),
    Flush(ConnectionId),
    AcksReversed(ConnectionId),
    Close(ConnectionId),
    HangUp(ConnectionId),
    Pump(String),
    Publish(Message),
    Forget(String, String),
    Uptime,
}

/// A PUBACK that waits for subscribers.
#[derive(Debug)]
pub(super) struct WaitingAck {
    pub(super) to: ConnectionId,
    pub(super) id: u16,
    pub(super) reason: ReasonCode,
    pub(super) number: u64,
    pub(super) until: u64,
}

/// How long a connection may wait with its CONNECT, in milliseconds.
const CONNECT_TIMEOUT: u64 = 10_000;

impl Double {
    /// A double with these faults; without any it obeys the standard.
    #[must_use]
    pub fn new(switches: impl IntoIterator<Item = Switch>) -> Self {
        Self::with(switches, [])
    }

    /// A double with these faults and oddities.
    #[must_use]
    pub fn with(
        switches: impl IntoIterator<Item = Switch>,
        decoys: impl IntoIterator<Item = Decoy>,
    ) -> Self {
        let mut double = Self {
            ways: Ways::new(switches, decoys),
            now: 0,
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            retained: BTreeMap::new(),
            turns: BTreeMap::new(),
            orphans: BTreeMap::new(),
            ghosts: BTreeSet::new(),
            later: BTreeMap::new(),
            waiting_acks: Vec::new(),
            counter: 0,
            assigned: 0,
            out: Vec::new(),
        };
        if double.odd(Decoy::SystemTopics) {
            double.later(0, Later::Uptime);
        }
        double
    }

    /// Whether the decision that this fault spoils goes wrong.
    pub(super) const fn wrong(&self, switch: Switch) -> bool {
        self.ways.wrong(switch)
    }

    /// Whether this oddity is shown.
    pub(super) const fn odd(&self, decoy: Decoy) -> bool {
        self.ways.odd(decoy)
    }

    pub(super) const fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn later(&mut self, delay: u64, what: Later) {
        let number = self.number();
        self.later.insert((self.now + delay, number), what);
    }

    /// When a connection is closed for its silence.
    fn connection_deadline(&self, _id: ConnectionId, connection: &Connection) -> Option<u64> {
        if connection.deaf {
            return None;
        }
        if connection.session.is_none() {
            let timeout = if self.odd(Decoy::ShortConnectTimeout) {
                1_500
            } else {
                CONNECT_TIMEOUT
            };
            return (!connection.refused && !self.wrong(Switch::ConnectAwaitedForEver))
                .then_some(connection.opened + timeout);
        }
        let idle = self
            .odd(Decoy::IdleClientClosed)
            .then_some(connection.heard + 8_000);
        if connection.keep_alive == 0 || self.wrong(Switch::IgnoreKeepAlive) {
            return idle;
        }
        // [MQTT-3.1.2-24] (3.1.1), [MQTT-3.1.2-22] (5.0)
        let patience = if self.wrong(Switch::KeepAliveTooEarly) {
            connection.keep_alive
        } else {
            connection.keep_alive * 3 / 2
        };
        let silent = connection.heard + patience;
        Some(idle.map_or(silent, |idle| idle.min(silent)))
    }

    /// Does one thing that is due at the present moment.
    fn act(&mut self) {
        let now = self.now;
        if let Some(entry) = self.later.first_entry()
            && entry.key().0 <= now
        {
            let what = entry.remove();
            return self.carry_out(what);
        }
        let silent = self
            .connections
            .iter()
            .find(|(id, c)| self.connection_deadline(**id, c).is_some_and(|t| t <= now))
            .map(|(id, _)| *id);
        if let Some(id) = silent {
            return self.drop_silent(id);
        }
        let will = |s: &Session| s.will_due.is_some_and(|t| t <= now);
        let ended = |s: &Session| s.ends.is_some_and(|t| t <= now);
        let due = self.sessions.iter().find(|(_, s)| will(s) || ended(s));
        if let Some((key, is_will)) = due.map(|(key, s)| (key.clone(), will(s))) {
            if is_will {
                self.publish_will(&key);
            } else {
                self.end_session(&key);
            }
            return self.settle();
        }
        let resend = self
            .sessions
            .iter()
            .find(|(_, s)| self.resend_due(s).is_some_and(|t| t <= now))
            .map(|(key, _)| key.clone());
        if let Some(key) = resend {
            return self.resend_live(&key);
        }
        self.settle();
    }

    fn carry_out(&mut self, what: Later) {
        match what {
            Later::Send(id, bytes) => self.out.push(Output::Send(id, bytes)),
            Later::Close(id) => self.out.push(Output::Close(id)),
            Later::Flush(id) => self.flush(id),
            Later::AcksReversed(id) => self.flush_acks(id),
            Later::HangUp(id) => self.hang_up(id),
            Later::Pump(key) => self.pump(&key),
            Later::Publish(message) => drop(self.route(message)),
            Later::Forget(key, filter) => self.forget(&key, &filter),
            Later::Uptime => self.publish_uptime(),
        }
        self.settle();
    }

    /// A connection that was silent for too long.
    fn drop_silent(&mut self, id: ConnectionId) {
        let connection = &self.connections[&id];
        let is_idle = self.odd(Decoy::IdleClientClosed)
            && connection.heard + 8_000 <= self.now
            && (connection.keep_alive == 0
                || connection.heard + connection.keep_alive * 3 / 2 > self.now);
        if connection.session.is_none() {
            return self.hang_up(id);
        }
        if self.wrong(Switch::KeepAliveWithoutWill) {
            self.remove_will(id);
        }
        let reason = if is_idle {
            ReasonCode::ADMINISTRATIVE_ACTION
        } else {
            ReasonCode::KEEP_ALIVE_TIMEOUT
        };
        self.disconnect(id, reason, "the client was silent for too long");
    }

    pub(super) fn version(&self, id: ConnectionId) -> Version {
        let version = self.connections.get(&id).and_then(|c| c.version);
        version.unwrap_or(Version::V3_1_1)
    }

    /// The session of a connection.
    pub(super) fn session_of(&self, id: ConnectionId) -> Option<String> {
        self.connections.get(&id)?.session.clone()
    }
}

impl Server for Double {
    fn opened(&mut self, now: u64, id: ConnectionId) {
        self.passed(now);
        let connection = Connection {
            opened: now,
            heard: now,
            problem_information: true,
            receive_maximum: u16::MAX,
            ..Connection::default()
        };
        self.connections.insert(id, connection);
    }

    fn received(&mut self, now: u64, id: ConnectionId, bytes: &[u8]) {
        self.passed(now);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.buffer.extend_from_slice(bytes);
            self.read(id);
        }
        self.settle();
    }

    fn closed(&mut self, now: u64, id: ConnectionId) {
        self.passed(now);
        self.end_connection(id, End::Broken);
        self.settle();
    }

    fn passed(&mut self, now: u64) {
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.act();
        }
        self.now = self.now.max(now);
    }

    fn deadline(&self) -> Option<u64> {
        let connections = self
            .connections
            .iter()
            .filter_map(|(id, c)| self.connection_deadline(*id, c));
        let sessions = self
            .sessions
            .values()
            .flat_map(|s| [s.ends, s.will_due, self.resend_due(s)])
            .flatten();
        let acks = self.waiting_acks.iter().map(|ack| ack.until);
        let later = self.later.keys().next().map(|(due, _)| *due);
        connections.chain(sessions).chain(acks).chain(later).min()
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }
}
