//! The broker between its tasks: whoever has something for it calls it here, and what it says is handed on at once.

use super::line::Line;
use crate::{ConnId, Event, Hangup, Machine, Output, Script};
use squall_protocol::Time;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};
use tokio::{
    select,
    sync::{Notify, mpsc::UnboundedReceiver},
    time::{Instant, sleep_until},
};

/// Who is shown every event.
pub(super) type Observer = Box<dyn FnMut(Time, Event)>;

/// The broker between its tasks.
pub(super) struct Core {
    state: RefCell<State>,
    begun: Instant,
    /// Wakes the timer task when there is an earlier deadline than it waits for.
    earlier: Notify,
    /// What the timer task waits for.
    armed: Cell<Option<Time>>,
}

struct State {
    broker: Box<dyn Machine>,
    observer: Option<Observer>,
    /// Connections that the core has not closed.
    lines: BTreeMap<ConnId, Line>,
    /// Bytes that wait for the transport, of all connections.
    outgoing: Rc<Cell<usize>>,
}

impl Core {
    pub(super) fn new(broker: Box<dyn Machine>, observer: Option<Observer>) -> Self {
        Self {
            state: RefCell::new(State {
                broker,
                observer,
                lines: BTreeMap::new(),
                outgoing: Rc::default(),
            }),
            begun: Instant::now(),
            earlier: Notify::new(),
            armed: Cell::new(None),
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + self.begun.elapsed()
    }

    pub(super) fn outgoing(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.state.borrow().outgoing)
    }

    pub(super) fn open(&self, conn: ConnId, line: Line) {
        self.state.borrow_mut().lines.insert(conn, line);
        self.call(|broker, now| broker.handle_open(now, conn));
    }

    pub(super) fn bytes(&self, conn: ConnId, bytes: &[u8]) {
        self.call(|broker, now| broker.handle_bytes(now, conn, bytes));
    }

    /// The transport ended by itself.
    pub(super) fn closed(&self, conn: ConnId, how: Hangup) {
        let line = self.state.borrow_mut().lines.remove(&conn);
        let Some(line) = line else { return };
        match how {
            // What was sent may still arrive: the peer has only stopped to send.
            Hangup::Eof => line.close(),
            Hangup::Reset => line.abort(),
        }
        self.call(|broker, now| broker.handle_closed(now, conn, how));
    }

    fn timeout(&self) {
        let now = self.now();
        let due = self.state.borrow().broker.poll_timeout();
        if due.is_some_and(|at| at <= now) {
            self.call(|broker, now| broker.handle_timeout(now));
        }
    }

    /// One call of the core: events to the observer, outputs to the lines, the new deadline to the timer.
    pub(super) fn call(&self, input: impl FnOnce(&mut dyn Machine, Time)) {
        let now = self.now();
        let state = &mut *self.state.borrow_mut();
        input(&mut *state.broker, now);
        state.hand_on(now);
        let next = state.broker.poll_timeout();
        if next.is_some_and(|at| self.armed.get().is_none_or(|armed| at < armed)) {
            self.earlier.notify_one();
        }
    }
}

impl State {
    fn hand_on(&mut self, now: Time) {
        loop {
            while let Some(event) = self.broker.poll_event() {
                if let Some(observer) = &mut self.observer {
                    observer(now, event);
                }
            }
            let Some(output) = self.broker.poll_output() else {
                return;
            };
            match output {
                Output::Send { conn, bytes } => {
                    let limit = self.broker.config().max_outgoing_bytes;
                    let line = self.lines.get(&conn);
                    if line.is_some_and(|line| !line.send(bytes, limit)) {
                        // It does not read: nobody waits for it.
                        self.drop_line(now, conn);
                    }
                    while self.outgoing.get() > self.broker.config().max_outgoing_bytes_in_all {
                        let Some(conn) = self.slowest() else { break };
                        self.drop_line(now, conn);
                    }
                }
                Output::Close { conn } => {
                    if let Some(line) = self.lines.remove(&conn) {
                        line.close();
                    }
                }
            }
        }
    }

    fn drop_line(&mut self, now: Time, conn: ConnId) {
        if let Some(line) = self.lines.remove(&conn) {
            line.abort();
        }
        self.broker.handle_closed(now, conn, Hangup::Reset);
    }

    /// The connection for which most bytes wait, if any do.
    fn slowest(&self) -> Option<ConnId> {
        let waiting = self.lines.iter().map(|(conn, line)| (line.waiting(), conn));
        let (bytes, conn) = waiting.max()?;
        (bytes > 0).then_some(*conn)
    }
}

/// Calls the core when its deadline has come.
pub(super) async fn keep_time(core: Rc<Core>) {
    loop {
        let next = core.state.borrow().broker.poll_timeout();
        core.armed.set(next);
        let Some(at) = next else {
            core.earlier.notified().await;
            continue;
        };
        let wait = at
            .since(Time::ZERO)
            .min(core.begun.elapsed() + LONGEST_SLEEP);
        select! {
            biased;
            () = sleep_until(core.begun + wait) => core.timeout(),
            () = core.earlier.notified() => {}
        }
    }
}

/// Hands on what the broker is told to do.
pub(super) async fn hand_on(core: Rc<Core>, mut scripts: UnboundedReceiver<(usize, Script)>) {
    while let Some((caller, script)) = scripts.recv().await {
        core.call(|broker, now| broker.handle_script(now, caller, script));
    }
}

/// Deadlines can lie beyond what a clock can say; then the timer looks again after this long.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);
