//! A broker in one of its lives.
//!
//! The driver counts connections from when it was started; the simulation counts them from its own beginning. And once
//! the broker has gone down, nothing that the driver's tasks still do counts: they may run for the rest of that
//! instant.

use squall_broker::{Config, ConnId, Event, Hangup, Machine, Output, Script, security::Verdict};
use squall_protocol::Time;
use squall_transport::Peer;
use std::{cell::Cell, rc::Rc};

/// A broker between a start and a crash.
#[derive(Debug)]
pub(super) struct Lived {
    machine: Box<dyn Machine>,
    /// The number of the life that is on, and its own.
    life: (Rc<Cell<u64>>, u64),
    /// Connections that were accepted before.
    before: u64,
}

impl Lived {
    pub(super) fn new(machine: Box<dyn Machine>, life: (Rc<Cell<u64>>, u64), before: u64) -> Self {
        Self {
            machine,
            life,
            before,
        }
    }

    fn is_over(&self) -> bool {
        self.life.0.get() != self.life.1
    }

    /// Calls the machine, unless its life is over.
    fn tell(&mut self, now: Time, input: impl FnOnce(&mut dyn Machine, Time)) {
        if !self.is_over() {
            input(&mut *self.machine, now);
        }
    }

    const fn outer(&self, conn: ConnId) -> ConnId {
        ConnId(conn.0 + self.before)
    }

    const fn inner(&self, conn: ConnId) -> ConnId {
        ConnId(conn.0 - self.before)
    }
}

impl Machine for Lived {
    fn handle_open(&mut self, now: Time, conn: ConnId) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| broker.handle_open(now, conn));
    }

    fn handle_peer(&mut self, now: Time, conn: ConnId, peer: Peer) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| broker.handle_peer(now, conn, peer));
    }

    fn handle_verified(&mut self, now: Time, conn: ConnId, verdict: Verdict) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| {
            broker.handle_verified(now, conn, verdict)
        });
    }

    fn handle_bytes(&mut self, now: Time, conn: ConnId, bytes: &[u8]) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| broker.handle_bytes(now, conn, bytes));
    }

    fn handle_closed(&mut self, now: Time, conn: ConnId, how: Hangup) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| broker.handle_closed(now, conn, how));
    }

    fn handle_room(&mut self, now: Time, conn: ConnId, bytes: usize) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| broker.handle_room(now, conn, bytes));
    }

    fn handle_slow(&mut self, now: Time, conn: ConnId) {
        let conn = self.outer(conn);
        self.tell(now, |broker, now| broker.handle_slow(now, conn));
    }

    fn handle_script(&mut self, now: Time, caller: usize, script: Script) {
        self.tell(now, |broker, now| broker.handle_script(now, caller, script));
    }

    fn handle_timeout(&mut self, now: Time) {
        self.tell(now, |broker, now| broker.handle_timeout(now));
    }

    fn handle_shutdown(&mut self, now: Time) {
        self.tell(now, |broker, now| broker.handle_shutdown(now));
    }

    fn handle_stored(&mut self, now: Time) {
        self.tell(now, |broker, now| broker.handle_stored(now));
    }

    fn failure(&self) -> Option<String> {
        self.machine.failure().filter(|_| !self.is_over())
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.machine.poll_timeout().filter(|_| !self.is_over())
    }

    fn poll_output(&mut self) -> Option<Output> {
        if self.is_over() {
            return None;
        }
        Some(match self.machine.poll_output()? {
            Output::Send { conn, bytes } => Output::Send {
                conn: self.inner(conn),
                bytes,
            },
            Output::Verify { conn, credentials } => Output::Verify {
                conn: self.inner(conn),
                credentials,
            },
            Output::Close { conn } => Output::Close {
                conn: self.inner(conn),
            },
        })
    }

    fn poll_event(&mut self) -> Option<Event> {
        match self.is_over() {
            true => None,
            false => self.machine.poll_event(),
        }
    }

    fn observe(&mut self, on: bool) {
        self.machine.observe(on);
    }

    fn config(&self) -> &Config {
        self.machine.config()
    }
}
