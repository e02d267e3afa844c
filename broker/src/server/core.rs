//! The broker between its tasks: whoever has something for it calls it here, and what it says is handed on at once.

use super::{
    line::{Limits, Line, Waiting},
    notice::Notice,
};
use crate::{
    ConnId, Event, Hangup, Machine, Output, Script,
    security::{Credentials, Verdict},
};
use squall_protocol::Time;
use squall_transport::Peer;
use std::{
    cell::{Cell, RefCell, RefMut},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};
use tokio::{
    select,
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::{Instant, sleep_until},
};

/// Who is shown every event.
pub(super) type Observer = Box<dyn FnMut(Time, Event)>;

/// Who is told what the server does on its own account.
pub(super) type Listener = Box<dyn FnMut(Notice)>;

/// What a call of the core came to for others.
#[derive(Default)]
pub(super) struct Done {
    /// Bytes of the packets that are sent for it, with what they take beside.
    pub(super) work: usize,
    /// One of those that are sent more than their transports take; never the caller.
    pub(super) pressed: Option<Rc<Waiting>>,
}

/// The broker between its tasks.
pub(super) struct Core {
    state: RefCell<State>,
    limits: Limits,
    /// The time at which it began.
    starts_at: Time,
    /// Wakes who waits until the broker cannot go on.
    failed: Notify,
    /// What every connection is read into: nothing stays in it when its task lets others run.
    buffer: RefCell<Box<[u8]>>,
    begun: Instant,
    /// Wakes the timer task when there is an earlier deadline than it waits for.
    earlier: Notify,
    /// What the timer task waits for.
    armed: Cell<Option<Time>>,
}

struct State {
    broker: Box<dyn Machine>,
    observer: Option<Observer>,
    listener: Option<Listener>,
    /// Connections that the core has not closed.
    lines: BTreeMap<ConnId, Line>,
    /// Bytes that wait for the transport, of all connections.
    outgoing: Rc<Cell<usize>>,
    /// How many they may be.
    most: usize,
    /// Who finds out who clients are.
    verifier: Option<UnboundedSender<(ConnId, Credentials)>>,
}

impl Core {
    pub(super) fn new(
        broker: Box<dyn Machine>,
        observer: Option<Observer>,
        listener: Option<Listener>,
        starts_at: Time,
    ) -> Self {
        let config = broker.config();
        let limits = Limits {
            window: config.max_outgoing_bytes.max(1),
            answers: config.max_unread_answers,
        };
        let most = config.max_outgoing_bytes_in_all;
        Self {
            state: RefCell::new(State {
                broker,
                observer,
                listener,
                lines: BTreeMap::new(),
                outgoing: Rc::default(),
                most,
                verifier: None,
            }),
            limits,
            starts_at,
            failed: Notify::new(),
            buffer: RefCell::new(vec![0; READ_BYTES].into()),
            begun: Instant::now(),
            earlier: Notify::new(),
            armed: Cell::new(None),
        }
    }

    fn now(&self) -> Time {
        self.starts_at + self.begun.elapsed()
    }

    /// Waits until the broker cannot go on.
    pub(super) async fn failed(&self) {
        self.failed.notified().await;
    }

    /// Why the broker cannot go on, if so.
    pub(super) fn failure(&self) -> Option<String> {
        self.state.borrow().broker.failure()
    }

    /// The broker's store may have stored something.
    pub(super) fn stored(&self) {
        self.call(|broker, now| broker.handle_stored(now));
    }

    pub(super) fn outgoing(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.state.borrow().outgoing)
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// A place to read into.
    pub(super) fn buffer(&self) -> RefMut<'_, [u8]> {
        RefMut::map(self.buffer.borrow_mut(), |buffer| &mut **buffer)
    }

    pub(super) fn open(&self, conn: ConnId, line: Line) {
        self.state.borrow_mut().lines.insert(conn, line);
        let window = self.limits.window;
        self.call(|broker, now| {
            broker.handle_open(now, conn);
            if window < usize::MAX {
                broker.handle_room(now, conn, window);
            }
        });
    }

    /// This is who is at the other end.
    pub(super) fn peer(&self, conn: ConnId, peer: Peer) {
        if let Some(listener) = &mut self.state.borrow_mut().listener {
            let peer = peer.clone();
            listener(Notice::Arrived { conn, peer });
        }
        self.call(|broker, now| broker.handle_peer(now, conn, peer));
    }

    pub(super) fn bytes(&self, conn: ConnId, bytes: &[u8]) -> Done {
        self.call_for(Some(conn), |broker, now| {
            broker.handle_bytes(now, conn, bytes);
        })
    }

    /// The transport takes so many bytes more.
    pub(super) fn room(&self, conn: ConnId, bytes: usize) {
        self.call(|broker, now| broker.handle_room(now, conn, bytes));
    }

    /// From now on somebody finds out who clients are: here is of whom.
    pub(super) fn verifications(&self) -> UnboundedReceiver<(ConnId, Credentials)> {
        let (to, from) = unbounded_channel();
        self.state.borrow_mut().verifier = Some(to);
        from
    }

    /// Whether a connection is still there.
    pub(super) fn is_open(&self, conn: ConnId) -> bool {
        self.state.borrow().lines.contains_key(&conn)
    }

    /// It was found out who a client is.
    pub(super) fn verified(&self, conn: ConnId, verdict: Verdict) {
        if let Some(line) = self.state.borrow().lines.get(&conn) {
            line.waiting.set_unverified(false);
        }
        self.call(|broker, now| broker.handle_verified(now, conn, verdict));
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

    /// Waits until everything is stored, however long it takes. What `stored` wakes is this alone.
    pub(super) async fn settle(&self, stored: &Notify) {
        loop {
            let (storing, due) = {
                let state = self.state.borrow();
                (state.broker.is_storing(), state.broker.poll_timeout())
            };
            if !storing {
                return;
            }
            let due = async {
                match due {
                    Some(at) => sleep_until(self.begun + at.since(self.starts_at)).await,
                    None => std::future::pending().await,
                }
            };
            select! {
                biased;
                () = stored.notified() => self.stored(),
                () = due => self.timeout(),
            }
        }
    }

    /// Tells that the server has ended in order.
    pub(super) fn stopped(&self) {
        let state = &mut *self.state.borrow_mut();
        if let Some(listener) = &mut state.listener {
            let counters = state.broker.counters();
            listener(Notice::Stopped { counters });
        }
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
        self.call_for(None, input);
    }

    /// The same on behalf of a connection.
    fn call_for(&self, caller: Option<ConnId>, input: impl FnOnce(&mut dyn Machine, Time)) -> Done {
        let now = self.now();
        let state = &mut *self.state.borrow_mut();
        input(&mut *state.broker, now);
        let done = state.hand_on(now, caller);
        let next = state.broker.poll_timeout();
        if next.is_some_and(|at| self.armed.get().is_none_or(|armed| at < armed)) {
            self.earlier.notify_one();
        }
        if state.broker.failure().is_some() {
            self.failed.notify_one();
        }
        done
    }
}

impl State {
    fn hand_on(&mut self, now: Time, caller: Option<ConnId>) -> Done {
        let mut done = Done::default();
        loop {
            while let Some(event) = self.broker.poll_event() {
                if let Some(observer) = &mut self.observer {
                    observer(now, event);
                }
            }
            let Some(output) = self.broker.poll_output() else {
                return done;
            };
            match output {
                Output::Send { conn, bytes } => {
                    let Some(line) = self.lines.get(&conn) else {
                        continue;
                    };
                    done.work += line.send(bytes);
                    if line.waiting.is_pressed() && caller != Some(conn) {
                        done.pressed = Some(Rc::clone(&line.waiting));
                    }
                    if let Some(room) = line.waiting.correction() {
                        self.broker.handle_room(now, conn, room);
                    }
                    while self.outgoing.get() > self.most {
                        let Some(conn) = self.slowest() else { break };
                        self.give_up(now, conn);
                    }
                }
                Output::Verify { conn, credentials } => self.verify(now, conn, credentials),
                Output::Close { conn } => {
                    if let Some(line) = self.lines.remove(&conn) {
                        line.close();
                    }
                }
            }
        }
    }

    /// Has somebody find out who a client is. Until then it is not read.
    fn verify(&mut self, now: Time, conn: ConnId, credentials: Credentials) {
        let asked = self
            .verifier
            .as_ref()
            .map(|to| to.send((conn, credentials)));
        if !matches!(asked, Some(Ok(()))) {
            self.broker.handle_verified(now, conn, Verdict::Unknown);
        } else if let Some(line) = self.lines.get(&conn) {
            line.waiting.set_unverified(true);
        }
    }

    /// Ends a connection whose client does not read.
    fn give_up(&mut self, now: Time, conn: ConnId) {
        if let Some(line) = self.lines.remove(&conn) {
            let notice = Notice::TooSlow {
                conn,
                waiting: line.waiting(),
                in_all: self.outgoing.get(),
            };
            line.abort();
            if let Some(listener) = &mut self.listener {
                listener(notice);
            }
        }
        self.broker.handle_slow(now, conn);
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
            .since(core.starts_at)
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

/// Bytes that are read from a transport at once.
const READ_BYTES: usize = 64 << 10;
/// Deadlines can lie beyond what a clock can say; then the timer looks again after this long.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);
