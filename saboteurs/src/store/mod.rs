//! Stores of the reference broker that are wrong or odd: a good one, with somebody before it who gives it a [`Habit`].
//!
//! Whoever looks at the broker sees one that has the habit, wherever it crashes.

mod table;

pub use table::Habit;

use bytes::Bytes;
use squall_broker::store::{Batch, Change, Key, Store, StoreError};
use squall_protocol::{Packet, QoS, Role, Time, Version, decode_one};
use std::{
    collections::BTreeMap,
    mem::take,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long after it was synced a batch is told of, and how much later an acknowledgement is written down.
const LATE: Duration = Duration::from_millis(250);

/// A store with a habit.
#[derive(Debug)]
pub struct Habitual {
    store: Box<dyn Store>,
    habit: Habit,
    /// How often the habit has made a difference.
    bites: Arc<AtomicU64>,
    /// Batches that were given and not told of, and when each is to be, if that is later.
    given: Vec<Option<Time>>,
    /// Batches that the store has been given for the oldest of these and has not stored.
    left: usize,
    /// What is written later, and when.
    later: Option<(Time, Batch)>,
    /// The newest batch, which nobody has written.
    unwritten: Batch,
    /// Rows that were forgotten and are there still.
    forgotten: Vec<Key>,
}

impl Habitual {
    /// This store with this habit; `bites` counts how often it makes a difference.
    #[must_use]
    pub fn new(habit: Habit, store: Box<dyn Store>, bites: Arc<AtomicU64>) -> Self {
        Self {
            store,
            habit,
            bites,
            given: Vec::new(),
            left: 0,
            later: None,
            unwritten: Batch::default(),
            forgotten: Vec::new(),
        }
    }

    fn bite(&self, times: usize) {
        self.bites.fetch_add(times as u64, Ordering::Relaxed);
    }

    /// What of a batch is given to the store now.
    fn now(&mut self, now: Time, batch: Batch) -> Batch {
        let is_late = |key: &Key, gone: bool| match self.habit {
            Habit::SendsAgain => gone && matches!(key, Key::Flow(..) | Key::Message(_)),
            _ => false,
        };
        let is_lost = |key: &Key, gone: bool| match self.habit {
            Habit::KeepsReceived => gone && matches!(key, Key::Received(..)),
            Habit::KeepsUnsubscribed => gone && matches!(key, Key::Subscription(..)),
            _ => false,
        };
        let (mut at_once, mut late, mut lost) = (Batch::default(), Batch::default(), 0);
        // What they name may go with this batch.
        for key in take(&mut self.forgotten) {
            at_once.push(gone(key));
        }
        for (key, value) in batch.rows() {
            let gone = value.is_none();
            if is_lost(key, gone) {
                lost += 1;
                continue;
            }
            let batch = if is_late(key, gone) {
                &mut late
            } else {
                &mut at_once
            };
            // Whether it is new is no matter where nothing comes and goes.
            batch.push(Change {
                key: key.clone(),
                value: value.cloned(),
                is_new: false,
            });
        }
        self.bite(lost + late.len());
        if !late.is_empty() {
            self.later = Some((now + LATE, late));
        }
        at_once
    }

    fn give(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        if !batch.is_empty() {
            self.store.store(now, batch)?;
            self.left += 1;
        }
        Ok(())
    }

    /// How many batches were stored, where each is told of when all of it is, and not before its time.
    fn told(&mut self, now: Time) -> Result<usize, StoreError> {
        if let Some((_, late)) = self.later.take_if(|(at, _)| *at <= now) {
            self.give(now, late)?;
        }
        self.left -= self.store.stored(now)?;
        if self.left > 0 || self.later.is_some() {
            return Ok(0);
        }
        if self.habit == Habit::Late {
            for due in &mut self.given {
                if due.is_none() {
                    self.bites.fetch_add(1, Ordering::Relaxed);
                    *due = Some(now + LATE);
                }
            }
        }
        let before = self.given.len();
        self.given.retain(|due| due.is_some_and(|at| at > now));
        Ok(before - self.given.len())
    }
}

impl Store for Habitual {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let mut rows = self.store.load()?;
        let before = rows.len();
        let messages: BTreeMap<u64, Bytes> = rows
            .iter()
            .filter_map(|(key, value)| match key {
                Key::Message(number) => Some((*number, value.clone())),
                _ => None,
            })
            .collect();
        let forgets = |(key, value): &mut (Key, Bytes)| forgets(self.habit, key, value, &messages);
        let forgotten = rows.extract_if(.., forgets).map(|(key, _)| key);
        self.forgotten = forgotten.collect();
        self.bite(before - rows.len());
        Ok(rows)
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        self.given.push(None);
        if self.habit == Habit::OneLate {
            let before = take(&mut self.unwritten);
            self.bite(batch.len());
            self.unwritten = batch;
            return self.give(now, before);
        }
        let batch = self.now(now, batch);
        self.give(now, batch)
    }

    fn stored(&mut self, now: Time) -> Result<usize, StoreError> {
        match self.habit {
            Habit::Hasty | Habit::OneLate => {
                let stored = self.store.stored(now)?;
                self.left -= stored;
                if self.habit == Habit::Hasty {
                    self.bite(self.left);
                }
                Ok(take(&mut self.given).len())
            }
            _ => self.told(now),
        }
    }

    fn due(&self) -> Option<Time> {
        if self.given.is_empty() {
            return None;
        }
        let late = self.later.as_ref().map(|(at, _)| *at);
        let told = self.given.iter().flatten().min().copied();
        let store = self.store.due().filter(|_| self.left > 0);
        [late, told, store].into_iter().flatten().min()
    }
}

const fn gone(key: Key) -> Change {
    Change {
        key,
        value: None,
        is_new: false,
    }
}

/// Whether a row is not there any more when the store is opened.
fn forgets(habit: Habit, key: &Key, value: &Bytes, messages: &BTreeMap<u64, Bytes>) -> bool {
    match habit {
        Habit::ForgetsReceived => matches!(key, Key::Received(..)),
        Habit::ForgetsFlows => matches!(key, Key::Flow(..)),
        Habit::ForgetsWaiting => matches!(key, Key::Waiting(..)),
        Habit::ForgetsSubscriptions => matches!(key, Key::Subscription(..)),
        Habit::ForgetsSessions => !matches!(key, Key::Message(_) | Key::Retained(_)),
        Habit::ForgetsRetained => matches!(key, Key::Retained(_)),
        Habit::ForgetsWills => matches!(key, Key::Will(_)),
        Habit::ForgetsRetainedQos0 => {
            matches!(key, Key::Retained(_)) && qos(value, messages) == Some(QoS::AtMostOnce)
        }
        _ => false,
    }
}

/// The QoS of a retained message: its row begins with the number of its message, whose row begins with the length of a
/// PUBLISH, in eight bytes each, and that PUBLISH.
fn qos(retained: &Bytes, messages: &BTreeMap<u64, Bytes>) -> Option<QoS> {
    let number = |bytes: &[u8]| bytes.first_chunk().map(|n| u64::from_be_bytes(*n));
    let message = messages.get(&number(retained)?)?;
    let length = usize::try_from(number(message)?).ok()?;
    let publish = Bytes::copy_from_slice(message.get(8..)?.get(..length)?);
    let frame = decode_one(&publish, Role::Server, Some(Version::V5_0)).ok()?;
    match frame.packet {
        Packet::Publish(publish) => Some(publish.qos),
        _ => None,
    }
}
