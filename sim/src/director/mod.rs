//! The director plays a scenario: it tells clients and network what to do, and watches what becomes of it.
//!
//! It is a state machine: facts go in with [`Director::observe`], and between two instants [`Director::act`] gives
//! the orders for the next one. What it learns during one millisecond it acts on in the next, in every world. It
//! touches no socket and no core, so the same director plays in all of them.

mod client_step;
mod faults;
mod inbox;
mod ledger;
mod orders;
mod task;
mod view;
mod watch;

pub use ledger::{Fate, Tied};
pub use orders::Order;

use crate::{
    net::{Tally, Way},
    tap::Waited,
    trace::{AtServer, Node, Record, What},
};
use ledger::Ledger;
use squall_client::{Command, Ticket};
use squall_protocol::{Time, Version};
use squall_scenarios::{
    describe,
    model::{ClientIx, LinkSpec, Scenario, Source, Step},
    plan::OBSERVER,
};
use std::{collections::BTreeMap, mem::replace};
use task::Task;
use view::ClientView;
use watch::Watch;

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
}

/// A story in which more than this happens is stopped: its trace would not fit into memory.
const MAX_RECORDS: u64 = 350_000;
/// Bytes of packets sent and received after which a story is stopped, for the same reason.
const MAX_PACKET_BYTES: u64 = 256 << 20;

/// Plays one scenario once.
pub struct Director<'a> {
    root: Task<'a>,
    stage: Stage<'a>,
    limit: Time,
    /// Something was learned since the last act.
    news: Option<Time>,
    finished: bool,
    failure: Option<StepFailure>,
    /// Records seen so far, and bytes of the packets in them.
    records: u64,
    packet_bytes: u64,
}

/// The clients a story speaks of when it says all: not the one that only observes.
fn own_clients(plan: &Scenario) -> usize {
    plan.clients.iter().filter(|c| c.name != OBSERVER).count()
}

/// What every task works with.
struct Stage<'a> {
    scenario: &'a Scenario,
    version: Version,
    now: Time,
    clients: Vec<ClientView>,
    /// How many of them the story speaks of when it says all.
    own_clients: usize,
    links: Vec<Link>,
    next_ticket: u64,
    orders: Vec<Order>,
    /// Orders for later, such as the end of a partition.
    later: BTreeMap<(Time, u64), Order>,
    next_later: u64,
    /// By link and direction: the end of the newest partition in `later`.
    partition_ends: BTreeMap<(ClientIx, bool), (Time, u64)>,
    watch: Watch,
    ledger: Ledger,
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

impl Stage<'_> {
    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Gives an order, unless it would change nothing.
    fn order(&mut self, order: Order) {
        self.ledger.ordered(&order, self.now);
        let link = &mut self.links[order.client()];
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
            Order::Client(..) | Order::Cut(..) | Order::Nudge(_) => true,
        };
        if changes {
            self.orders.push(order);
        }
    }

    fn failure(&self, step: &Step, message: impl Into<String>, expected: &str) -> StepFailure {
        StepFailure {
            source: step.source,
            client: step.client(),
            step: describe::step(step, self.scenario),
            message: message.into(),
            expected: expected.to_owned(),
            at: self.now,
            at_limit: false,
        }
    }

    fn tell(&mut self, client: ClientIx, command: Command) {
        self.order(Order::Client(client, Box::new(command)));
    }

    /// Opens a direction of a link at `at`.
    fn open_later(&mut self, at: Time, client: ClientIx, way: Way) {
        self.next_later += 1;
        let key = (at, self.next_later);
        self.later.insert(key, Order::Block(client, way, false));
        self.partition_ends.insert((client, way == Way::Up), key);
    }

    /// Forgets what was to end later on a link: it has ended now, or lasts longer.
    fn forget_later(&mut self, client: ClientIx, way: Way) {
        if let Some(key) = self.partition_ends.remove(&(client, way == Way::Up)) {
            self.later.remove(&key);
        }
    }
}

impl<'a> Director<'a> {
    /// A director at the beginning of `plan` (a scenario without seeded steps, see [`squall_scenarios::plan`]).
    #[must_use]
    pub fn new(plan: &'a Scenario, version: Version) -> Self {
        let mut stage = Stage {
            scenario: plan,
            version,
            now: Time::ZERO,
            clients: plan
                .clients
                .iter()
                .map(|c| ClientView::new(c.reconnect.is_some()))
                .collect(),
            own_clients: own_clients(plan),
            links: plan.clients.iter().map(|c| Link::of(&c.link)).collect(),
            next_ticket: 0,
            orders: Vec::new(),
            later: BTreeMap::new(),
            next_later: 0,
            partition_ends: BTreeMap::new(),
            watch: Watch::default(),
            ledger: Ledger::default(),
        };
        stage.ledger.weather(&plan.clients);
        stage.watch.wake(Vec::new());
        Self {
            root: Task::sequence(&plan.steps),
            stage,
            limit: Time::ZERO + plan.limit,
            news: Some(Time::ZERO),
            finished: false,
            failure: None,
            records: 0,
            packet_bytes: 0,
        }
    }

    /// Something happened. Call it for every record, in order.
    pub fn observe(&mut self, record: &Record) {
        self.records += 1;
        self.packet_bytes += packet_bytes(record);
        self.stage.ledger.observe(record);
        if self.is_too_much() {
            let next = Time::from_millis(record.at.as_millis() + 1);
            self.news = Some(self.news.map_or(next, |n| n.min(next)));
        }
        if let (Node::Client(client), What::Client(event)) = (record.node, &record.what)
            && let Some(happened) = self.stage.clients[client].observe(client, event)
        {
            self.stage.watch.happened(happened);
            // It was learned in this instant, so it can be acted on in the next.
            let next = Time::from_millis(record.at.as_millis() + 1);
            self.news = Some(self.news.map_or(next, |n| n.min(next)));
        }
    }

    /// When [`Self::act`] has something to do; `None` when the story is over.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        if self.finished {
            return None;
        }
        let later = self.stage.later.keys().next().map(|(at, _)| *at);
        [
            self.news,
            self.stage.watch.next_time(),
            later,
            Some(self.limit),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Goes on with the story at `now`; `tallies` are what the links have done until now. Gives the orders to carry out
    /// before anything else happens at `now`.
    pub fn act(&mut self, now: Time, tallies: &[Tally]) -> Vec<Order> {
        if self.finished || self.next_at().is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.news = None;
        self.stage.now = now;
        self.stage.watch.reached(now);
        while let Some(entry) = self.stage.later.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let order = entry.remove();
            self.stage.order(order);
        }
        if self.stage.watch.is_ready() {
            match self.root.poll(&[], &mut self.stage) {
                Ok(done) => self.finished = done,
                Err(failure) => self.fail(failure),
            }
            self.stage.watch.seen(&[]);
        }
        if let Some(what) = self.too_much() {
            let message = format!("{what} by {now}");
            let expected = "a story of fewer events: is somebody dialling again and again?";
            self.fail_at_limit(message, expected, now);
        }
        if now >= self.limit {
            let message = format!("the story was not over at its limit of {}", self.limit);
            let expected = "every step ends within the scenario's `limit`";
            self.fail_at_limit(message, expected, now);
        }
        self.stage.ledger.keep(tallies);
        std::mem::take(&mut self.stage.orders)
    }

    /// Whether there is more of something than a trace may hold.
    const fn is_too_much(&self) -> bool {
        self.records >= MAX_RECORDS || self.packet_bytes >= MAX_PACKET_BYTES
    }

    /// What there is more of than a trace may hold.
    fn too_much(&self) -> Option<String> {
        if self.records >= MAX_RECORDS {
            return Some(format!("more than {MAX_RECORDS} things had happened"));
        }
        let most = MAX_PACKET_BYTES >> 20;
        (self.packet_bytes >= MAX_PACKET_BYTES)
            .then(|| format!("more than {most} MiB of packets had been sent and received"))
    }

    /// A limit ends the story, unless it is over.
    fn fail_at_limit(&mut self, message: String, expected: &str, now: Time) {
        if self.finished {
            return;
        }
        let (source, client, step) = self.root.waiting_for(&self.stage).unwrap_or_default();
        self.fail(StepFailure {
            source,
            client,
            step,
            message,
            expected: expected.into(),
            at: now,
            at_limit: true,
        });
    }

    /// Ends the story here, as a limit does, unless it is over.
    pub fn break_off(&mut self, why: &str) {
        self.fail_at_limit(
            why.to_owned(),
            "a broker with which stories can be told",
            self.stage.now,
        );
    }

    fn fail(&mut self, failure: StepFailure) {
        self.failure = Some(failure);
        self.finished = true;
    }

    /// Whether the story is over, told to its end or not.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// What became of every fault of the story, which is over: `tallies` are what the links have done, `waited` what
    /// the tap of each client says.
    #[must_use]
    pub fn into_fates(self, tallies: &[Tally], waited: &[Vec<Waited>]) -> Vec<Fate> {
        self.stage.ledger.close(tallies, waited)
    }

    /// Why the story could not be told to its end.
    #[must_use]
    pub fn failure(&self) -> Option<&StepFailure> {
        self.failure.as_ref()
    }
}

/// Bytes of the packet that a record keeps.
pub(crate) fn packet_bytes(record: &Record) -> u64 {
    use squall_client::Event as C;
    let (What::Broker {
        seen: AtServer::Sent(frame) | AtServer::Received(frame),
        ..
    }
    | What::Client(C::Sent(frame) | C::Received(frame))) = &record.what
    else {
        return 0;
    };
    frame.bytes.len() as u64
}
