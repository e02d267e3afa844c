//! The driver: moves bytes between a listener and the core, and waits. It decides nothing about MQTT.
//!
//! Everything runs on one thread, in the tasks of one `LocalSet`. Whoever has something for the core (a reader, the
//! timer, the listener) calls it directly and hands its outputs on before anybody else runs, so the core sees its
//! inputs in the order in which the runtime woke the tasks, and in no other.

mod line;
mod listen;

use crate::{Broker, ConnId, Event, Hangup, Output};
use line::Line;
use squall_protocol::Time;
use squall_transport::Accept;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::{Future, pending},
    io,
    pin::pin,
    rc::Rc,
    time::Duration,
};
use tokio::{
    select,
    sync::Notify,
    task::{JoinError, JoinSet, unconstrained, yield_now},
    time::{Instant, sleep_until, timeout},
};

type Observer = Box<dyn FnMut(Time, Event)>;

/// Serves MQTT with a [`Broker`] on whatever a listener accepts.
///
/// ```
/// use squall_broker::{Broker, Config, Server};
///
/// # async fn serve() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:1883").await?;
/// let server = Server::new(Broker::new(Config::default()));
/// tokio::task::LocalSet::new().run_until(server.run(listener)).await
/// # }
/// ```
pub struct Server {
    broker: Broker,
    observer: Option<Observer>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("broker", &self.broker)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server around this broker.
    #[must_use]
    pub fn new(broker: Broker) -> Self {
        Self {
            broker,
            observer: None,
        }
    }

    /// Shows every event to `observer`, in order, with the time at which it happened. It is called while the core
    /// is busy and has to come back at once.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(Time, Event) + 'static) -> Self {
        self.broker.observe(true);
        self.observer = Some(Box::new(observer));
        self
    }

    /// Like [`Self::run`], until `shutdown` is ready: then the listener is dropped, every client is told
    /// ([`Broker::handle_shutdown`]), and what waits for them is sent for as long as they take, [`Self::FLUSH`] at most.
    ///
    /// # Errors
    /// As [`Self::run`].
    ///
    /// # Panics
    /// As [`Self::run`].
    pub async fn run_until<A: Accept>(
        self,
        listener: A,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        unconstrained(self.serve(listener, shutdown)).await
    }

    /// How long clients are waited for when the server is shut down.
    pub const FLUSH: Duration = Duration::from_secs(1);

    /// Accepts and serves connections until the listener fails. Dropping the future ends every connection. Time
    /// is counted in whole milliseconds from the first poll.
    ///
    /// # Errors
    /// What the listener said, when it cannot accept any more. Failures of a single connection, and a shortage of
    /// file descriptors or memory, do not end the server.
    ///
    /// # Panics
    /// Outside of a `LocalSet`; and when one of its tasks panicked, with that panic.
    pub async fn run<A: Accept>(self, listener: A) -> io::Result<()> {
        unconstrained(self.serve(listener, pending())).await
    }

    async fn serve<A: Accept>(
        self,
        mut listener: A,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        let core = Rc::new(Core::new(self.broker, self.observer));
        let mut tasks = JoinSet::new();
        let clock = tasks.spawn_local(unconstrained(keep_time(Rc::clone(&core))));
        for number in 0.. {
            let stream = {
                let mut accepting = pin!(listen::next(&mut listener));
                loop {
                    select! {
                        biased;
                        Some(ended) = tasks.join_next() => surface(ended),
                        () = &mut shutdown => {
                            clock.abort();
                            break None;
                        }
                        accepted = &mut accepting => break Some(accepted?),
                    }
                }
            };
            let Some(stream) = stream else { break };
            let conn = ConnId(number);
            let line = line::open(&mut tasks, &core, conn, stream);
            core.open(conn, line);
            if number % TURN_ACCEPTS == TURN_ACCEPTS - 1 {
                // Who connects without end must not keep others, the clock and signals waiting.
                yield_now().await;
            }
        }
        drop(listener);
        core.call(Broker::handle_shutdown);
        let ends = async {
            while let Some(ended) = tasks.join_next().await {
                surface(ended);
            }
        };
        // Who does not take it in time is cut off.
        let _ = timeout(Self::FLUSH, ends).await;
        Ok(())
    }
}

/// Connections that are accepted before others have their turn. More than a simulation has.
const TURN_ACCEPTS: u64 = 256;

/// A task's panic is ours.
fn surface(ended: Result<(), JoinError>) {
    match ended {
        Ok(()) => {}
        Err(error) if error.is_cancelled() => {}
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The broker between its tasks.
struct Core {
    state: RefCell<State>,
    begun: Instant,
    /// Wakes the timer task when there is an earlier deadline than it waits for.
    earlier: Notify,
    /// What the timer task waits for.
    armed: Cell<Option<Time>>,
}

struct State {
    broker: Broker,
    observer: Option<Observer>,
    /// Connections that the core has not closed.
    lines: BTreeMap<ConnId, Line>,
    /// Bytes that wait for the transport, of all connections.
    outgoing: Rc<Cell<usize>>,
}

impl Core {
    fn new(broker: Broker, observer: Option<Observer>) -> Self {
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

    fn outgoing(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.state.borrow().outgoing)
    }

    fn open(&self, conn: ConnId, line: Line) {
        self.state.borrow_mut().lines.insert(conn, line);
        self.call(|broker, now| broker.handle_open(now, conn));
    }

    fn bytes(&self, conn: ConnId, bytes: &[u8]) {
        self.call(|broker, now| broker.handle_bytes(now, conn, bytes));
    }

    /// The transport ended by itself.
    fn closed(&self, conn: ConnId, how: Hangup) {
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
            self.call(Broker::handle_timeout);
        }
    }

    /// One call of the core: events to the observer, outputs to the lines, the new deadline to the timer.
    fn call(&self, input: impl FnOnce(&mut Broker, Time)) {
        let now = self.now();
        let state = &mut *self.state.borrow_mut();
        input(&mut state.broker, now);
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
}

impl State {
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
async fn keep_time(core: Rc<Core>) {
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

/// Deadlines can lie beyond what a clock can say; then the timer looks again after this long.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);
