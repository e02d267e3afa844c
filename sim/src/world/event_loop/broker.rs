//! The broker's side of the loop world: what comes to it, what it does, and how it goes down and comes back.

use super::{Arrival, World};
use crate::{
    net::{Delivery, Kind, Way},
    trace::{Node, What},
    world::{server::Told, uptime::Lands},
};
use bytes::Bytes;
use squall_scenarios::model::{Crash, Unsynced};
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
        for (delivery, lands) in std::mem::take(&mut self.broker_inbox) {
            let Delivery { conn, client, .. } = delivery;
            match lands {
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
        if kind == Kind::Syn {
            let n = self.broker_lines.len();
            self.line_of.insert(conn, n);
            self.broker_lines.push((conn, true));
            self.callers.borrow_mut().push(client);
            self.clients[client].inbox.push_back(Arrival::Dialed(conn));
            self.awake.insert(client);
            match &mut self.broker {
                Some(broker) => broker.opened(now, n as u64),
                // It has given up in this instant, and the system closes what it leaves.
                None => self.hang_up_broker(n),
            }
            return;
        }
        let Some(broker) = &mut self.broker else {
            return;
        };
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
        while let Some(told) = self.broker.as_mut().and_then(|b| b.event()) {
            match told {
                Told::On(conn, seen) => {
                    let client = self.net.client_of(self.broker_lines[conn as usize].0);
                    self.record(Node::Broker, What::Broker { client, conn, seen });
                }
                Told::GivesUp(why) => self.gave_up(why),
            }
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
        if self.uptime.is_down() {
            self.broker = None;
        }
    }

    /// It ends by itself, or does not begin.
    fn gave_up(&mut self, why: String) {
        self.record(Node::Broker, What::GaveUp(why));
        let accepted = self.broker_lines.iter().map(|(conn, _)| *conn);
        self.uptime.gave_up(accepted);
        if let Some(disk) = &self.disk {
            disk.crash(self.now, Crash::Kill, Unsynced::Any);
        }
    }

    /// It goes down, before anything else happens to it at this instant.
    pub(super) fn crash(&mut self, how: Crash, unsynced: Unsynced) {
        if let Some(disk) = &self.disk {
            disk.crash(self.now, how, unsynced);
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
        match self.play.restarted(self.disk.as_ref(), self.now) {
            Ok(broker) => self.broker = Some(broker),
            Err(why) => self.gave_up(why),
        }
    }
}
