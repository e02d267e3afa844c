//! The loop world: no sockets, no tasks, no runtime. At each instant at which anything can happen: the director, the
//! network, the broker, the clients, in canonical order; then time jumps to the next such instant.

mod broker;

use super::{
    Play, Played,
    disk::Disk,
    party::party,
    server::Observed,
    uptime::{Lands, REFUSED, Uptime},
};
use crate::{
    director::{Director, Done, Order},
    net::{ConnIx, Delivery, Kind, Network, Way},
    tap::{Cut, Tap, ending, place},
    trace::{Node, Record, Trace, What},
};
use bytes::Bytes;
use squall_broker::{ConnId, Script};
use squall_client::{Command, Hangup, Machine};
use squall_protocol::{Role, Time};
use squall_scenarios::model::{ClientIx, CutBy};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

/// Plays it; `None` when it was given up.
#[must_use]
pub fn play(play: &Play<'_>) -> Option<Played> {
    let director = Director::new(play.plan, play.version);
    let clients = play.plan.clients.iter().map(|spec| Host {
        core: party(spec),
        tap: Tap::new(),
        line: Line::Idle,
        commands: VecDeque::new(),
        inbox: VecDeque::new(),
        timeout: None,
    });
    let callers: Rc<RefCell<Vec<ClientIx>>> = Rc::default();
    let called = Rc::clone(&callers);
    let caller = move |conn: ConnId| called.borrow()[conn.0 as usize];
    let disk = play.disk();
    let mut world = World {
        now: Time::ZERO,
        director,
        trace: Trace::new(),
        net: Network::new(play.seed, play.plan.clients.iter().map(|c| c.link)),
        play,
        broker: Some(play.server(Box::new(caller), disk.as_ref())),
        disk,
        uptime: Uptime::default(),
        callers,
        broker_scripts: Vec::new(),
        broker_lines: Vec::new(),
        line_of: BTreeMap::new(),
        broker_inbox: Vec::new(),
        clients: clients.collect(),
        awake: BTreeSet::new(),
        timeouts: BTreeSet::new(),
    };
    while !world.step() {
        if play.is_stopped() {
            return None;
        }
    }
    let waited: Vec<_> = world.clients.iter().map(|c| c.tap.waited()).collect();
    let done = Done {
        links: world.net.tallies(),
        disk: world.disk.as_ref().map(Disk::wear).unwrap_or_default(),
    };
    Some(Played {
        trace: world.trace,
        failure: world.director.failure().cloned(),
        end: world.now,
        faults: world.director.into_fates(done, &waited),
        fallen: None,
    })
}

struct World<'a> {
    now: Time,
    director: Director<'a>,
    trace: Trace,
    net: Network<Bytes>,
    play: &'a Play<'a>,
    /// That of the broker's store.
    disk: Option<Disk>,
    /// None while it is down.
    broker: Option<Box<dyn Observed>>,
    uptime: Uptime,
    /// By the broker's connection number: the connection, and whether the broker still has its end.
    broker_lines: Vec<(ConnIx, bool)>,
    /// By connection that the broker accepted: its place in `broker_lines`.
    line_of: BTreeMap<ConnIx, usize>,
    /// What has come for it at this instant, and where it lands.
    broker_inbox: Vec<(Delivery<Bytes>, Lands)>,
    /// By the broker's connection number: who opened it.
    callers: Rc<RefCell<Vec<ClientIx>>>,
    /// What a scripted broker is told.
    broker_scripts: Vec<(ClientIx, Script)>,
    clients: Vec<Host>,
    /// Clients that have something to do at this instant; the others are not asked.
    awake: BTreeSet<ClientIx>,
    /// When the cores want to be called, by client.
    timeouts: BTreeSet<(Time, ClientIx)>,
}

/// A client with its end of the connection.
struct Host {
    core: Box<dyn Machine>,
    tap: Tap,
    line: Line,
    commands: VecDeque<Command>,
    inbox: VecDeque<Arrival>,
    /// Its entry in the world's time-outs.
    timeout: Option<Time>,
}

/// A client's end of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Idle,
    Dialing(ConnIx),
    /// `broken`: a cut ended it and the client will notice when it next looks at the line.
    /// `silent`: a cut silenced it and nobody will notice.
    Open {
        conn: ConnIx,
        broken: Option<Hangup>,
        silent: bool,
    },
}

enum Arrival {
    Dialed(ConnIx),
    Refused(ConnIx),
    Bytes(ConnIx, Bytes),
    End(ConnIx, Hangup),
}

impl World<'_> {
    /// Everything that happens at this instant, then on to the next; true when the story is over.
    fn step(&mut self) -> bool {
        let done = Done {
            links: self.net.tallies(),
            disk: self.disk.as_ref().map(Disk::wear).unwrap_or_default(),
        };
        let orders = self.director.act(self.now, done);
        let finished = self.director.is_finished();
        for order in orders {
            self.record(Node::Director, What::Order(order.clone()));
            if !finished {
                self.carry_out(order);
            }
        }
        if finished {
            return true;
        }
        self.deliver();
        self.run_broker();
        self.run_clients();
        self.now = self.next_instant();
        false
    }

    fn next_instant(&self) -> Time {
        let mut next = self.director.next_at().unwrap_or(Time::MAX);
        if let Some(at) = self.net.next_at() {
            next = next.min(Time::from_millis(at));
        }
        let clients = self.timeouts.first().map(|(at, _)| *at);
        let broker = self.broker.as_ref().and_then(|b| b.deadline());
        let timeouts = [clients, broker];
        let next = timeouts.into_iter().flatten().fold(next, Time::min);
        // Whatever was due now has been done; time moves by whole milliseconds.
        next.max(Time::from_millis(self.now.as_millis() + 1))
    }

    fn record(&mut self, node: Node, what: What) {
        let record = Record {
            at: self.now,
            node,
            what,
        };
        self.director.observe(&record);
        self.uptime.observe(&record);
        self.trace.push(record);
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Client(client, command) => {
                self.clients[client].commands.push_back(*command);
                self.awake.insert(client);
            }
            Order::Broker(client, script) => self.broker_scripts.push((client, script)),
            Order::Link(client, change) => self.net.change(client, change),
            Order::Block(client, way, blocked) => self.net.block(client, way, blocked),
            Order::Nudge(client) => self.net.nudge(self.now.as_millis(), client),
            Order::Arm(client, point, by) => {
                self.clients[client].tap.arm(place(point), ending(by));
            }
            Order::Disarm(client) => self.clients[client].tap.disarm(),
            Order::Crash(how, unsynced) => self.crash(how, unsynced),
            Order::Restart => self.restart(),
            Order::Disk(trouble, sync) => {
                if let Some(disk) = &self.disk {
                    disk.trouble(trouble, sync);
                }
            }
            Order::Cut(client, by) => {
                if let Line::Open {
                    broken: None,
                    silent: false,
                    ..
                } = self.clients[client].line
                {
                    self.cut(client, Cut { by, packet: None });
                    self.awake.insert(client);
                }
            }
        }
    }

    fn deliver(&mut self) {
        for delivery in self.net.advance(self.now.as_millis()) {
            let Delivery {
                conn,
                client,
                way,
                kind,
                payload,
            } = delivery;
            match way {
                Way::Up => {
                    let lands = self.uptime.lands(conn, kind);
                    let delivery = Delivery {
                        conn,
                        client,
                        way,
                        kind,
                        payload,
                    };
                    self.broker_inbox.push((delivery, lands));
                }
                Way::Down => {
                    self.clients[client].inbox.push_back(match kind {
                        Kind::End => Arrival::End(conn, Hangup::Eof),
                        Kind::Reset => Arrival::End(conn, Hangup::Reset),
                        Kind::Data | Kind::Syn => Arrival::Bytes(conn, payload),
                    });
                    self.awake.insert(client);
                }
            }
        }
    }

    /// The clients that have something to do, as the scenario lists them.
    fn run_clients(&mut self) {
        while let Some(&(at, client)) = self.timeouts.first() {
            if at > self.now {
                break;
            }
            self.timeouts.pop_first();
            self.clients[client].timeout = None;
            self.awake.insert(client);
        }
        for client in std::mem::take(&mut self.awake) {
            self.run_client(client);
            let host = &mut self.clients[client];
            let next = host.core.poll_timeout();
            if next != host.timeout {
                if let Some(before) = std::mem::replace(&mut host.timeout, next) {
                    self.timeouts.remove(&(before, client));
                }
                self.timeouts.extend(next.map(|at| (at, client)));
            }
        }
    }

    /// One turn after the other, each with one input: timers before commands before what arrived.
    fn run_client(&mut self, client: ClientIx) {
        loop {
            let now = self.now;
            let host = &mut self.clients[client];
            if host.core.poll_timeout().is_some_and(|at| at <= now) {
                host.core.handle_timeout(now);
            } else if let Some(command) = host.commands.pop_front() {
                host.core.handle_command(now, command);
            } else if let Line::Open {
                broken: Some(how), ..
            } = host.line
            {
                self.hang_up_client(client);
                self.clients[client].core.handle_closed(now, how);
            } else if let Some(arrival) = host.inbox.pop_front() {
                self.arrive(client, arrival);
            } else {
                return;
            }
            self.drain_client(client);
        }
    }

    fn arrive(&mut self, client: ClientIx, arrival: Arrival) {
        let now = self.now;
        let host = &mut self.clients[client];
        match (arrival, host.line) {
            (Arrival::Dialed(conn), Line::Dialing(dialing)) if conn == dialing => {
                host.line = Line::Open {
                    conn,
                    broken: None,
                    silent: false,
                };
                host.tap.begin();
                host.core.handle_dialed(now);
            }
            (Arrival::Refused(conn), Line::Dialing(dialing)) if conn == dialing => {
                host.line = Line::Idle;
                host.core.handle_dial_failed(now, REFUSED.to_owned());
            }
            (
                Arrival::Bytes(on, bytes),
                Line::Open {
                    conn,
                    silent: false,
                    ..
                },
            ) if on == conn => {
                let passage = host.tap.pass(Role::Server, &bytes);
                if let Some(cut) = passage.cut {
                    self.cut(client, cut.into());
                }
                if passage.bytes > 0 {
                    self.clients[client]
                        .core
                        .handle_bytes(now, &bytes[..passage.bytes]);
                }
            }
            (
                Arrival::End(on, how),
                Line::Open {
                    conn,
                    silent: false,
                    ..
                },
            ) if on == conn => {
                self.hang_up_client(client);
                self.clients[client].core.handle_closed(now, how);
            }
            // It belongs to a connection that is over at this end.
            _ => {}
        }
    }

    fn cut(&mut self, client: ClientIx, cut: Cut) {
        let Line::Open { conn, .. } = self.clients[client].line else {
            return;
        };
        self.record(Node::Client(client), What::Cut(cut));
        let how = match cut.by {
            CutBy::Silence => {
                self.net.kill(self.now.as_millis(), conn);
                self.clients[client].line = Line::Open {
                    conn,
                    broken: None,
                    silent: true,
                };
                return;
            }
            CutBy::Reset => Hangup::Reset,
            CutBy::Close => Hangup::Eof,
        };
        // The end leaves when the client has its turn: what changes the link at this instant comes first.
        self.clients[client].line = Line::Open {
            conn,
            broken: Some(how),
            silent: false,
        };
    }

    /// The client lets go of its end.
    fn hang_up_client(&mut self, client: ClientIx) {
        match std::mem::replace(&mut self.clients[client].line, Line::Idle) {
            Line::Idle => {}
            Line::Dialing(conn) => self.net.abandon(conn),
            Line::Open { conn, .. } => {
                self.net
                    .send(self.now.as_millis(), conn, Way::Up, Kind::End, Bytes::new());
            }
        }
    }

    fn drain_client(&mut self, client: ClientIx) {
        use squall_client::Output;
        while let Some(event) = self.clients[client].core.poll_event() {
            self.record(Node::Client(client), What::Client(event));
        }
        while let Some(output) = self.clients[client].core.poll_output() {
            match output {
                Output::Dial => {
                    self.hang_up_client(client);
                    self.record(Node::Client(client), What::Dial);
                    let conn = self.net.open(self.now.as_millis(), client, Bytes::new());
                    self.clients[client].line = Line::Dialing(conn);
                }
                Output::Send(bytes) => self.send(client, bytes),
                Output::Close => self.hang_up_client(client),
            }
        }
    }

    fn send(&mut self, client: ClientIx, bytes: Bytes) {
        let host = &mut self.clients[client];
        let Line::Open {
            conn,
            broken: None,
            silent: false,
        } = host.line
        else {
            return;
        };
        let passage = host.tap.pass(Role::Client, &bytes);
        if passage.bytes > 0 {
            self.net.send(
                self.now.as_millis(),
                conn,
                Way::Up,
                Kind::Data,
                bytes.slice(..passage.bytes),
            );
        }
        if let Some(cut) = passage.cut {
            self.cut(client, cut.into());
        }
    }
}
