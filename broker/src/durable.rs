//! A broker whose state outlives it: what it promises leaves once it is stored.

use crate::{
    Broker, CloseCause, Config, ConnId, Counters, Event, Hangup, Machine, Output, Peer, Script,
    security::Verdict,
    store::{Batch, Store, StoreError},
};
use squall_protocol::{PacketId, Time};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// A [`Broker`] and the [`Store`] of its state, as one machine.
///
/// Each call of the core causes changes and packets. Its packets are kept back until its changes are stored, and so is
/// everything after them on the same connections, so nobody is told what a crash could undo. Packets of calls that
/// change nothing, on connections where nothing is kept back, leave at once. While one batch is being stored the next
/// is gathered: one sync serves everybody who waits.
///
/// When the store fails, nothing that depends on it leaves any more: every connection is closed, as when the broker
/// is stopped, and [`Machine::failure`] says why.
#[derive(Debug)]
pub struct Durable {
    broker: Broker,
    store: Box<dyn Store>,
    /// What changed and is not on its way to the store.
    gathered: Batch,
    /// The number of the batch that is gathered. From 1.
    gathering: u64,
    /// The number of the last batch that was stored.
    stored: u64,
    /// What is kept back, with the number of the batch that it waits for, which never gets lower.
    kept_back: VecDeque<(u64, KeptBack)>,
    /// The connections of these, with the number of the last of each.
    lines: BTreeMap<ConnId, u64>,
    /// When the gathered batch is stored although nobody waits for it.
    store_by: Option<Time>,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
    failure: Option<StoreError>,
    /// Somebody observes.
    observing: bool,
}

/// Something that waits, and its connection.
#[derive(Debug)]
struct KeptBack(ConnId, What);

#[derive(Debug)]
enum What {
    Output(Output),
    Event(Event),
}

impl From<Output> for KeptBack {
    fn from(output: Output) -> Self {
        let (Output::Send { conn, .. } | Output::Verify { conn, .. } | Output::Close { conn }) =
            output;
        Self(conn, What::Output(output))
    }
}

impl KeptBack {
    /// Whether it is the answer to CONNECT.
    fn is_connack(&self) -> bool {
        matches!(&self.1, What::Output(Output::Send { bytes, .. }) if bytes.first() == Some(&0x20))
    }

    /// Whether it is that its connection is over.
    const fn is_end(&self) -> bool {
        matches!(
            self.1,
            What::Output(Output::Close { .. }) | What::Event(Event::Closed { .. })
        )
    }
}

impl Durable {
    /// How long changes that nobody waits for may stay unstored, such as that a client has acknowledged a message. A
    /// crash makes them undone, which the standard allows: the message is sent again.
    pub const UNPROMISED: Duration = Duration::from_millis(200);

    /// A broker that goes on from what is stored: a restart is no end of a session [X-5.0-session-7].
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn open(
        config: Config,
        mut store: impl Store + 'static,
        now: Time,
    ) -> Result<Self, StoreError> {
        let rows = store.load()?;
        let broker = Broker::restored(config, rows, now);
        let broker = broker.map_err(|damaged| StoreError::Damaged(damaged.0))?;
        let mut durable = Self {
            broker,
            store: Box::new(store),
            gathered: Batch::default(),
            gathering: 1,
            stored: 0,
            kept_back: VecDeque::new(),
            lines: BTreeMap::new(),
            store_by: None,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            failure: None,
            observing: false,
        };
        durable.called(now);
        match durable.failure.take() {
            Some(error) => Err(error),
            None => Ok(durable),
        }
    }

    /// The broker.
    #[must_use]
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// After each call of the core: its changes are gathered, what it says is kept back or passed on, and a batch is
    /// stored if it is time.
    fn called(&mut self, now: Time) {
        let changes = self.broker.poll_changes();
        let changed = !changes.is_empty() && self.failure.is_none();
        if changed {
            changes
                .into_iter()
                .for_each(|change| self.gathered.push(change));
        }
        while let Some(event) = self.broker.poll_event() {
            match &event {
                // What it is about is known to the peer already, or to nobody.
                Event::Opened { .. }
                | Event::Received { .. }
                | Event::Violation { .. }
                | Event::Failed(_) => {
                    self.events.push_back(event);
                }
                Event::Closed { conn, cause } if is_peers(*cause) => {
                    self.give_up(*conn);
                    self.events.push_back(event);
                }
                Event::Sent { conn, .. }
                | Event::SentRaw { conn, .. }
                | Event::Closed { conn, .. } => {
                    self.hand_on(changed, KeptBack(*conn, What::Event(event)));
                }
            }
        }
        while let Some(output) = self.broker.poll_output() {
            // Whoever finds out who a client is tells nobody.
            if matches!(output, Output::Verify { .. }) {
                self.outputs.push_back(output);
                continue;
            }
            self.hand_on(changed, output.into());
        }
        self.store(now);
    }

    /// Keeps something back, if it has to be.
    fn hand_on(&mut self, changed: bool, what: KeptBack) {
        let conn = what.0;
        let waits_for = match changed && !self.gathered.is_empty() {
            true => Some(self.gathering),
            false => self.lines.get(&conn).copied(),
        };
        let Some(number) = waits_for else {
            return self.pass_on(what);
        };
        let last = self.kept_back.back().map_or(0, |(number, _)| *number);
        let number = number.max(last);
        self.lines.insert(conn, number);
        self.kept_back.push_back((number, what));
    }

    fn pass_on(&mut self, what: KeptBack) {
        match what.1 {
            What::Output(output) => self.outputs.push_back(output),
            What::Event(event) => self.events.push_back(event),
        }
    }

    /// The peer is gone: what was kept back for it was never sent.
    fn give_up(&mut self, conn: ConnId) {
        if self.lines.remove(&conn).is_none() {
            return;
        }
        let unsent = self.kept_back.iter().filter_map(|(_, what)| match &what.1 {
            What::Output(Output::Send { bytes, .. }) if what.0 == conn => first_attempt(bytes),
            _ => None,
        });
        for id in unsent {
            self.broker.handle_unsent(conn, id);
        }
        let events = &mut self.events;
        self.kept_back.retain(|(_, what)| {
            if what.0 != conn {
                return true;
            }
            // That it was closed here comes true with that.
            if let What::Event(event @ Event::Closed { .. }) = &what.1 {
                events.push_back(event.clone());
            }
            false
        });
    }

    /// Begins to store what is gathered, if the store is free and somebody waits for it, or has waited long enough.
    fn store(&mut self, now: Time) {
        while self.failure.is_none() && !self.gathered.is_empty() {
            let promised = self
                .kept_back
                .back()
                .is_some_and(|(n, _)| *n == self.gathering);
            let by = *self.store_by.get_or_insert(now + Self::UNPROMISED);
            let free = self.stored + 1 == self.gathering;
            if !free || !promised && now < by {
                return;
            }
            self.store_now(now);
        }
    }

    fn store_now(&mut self, now: Time) {
        let batch = std::mem::take(&mut self.gathered);
        self.store_by = None;
        self.gathering += 1;
        let stored = self.store.store(now, batch);
        match stored.and_then(|()| self.store.stored(now)) {
            Ok(batches) => self.release(batches),
            Err(error) => self.fail(now, error),
        }
    }

    /// The store may have stored something.
    fn look(&mut self, now: Time) {
        if self.failure.is_some() || self.stored + 1 == self.gathering {
            return;
        }
        match self.store.stored(now) {
            Ok(batches) => self.release(batches),
            Err(error) => self.fail(now, error),
        }
    }

    /// So many batches more were stored: what waited for them leaves.
    fn release(&mut self, batches: usize) {
        self.stored += batches as u64;
        while let Some((_, what)) = self.kept_back.pop_front_if(|(n, _)| *n <= self.stored) {
            if (self.lines.get(&what.0)).is_some_and(|n| *n <= self.stored) {
                self.lines.remove(&what.0);
            }
            self.pass_on(what);
        }
    }

    /// Nothing can be promised any more.
    fn fail(&mut self, now: Time, error: StoreError) {
        if self.observing {
            self.events.push_back(Event::Failed(error.to_string()));
        }
        self.failure = Some(error);
        self.gathered = Batch::default();
        self.lines.clear();
        for (_, what) in std::mem::take(&mut self.kept_back) {
            if what.is_end() {
                self.pass_on(what);
            } else if what.is_connack() {
                self.broker.handle_unanswered(what.0);
            }
        }
        self.broker.handle_shutdown(now);
        self.called(now);
    }
}

/// The packet identifier of a PUBLISH that is sent for the first time, if these bytes are one.
fn first_attempt(bytes: &[u8]) -> Option<PacketId> {
    let (&first, rest) = bytes.split_first()?;
    let (is_publish, dup, qos) = (first >> 4 == 3, first & 0x08 != 0, first & 0x06);
    if !is_publish || dup || qos == 0 {
        return None;
    }
    let length = 1 + rest.iter().position(|byte| byte & 0x80 == 0)?;
    let (topic, rest) = rest.get(length..)?.split_first_chunk()?;
    let id = rest.get(u16::from_be_bytes(*topic).into()..)?;
    PacketId::new(u16::from_be_bytes(*id.first_chunk()?))
}

/// Whether a connection is over already when this is told of it.
const fn is_peers(cause: CloseCause) -> bool {
    matches!(cause, CloseCause::Peer(_) | CloseCause::TooSlow)
}

impl Machine for Durable {
    fn handle_open(&mut self, now: Time, conn: ConnId) {
        self.broker.handle_open(now, conn);
        self.called(now);
    }

    fn handle_peer(&mut self, now: Time, conn: ConnId, peer: Peer) {
        self.broker.handle_peer(now, conn, peer);
        self.called(now);
    }

    fn handle_verified(&mut self, now: Time, conn: ConnId, verdict: Verdict) {
        self.broker.handle_verified(now, conn, verdict);
        self.called(now);
    }

    fn handle_bytes(&mut self, now: Time, conn: ConnId, bytes: &[u8]) {
        self.broker.handle_bytes(now, conn, bytes);
        self.called(now);
    }

    fn handle_closed(&mut self, now: Time, conn: ConnId, how: Hangup) {
        self.give_up(conn);
        self.broker.handle_closed(now, conn, how);
        self.called(now);
    }

    fn handle_room(&mut self, now: Time, conn: ConnId, bytes: usize) {
        self.broker.handle_room(now, conn, bytes);
        self.called(now);
    }

    fn handle_slow(&mut self, now: Time, conn: ConnId) {
        self.give_up(conn);
        self.broker.handle_slow(now, conn);
        self.called(now);
    }

    fn handle_script(&mut self, _: Time, _: usize, _: Script) {}

    fn handle_timeout(&mut self, now: Time) {
        self.look(now);
        self.broker.handle_timeout(now);
        self.called(now);
    }

    /// What is gathered is stored, whoever waits for it.
    fn handle_shutdown(&mut self, now: Time) {
        self.broker.handle_shutdown(now);
        self.called(now);
        if !self.gathered.is_empty() {
            self.store_now(now);
        }
    }

    fn handle_stored(&mut self, now: Time) {
        self.look(now);
        self.store(now);
    }

    fn is_storing(&self) -> bool {
        let under_way = self.stored + 1 < self.gathering;
        self.failure.is_none() && (under_way || !self.gathered.is_empty())
    }

    fn failure(&self) -> Option<String> {
        self.failure.as_ref().map(StoreError::to_string)
    }

    fn poll_timeout(&self) -> Option<Time> {
        let all = [
            self.broker.poll_timeout(),
            self.store.due(),
            // A batch that cannot begin before another was stored begins then.
            self.store_by.filter(|_| self.stored + 1 == self.gathering),
        ];
        all.into_iter().flatten().min()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn observe(&mut self, on: bool) {
        self.observing = on;
        self.broker.observe(on);
    }

    fn follow(&mut self) {
        self.broker.follow();
    }

    fn config(&self) -> &Config {
        self.broker.config()
    }

    fn counters(&self) -> Counters {
        Machine::counters(&self.broker)
    }
}

#[cfg(test)]
mod tests;
