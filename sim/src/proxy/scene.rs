//! What all connections of a proxy share.

use super::{
    bench::Bench,
    event::{Event, What},
    faults::Faults,
};
use squall_history::Finding;
use squall_protocol::Role;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};
use tokio::time::Instant;

/// Kinds of violations that are counted one by one.
const KINDS: usize = 1000;

/// Is told what happens.
pub(super) type Observer = Box<dyn FnMut(&Event<'_>)>;

/// What all connections share.
pub(super) struct Scene {
    observer: RefCell<Observer>,
    /// When the first connection came.
    start: Cell<Option<Instant>>,
    pub(super) bench: RefCell<Bench>,
    pub(super) faults: RefCell<Faults>,
    pub(super) tally: RefCell<Tally>,
}

impl Scene {
    pub(super) fn new(observer: Observer, faults: Faults) -> Self {
        Self {
            observer: RefCell::new(observer),
            start: Cell::new(None),
            bench: RefCell::default(),
            faults: RefCell::new(faults),
            tally: RefCell::default(),
        }
    }

    /// Begins to count time, if nobody has.
    pub(super) fn begin(&self) {
        if self.start.get().is_none() {
            self.start.set(Some(Instant::now()));
        }
    }

    /// Milliseconds since the first connection.
    pub(super) fn now(&self) -> u64 {
        let elapsed = self.start.get().map(|start| start.elapsed());
        elapsed.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX))
    }

    /// A number of milliseconds as a point in time.
    pub(super) fn instant(&self, at: u64) -> Instant {
        let start = self.start.get().unwrap_or_else(Instant::now);
        start + std::time::Duration::from_millis(at)
    }

    pub(super) fn tell(&self, conn: u64, what: What<'_>) {
        let at = self.now();
        (self.observer.borrow_mut())(&Event { at, conn, what });
    }
}

/// What was seen, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that came.
    pub connections: u64,
    /// Those of them that the broker did not take.
    pub unreached: u64,
    /// Packets of both sides.
    pub packets: u64,
    /// How often the standard was broken, by whom and against which statements: `MQTT-4.3.2-4`, or the name of the rule
    /// where no statement is numbered.
    pub violations: BTreeMap<(Role, String), u64>,
    /// Faults that never struck, as they were written.
    pub idle: Vec<String>,
}

impl Tally {
    pub(super) fn accuse(&mut self, by: Role, finding: &Finding) {
        let mut name = finding.statements.join(", ");
        if name.is_empty() {
            name = finding.rule.to_owned();
        }
        let key = (by, name);
        if self.violations.len() < KINDS || self.violations.contains_key(&key) {
            *self.violations.entry(key).or_default() += 1;
        }
    }
}
