//! What every step of a story works with: the clients, the links, the time, and the orders for the next instant.

use super::{
    ledger::Ledger,
    view::{ClientView, Outcome},
    watch::{Interest, Watch},
    wire::{Ids, Wire},
};
use crate::{net::Way, order::Order, trace::AtServer};
use squall_client::{Command, SharedSession, Ticket};
use squall_protocol::{Role, Time, Version};
use squall_scenarios::{
    action::Expect,
    describe,
    fault::Disk,
    model::{ClientIx, LinkSpec, Scenario, Source, Step, Trouble},
    plan::OBSERVER,
};
use std::{collections::BTreeMap, mem::replace, time::Duration};

/// The story could not be told to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// The step.
    pub source: Source,
    /// The client it is about, if it is about one.
    pub client: Option<ClientIx>,
    /// The step in words, such as `lock: receive locks/1/cmd`.
    pub step: String,
    /// What happened instead.
    pub message: String,
    /// What the step needed.
    pub expected: String,
    /// When, in virtual time.
    pub at: Time,
    /// The story came to a limit; the step itself may be in order.
    pub at_limit: bool,
    /// What asks for what the step needed, as the story says: then it is no matter of this story alone.
    pub demand: Option<Box<Demand>>,
}

/// Statements that ask for what a step needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Their numbers; at least one.
    pub statements: Vec<String>,
    /// The version whose statements they are.
    pub version: Version,
    /// How long it was waited for in vain; `None` where something else happened instead.
    pub waited: Option<Duration>,
}

/// What looking at a step gives: whether it is over, or why the story cannot go on.
pub(super) type Poll = Result<bool, StepFailure>;

/// The clients a story speaks of when it says all: not the one that only observes.
fn own_clients(plan: &Scenario) -> usize {
    plan.clients.iter().filter(|c| c.name != OBSERVER).count()
}

/// What every task works with.
pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) version: Version,
    pub(super) now: Time,
    pub(super) clients: Vec<ClientView>,
    /// By client: a scripted broker's end of its newest connection.
    pub(super) lines: Vec<Wire>,
    /// How many of them the story speaks of when it says all.
    pub(super) own_clients: usize,
    /// Sessions of several clients with one Client Identifier, and who they are.
    shared: BTreeMap<&'a str, (Vec<ClientIx>, SharedSession)>,
    links: Vec<Link>,
    next_ticket: u64,
    pub(super) orders: Vec<Order>,
    /// Orders for later, such as the end of a partition.
    pub(super) later: BTreeMap<(Time, u64), Order>,
    next_later: u64,
    /// By link and direction: the end of the newest partition in `later`.
    partition_ends: BTreeMap<(ClientIx, bool), (Time, u64)>,
    /// The end of the newest trouble of the disk in `later`.
    sound_again: Option<(Time, u64)>,
    pub(super) watch: Watch,
    /// What scripts have named.
    /// By client.
    pub(super) ids: Vec<Ids>,
    pub(super) ledger: Ledger,
    /// The broker has gone down, and is not back.
    pub(super) down: bool,
}

/// The sessions that several clients have in turn, by Client Identifier.
fn shared(plan: &Scenario) -> BTreeMap<&str, (Vec<ClientIx>, SharedSession)> {
    let mut all: BTreeMap<&str, (Vec<ClientIx>, SharedSession)> = BTreeMap::new();
    for (client, spec) in plan.clients.iter().enumerate() {
        if !spec.client_id.is_empty() {
            all.entry(&spec.client_id).or_default().0.push(client);
        }
    }
    all.retain(|_, (clients, _)| clients.len() > 1);
    all
}

/// What the director has made of a link.
struct Link {
    blocked_up: bool,
    blocked_down: bool,
    loss_permille: u16,
    armed: bool,
}

impl Link {
    const fn of(spec: &LinkSpec) -> Self {
        Self {
            blocked_up: false,
            blocked_down: false,
            loss_permille: spec.loss_permille,
            armed: false,
        }
    }
}

impl<'a> Stage<'a> {
    /// The stage before anything has happened.
    pub(super) fn new(plan: &'a Scenario, version: Version) -> Self {
        let mut stage = Self {
            scenario: plan,
            version,
            now: Time::ZERO,
            clients: plan
                .clients
                .iter()
                .map(|c| ClientView::new(c.reconnect.is_some(), c.scripted))
                .collect(),
            lines: plan.clients.iter().map(|_| Wire::default()).collect(),
            own_clients: own_clients(plan),
            shared: shared(plan),
            links: plan.clients.iter().map(|c| Link::of(&c.link)).collect(),
            next_ticket: 0,
            orders: Vec::new(),
            later: BTreeMap::new(),
            next_later: 0,
            partition_ends: BTreeMap::new(),
            sound_again: None,
            watch: Watch::default(),
            ids: vec![Ids::new(); plan.clients.len()],
            ledger: Ledger::default(),
            down: false,
        };
        stage.ledger.weather(&plan.clients);
        stage.watch.wake(Vec::new());
        stage
    }
}

impl Stage<'_> {
    /// The session that this client has in turn with others.
    pub(super) fn shared(&self, client: ClientIx) -> Option<SharedSession> {
        let id = self.scenario.clients[client].client_id.as_str();
        self.shared.get(id).map(|(_, session)| session.clone())
    }

    /// What came of a client's request, whoever went on with it.
    pub(super) fn outcome(&self, client: ClientIx, ticket: Ticket) -> Option<Outcome> {
        let id = self.scenario.clients[client].client_id.as_str();
        let own = [client];
        let clients = self.shared.get(id).map_or(&own[..], |(all, _)| all);
        let mut outcomes = clients.iter().map(|c| &self.clients[*c].outcomes);
        outcomes.find_map(|of| of.get(&ticket)).cloned()
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Gives an order, unless it would change nothing.
    pub(super) fn order(&mut self, order: Order) {
        self.ledger.ordered(&order, self.now);
        let Some(client) = order.client() else {
            self.orders.push(order);
            return;
        };
        let link = &mut self.links[client];
        let changes = match &order {
            Order::Block(_, Way::Up, blocked) => {
                replace(&mut link.blocked_up, *blocked) != *blocked
            }
            Order::Block(_, Way::Down, blocked) => {
                replace(&mut link.blocked_down, *blocked) != *blocked
            }
            Order::Link(_, change) => {
                let loss = change.loss_permille.unwrap_or(link.loss_permille);
                replace(&mut link.loss_permille, loss) != loss || change.latency_ms.is_some()
            }
            Order::Arm(..) => {
                link.armed = true;
                true
            }
            Order::Disarm(_) => replace(&mut link.armed, false),
            Order::Client(..)
            | Order::Broker(..)
            | Order::Cut(..)
            | Order::Nudge(_)
            | Order::Crash(..)
            | Order::Restart
            | Order::Disk(..) => true,
        };
        if changes {
            self.orders.push(order);
        }
    }

    pub(super) fn failure(
        &self,
        step: &Step,
        message: impl Into<String>,
        expected: &str,
    ) -> StepFailure {
        StepFailure {
            source: step.source,
            client: step.client(),
            step: describe::step(step, self.scenario),
            message: message.into(),
            expected: expected.to_owned(),
            at: self.now,
            at_limit: false,
            demand: None,
        }
    }

    /// What a scripted client, or a scripted broker on the connection of a client, has seen.
    pub(super) fn wire(&mut self, client: ClientIx, side: Role) -> (&mut Wire, &mut Ids) {
        let wire = match side {
            Role::Client => &mut self.clients[client].wire,
            Role::Server => &mut self.lines[client],
        };
        (wire, &mut self.ids[client])
    }

    /// Something happened at the broker. Gives what that is where it is scripted.
    pub(super) fn at_broker(
        &mut self,
        client: ClientIx,
        conn: u64,
        seen: &AtServer,
    ) -> Option<Interest> {
        if !self.scenario.broker.scripted {
            return None;
        }
        let wire = &mut self.lines[client];
        match seen {
            AtServer::Opened => {
                wire.number = conn;
                // Who left and comes back by itself has left: the story has gone another way.
                let left = wire.left;
                wire.dialled();
                wire.left = left;
            }
            _ if wire.number != conn => return None,
            AtServer::Received(frame) => wire.came(&frame.packet),
            AtServer::Closed { .. } => wire.ended(),
            AtServer::Sent(_) | AtServer::SentRaw { .. } | AtServer::Violation(_) => return None,
        }
        Some(Interest::AtBroker(client))
    }

    /// The version that a client speaks.
    pub(super) fn speaks(&self, client: ClientIx) -> Version {
        self.scenario.speaks(client, self.version)
    }

    /// The statements that ask for what a step waited for; none once the other side of a script has ended a connection, as
    /// it may: the story has gone another way then.
    pub(super) fn demanded(
        &self,
        client: ClientIx,
        expect: &Expect,
        waited: Option<Duration>,
    ) -> Option<Box<Demand>> {
        let mut wires = self
            .clients
            .iter()
            .map(|client| &client.wire)
            .chain(&self.lines);
        let left = wires.any(|wire| wire.left);
        let version = self.speaks(client);
        let known = expect
            .statement
            .iter()
            .filter_map(|s| s.in_version(version));
        let demand = Demand {
            statements: known.map(str::to_owned).collect(),
            version,
            waited,
        };
        (!left && !demand.statements.is_empty()).then(|| Box::new(demand))
    }

    pub(super) fn tell(&mut self, client: ClientIx, command: Command) {
        self.order(Order::Client(client, Box::new(command)));
    }

    /// Opens a direction of a link at `at`.
    pub(super) fn open_later(&mut self, at: Time, client: ClientIx, way: Way) {
        self.next_later += 1;
        let key = (at, self.next_later);
        self.later.insert(key, Order::Block(client, way, false));
        self.partition_ends.insert((client, way == Way::Up), key);
    }

    /// The disk has another trouble, or none, and no other one later; it ends by itself at `until`.
    pub(super) fn disk(&mut self, disk: &Disk, until: Option<Time>) {
        if let Some(key) = self.sound_again.take() {
            self.later.remove(&key);
        }
        self.order(Order::Disk(disk.trouble, disk.sync));
        if let Some(at) = until {
            self.next_later += 1;
            let key = (at, self.next_later);
            self.later
                .insert(key, Order::Disk(Trouble::Sound, disk.sync));
            self.sound_again = Some(key);
        }
    }

    /// Forgets what was to end later on a link: it has ended now, or lasts longer.
    pub(super) fn forget_later(&mut self, client: ClientIx, way: Way) {
        if let Some(key) = self.partition_ends.remove(&(client, way == Way::Up)) {
            self.later.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::{load_str, model::Statement};

    const STORY: &str = "\
title: t
broker: { scripted: true }
clients: { a: {} }
steps:
  - a: connect
  - broker: { expect: closed, statement: MQTT-4.8.0-1 }
";

    /// Whether something is demanded of a client after this was seen of its connections, of which the story ends some.
    fn demands(seen: &[(u64, &str)]) -> bool {
        let plan = load_str("t", "t.yaml", STORY).unwrap_or_else(|p| panic!("{p:#?}"));
        let mut stage = Stage::new(&plan, Version::V3_1_1);
        for (conn, what) in seen {
            let seen = match *what {
                "opens" => AtServer::Opened,
                "ends it" => {
                    stage.lines[0].ending = true;
                    continue;
                }
                _ => AtServer::Closed {
                    by: Role::Client,
                    remark: String::new(),
                },
            };
            stage.at_broker(0, *conn, &seen);
        }
        let expect = Expect {
            what: Vec::new(),
            never: None,
            statement: vec![Statement {
                id: "MQTT-4.8.0-1".into(),
                of: None,
            }],
        };
        stage.demanded(0, &expect, None).is_some()
    }

    #[test]
    fn nothing_is_demanded_of_a_client_that_left_even_if_it_comes_back() {
        assert!(demands(&[(0, "opens")]));
        assert!(!demands(&[(0, "opens"), (0, "closes")]));
        assert!(!demands(&[(0, "opens"), (0, "closes"), (1, "opens")]));
        let ended = [(0, "opens"), (0, "ends it"), (0, "closes"), (1, "opens")];
        assert!(demands(&ended));
        // The end of an older connection is nothing new.
        assert!(demands(&[(0, "opens"), (1, "opens"), (0, "closes")]));
    }
}
