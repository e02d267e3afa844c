//! The turmoil world: the async drivers of broker and client on simulated hosts.
//!
//! Every link is held from the start, so turmoil itself never delivers, delays or loses anything. Between two steps
//! of one millisecond we look at the segments under way and deliver each when our link model says that it is due.
//! The director acts between steps too. turmoil is left to do what it is good at: sockets, hosts, timers, and
//! running the same async code that serves real connections.

mod broker;
mod dialer;
mod host;
mod lived;
mod visitor;
mod wire;

use super::{
    Fallen, Play, Played, Stranger,
    disk::Disk,
    uptime::{Lands, Uptime},
};
use crate::{
    director::{Director, Done, Order},
    net::{ConnIx, Delivery, Kind, Network, Way},
    tap::{Taps, ending, place},
    trace::{Node, Record, Trace, What},
};
use broker::Reins;
use dialer::Asides;
use squall_client::Command;
use squall_protocol::Time;
use squall_scenarios::{
    model::{ClientIx, Crash, Unsynced},
    plan::OBSERVER,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};
use tokio::sync::mpsc::UnboundedSender;
use turmoil::{Builder, Protocol, Segment, Sim};

/// One step of the simulation in milliseconds. All times of a story are whole milliseconds, so nothing is rounded.
const TICK: u64 = 1;
/// Segments a socket holds. turmoil's default of 64 can swallow the end of a connection; no story that stays within
/// its limit of events gets here.
const SEGMENTS: usize = 1 << 22;
const PORT: u16 = 1883;
/// The name of the broker's host.
const BROKER: &str = "broker";

/// Names a segment under way.
type Token = u64;

/// What the hosts and the driver between the steps share.
struct Shared {
    now: Time,
    trace: Trace,
    net: Network<Token>,
    next_token: Token,
    /// Dials whose opening segment has not been seen on the link yet, by client.
    dialed: Vec<VecDeque<(ConnIx, Token)>>,
    /// Connections in the order in which the broker accepts them.
    accepted: Vec<ConnIx>,
    uptime: Uptime,
    /// What is told to clients beside what turmoil carries.
    asides: Asides,
    /// Why what somebody brought along is no more.
    fallen: Option<Fallen>,
}

impl Shared {
    /// Before anything has happened.
    fn new(play: &Play<'_>) -> Self {
        let clients = &play.plan.clients;
        Self {
            now: Time::ZERO,
            trace: Trace::new(),
            net: Network::new(play.seed, clients.iter().map(|c| c.link)),
            next_token: 0,
            dialed: vec![VecDeque::new(); clients.len()],
            accepted: Vec::new(),
            uptime: Uptime::default(),
            asides: Asides::default(),
            fallen: None,
        }
    }

    fn record(&mut self, at: Time, node: Node, what: What) {
        assert_eq!(
            at, self.now,
            "the clock of a host has run away from the simulation's"
        );
        let record = Record { at, node, what };
        self.uptime.observe(&record);
        self.trace.push(record);
    }

    /// The broker ends by itself, or does not begin.
    fn gave_up(&mut self, why: String, disk: Option<&Disk>) {
        let now = self.now;
        self.record(now, Node::Broker, What::GaveUp(why));
        self.uptime.gave_up(self.accepted.iter().copied());
        if let Some(disk) = disk {
            disk.crash(now, Crash::Kill, Unsynced::Any);
        }
    }

    /// The segments that are due and that turmoil is to deliver. What the broker does not get for it is not there, and
    /// what comes of that, is done here.
    fn due(&mut self, now: u64) -> BTreeSet<Token> {
        let mut due = BTreeSet::new();
        for delivery in self.net.advance(now) {
            let Delivery {
                conn,
                way,
                kind,
                payload,
                ..
            } = delivery;
            match (way, kind) {
                (Way::Down, Kind::Reset) => self.asides.reset(conn),
                (Way::Down, _) => {
                    due.insert(payload);
                }
                (Way::Up, _) => match self.uptime.lands(conn, kind) {
                    Lands::AtBroker => {
                        due.insert(payload);
                    }
                    Lands::Refused => self.asides.refuse(conn),
                    Lands::Unknown => {
                        let token = self.token();
                        self.net.send(now, conn, Way::Down, Kind::Reset, token);
                    }
                    Lands::Nowhere => {}
                },
            }
        }
        due
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        self.next_token
    }
}

/// Plays it; `None` when it was given up.
///
/// # Panics
/// When turmoil itself or a driver fails: that is a defect of Squall and must not pass for a verdict. When a machine is
/// to play: those do so in the loop world.
#[must_use]
pub fn play(play: &Play<'_>) -> Option<Played> {
    let mut stage = Stage::build(play);
    while !stage.step() {
        if play.is_stopped() {
            return None;
        }
    }
    let taps = stage.taps.iter();
    let waited: Vec<_> = taps.map(Taps::waited).collect();
    let mut shared = stage.shared.borrow_mut();
    Some(Played {
        trace: std::mem::take(&mut shared.trace),
        failure: stage.director.failure().cloned(),
        end: shared.now,
        faults: stage.director.into_fates(
            Done {
                links: shared.net.tallies(),
                disk: stage.disk.as_ref().map(Disk::wear).unwrap_or_default(),
            },
            &waited,
        ),
        fallen: shared.fallen.take(),
    })
}

struct Stage<'a> {
    sim: Sim<'a>,
    director: Director<'a>,
    shared: Rc<RefCell<Shared>>,
    taps: Vec<Taps>,
    commands: Vec<UnboundedSender<Command>>,
    /// The broker, unless it is a guest.
    broker: Option<Reins>,
    play: &'a Play<'a>,
    /// That of the broker's store.
    disk: Option<Disk>,
    clients: BTreeMap<IpAddr, ClientIx>,
    /// By the client's address: the connection.
    conns: BTreeMap<SocketAddr, ConnIx>,
    /// Beside each link's queue: the token of each segment; `None` for one that never arrives.
    tokens: BTreeMap<(IpAddr, IpAddr), VecDeque<Option<Token>>>,
    /// Records the director has seen.
    observed: usize,
}

impl<'a> Stage<'a> {
    fn build(play: &'a Play<'a>) -> Self {
        let plan = play.plan;
        let mut sim = Builder::new()
            .rng_seed(play.seed)
            .epoch(std::time::UNIX_EPOCH)
            .tick_duration(Duration::from_millis(TICK))
            .simulation_duration(Duration::MAX)
            .tcp_capacity(SEGMENTS)
            .build();
        let shared = Rc::new(RefCell::new(Shared::new(play)));
        // The broker first: at one instant it runs before the clients.
        let (mut broker, disk) = (None, play.disk());
        let visitor = match play.stranger {
            Some(Stranger::Guest(guest)) => {
                host::guest(&mut sim, guest.clone(), Rc::clone(&shared));
                None
            }
            Some(Stranger::Machine(_)) => panic!("machines play in the loop world"),
            Some(Stranger::Client(_) | Stranger::Store(_)) | None => {
                broker = Some(broker::host(
                    &mut sim,
                    play,
                    disk.as_ref(),
                    Rc::clone(&shared),
                ));
                match play.stranger {
                    // The observer looks into the broker after the story and is no part of it.
                    Some(Stranger::Client(client)) => Some(client),
                    _ => None,
                }
            }
        };
        let (mut taps, mut commands, mut clients) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (i, spec) in plan.clients.iter().enumerate() {
            let tap = Taps::new();
            let visitor = visitor.filter(|_| spec.name != OBSERVER);
            let visitor = visitor.map(|client| (client, plan.speaks(i, play.version)));
            let (sender, ip) =
                host::client(&mut sim, i, spec, visitor, tap.clone(), Rc::clone(&shared));
            taps.push(tap);
            commands.push(sender);
            clients.insert(ip, i);
            sim.hold(host::name(i), BROKER);
        }
        Self {
            sim,
            director: Director::new(plan, play.version),
            shared,
            taps,
            commands,
            broker,
            play,
            disk,
            clients,
            conns: BTreeMap::new(),
            tokens: BTreeMap::new(),
            observed: 0,
        }
    }

    /// One step of the simulation; true when the story is over.
    fn step(&mut self) -> bool {
        if self.direct() {
            return true;
        }
        self.deliver();
        self.sim
            .step()
            .unwrap_or_else(|e| panic!("turmoil ended the simulation: {e}"));
        self.register();
        self.observe();
        if let Some(Fallen::Broker(why) | Fallen::Client(why) | Fallen::Lacks(why)) =
            &self.shared.borrow().fallen
        {
            self.director.break_off(why);
        }
        let mut shared = self.shared.borrow_mut();
        shared.now = Time::from_millis(shared.now.as_millis() + TICK);
        false
    }

    /// Shows the director what has happened since it last looked.
    fn observe(&mut self) {
        let shared = self.shared.borrow();
        for record in &shared.trace.records()[self.observed..] {
            self.director.observe(record);
        }
        self.observed = shared.trace.records().len();
    }

    /// Lets the director act; true when the story is over.
    fn direct(&mut self) -> bool {
        let (now, orders) = {
            let shared = self.shared.borrow();
            let done = Done {
                links: shared.net.tallies(),
                disk: self.disk.as_ref().map(Disk::wear).unwrap_or_default(),
            };
            (shared.now, self.director.act(shared.now, done))
        };
        let finished = self.director.is_finished();
        for order in orders {
            self.shared
                .borrow_mut()
                .record(now, Node::Director, What::Order(order.clone()));
            if !finished {
                self.carry_out(order);
            }
        }
        self.observe();
        finished
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Client(client, command) => {
                assert!(
                    self.commands[client].send(*command).is_ok(),
                    "the driver of client {client} has ended"
                );
            }
            Order::Broker(client, script) => {
                // A guest is told no story with a scripted broker.
                if let Some(broker) = &self.broker {
                    broker.script(client, script);
                }
            }
            Order::Link(client, change) => self.shared.borrow_mut().net.change(client, change),
            Order::Block(client, way, blocked) => {
                self.shared.borrow_mut().net.block(client, way, blocked)
            }
            Order::Nudge(client) => {
                let mut shared = self.shared.borrow_mut();
                let now = shared.now.as_millis();
                shared.net.nudge(now, client);
            }
            Order::Arm(client, point, by) => self.taps[client].arm(place(point), ending(by)),
            Order::Disarm(client) => self.taps[client].disarm(),
            // Whether there was anything to cut is in the trace.
            Order::Cut(client, by) => {
                self.taps[client].cut(ending(by));
            }
            Order::Crash(how, unsynced) => self.crash(how, unsynced),
            Order::Restart => self.restart(),
            Order::Disk(trouble, sync) => {
                if let Some(disk) = &self.disk {
                    disk.trouble(trouble, sync);
                }
            }
        }
    }

    /// The broker goes down; its host hears of it before anything else.
    fn crash(&mut self, how: Crash, unsynced: Unsynced) {
        let shared = &mut *self.shared.borrow_mut();
        let now = shared.now;
        for (node, what) in shared.uptime.crash(how, shared.accepted.iter().copied()) {
            shared.record(now, node, what);
        }
        if how == Crash::PowerLoss {
            shared.net.power_off();
        }
        if let Some(disk) = &self.disk {
            disk.crash(now, how, unsynced);
        }
        // A guest is told no story in which it goes down.
        if let Some(broker) = &mut self.broker {
            broker.crash(how);
        }
    }

    fn restart(&mut self) {
        let shared = &mut *self.shared.borrow_mut();
        shared.uptime.restart();
        shared.net.power_on();
        let Some(broker) = &mut self.broker else {
            return;
        };
        match self.play.started(self.disk.as_ref(), shared.now) {
            Ok(machine) => broker.restart(machine, shared.now, shared.accepted.len()),
            Err(why) => shared.gave_up(why, self.disk.as_ref()),
        }
    }

    /// Delivers what the link model says is due, in the order of the links.
    fn deliver(&mut self) {
        let mut shared = self.shared.borrow_mut();
        let now = shared.now.as_millis();
        let due = shared.due(now);
        if due.is_empty() {
            return;
        }
        let (tokens, conns) = (&mut self.tokens, &self.conns);
        self.sim.links(|links| {
            for link in links {
                let Some(queue) = tokens.get_mut(&link.pair()) else {
                    continue;
                };
                let mut kept = VecDeque::with_capacity(queue.len());
                for (segment, token) in link.zip(std::mem::take(queue)) {
                    if !token.is_some_and(|t| due.contains(&t)) {
                        kept.push_back(token);
                        continue;
                    }
                    if matches!(segment.protocol(), Protocol::Tcp(Segment::Syn(_))) {
                        shared.accepted.push(conns[&segment.pair().0]);
                    }
                    segment.deliver();
                }
                *queue = kept;
            }
        });
    }

    /// Tells the link model about the segments that were sent in the step that has just ended.
    fn register(&mut self) {
        let mut shared = self.shared.borrow_mut();
        let (tokens, conns, clients) = (&mut self.tokens, &mut self.conns, &self.clients);
        self.sim.links(|links| {
            for link in links {
                let pair = link.pair();
                let known = tokens.get(&pair).map_or(0, VecDeque::len);
                for segment in link.skip(known) {
                    let token = register(&mut shared, conns, clients, &segment);
                    tokens.entry(pair).or_default().push_back(token);
                }
            }
        });
    }
}

/// Hands one new segment to the link model.
fn register(
    shared: &mut Shared,
    conns: &mut BTreeMap<SocketAddr, ConnIx>,
    clients: &BTreeMap<IpAddr, ClientIx>,
    segment: &turmoil::SentRef<'_>,
) -> Option<Token> {
    let (src, dst) = segment.pair();
    let (way, peer) = if clients.contains_key(&src.ip()) {
        (Way::Up, src)
    } else {
        (Way::Down, dst)
    };
    let kind = match segment.protocol() {
        Protocol::Tcp(Segment::Syn(_)) => {
            let (conn, token) = shared.dialed[clients[&src.ip()]]
                .pop_front()
                .expect("every dial was announced");
            conns.insert(src, conn);
            return Some(token);
        }
        Protocol::Tcp(Segment::Data(..)) => Kind::Data,
        // The first end of a flow is its end; what a host sends after it (a reset in answer to late bytes) is void.
        _ => Kind::End,
    };
    let conn = *conns.get(&peer)?;
    let token = shared.token();
    let now = shared.now.as_millis();
    shared
        .net
        .send(now, conn, way, kind, token)
        .then_some(token)
}
