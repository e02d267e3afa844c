//! What a driver, or a simulator, needs of a broker.

use crate::{
    Broker, Config, ConnId, Counters, Event, Hangup, Output, Peer, Script, security::Verdict,
};
use squall_protocol::Time;
use std::fmt;

/// A broker as a state machine: what [`Broker`] and [`crate::Scripted`] have in common. [`Broker`] says in which order
/// the methods are called.
pub trait Machine: fmt::Debug {
    /// A transport was opened.
    fn handle_open(&mut self, now: Time, conn: ConnId);
    /// Who is at the other end of it ([`Broker::handle_peer`]); comes before its first bytes, if it comes.
    fn handle_peer(&mut self, now: Time, conn: ConnId, peer: Peer);
    /// What verifying came to ([`Broker::handle_verified`]).
    fn handle_verified(&mut self, now: Time, conn: ConnId, verdict: Verdict);
    /// Bytes arrived.
    fn handle_bytes(&mut self, now: Time, conn: ConnId, bytes: &[u8]);
    /// The transport ended.
    fn handle_closed(&mut self, now: Time, conn: ConnId, how: Hangup);
    /// The transport of a connection takes so many bytes more ([`Broker::handle_room`]). A driver whose transports take
    /// everything never calls it, and a machine that always sends at once has nothing to do.
    fn handle_room(&mut self, _now: Time, _conn: ConnId, _bytes: usize) {}
    /// The driver gave a connection up as its client does not read.
    fn handle_slow(&mut self, now: Time, conn: ConnId) {
        self.handle_closed(now, conn, Hangup::Reset);
    }
    /// Does what a script says, to a caller; a [`Broker`] decides itself what it sends.
    fn handle_script(&mut self, now: Time, caller: usize, script: Script);
    /// Does everything that is due.
    fn handle_timeout(&mut self, now: Time);
    /// It is stopped.
    fn handle_shutdown(&mut self, now: Time);
    /// The store of its state may have stored something; only [`crate::Durable`] has one.
    fn handle_stored(&mut self, _now: Time) {}
    /// Whether something of its state is not stored yet; a driver that stops it waits until nothing is.
    fn is_storing(&self) -> bool {
        false
    }
    /// Why it cannot go on, if so: it closes every connection then.
    fn failure(&self) -> Option<String> {
        None
    }
    /// When [`Self::handle_timeout`] is due, if ever.
    fn poll_timeout(&self) -> Option<Time>;
    /// The next thing to do.
    fn poll_output(&mut self) -> Option<Output>;
    /// The next thing that happened.
    fn poll_event(&mut self) -> Option<Event>;
    /// Turns [`Self::poll_event`] on or off.
    fn observe(&mut self, on: bool);
    /// Turns it on for connections alone: their beginnings, ends and violations, CONNECT and CONNACK.
    fn follow(&mut self) {
        self.observe(true);
    }
    /// Its settings.
    fn config(&self) -> &Config;
    /// What it had to give up so far; nothing where nobody counts.
    fn counters(&self) -> Counters {
        Counters::default()
    }
}

impl Machine for Broker {
    fn handle_open(&mut self, now: Time, conn: ConnId) {
        Self::handle_open(self, now, conn);
    }

    fn handle_peer(&mut self, now: Time, conn: ConnId, peer: Peer) {
        Self::handle_peer(self, now, conn, peer);
    }

    fn handle_verified(&mut self, now: Time, conn: ConnId, verdict: Verdict) {
        Self::handle_verified(self, now, conn, verdict);
    }

    fn handle_bytes(&mut self, now: Time, conn: ConnId, bytes: &[u8]) {
        Self::handle_bytes(self, now, conn, bytes);
    }

    fn handle_closed(&mut self, now: Time, conn: ConnId, how: Hangup) {
        Self::handle_closed(self, now, conn, how);
    }

    fn handle_room(&mut self, now: Time, conn: ConnId, bytes: usize) {
        Self::handle_room(self, now, conn, bytes);
    }

    fn handle_slow(&mut self, now: Time, conn: ConnId) {
        Self::handle_slow(self, now, conn);
    }

    fn handle_script(&mut self, _: Time, _: usize, _: Script) {}

    fn handle_timeout(&mut self, now: Time) {
        Self::handle_timeout(self, now);
    }

    fn handle_shutdown(&mut self, now: Time) {
        Self::handle_shutdown(self, now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        Self::poll_timeout(self)
    }

    fn poll_output(&mut self) -> Option<Output> {
        Self::poll_output(self)
    }

    fn poll_event(&mut self) -> Option<Event> {
        Self::poll_event(self)
    }

    fn observe(&mut self, on: bool) {
        Self::observe(self, on);
    }

    fn follow(&mut self) {
        Self::follow(self);
    }

    fn config(&self) -> &Config {
        Self::config(self)
    }

    fn counters(&self) -> Counters {
        Self::counters(self)
    }
}
