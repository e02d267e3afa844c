//! The broker as a state machine: bytes, ends of connections and time in; packets, closings, events and one deadline
//! out. No socket, clock, task or random number; every map is ordered.
//!
//! * `connect` CONNECT and its answers; `admit` who may come in, `exchange` how some prove
//!   who they are; `rights` what they may do; `close` every way a connection ends
//! * `publish` messages from clients; `deliver` messages to clients, `share` to
//!   one of many; `subscribe` who gets what
//! * `room` what a transport takes, and what waits until it takes more
//! * `connection`, `session`, `sessions`, `queue`, `subscriptions`, `retained`, `will`, `message`, `deadlines` the state
//!   they work on
//! * `ledger` what of it counts against which limit of [`Config`]; `owned` copies of what is kept
//! * `record` the steps of a session that outlives the broker, each written down in `journal` with a value of `saved`;
//!   `restore` a broker made of such rows

mod admit;
mod alias;
mod close;
mod connect;
mod connection;
mod deadlines;
mod deliver;
mod event;
mod exchange;
mod fault;
mod guide;
mod journal;
mod ledger;
mod message;
mod owned;
mod publish;
mod queue;
mod record;
mod restore;
mod retained;
mod rights;
mod room;
mod saved;
mod send;
mod session;
mod sessions;
mod share;
mod subscribe;
mod subscriptions;
#[cfg(test)]
mod tests;
mod why;
mod will;

pub use event::{CloseCause, ConnId, Counters, Event, Output};
pub use fault::ProtocolError;
pub use restore::DamagedRow;

use crate::config::Config;
use bytes::BytesMut;
use connection::{Client, Connection, Connections};
use deadlines::{Deadlines, Timer};
use event::Observing;
use journal::Journal;
use ledger::Ledger;
use retained::Retained;
use session::SessionId;
use sessions::Sessions;
use squall_protocol::{Frame, Packet, ReasonCode, Time, topic::TopicFilter};
use squall_transport::Hangup;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use subscriptions::Subscriptions;

/// The broker.
///
/// Hand it what happens with one of the `handle_*` functions; then take everything out of [`Self::poll_event`] and
/// [`Self::poll_output`], and look at [`Self::poll_timeout`]. Time never runs backwards from call to call.
#[derive(Debug)]
pub struct Broker {
    config: Config,
    conns: Connections,
    sessions: Sessions,
    next_assigned: u64,
    subscriptions: Subscriptions,
    retained: Retained,
    deadlines: Deadlines,
    outputs: VecDeque<Output>,
    observing: Observing,
    events: VecDeque<Event>,
    counters: Counters,
    /// Bytes of all messages that are kept.
    messages: Ledger,
    /// Bytes of all sessions beside their messages.
    states: Ledger,
    /// Bytes of the unfinished packets of all connections.
    unfinished: usize,
    /// Members for whom messages of shared subscriptions may wait.
    waiting_shares: BTreeMap<TopicFilter, BTreeSet<SessionId>>,
    /// Exchanges of AUTH that were ever begun.
    exchanges: u64,
    /// Connections whose CONNECT waits to be verified.
    verifying: usize,
    /// Set by [`Self::handle_shutdown`].
    shut_down: bool,
    /// What is to outlive the broker; off where nothing is.
    journal: Journal,
}

/// Connections beyond the limit that are heard until their CONNECT was refused, at least.
const SPARE: usize = 16;

impl Broker {
    /// A broker without clients, sessions and retained messages.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let maximum_packet_size = config.maximum_packet_size.max(1);
        let largest = usize::try_from(maximum_packet_size).unwrap_or(usize::MAX);
        let config = Config {
            receive_maximum: config.receive_maximum.max(1),
            maximum_packet_size,
            // One packet that may come can always be finished.
            max_unfinished_bytes: config.max_unfinished_bytes.max(largest),
            ..config
        };
        Self {
            config,
            conns: Connections::default(),
            sessions: Sessions::default(),
            next_assigned: 0,
            subscriptions: Subscriptions::new(),
            retained: Retained::default(),
            deadlines: Deadlines::default(),
            outputs: VecDeque::new(),
            observing: Observing::Nothing,
            events: VecDeque::new(),
            counters: Counters::default(),
            messages: Ledger::default(),
            states: Ledger::default(),
            unfinished: 0,
            waiting_shares: BTreeMap::new(),
            exchanges: 0,
            verifying: 0,
            shut_down: false,
            journal: Journal::default(),
        }
    }

    /// Turns [`Self::poll_event`] on or off. Off, as at first, nothing is queued.
    pub fn observe(&mut self, on: bool) {
        self.observing = match on {
            true => Observing::Everything,
            false => Observing::Nothing,
        };
    }

    /// Turns it on for connections alone: their beginnings, ends and violations, CONNECT and CONNACK. It costs little, however
    /// much is said on them.
    pub fn follow(&mut self) {
        self.observing = Observing::Connections;
    }

    /// The settings, with values that make no sense corrected.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What had to be given up so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// A transport was opened. `conn` must be new.
    ///
    /// # Panics
    /// When `conn` is still open: the driver has mixed up its connections.
    pub fn handle_open(&mut self, now: Time, conn: ConnId) {
        let (open, limit) = (self.conns.len(), self.config.max_connections);
        let surplus = open >= limit;
        let mut connection = Connection::new(self.config.maximum_packet_size, surplus);
        // [X-3.1.1-connect-1], [X-5.0-connect-3]
        if !self.config.connect_timeout.is_zero() {
            let at = now + self.config.connect_timeout;
            connection.deadline = Some(at);
            self.deadlines.set(at, Timer::Connect(conn));
        }
        let before = self.conns.insert(conn, Box::new(connection));
        assert!(before.is_none(), "connection {conn} was opened twice");
        self.event(|| Event::Opened { conn });
        if self.shut_down {
            self.end(now, conn, CloseCause::ServerShutdown);
        } else if open >= limit.saturating_add((limit / 4).max(SPARE)) {
            self.end(now, conn, CloseCause::Refused(ReasonCode::SERVER_BUSY));
        }
    }

    /// Bytes arrived, in any portions. Ignored when the connection is over.
    pub fn handle_bytes(&mut self, now: Time, conn: ConnId, bytes: &[u8]) {
        let Some(connection) = self.conns.get_mut(&conn) else {
            return;
        };
        connection.push(bytes);
        self.read(now, conn);
    }

    /// Takes the packets that are there.
    fn read(&mut self, now: Time, conn: ConnId) {
        // A packet can end the connection: what stands behind it is ignored [MQTT-3.1.4-5] (3.1.1), [MQTT-3.1.4-6].
        while let Some(connection) = self.conns.get_mut(&conn) {
            if connection
                .early
                .as_ref()
                .is_some_and(|early| early.is_asked())
            {
                return self.count_early(now, conn);
            }
            match connection.decoder.next_frame() {
                Ok(None) => return self.count_unfinished(now, conn),
                Ok(Some(frame)) => self.handle_frame(now, conn, frame),
                Err(violation) => self.handle_violation(now, conn, violation),
            }
        }
    }

    /// Makes room if too many bytes of packets wait for their ends: the connection that has most of them goes, the
    /// oldest of equal ones.
    fn count_unfinished(&mut self, now: Time, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            let bytes = connection.waiting();
            if connection.decoder.buffered() == 0 {
                // The room that was made for what has come is not kept: most clients are silent for long.
                *connection.decoder.read_buf() = BytesMut::new();
            }
            self.unfinished = self.unfinished - connection.unfinished + bytes;
            connection.unfinished = bytes;
        }
        while self.unfinished > self.config.max_unfinished_bytes {
            let mut most = (0, None);
            for (conn, connection) in self.conns.iter() {
                if connection.unfinished > most.0 {
                    most = (connection.unfinished, Some(*conn));
                }
            }
            let Some(conn) = most.1 else { return };
            let error = ProtocolError::QuotaExceeded;
            let cause = CloseCause::ProtocolError(error);
            self.disconnect(now, conn, error.reason(), &error.to_string(), cause);
        }
    }

    /// The broker is stopped: every connection is closed, in 5.0 with DISCONNECT 0x8B (or what
    /// [`Config::redirect_at_shutdown`] says), and so is every one that is
    /// opened from now on. Nothing else happens any more. Wills are not published: the standard lets a server that
    /// is shut down defer them until it is started again [X-3.1.1-will-2], [X-5.0-will-2], there would be nobody left to hear
    /// them. A broker that was [restored](Self::restored) has left them among its rows, and the next one publishes them.
    pub fn handle_shutdown(&mut self, _now: Time) {
        self.shut_down = true;
        self.deadlines = Deadlines::default();
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in conns {
            self.say_goodbye(conn);
            self.conns.remove(&conn);
            self.outputs.push_back(Output::Close { conn });
            let cause = CloseCause::ServerShutdown;
            self.event(|| Event::Closed { conn, cause });
        }
        (self.unfinished, self.verifying) = (0, 0);
    }

    /// The transport ended. Ignored when the connection is over already.
    pub fn handle_closed(&mut self, now: Time, conn: ConnId, how: Hangup) {
        if self.conns.contains_key(&conn) {
            self.end(now, conn, CloseCause::Peer(how));
        }
    }

    /// Does all that is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.deadlines.pop(now) {
            match timer {
                Timer::Connect(conn) => self.end(now, conn, CloseCause::ConnectTimeout),
                Timer::KeepAlive(conn) => self.keep_alive_timeout(now, conn),
                Timer::Will(session) => self.will_is_due(now, session),
                Timer::SessionEnd(session) => self.end_session(now, session),
                Timer::Retained(topic) => {
                    // [X-5.0-retain-3]
                    self.forget_retained(&topic);
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] has something to do next, in whole milliseconds.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// The next thing to do for the driver.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn handle_frame(&mut self, now: Time, conn: ConnId, frame: Frame) {
        if self.observing.includes(&frame.packet) {
            let frame = match self.config.security.is_said() {
                true => admit::without_password(&frame),
                false => frame.clone(),
            };
            self.events.push_back(Event::Received { conn, frame });
        }
        self.heard(now, conn);
        if self.conns.get(&conn).is_some_and(|c| c.early.is_some()) {
            let done = self.handle_early(now, conn, frame.packet);
            return self.settle(now, conn, done);
        }
        let done = match (frame.packet, self.conns.client(conn)) {
            (Packet::Connect(connect), None) => self.handle_connect(now, conn, *connect),
            (packet, Some(client)) => self.handle_packet(now, client, packet),
            (_, None) => unreachable!("the decoder refuses everything before CONNECT"),
        };
        self.settle(now, conn, done);
    }

    /// Ends a connection if what was done for it went wrong.
    fn settle(&mut self, now: Time, conn: ConnId, done: Result<(), CloseCause>) {
        match done {
            Ok(()) => {}
            Err(CloseCause::ProtocolError(error)) => {
                let cause = CloseCause::ProtocolError(error);
                self.disconnect(now, conn, error.reason(), &error.to_string(), cause);
            }
            // An answer that does not fit: who leaves no room for it cannot be served.
            Err(cause) => self.disconnect(now, conn, ReasonCode::PACKET_TOO_LARGE, "", cause),
        }
    }

    /// A packet of a client that was accepted. An error ends its connection, and nobody else's [X-3.1.1-error-1],
    /// [X-5.0-error-3].
    fn handle_packet(
        &mut self,
        now: Time,
        client: Client,
        packet: Packet,
    ) -> Result<(), CloseCause> {
        match packet {
            // [MQTT-3.1.0-2]
            Packet::Connect(_) => Err(ProtocolError::SecondConnect.into()),
            Packet::Publish(publish) => self.handle_publish(now, client, publish),
            Packet::PubAck(ack) => self.handle_puback(now, client, &ack),
            Packet::PubRec(ack) => self.handle_pubrec(now, client, &ack),
            Packet::PubRel(ack) => self.handle_pubrel(client, &ack),
            Packet::PubComp(ack) => self.handle_pubcomp(now, client, &ack),
            Packet::Subscribe(subscribe) => self.handle_subscribe(now, client, subscribe),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(now, client, &unsubscribe),
            // [MQTT-3.12.4-1]
            Packet::PingReq => self.answer(client, Packet::PingResp),
            Packet::Disconnect(disconnect) => self.handle_disconnect(now, client, &disconnect),
            Packet::Auth(auth) => self.handle_auth(client, &auth),
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                unreachable!("the decoder refuses what only a server sends")
            }
        }
    }

    fn event(&mut self, event: impl FnOnce() -> Event) {
        if self.observing != Observing::Nothing {
            self.events.push_back(event());
        }
    }
}
