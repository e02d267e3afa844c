//! A wire around a server that does no I/O.

use super::{Tamper, line::Line};
use crate::{ConnectionId, Output, Server};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A server at the end of a tampering wire; every connection has a wire of its own.
pub struct Around<S> {
    server: S,
    tamper: Tamper,
    lines: BTreeMap<ConnectionId, Line>,
}

impl<S: Server> Around<S> {
    /// The server, with a wire that tampers in this way.
    #[must_use]
    pub const fn new(server: S, tamper: Tamper) -> Self {
        Self {
            server,
            tamper,
            lines: BTreeMap::new(),
        }
    }
}

impl<S: Server> Server for Around<S> {
    fn opened(&mut self, now: u64, id: ConnectionId) {
        self.lines.insert(id, Line::new(self.tamper));
        self.server.opened(now, id);
    }

    fn received(&mut self, now: u64, id: ConnectionId, bytes: &[u8]) {
        let bytes = match self.lines.get_mut(&id) {
            Some(line) => line.up(bytes),
            None => return,
        };
        if !bytes.is_empty() {
            self.server.received(now, id, &bytes);
        }
    }

    fn closed(&mut self, now: u64, id: ConnectionId) {
        if let Some(mut line) = self.lines.remove(&id) {
            let rest = line.client_ends();
            if !rest.is_empty() {
                self.server.received(now, id, &rest);
            }
        }
        self.server.closed(now, id);
    }

    fn passed(&mut self, now: u64) {
        self.server.passed(now);
    }

    fn deadline(&self) -> Option<u64> {
        self.server.deadline()
    }

    fn outputs(&mut self) -> Vec<Output> {
        let mut all = Vec::new();
        let mut send = |id, bytes: Bytes| {
            if !bytes.is_empty() {
                all.push(Output::Send(id, bytes));
            }
        };
        let mut closed = Vec::new();
        for output in self.server.outputs() {
            match output {
                Output::Send(id, bytes) => {
                    if let Some(line) = self.lines.get_mut(&id) {
                        send(id, line.down(&bytes));
                    }
                }
                Output::Close(id) => {
                    if let Some(mut line) = self.lines.remove(&id) {
                        send(id, line.server_ends());
                    }
                    closed.push(id);
                }
            }
        }
        all.extend(closed.into_iter().map(Output::Close));
        all
    }
}
