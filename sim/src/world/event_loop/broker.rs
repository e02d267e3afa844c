//! The broker's side of the loop world: what comes to it, what it does, and how it goes down and comes back.

use super::{Arrival, World};
use crate::{
    net::{Delivery, Kind, Way},
    trace::{Node, What},
    world::uptime::Lands,
};
use bytes::Bytes;
use squall_scenarios::model::Crash;
use squall_transport::{ConnectionId, Output};

impl World<'_> {
    pub(super) fn run_broker(&mut self) {
        while let Some(broker) = &mut self.broker
            && broker.deadline().is_some_and(|at| at <= self.now)
        {
            broker.timeout(self.now);
            self.drain_broker();
        }
        for (client, script) in std::mem::take(&mut self.broker_scripts) {
            if let Some(broker) = &mut self.broker {
                broker.script(self.now, client, script);
            }
            self.drain_broker();
        }
        for delivery in std::mem::take(&mut self.broker_inbox) {
            let Delivery {
                conn, client, kind, ..
            } = delivery;
            match self.uptime.lands(conn, kind) {
                Lands::AtBroker => {
                    self.arrive_at_broker(delivery);
                    self.drain_broker();
                }
                Lands::Refused => {
                    self.clients[client].inbox.push_back(Arrival::Refused(conn));
                    self.awake.insert(client);
                }
                Lands::Unknown => {
                    let now = self.now.as_millis();
                    self.net
                        .send(now, conn, Way::Down, Kind::Reset, Bytes::new());
                }
                Lands::Nowhere => {}
            }
        }
    }

    fn arrive_at_broker(&mut self, delivery: Delivery<Bytes>) {
        let Delivery {
            conn,
            client,
            kind,
            payload,
            ..
        } = delivery;
        let now = self.now;
        let Some(broker) = &mut self.broker else {
            return;
        };
        if kind == Kind::Syn {
            let id = self.broker_lines.len() as u64;
            self.line_of.insert(conn, self.broker_lines.len());
            self.broker_lines.push((conn, true));
            self.callers.borrow_mut().push(client);
            self.clients[client].inbox.push_back(Arrival::Dialed(conn));
            self.awake.insert(client);
            broker.opened(now, id);
            return;
        }
        let n = *self.line_of.get(&conn).expect("it was opened before");
        if !self.broker_lines[n].1 {
            return;
        }
        if kind == Kind::End {
            broker.closed(now, n as u64);
            self.hang_up_broker(n);
        } else {
            broker.received(now, n as u64, &payload);
        }
    }

    fn hang_up_broker(&mut self, n: usize) {
        let (conn, open) = &mut self.broker_lines[n];
        if std::mem::take(open) {
            let now = self.now.as_millis();
            self.net
                .send(now, *conn, Way::Down, Kind::End, Bytes::new());
        }
    }

    fn drain_broker(&mut self) {
        while let Some((conn, seen)) = self.broker.as_mut().and_then(|b| b.event()) {
            let client = self.net.client_of(self.broker_lines[conn as usize].0);
            self.record(Node::Broker, What::Broker { client, conn, seen });
        }
        while let Some(output) = self.broker.as_mut().and_then(|b| b.output()) {
            match output {
                Output::Send(ConnectionId(conn), bytes) => {
                    let (line, open) = self.broker_lines[conn as usize];
                    if open {
                        let now = self.now.as_millis();
                        self.net.send(now, line, Way::Down, Kind::Data, bytes);
                    }
                }
                Output::Close(ConnectionId(conn)) => self.hang_up_broker(conn as usize),
            }
        }
    }

    /// It goes down, before anything else happens to it at this instant.
    pub(super) fn crash(&mut self, how: Crash) {
        if let Some(disk) = &self.disk {
            disk.crash(self.now, how);
        }
        self.broker = None;
        let accepted = self.broker_lines.iter().map(|(conn, _)| *conn);
        for (node, what) in self.uptime.crash(how, accepted) {
            self.record(node, what);
        }
        match how {
            Crash::Kill => (0..self.broker_lines.len()).for_each(|n| self.hang_up_broker(n)),
            Crash::PowerLoss => {
                self.net.power_off();
                self.broker_lines
                    .iter_mut()
                    .for_each(|(_, open)| *open = false);
            }
        }
    }

    pub(super) fn restart(&mut self) {
        self.uptime.restart();
        self.net.power_on();
        self.broker = Some(self.play.restarted(self.disk.as_ref(), self.now));
    }
}
