//! The director plays a scenario: it tells clients and network what to do, and watches what becomes of it.
//!
//! It is a state machine: facts go in with [`Director::observe`], and between two instants [`Director::act`] gives
//! the orders for the next one. What it learns during one millisecond it acts on in the next, in every world. It
//! touches no socket and no core, so the same director plays in all of them.

mod client_step;
mod commands;
mod inbox;
mod ledger;
mod links;
mod scripted;
mod stage;
mod step;
mod task;
mod view;
mod watch;
mod wire;

pub use crate::order::Order;
pub use ledger::{Done, Fate, Tied};
pub use stage::{Demand, StepFailure};

use crate::{
    tap::Waited,
    trace::{AtServer, Node, Record, What},
};
use squall_protocol::{Time, Version};
use squall_scenarios::model::Scenario;
use stage::Stage;
use task::Task;

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

impl<'a> Director<'a> {
    /// A director at the beginning of `plan` (a scenario without seeded steps, see [`squall_scenarios::plan`]).
    #[must_use]
    pub fn new(plan: &'a Scenario, version: Version) -> Self {
        Self {
            root: Task::sequence(&plan.steps),
            stage: Stage::new(plan, version),
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
        if let (Node::Client(client), What::Dial) = (record.node, &record.what) {
            self.stage.clients[client].wire.dialled();
        }
        let happened = match (record.node, &record.what) {
            (Node::Client(client), What::Client(event)) => {
                self.stage.clients[client].observe(client, event)
            }
            (_, What::Broker { client, conn, seen }) => self.stage.at_broker(*client, *conn, seen),
            (_, What::GaveUp(_)) => {
                self.stage.down = true;
                None
            }
            (Node::Client(client), What::Cut(_)) => {
                self.stage.lines[client].ending = true;
                None
            }
            _ => None,
        };
        if let Some(happened) = happened {
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

    /// Goes on with the story at `now`; `done` is what links and the disk have done until now. Gives the orders to carry
    /// out before anything else happens at `now`.
    pub fn act(&mut self, now: Time, done: Done<'_>) -> Vec<Order> {
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
        self.stage.ledger.keep(done);
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
            demand: None,
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

    /// What became of every fault of the story, which is over: `done` is what links and the disk have done, `waited` what
    /// the tap of each client says.
    #[must_use]
    pub fn into_fates(self, done: Done<'_>, waited: &[Vec<Waited>]) -> Vec<Fate> {
        self.stage.ledger.close(done, waited)
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
